// Activations rounded to 8 bits, made once for each tensor and kept on its storage for every consumer
// (tensor/quant_rows.h).
#pragma once

#include "ops/context.h"
#include "tensor/quant_rows.h"
#include "tensor/tensor.h"

namespace freehold::ops {

struct QuantView {
  const QuantRows* rows;
  int64_t first;  // the tensor's row 0 is this row of `rows`
};

// The rows of x, whose width must be a multiple of 32. Found on x's storage, or made now (in a region of its own when
// there is much) and left there in place of what other rows or another width left. Lives as long as x.
QuantView quantized(Context&, const Tensor& x);

// Room for x's rows, not yet filled and seen by nobody: for an op that quantizes its rows while it makes them (by
// kernels.linear.quantize_row) and then attaches them.
QuantRows* room_for_quant(Context&, const Tensor& x);
void attach_quant(const Tensor& x, QuantRows*);

}  // namespace freehold::ops
