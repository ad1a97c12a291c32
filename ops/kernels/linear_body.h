// The linear kernels, written once over the lanes of a set: F (16 floats), I (64 bytes, or 16 words) and the functions
// of its lanes.h. Each set's linear_kernels.cpp includes its lanes, then this; everything here is local to that file.
// The lanes define few_columns (most columns of the in-register kernel), tile_groups and tile_columns (the panel's
// tile), raised_dots (see raised) and wide_is_signed (dot_wide takes 128 off the codes by itself).
//
// 1..few_columns columns: a group's lines are unpacked in registers and meet all columns; weights are streamed once,
// prefetched `ahead`. Up to four times as many may do so in runs while the group is near (most_few, which is a fact of
// the CPU: kernels.cpp). More columns: a panel of tile_groups x 16 rows x 16 blocks is unpacked to bytes that stay in
// L1, and tiles of tile_columns sweep over it; partial sums wait in `to`.
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

// Rows of x as the kernels walk them.
struct Columns {
  explicit INLINE Columns(const QuantRows& x, int64_t first)
      : values(x.values + first * x.width), width(x.width), blocks(x.width / 32) {
    scales = x.scales + first * blocks;
    scaled_sums = x.scaled_sums + first * blocks;
    minus_sums = x.minus_sums + first * blocks;
    minus_run_sums = x.minus_run_sums + first * blocks * 2;
  }
  const int8_t* values;
  int64_t width, blocks;
  const float *scales, *scaled_sums;
  const int32_t *minus_sums, *minus_run_sums;
};

// A float whose bits count: those of this one plus an integer of less than 2^22 are the float so much larger. Dots that
// begin at its bits need not be converted: fma(as float, scale, -raised * scale) is float(dot) * scale to the bit, since
// raised * scale is exact (a scale is a half times 7 bits at most) and the rest is rounded once. It pays where the lanes
// say so and the start is not shifted, which would cost an addition.
constexpr float raised = 12582912.0f;  // 1.5 * 2^23
constexpr int raised_bits = 0x4b400000;

template <class R>
constexpr bool raises = raised_dots && (R::shift == 0 || R::wide);

// The integer accumulator's start: -2^shift times the sum of the activations it will meet, perhaps raised.
template <class R>
INLINE I start(const Columns& x, int64_t column, int64_t block, int run) {
  constexpr int from = raises<R> ? raised_bits : 0;
  if constexpr (R::shift == 0 || (R::wide && wide_is_signed)) return all_words(from);
  const int64_t at = column * x.blocks + block;
  const int32_t* sum = R::runs == 1 ? x.minus_sums + at : x.minus_run_sums + 2 * at + run;
  if constexpr (R::wide)
    return all_words(*sum * (1 << R::shift) + from);
  else
    return shift_left(broadcast_word(sum), R::shift);
}
template <class R>
INLINE I dot(I sum, I codes, I x) {
  if constexpr (R::wide)
    return dot_wide(sum, codes, x);
  else
    return dot_bytes(sum, codes, x);
}
// float(dot) * scale of a block's first run; `lowered` is -raised * scale.
template <class R>
INLINE F scaled(I dots, F scale, F lowered) {
  static_assert(!raises<R> || R::runs == 1);
  if constexpr (raises<R>)
    return fma(as_floats(dots), scale, lowered);
  else
    return mul(to_float(dots), scale);
}
INLINE F lower(F scale) {
  const float factor = -raised;
  return mul(scale, broadcast_float(&factor));
}

// ---- few columns ---------------------------------------------------------------------------------------------------

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

template <class R, int C>
void few_columns_of(const uint8_t* record, const Columns& x, float* to, int64_t stride) {
  static_assert(C <= 8);
  Head head;
  F sum[C];
  EACH(c, C) { sum[c] = zero_floats(); }
  Walk<int8_t, C> values(x.values, x.width);
  Walk<float, C> scales(x.scales, x.blocks), scaled_sums(x.scaled_sums, x.blocks);
  for (int64_t first = 0; first < x.blocks; first += R::blocks, record += R::bytes) {
    R::head(record, head);
    for (int b = 0; b < R::blocks; ++b) {
      prefetch_bytes<R::bytes / R::blocks>(record + R::bytes / R::blocks * b);
      const int64_t block = first + b;
      F part[C] = {};
      EACH(r, R::runs) {
        const int run = R::runs * b + r;
        I dots[C];
        EACH(c, C) { dots[c] = start<R>(x, c, block, r); }
        EACH(p, R::quads / 2) {
          I even, odd;
          R::lines(record, run, p, even, odd);
          const int at = 4 * R::quads * r + 8 * p;
          // Column after column, so that a dot seldom waits for the one before it in its chain.
          EACH(c, C) { dots[c] = dot<R>(dots[c], even, broadcast_word(values(c) + at)); }
          EACH(c, C) { dots[c] = dot<R>(dots[c], odd, broadcast_word(values(c) + at + 4)); }
        }
        const F scale = R::scale(record, head, run);
        const F lowered = lower(scale);
        EACH(c, C) {
          part[c] = r == 0 ? scaled<R>(dots[c], scale, lowered) : fma(to_float(dots[c]), scale, part[c]);
        }
      }
      EACH(c, C) { sum[c] = fma(part[c], broadcast_float(scales(c)), sum[c]); }
      if constexpr (R::mins) {
        const F min = R::min(head, b);
        EACH(c, C) { sum[c] = fma(min, broadcast_float(scaled_sums(c)), sum[c]); }
        scaled_sums.step(1);
      }
      values.step(32), scales.step(1);
    }
  }
  EACH(c, C) { store_floats(to + c * stride, sum[c]); }
}

// As few runs of columns as there can be, as even as they can be, over each group while it is near.
template <class R>
void few(const QuantTile& tile) {
  const int runs = (tile.columns + few_columns - 1) / few_columns;
  for (int g = 0; g < tile.group_count; ++g) {
    const uint8_t* group = static_cast<const uint8_t*>(tile.groups) + g * tile.group_bytes;
    for (int run = 0, at = 0; run < runs; ++run) {
      const int count = (tile.columns - at + runs - run - 1) / (runs - run);
      const Columns x(*tile.x, tile.first + at);
      with_count<few_columns>(count, [&](auto columns) {
        few_columns_of<R, columns.value>(group, x, tile.to + at * tile.stride + 16 * g, tile.stride);
      });
      at += count;
    }
  }
}

// ---- panels --------------------------------------------------------------------------------------------------------

constexpr int panel_blocks = 16;

struct Panel {
  alignas(64) uint8_t lines[8 * panel_blocks][tile_groups][64];
  alignas(64) float scales[2 * panel_blocks][tile_groups][16];  // of runs
  alignas(64) float mins[panel_blocks][tile_groups][16];
};

// `next` is where the records of the next panel begin. It is fetched into L2: L1 is full of this one while tiles sweep.
template <class R, int G>
void fill_panel(const uint8_t* records, const uint8_t* next, int64_t group_bytes, int blocks, Panel& panel) {
  for (int g = 0; g < G; ++g) {
    const uint8_t* record = records + g * group_bytes;
    const uint8_t* fetched = next + g * group_bytes;
    Head head;
    for (int first = 0; first < blocks; first += R::blocks, record += R::bytes, fetched += R::bytes) {
      EACH(i, (R::bytes + 63) / 64) { __builtin_prefetch(fetched + 64 * i, 0, 2); }
      R::head(record, head);
      for (int run = 0; run < R::blocks * R::runs; ++run) {
        const int at = first * R::runs + run;
        store_floats(panel.scales[at][g], R::scale(record, head, run));
        EACH(p, R::quads / 2) {
          I even, odd;
          R::lines(record, run, p, even, odd);
          store_line(panel.lines[R::quads * at + 2 * p][g], even);
          store_line(panel.lines[R::quads * at + 2 * p + 1][g], odd);
        }
      }
      if constexpr (R::mins) {
        for (int b = 0; b < R::blocks; ++b) store_floats(panel.mins[first + b][g], R::min(head, b));
      }
    }
  }
}

// The dots of one run (its first line is `line`) for a tile of G groups and C columns.
template <class R, int G, int C>
INLINE void panel_dots(const Panel& panel, int line, const Columns& x, int64_t column, int64_t block, int run,
                       I (&dots)[G][C]) {
  EACH(c, C) {
    const I begin = start<R>(x, column + c, block, run);
    EACH(g, G) { dots[g][c] = begin; }
  }
  const int8_t* values = x.values + column * x.width + 32 * block + 4 * R::quads * run;
  EACH(q, R::quads) {
    I codes[G];
    EACH(g, G) { codes[g] = load_line(panel.lines[line + q][g]); }
    EACH(c, C) {
      const I four = broadcast_word(values + c * x.width + 4 * q);
      EACH(g, G) { dots[g][c] = dot<R>(dots[g][c], codes[g], four); }
    }
  }
}

// Where the chains of a panel come from (null: they begin) and go to. Column c, group g at c * stride + 16 * g.
struct Sums {
  const float* from;
  int64_t from_stride;
  float* to;
  int64_t to_stride;
};

// Columns column..column+C of x against blocks first..first+blocks, which the panel holds.
template <class R, int G, int C>
void panel_tile(const Panel& panel, int64_t first, int blocks, const Columns& x, int64_t column, const Sums& sums) {
  F sum[G][C];
  EACH(g, G) EACH(c, C) sum[g][c] = zero_floats();
  if (sums.from) {
    EACH(g, G) EACH(c, C) sum[g][c] = load_floats(sums.from + (column + c) * sums.from_stride + 16 * g);
  }
  for (int b = 0; b < blocks; ++b) {
    F part[G][C] = {};
    EACH(r, R::runs) {
      I dots[G][C];
      panel_dots<R, G, C>(panel, 8 * b + R::quads * r, x, column, first + b, r, dots);
      EACH(g, G) {
        const F scale = load_floats(panel.scales[R::runs * b + r][g]), lowered = lower(scale);
        EACH(c, C) {
          part[g][c] = r == 0 ? scaled<R>(dots[g][c], scale, lowered) : fma(to_float(dots[g][c]), scale, part[g][c]);
        }
      }
    }
    const int64_t at = column * x.blocks + first + b;
    EACH(c, C) {
      const F scale = broadcast_float(x.scales + at + c * x.blocks);
      EACH(g, G) sum[g][c] = fma(part[g][c], scale, sum[g][c]);
    }
    if constexpr (R::mins) {
      EACH(c, C) {
        const F scaled_sum = broadcast_float(x.scaled_sums + at + c * x.blocks);
        EACH(g, G) sum[g][c] = fma(load_floats(panel.mins[b][g]), scaled_sum, sum[g][c]);
      }
    }
  }
  float* to = sums.to + column * sums.to_stride;
  EACH(g, G) EACH(c, C) store_floats(to + c * sums.to_stride + 16 * g, sum[g][c]);
}

template <class R, int G>
void multiply_panels(const uint8_t* groups, const QuantTile& tile, float* to) {
  constexpr int most = R::runs == 1 ? tile_columns : tile_columns * 2 / 3;  // two runs need more registers
  const Columns x(*tile.x, tile.first);
  Panel panel;
  alignas(64) float waiting[most_tile_columns][16 * G];
  for (int64_t b = 0; b < x.blocks; b += panel_blocks) {
    const bool last = b + panel_blocks >= x.blocks;
    const int blocks = static_cast<int>(last ? x.blocks - b : panel_blocks);
    const uint8_t* records = groups + b / R::blocks * R::bytes;
    fill_panel<R, G>(records, last ? groups + G * tile.group_bytes : records + panel_blocks / R::blocks * R::bytes,
                     tile.group_bytes, blocks, panel);
    const Sums sums{b == 0 ? nullptr : waiting[0], 16 * G, last ? to : waiting[0], last ? tile.stride : 16 * G};
    int c = 0;
    for (; c + most <= tile.columns; c += most) panel_tile<R, G, most>(panel, b, blocks, x, c, sums);
    with_count<most - 1>(tile.columns - c,
                         [&](auto rest) { panel_tile<R, G, rest.value>(panel, b, blocks, x, c, sums); });
  }
}

template <class R>
void multiply(const QuantTile& tile) {
  if (tile.columns <= tile.most_few) return few<R>(tile);
  const uint8_t* groups = static_cast<const uint8_t*>(tile.groups);
  int g = 0;
  for (; g + tile_groups <= tile.group_count; g += tile_groups)
    multiply_panels<R, tile_groups>(groups + g * tile.group_bytes, tile, tile.to + 16 * g);
  for (; g < tile.group_count; ++g) multiply_panels<R, 1>(groups + g * tile.group_bytes, tile, tile.to + 16 * g);
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

// Two quads of codes as eight lines: (code - 2^shift) * scale + min, rounded once because the product is exact or the
// min is -0 (which leaves every product as it is).
template <int shift>
INLINE void decode_quads(I even, I odd, F scale, F min, float* lines) {
  const I offset = shift ? all_words(1 << shift) : zero_words();
  EACH(j, 4) {
    const I e = and_word(shift_right(even, 8 * j), 0xffu), o = and_word(shift_right(odd, 8 * j), 0xffu);
    store_floats(lines + 16 * j, fma(to_float(minus(e, offset)), scale, min));
    store_floats(lines + 64 + 16 * j, fma(to_float(minus(o, offset)), scale, min));
  }
}

template <class R>
void decode(const void* group, int64_t first, int64_t count, float* lines) {
  const uint8_t* record = static_cast<const uint8_t*>(group) + first / R::inputs * R::bytes;
  const float none = -0.0f;
  Head head;
  for (int64_t k = 0; k < count; k += R::inputs, record += R::bytes) {
    R::head(record, head);
    for (int run = 0; run < R::blocks * R::runs; ++run, lines += 64 * R::quads) {
      const F scale = R::scale(record, head, run);
      F min = broadcast_float(&none);
      if constexpr (R::mins) min = R::min(head, run);
      EACH(p, R::quads / 2) {
        I even, odd;
        R::lines(record, run, p, even, odd);
        decode_quads<R::shift>(even, odd, scale, min, lines + 128 * p);
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

void quantize_row(const float* x, const QuantRows& to, int64_t row) {
  const int64_t blocks = to.width / 32;
  for (int64_t b = 0; b < blocks; ++b) {
    const F from[2] = {load_floats(x + 32 * b), load_floats(x + 32 * b + 16)};
    // The bits of the largest magnitude; a NaN is larger than infinity.
    const int32_t bits =
        largest_word(max_words(and_word(as_words(from[0]), 0x7fffffffu), and_word(as_words(from[1]), 0x7fffffffu)));
    float absmax;
    __builtin_memcpy(&absmax, &bits, 4);
    const bool finite = bits < 0x7f800000;
    const float nan = __builtin_nanf("");
    const float scale = !finite ? nan : absmax < 1e-30f ? 0.0f : absmax / 127.0f;
    const float inverse = finite && absmax >= 1e-30f ? 127.0f / absmax : 0.0f;
    const int64_t at = row * blocks + b;
    int32_t sum = 0;
    for (int run = 0; run < 2; ++run) {
      // A block that is not finite is zero: NaN times zero would not be.
      const I rounded = inverse != 0 ? round_to_words(mul(from[run], broadcast_float(&inverse))) : zero_words();
      store_bytes(to.values + 32 * at + 16 * run, rounded);
      const int32_t run_sum = sum_of_words(rounded);
      to.minus_run_sums[2 * at + run] = -run_sum;
      sum += run_sum;
    }
    to.scales[at] = scale;
    to.minus_sums[at] = -sum;
    to.scaled_sums[at] = scale * static_cast<float>(sum);
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
    quantize_row};

}  // namespace
}  // namespace freehold
