// QuantRows: activations rounded to 8 bits for the int8 kernels. A block of inputs shares one scale = absmax / 127; a
// value is round-to-nearest-even(x * (127 / absmax)), in -127..127. A block is 32 inputs, or 256 for weights whose
// records hold 256 (K-quants, IQ4_XS), as those who make such files measure them.
//
// A block that holds a NaN or an infinity gets the scale NaN and zero values, so that it shows in every output. A block
// whose absmax is below 1e-30 is zero. Plain data: kernels read and write it; ops/quantize.h makes it.
#pragma once

#include <cstdint>

namespace freehold {

// The bits of 1.5 * 2^23: plus an integer below 2^22 they are the float so much larger (ops/kernels/linear_super.h).
constexpr int32_t quant_raised = 0x4b400000;

// Where the sum of block b of eight stands: pairs as words of [16 rows][4 blocks] give them by a mask alone.
constexpr int quant_sum_place[8] = {0, 2, 1, 3, 4, 6, 5, 7};

struct QuantRows {
  int block;             // 32 or 256
  int64_t width;         // inputs of a row, a multiple of block
  int64_t offset, rows;  // which numbers of the storage these are: `rows` rows of `width` from `offset`
  int8_t* values;        // [rows, width]
  float* scales;         // [rows, width / block]
  // Blocks of 32:
  float* scaled_sums;   // [rows, width / 32] scale * float(sum)
  int32_t* minus_sums;  // [rows, width / 32] minus the sum of each block
  // Blocks of 256:
  int16_t* sums;        // [rows, width / 32] of 32 inputs each, eight at a time in the order of quant_sum_place
  int32_t* starts;      // [rows, width / 32] quant_raised - 128 * the sum of 32 inputs
  int32_t* run_starts;  // [rows, width / 16] the same of 16
};

}  // namespace freehold
