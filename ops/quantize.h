// Activations rounded to 8 bits, made once for each tensor and kind of block and kept on its storage for every consumer
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

// The rows of x, whose width must be a multiple of the block (32 or 256, quant_block of a weight). Found on x's
// storage, or made now (in a region of its own when there is much) and left there in place of what other rows or
// another width left. Lives as long as x.
QuantView quantized(Context&, const Tensor& x, int block);

// Room for rows of numbers, not yet filled and seen by nobody.
QuantRows* room_for_quant(Arena&, int64_t rows, int64_t width, int block);

// Row `from_row` of one becomes row `row` of the other; both have the same width and block.
void copy_quant_row(const QuantRows& from, int64_t from_row, const QuantRows& to, int64_t row);

}  // namespace freehold::ops
