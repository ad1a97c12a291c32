// QuantRows: activations rounded to 8 bits for the int8 kernels. A block of inputs shares one scale = absmax / 127; a
// value is round-to-nearest-even(x * (127 / absmax)), in -127..127. Two modes, after the block of the weights they
// meet:
//
//   block 32   for Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL MXFP4: a scale, a sum and scale * sum for each 32 inputs
//   block 256  for Q4_K Q5_K Q6_K IQ4_XS: a scale for each 256 inputs; sums for each 16 and 32
//
// A block that holds a NaN or an infinity gets the scale NaN and zero values, so that it shows in every output. A block
// whose absmax is below 1e-30 is zero. One tensor may carry both modes: the list hangs on its storage.
// Plain data: kernels read and write it; ops/quantize.h makes it.
#pragma once

#include <cstdint>

namespace freehold {

struct QuantRows {
  int block;             // 32 or 256
  int64_t width;         // inputs of a row, a multiple of block
  int64_t offset, rows;  // which numbers of the storage these are: `rows` rows of `width` from `offset`
  int8_t* values;        // [rows, width]
  float* scales;         // [rows, width / block]
  float* scaled_sums;    // block 32: [rows, width / 32], scale * float(sum); block 256: null
  int32_t* minus_sums;   // minus the sum of each run: [rows, width / 32] (block 32), [rows, width / 16] (block 256)
  int16_t* pair_sums;    // block 256: [rows, width / 256, 8] sums of each 32, ordered 0 2 1 3 4 6 5 7; block 32: null
  const QuantRows* next;
};

}  // namespace freehold
