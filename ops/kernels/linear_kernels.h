// LinearKernels: matrix times rows of activations, over every packed format (R16K4, docs/formats.md). A lane is an
// output row, so an output is one chain of operations over ascending inputs, whatever the set and the column count:
//   int8    records of one block: for every block of 32 inputs acc = fma(float(dot) * scale, act_scale, acc); then, with
//           mins, acc = fma(min, act_scale * act_sum, acc)
//   int8    records of eight blocks: for every 256 inputs, with R = 1.5 * 2^23, codes times 2^room (linear_records.h) and
//           scale_r = d * s_r * 2^-room of run r (32 inputs, for Q6_K 16):
//             low  = chain of fma(-R, scale_r, .) over r from 0, then with mins fma(-R, -dmin, .)
//             part = low, or with mins fma(float(R + dot(mins, act_sums)), -dmin, low)
//             part = fma(float(R + dot_r), scale_r, part) over r
//             acc  = fma(part, act_scale, acc)
//   float   acc = fma(x[k], w[k], acc)
// Dots are exact integers, and so are those of them that R is added to, as floats. Kernels write every lane of a group, also those of padding rows.
#pragma once

#include <cstdint>

#include "tensor/quant_rows.h"

namespace freehold {

enum class Record : uint8_t { q4_0, q4_1, q5_0, q5_1, q8_0, iq4_nl, mxfp4, q4_k, q5_k, q6_k, iq4_xs, f32, f16, bf16 };
inline constexpr int integer_records = 11, records = 14;  // the first eleven have int8 kernels

inline constexpr int most_tile_columns = 192, most_tile_groups = 16;  // where columns are more than most_few

// Groups of 16 rows against rows first..first+columns of x, at most most_tile_columns; to[c * stride + 16 * g + lane].
struct QuantTile {
  const void* groups;
  int64_t group_bytes;
  int group_count;
  const QuantRows* x;
  int64_t first;
  int columns;
  float* to;
  int64_t stride;
  int most_few;  // LinearKernels::most_few
};

// Float lines against float columns: to[c * stride + lane] continues its chain by fma(x, line, .) over steps
// 0..steps-1. The 16 numbers of step k stand at lines + k * line_stride, those of lanes 16..31 (halves == 2) `second`
// further on; the number of column c is x[c * x_column + k * x_step].
struct FloatTile {
  const float* lines;
  int64_t line_stride, second;
  int halves;
  const float* x;
  int64_t x_column, x_step;
  int64_t steps;
  int columns;
  float* to;
  int64_t stride;
};

struct LinearKernels {
  void (*multiply[integer_records])(const QuantTile&);
  int most_few;  // columns for which weights are unpacked in registers, not into a panel: the fastest here, same bits
  void (*multiply_floats)(const FloatTile&);
  // Inputs first..first+count of one group, whole blocks (for 16-bit formats first is even), as lines [count][16].
  void (*decode[records])(const void* group, int64_t first, int64_t count, float* lines);
  // 16 rows of `count` numbers, `stride` apart, as lines [count][16].
  void (*transpose)(const float* rows, int64_t stride, int64_t count, float* lines);
  // Row `row` of `to` from x: to.block is 32, or 256.
  void (*quantize_row)(const float* x, const QuantRows& to, int64_t row);
  void (*quantize_super_row)(const float* x, const QuantRows& to, int64_t row);
};

extern const LinearKernels plain_linear_kernels, avx2_linear_kernels, avx_vnni_linear_kernels, avx512_linear_kernels;

}  // namespace freehold
