// The linear kernels, written once over the lanes of a set: F (16 floats), I (64 bytes, or 16 words) and the functions
// of its lanes.h. Each set's linear_kernels.cpp includes its lanes, then this; everything here is local to that file.
// The lanes define few_columns (most columns of the in-register kernel), tile_groups and tile_columns (the panel's
// tile), raised_dots (see BlockKernels), byte_dots (dot_bytes takes codes of all 8 bits) and wide_is_signed (dot_wide
// takes 128 off the codes by itself).
//
// 1..few_columns columns: a group's lines are unpacked in registers and meet all columns; weights are streamed once,
// prefetched `ahead`. Up to four times as many may do so in runs while the group is near (most_few, which is a fact of
// the CPU: kernels.cpp). More columns: a panel of tile_groups x 16 rows x 16 blocks is unpacked to bytes that stay in
// L1, and tiles of tile_columns sweep over it. All groups of a call come before the next blocks, so that those of x
// stay in L2; partial sums wait there too. What is done inside differs between records of one block (linear_blocks.h)
// and of eight (linear_super.h).
#pragma once

#include "ops/kernels/linear_kernels.h"
#include "ops/kernels/linear_records.h"

namespace freehold {
namespace {

template <int n>
struct Count {
  static constexpr int value = n;
};

// Calls work(Count<count>()) for a count in 1..most; nothing for others.
template <int most, class Work>
INLINE void with_count(int count, const Work& work) {
  if constexpr (most > 0) {
    if (count == most)
      work(Count<most>());
    else
      with_count<most - 1>(count, work);
  }
}

constexpr int64_t ahead = 4096;  // bytes between a line's prefetch and its use

template <int bytes>
INLINE void prefetch_bytes(const uint8_t* from) {
  EACH(i, (bytes + 63) / 64) { __builtin_prefetch(from + ahead + 64 * i, 0, 3); }
}

// C columns of an array, walked together: two pointers, from which each column is one addressing mode away. They are
// hidden from the compiler, which would keep a pointer for each column, in vector registers.
template <class T, int C>
struct Walk {
  INLINE Walk(const T* first, int64_t column_stride)
      : low(first), high(C > 4 ? first + 4 * column_stride : first), stride(column_stride) {
    __asm__("" : "+r"(low), "+r"(high));
  }
  INLINE const T* operator()(int c) const { return (c < 4 ? low : high) + c % 4 * stride; }
  INLINE void step(int64_t count) { low += count, high += count; }
  const T *low, *high;
  int64_t stride;
};

constexpr int panel_blocks = 16;

// Where the chains of a panel come from (null: they begin) and go to. Column c, group g at c * stride + 16 * g.
struct Sums {
  const float* from;
  int64_t from_stride;
  float* to;
  int64_t to_stride;
};

}  // namespace
}  // namespace freehold

#include "ops/kernels/linear_blocks.h"
#include "ops/kernels/linear_super.h"

namespace freehold {
namespace {

template <class R, bool eight = R::blocks == 8>
struct KernelsOf {
  using type = BlockKernels<R>;
};
template <class R>
struct KernelsOf<R, true> {
  using type = SuperKernels<R>;
};

// As few runs of columns as there can be, as even as they can be, over each group while it is near.
template <class R>
void few(const QuantTile& tile) {
  using Of = typename KernelsOf<R>::type;
  const int runs = (tile.columns + few_columns - 1) / few_columns;
  for (int g = 0; g < tile.group_count; ++g) {
    const uint8_t* group = static_cast<const uint8_t*>(tile.groups) + g * tile.group_bytes;
    for (int run = 0, at = 0; run < runs; ++run) {
      const int count = (tile.columns - at + runs - run - 1) / (runs - run);
      const typename Of::Columns x(*tile.x, tile.first + at);
      with_count<few_columns>(count, [&](auto columns) {
        Of::template few<columns.value>(group, x, tile.to + at * tile.stride + 16 * g, tile.stride);
      });
      at += count;
    }
  }
}

// The inputs of panel b against G groups from `group` on.
template <class R, int G>
void multiply_panel(const QuantTile& tile, int group, int64_t b, const typename KernelsOf<R>::type::Columns& x,
                    typename KernelsOf<R>::type::Panel& panel, float* waiting) {
  using Of = typename KernelsOf<R>::type;
  const bool last = b + panel_blocks >= x.blocks;
  const int blocks = static_cast<int>(last ? x.blocks - b : panel_blocks);
  const uint8_t* records =
      static_cast<const uint8_t*>(tile.groups) + group * tile.group_bytes + b / R::blocks * R::bytes;
  // What comes next is fetched into L2 meanwhile: L1 is full of this panel while tiles sweep.
  const uint8_t* next = group + G < tile.group_count
                            ? records + G * tile.group_bytes
                            : static_cast<const uint8_t*>(tile.groups) + (b + blocks) / R::blocks * R::bytes;
  for (int g = 0; g < G; ++g) Of::fill(records + g * tile.group_bytes, next + g * tile.group_bytes, blocks, g, panel);
  waiting += 16 * group * tile.columns;
  const Sums sums{b == 0 ? nullptr : waiting, 16 * G, last ? tile.to + 16 * group : waiting,
                  last ? tile.stride : 16 * G};
  int c = 0;
  for (; c + tile_columns <= tile.columns; c += tile_columns)
    Of::template tile<G, tile_columns>(panel, b, blocks, x, c, sums);
  with_count<tile_columns - 1>(tile.columns - c,
                               [&](auto rest) { Of::template tile<G, rest.value>(panel, b, blocks, x, c, sums); });
}

template <class R>
void multiply(const QuantTile& tile) {
  if (tile.columns <= tile.most_few) return few<R>(tile);
  const typename KernelsOf<R>::type::Columns x(*tile.x, tile.first);
  typename KernelsOf<R>::type::Panel panel;
  alignas(64) float waiting[16 * most_tile_groups * most_tile_columns];
  for (int64_t b = 0; b < x.blocks; b += panel_blocks) {
    int g = 0;
    for (; g + tile_groups <= tile.group_count; g += tile_groups)
      multiply_panel<R, tile_groups>(tile, g, b, x, panel, waiting);
    for (; g < tile.group_count; ++g) multiply_panel<R, 1>(tile, g, b, x, panel, waiting);
  }
}

// ---- floats --------------------------------------------------------------------------------------------------------

template <int G, int C>
void float_tile(const FloatTile& t, int column) {
  F sum[G][C];
  const float* x = t.x + column * t.x_column;
  float* to = t.to + column * t.stride;
  EACH(g, G) {
    EACH(c, C) { sum[g][c] = load_floats(to + c * t.stride + 16 * g); }
  }
  const float* line = t.lines;
  for (int64_t k = 0; k < t.steps; ++k, line += t.line_stride, x += t.x_step) {
    F w[G];
    EACH(g, G) { w[g] = load_floats(line + g * t.second); }
    EACH(c, C) {
      const F one = broadcast_float(x + c * t.x_column);
      EACH(g, G) { sum[g][c] = fma(one, w[g], sum[g][c]); }
    }
  }
  EACH(g, G) {
    EACH(c, C) { store_floats(to + c * t.stride + 16 * g, sum[g][c]); }
  }
}

template <int G>
void float_tiles(const FloatTile& t) {
  int c = 0;
  for (; c + tile_columns <= t.columns; c += tile_columns) float_tile<G, tile_columns>(t, c);
  with_count<tile_columns - 1>(t.columns - c, [&](auto rest) { float_tile<G, rest.value>(t, c); });
}

void multiply_floats(const FloatTile& t) {
  if (t.halves == 2)
    float_tiles<2>(t);
  else
    float_tiles<1>(t);
}

// ---- decoding ------------------------------------------------------------------------------------------------------

// Two quads of codes as eight lines: (code - offset) * scale + min, rounded once because the product is exact or the
// min is -0 (which leaves every product as it is).
template <int offset>
INLINE void decode_quads(I even, I odd, F scale, F min, float* lines) {
  const I off = offset ? all_words(offset) : zero_words();
  EACH(j, 4) {
    const I e = and_word(shift_right(even, 8 * j), 0xffu), o = and_word(shift_right(odd, 8 * j), 0xffu);
    store_floats(lines + 16 * j, fma(to_float(minus(e, off)), scale, min));
    store_floats(lines + 64 + 16 * j, fma(to_float(minus(o, off)), scale, min));
  }
}

template <class R>
void decode(const void* group, int64_t first, int64_t count, float* lines) {
  const uint8_t* record = static_cast<const uint8_t*>(group) + first / R::inputs * R::bytes;
  const float none = -0.0f;
  typename R::Head head;
  for (int64_t k = 0; k < count; k += R::inputs, record += R::bytes) {
    R::head(record, head);
    for (int run = 0; run < R::blocks * R::runs; ++run, lines += 64 * R::quads) {
      const F scale = R::scale_of_codes(head, run);
      F min = broadcast_float(&none);
      if constexpr (R::mins) min = R::min(head, run);
      EACH(p, R::quads / 2) {
        I even, odd;
        R::lines(record, run, p, even, odd);
        decode_quads<(R::shift ? 1 << (R::shift + R::lift) : 0)>(even, odd, scale, min, lines + 128 * p);
      }
    }
  }
}

void decode_f32(const void* group, int64_t first, int64_t count, float* lines) {
  const float* from = static_cast<const float*>(group) + 16 * first;
  for (int64_t k = 0; k < count; ++k) store_floats(lines + 16 * k, load_floats(from + 16 * k));
}
template <bool brain>
void decode_16(const void* group, int64_t first, int64_t count, float* lines) {
  const uint8_t* from = static_cast<const uint8_t*>(group) + 32 * first;
  for (int64_t k = 0; k < count; k += 2, from += 64) {
    __builtin_prefetch(from + ahead, 0, 3);
    const I line = load_line(from);
    store_floats(lines + 16 * k, brain ? as_floats(shift_left(line, 16)) : floats_of_low_halves(line));
    if (k + 1 < count)
      store_floats(lines + 16 * k + 16,
                   brain ? as_floats(and_word(line, 0xffff0000u)) : floats_of_low_halves(shift_right(line, 16)));
  }
}

// ---- activations ---------------------------------------------------------------------------------------------------

// The bits of the largest magnitude of 32 numbers and of `most`; a NaN is larger than infinity.
INLINE I largest_bits(const float* x, I most) {
  const I low = and_word(as_words(load_floats(x)), 0x7fffffffu);
  const I high = and_word(as_words(load_floats(x + 16)), 0x7fffffffu);
  return max_words(most, max_words(low, high));
}

// What a block's numbers are divided by and multiplied with, from the bits of their largest magnitude.
struct Step {
  explicit INLINE Step(int32_t bits) {
    float absmax;
    __builtin_memcpy(&absmax, &bits, 4);
    const bool finite = bits < 0x7f800000;
    scale = !finite ? __builtin_nanf("") : absmax < 1e-30f ? 0.0f : absmax / 127.0f;
    inverse = finite && absmax >= 1e-30f ? 127.0f / absmax : 0.0f;
  }
  // Sixteen numbers rounded; returns them. A block that is not finite is zero: NaN times zero would not be.
  INLINE I round(const float* x, int8_t* to) const {
    const I rounded = inverse != 0 ? round_to_words(mul(load_floats(x), broadcast_float(&inverse))) : zero_words();
    store_bytes(to, rounded);
    return rounded;
  }
  float scale, inverse;
};

void quantize_row(const float* x, const QuantRows& to, int64_t row) {
  const int64_t blocks = to.width / 32;
  for (int64_t b = 0, at = row * blocks; b < blocks; ++b, ++at, x += 32) {
    const Step step(largest_word(largest_bits(x, zero_words())));
    const I low = step.round(x, to.values + 32 * at), high = step.round(x + 16, to.values + 32 * at + 16);
    const int32_t sum = sum_of_words(plus(low, high));
    to.scales[at] = step.scale;
    to.minus_sums[at] = -sum;
    to.scaled_sums[at] = step.scale * static_cast<float>(sum);
  }
}

void quantize_super_row(const float* x, const QuantRows& to, int64_t row) {
  const int64_t supers = to.width / 256;
  for (int64_t s = 0, at = row * supers; s < supers; ++s, ++at) {
    I most = zero_words();
    for (int b = 0; b < 8; ++b) most = largest_bits(x + 32 * b, most);
    const Step step(largest_word(most));
    to.scales[at] = step.scale;
    for (int b = 0; b < 8; ++b, x += 32) {
      const int64_t block = 8 * at + b;
      int32_t sums[2];
      for (int run = 0; run < 2; ++run) {
        sums[run] = sum_of_words(step.round(x + 16 * run, to.values + 32 * block + 16 * run));
        to.run_starts[2 * block + run] = quant_raised - 128 * sums[run];
      }
      to.starts[block] = quant_raised - 128 * (sums[0] + sums[1]);
      to.sums[8 * at + quant_sum_place[b]] = static_cast<int16_t>(sums[0] + sums[1]);
    }
  }
}

constexpr LinearKernels all_linear_kernels = {
    {multiply<Q4_0>, multiply<Q4_1>, multiply<Q5_0>, multiply<Q5_1>, multiply<Q8_0>, multiply<Iq4Nl>, multiply<Mxfp4>,
     multiply<Q4_K>, multiply<Q5_K>, multiply<Q6_K>, multiply<Iq4Xs>},
    4 * few_columns,
    multiply_floats,
    {decode<Q4_0>, decode<Q4_1>, decode<Q5_0>, decode<Q5_1>, decode<Q8_0>, decode<Iq4Nl>, decode<Mxfp4>, decode<Q4_K>,
     decode<Q5_K>, decode<Q6_K>, decode<Iq4Xs>, decode_f32, decode_16<false>, decode_16<true>},
    transpose,
    quantize_row,
    quantize_super_row};

}  // namespace
}  // namespace freehold
