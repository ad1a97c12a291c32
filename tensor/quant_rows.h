// QuantRows: activations rounded to 8 bits for the int8 kernels, the same for every format of weights. A block of 32
// inputs shares one scale = absmax / 127; a value is round-to-nearest-even(x * (127 / absmax)), in -127..127.
//
// A block that holds a NaN or an infinity gets the scale NaN and zero values, so that it shows in every output. A block
// whose absmax is below 1e-30 is zero. Plain data: kernels read and write it; ops/quantize.h makes it.
#pragma once

#include <cstdint>

namespace freehold {

struct QuantRows {
  int64_t width;            // inputs of a row, a multiple of 32
  int64_t offset, rows;     // which numbers of the storage these are: `rows` rows of `width` from `offset`
  int8_t* values;           // [rows, width]
  float* scales;            // [rows, width / 32]
  float* scaled_sums;       // [rows, width / 32] scale * float(sum)
  int32_t* minus_sums;      // [rows, width / 32] minus the sum of each block
  int32_t* minus_run_sums;  // [rows, width / 16] and of its halves
};

}  // namespace freehold
