// A stored matrix as the linear ops walk it: groups of 16 output rows, decoded to float lines where the arithmetic asks
// for floats. Shared by linear, its backward, and matmul.
#pragma once

#include <optional>

#include "ops/context.h"
#include "tensor/weight.h"

namespace freehold::ops {

std::optional<Record> record_of(Format);  // what the kernels call a packed format
bool has_int8(const Weight&);             // whether there are int8 kernels for it in its layout
int quant_block(const Weight&);           // the block of the activations that those take (tensor/quant_rows.h)

// Rows 16 * group .. +15 (zeros beyond the last), inputs first..first+count as lines [count][16]. `first` and `count`
// are multiples of 256, or `count` reaches the last input.
void decode_group(const LinearKernels&, const Weight&, int64_t group, int64_t first, int64_t count, float* lines);

inline constexpr int64_t decode_inputs = 256;  // of one call to decode_group, at most

}  // namespace freehold::ops
