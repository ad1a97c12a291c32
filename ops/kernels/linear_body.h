// The linear kernels, written once over the lanes of a set: F (16 floats), I (64 bytes, or 16 words) and the functions
// of its lanes.h. Each set's linear_kernels.cpp includes its lanes, then this; everything here is
// local to that file. The lanes define
// few_columns (most columns of the in-register kernel), tile_groups and tile_columns (the panel's tile).
//
// 1..few_columns columns: a group's lines are unpacked in registers and meet all columns; weights are streamed once,
// prefetched `ahead`. More columns: a panel of tile_groups x 16 rows x 512 inputs is unpacked to bytes that stay in L1,
// and tiles of tile_columns sweep over it; partial sums wait in `to`.
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
INLINE void prefetch_record(const uint8_t* record) {
  EACH(i, (bytes + 63) / 64) { __builtin_prefetch(record + ahead + 64 * i, 0, 3); }
}

// Rows of x as the kernels walk them.
struct Columns {
  explicit INLINE Columns(const QuantRows& x, int64_t first)
      : values(x.values + first * x.width), width(x.width), blocks(x.width / x.block) {
    scales = x.scales + first * blocks;
    scaled_sums = x.scaled_sums ? x.scaled_sums + first * blocks : nullptr;
    sums_of_block = x.block == 32 ? 1 : 16;
    minus_sums = x.minus_sums + first * blocks * sums_of_block;
    pair_sums = x.pair_sums ? x.pair_sums + first * blocks * 8 : nullptr;
  }
  const int8_t* values;
  int64_t width, blocks;
  const float *scales, *scaled_sums;
  const int32_t* minus_sums;
  const int16_t* pair_sums;
  int64_t sums_of_block;
};

// The integer accumulator's start: -2^shift times the sum of the activations it will meet.
template <class Kind>
INLINE I start(const Columns& x, int64_t column, int64_t block, int sub) {
  if constexpr (Kind::shift == 0) {
    return zero_words();
  } else if constexpr (!Kind::large) {
    const int32_t* at = x.minus_sums + column * x.blocks + block;
    if constexpr (Kind::wide)
      return start_wide(*at);
    else
      return shift_left(broadcast_word(at), Kind::shift);
  } else {
    const int32_t* at = x.minus_sums + (column * x.blocks + block) * 16;
    if constexpr (Kind::wide)
      return start_wide(at[2 * sub] + at[2 * sub + 1]);
    else
      return shift_left(broadcast_word(at + sub), Kind::shift);
  }
}
template <class Kind>
INLINE I dot(I sum, I codes, I x) {
  if constexpr (Kind::wide)
    return dot_wide(sum, codes, x);
  else
    return dot_bytes(sum, codes, x);
}

// ---- few columns ---------------------------------------------------------------------------------------------------

template <class R, int C>
void few_small(const uint8_t* record, const Columns& x, float* to, int64_t stride) {
  using Kind = typename R::Kind;
  F sum[C];
  EACH(c, C) { sum[c] = zero_floats(); }
  for (int64_t b = 0; b < x.blocks; ++b, record += R::bytes) {
    prefetch_record<R::bytes>(record);
    I dots[C];
    EACH(c, C) { dots[c] = start<Kind>(x, c, b, 0); }
    const int8_t* values = x.values + 32 * b;
    EACH(p, 4) {
      I even, odd;
      R::lines(record, p, even, odd);
      EACH(c, C) {
        dots[c] = dot<Kind>(dots[c], even, broadcast_word(values + c * x.width + 8 * p));
        dots[c] = dot<Kind>(dots[c], odd, broadcast_word(values + c * x.width + 8 * p + 4));
      }
    }
    const F d = R::scale(record);
    EACH(c, C) { sum[c] = fma(mul(to_float(dots[c]), d), broadcast_float(x.scales + c * x.blocks + b), sum[c]); }
    if constexpr (Kind::mins) {
      const F m = R::min(record);
      EACH(c, C) { sum[c] = fma(m, broadcast_float(x.scaled_sums + c * x.blocks + b), sum[c]); }
    }
  }
  EACH(c, C) { store_floats(to + c * stride, sum[c]); }
}

template <class R, int C>
void few_large(const uint8_t* record, const Columns& x, float* to, int64_t stride) {
  using Kind = typename R::Kind;
  constexpr int subs = 256 / Kind::sub_inputs;
  Head head;
  F sum[C];
  EACH(c, C) { sum[c] = zero_floats(); }
  for (int64_t b = 0; b < x.blocks; ++b, record += R::bytes) {
    R::head(record, head);
    const F d = R::d(record);
    F t[C];
    EACH(c, C) { t[c] = zero_floats(); }
    for (int s = 0; s < subs; ++s) {
      EACH(i, (R::bytes / subs + 63) / 64) { __builtin_prefetch(record + ahead + R::bytes / subs * s + 64 * i, 0, 3); }
      I dots[C];
      EACH(c, C) { dots[c] = start<Kind>(x, c, b, s); }
      const int8_t* values = x.values + 256 * b + Kind::sub_inputs * s;
      EACH(p, Kind::sub_inputs / 8) {
        I even, odd;
        R::lines(record, s, p, even, odd);
        EACH(c, C) {
          dots[c] = dot<Kind>(dots[c], even, broadcast_word(values + c * x.width + 8 * p));
          dots[c] = dot<Kind>(dots[c], odd, broadcast_word(values + c * x.width + 8 * p + 4));
        }
      }
      const F scale = mul(d, R::sub_scale(record, head, s));
      EACH(c, C) { t[c] = fma(to_float(dots[c]), scale, t[c]); }
    }
    if constexpr (Kind::mins) {
      I mins[C];
      EACH(c, C) { mins[c] = zero_words(); }
      EACH(i, 4) {
        const I pair = load_line(head.pairs + 64 * i);
        EACH(c, C) { mins[c] = dot_pairs(mins[c], pair, broadcast_word(x.pair_sums + (c * x.blocks + b) * 8 + 2 * i)); }
      }
      const F dmin = R::dmin(record);
      EACH(c, C) { t[c] = fma_minus(to_float(mins[c]), dmin, t[c]); }
    }
    EACH(c, C) { sum[c] = fma(t[c], broadcast_float(x.scales + c * x.blocks + b), sum[c]); }
  }
  EACH(c, C) { store_floats(to + c * stride, sum[c]); }
}

template <class R, int C>
void few(const QuantTile& tile) {
  const Columns x(*tile.x, tile.first);
  for (int g = 0; g < tile.group_count; ++g) {
    const uint8_t* group = static_cast<const uint8_t*>(tile.groups) + g * tile.group_bytes;
    if constexpr (R::Kind::large)
      few_large<R, C>(group, x, tile.to + 16 * g, tile.stride);
    else
      few_small<R, C>(group, x, tile.to + 16 * g, tile.stride);
  }
}

// ---- panels --------------------------------------------------------------------------------------------------------

constexpr int panel_inputs = 512;

struct Panel {
  alignas(64) uint8_t lines[panel_inputs / 4][tile_groups][64];
  alignas(64) float scales[panel_inputs / 16][tile_groups][16];  // of sub-blocks, times d
  alignas(64) float mins[panel_inputs / 32][tile_groups][16];    // block 32: mins; block 256: dmin, one for each block
  alignas(64) uint8_t pairs[panel_inputs / 256][4][tile_groups][64];
};

template <class R, int G>
void fill_panel(const uint8_t* records, int64_t group_bytes, int blocks, Panel& panel) {
  using Kind = typename R::Kind;
  for (int g = 0; g < G; ++g) {
    const uint8_t* record = records + g * group_bytes;
    for (int b = 0; b < blocks; ++b, record += R::bytes) {
      prefetch_record<R::bytes>(record);
      if constexpr (!Kind::large) {
        store_floats(panel.scales[b][g], R::scale(record));
        if constexpr (Kind::mins) store_floats(panel.mins[b][g], R::min(record));
        EACH(p, 4) {
          I even, odd;
          R::lines(record, p, even, odd);
          store_line(panel.lines[8 * b + 2 * p][g], even);
          store_line(panel.lines[8 * b + 2 * p + 1][g], odd);
        }
      } else {
        constexpr int subs = 256 / Kind::sub_inputs, quads = Kind::sub_inputs / 4;
        Head head;
        R::head(record, head);
        const F d = R::d(record);
        for (int s = 0; s < subs; ++s) {
          store_floats(panel.scales[subs * b + s][g], mul(d, R::sub_scale(record, head, s)));
          EACH(p, quads / 2) {
            I even, odd;
            R::lines(record, s, p, even, odd);
            store_line(panel.lines[64 * b + quads * s + 2 * p][g], even);
            store_line(panel.lines[64 * b + quads * s + 2 * p + 1][g], odd);
          }
        }
        if constexpr (Kind::mins) {
          store_floats(panel.mins[b][g], R::dmin(record));
          EACH(i, 4) { store_line(panel.pairs[b][i][g], load_line(head.pairs + 64 * i)); }
        }
      }
    }
  }
}

// The dots of one sub-block (its first line is `line`) for a tile of G groups and C columns.
template <class Kind, int G, int C>
INLINE void panel_dots(const Panel& panel, int line, const Columns& x, int64_t column, int64_t block, int sub,
                       I (&dots)[G][C]) {
  EACH(c, C) {
    const I begin = start<Kind>(x, column + c, block, sub);
    EACH(g, G) { dots[g][c] = begin; }
  }
  const int8_t* values = x.values + column * x.width + block * Kind::inputs + sub * Kind::sub_inputs;
  EACH(q, Kind::sub_inputs / 4) {
    I codes[G];
    EACH(g, G) { codes[g] = load_line(panel.lines[line + q][g]); }
    EACH(c, C) {
      const I four = broadcast_word(values + c * x.width + 4 * q);
      EACH(g, G) { dots[g][c] = dot<Kind>(dots[g][c], codes[g], four); }
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
template <class Kind, int G, int C>
void panel_tile(const Panel& panel, int64_t first, int blocks, const Columns& x, int64_t column, const Sums& sums) {
  F sum[G][C];
  float* to = sums.to + column * sums.to_stride;
  if constexpr (!Kind::large) {
    EACH(g, G) EACH(c, C) sum[g][c] = zero_floats();
    if (sums.from) {
      EACH(g, G) EACH(c, C) sum[g][c] = load_floats(sums.from + (column + c) * sums.from_stride + 16 * g);
    }
    for (int b = 0; b < blocks; ++b) {
      I dots[G][C];
      panel_dots<Kind, G, C>(panel, 8 * b, x, column, first + b, 0, dots);
      const int64_t at = column * x.blocks + first + b;
      EACH(g, G) {
        const F d = load_floats(panel.scales[b][g]);
        EACH(c, C) {
          sum[g][c] = fma(mul(to_float(dots[g][c]), d), broadcast_float(x.scales + at + c * x.blocks), sum[g][c]);
        }
        if constexpr (Kind::mins) {
          const F m = load_floats(panel.mins[b][g]);
          EACH(c, C) sum[g][c] = fma(m, broadcast_float(x.scaled_sums + at + c * x.blocks), sum[g][c]);
        }
      }
    }
    EACH(g, G) EACH(c, C) store_floats(to + c * sums.to_stride + 16 * g, sum[g][c]);
  } else {
    constexpr int subs = 256 / Kind::sub_inputs, quads = Kind::sub_inputs / 4;
    const float* from = sums.from ? sums.from + column * sums.from_stride : nullptr;
    int64_t from_stride = sums.from_stride;
    for (int b = 0; b < blocks; ++b) {
      EACH(g, G) EACH(c, C) sum[g][c] = zero_floats();
      for (int s = 0; s < subs; ++s) {
        I dots[G][C];
        panel_dots<Kind, G, C>(panel, 64 * b + quads * s, x, column, first + b, s, dots);
        EACH(g, G) {
          const F scale = load_floats(panel.scales[subs * b + s][g]);
          EACH(c, C) sum[g][c] = fma(to_float(dots[g][c]), scale, sum[g][c]);
        }
      }
      const int64_t at = column * x.blocks + first + b;
      if constexpr (Kind::mins) {
        I mins[G][C];
        EACH(g, G) EACH(c, C) mins[g][c] = zero_words();
        EACH(i, 4) {
          EACH(c, C) {
            const I pairs = broadcast_word(x.pair_sums + (at + c * x.blocks) * 8 + 2 * i);
            EACH(g, G) mins[g][c] = dot_pairs(mins[g][c], load_line(panel.pairs[b][i][g]), pairs);
          }
        }
        EACH(g, G) {
          const F dmin = load_floats(panel.mins[b][g]);
          EACH(c, C) sum[g][c] = fma_minus(to_float(mins[g][c]), dmin, sum[g][c]);
        }
      }
      EACH(c, C) {
        const F scale = broadcast_float(x.scales + at + c * x.blocks);
        EACH(g, G) {
          const F before = from ? load_floats(from + c * from_stride + 16 * g) : zero_floats();
          store_floats(to + c * sums.to_stride + 16 * g, fma(sum[g][c], scale, before));
        }
      }
      from = to;
      from_stride = sums.to_stride;
    }
  }
}

template <class R, int G>
void multiply_panels(const uint8_t* groups, const QuantTile& tile, float* to) {
  using Kind = typename R::Kind;
  constexpr int panel_blocks = panel_inputs / Kind::inputs;
  const Columns x(*tile.x, tile.first);
  Panel panel;
  alignas(64) float waiting[most_tile_columns][16 * G];
  for (int64_t b = 0; b < x.blocks; b += panel_blocks) {
    const bool last = b + panel_blocks >= x.blocks;
    const int blocks = static_cast<int>(last ? x.blocks - b : panel_blocks);
    fill_panel<R, G>(groups + b * R::bytes, tile.group_bytes, blocks, panel);
    const Sums sums{b == 0 ? nullptr : waiting[0], 16 * G, last ? to : waiting[0], last ? tile.stride : 16 * G};
    int c = 0;
    for (; c + tile_columns <= tile.columns; c += tile_columns)
      panel_tile<Kind, G, tile_columns>(panel, b, blocks, x, c, sums);
    with_count<tile_columns - 1>(tile.columns - c,
                                 [&](auto rest) { panel_tile<Kind, G, rest.value>(panel, b, blocks, x, c, sums); });
  }
}

template <class R>
void multiply(const QuantTile& tile) {
  if (tile.columns <= few_columns) {
    with_count<few_columns>(tile.columns, [&](auto columns) { few<R, columns.value>(tile); });
    return;
  }
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
  using Kind = typename R::Kind;
  const uint8_t* record = static_cast<const uint8_t*>(group) + first / Kind::inputs * R::bytes;
  const float none = -0.0f;
  for (int64_t b = 0; b < count / Kind::inputs; ++b, record += R::bytes) {
    if constexpr (!Kind::large) {
      const F scale = R::scale(record);
      F min = broadcast_float(&none);
      if constexpr (Kind::mins) min = R::min(record);
      EACH(p, 4) {
        I even, odd;
        R::lines(record, p, even, odd);
        decode_quads<Kind::shift>(even, odd, scale, min, lines + 128 * p);
      }
      lines += 512;
    } else {
      Head head;
      R::head(record, head);
      for (int s = 0; s < 256 / Kind::sub_inputs; ++s, lines += 16 * Kind::sub_inputs) {
        const F scale = mul(R::d(record), R::sub_scale(record, head, s));
        F min = broadcast_float(&none);
        if constexpr (Kind::mins) min = negate(mul(R::dmin(record), R::sub_min(head, s)));
        EACH(p, Kind::sub_inputs / 8) {
          I even, odd;
          R::lines(record, s, p, even, odd);
          decode_quads<Kind::shift>(even, odd, scale, min, lines + 128 * p);
        }
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
  const int64_t blocks = to.width / to.block;
  const bool small = to.block == 32;
  for (int64_t b = 0; b < blocks; ++b) {
    const float* from = x + b * to.block;
    int8_t* values = to.values + row * to.width + b * to.block;
    I magnitude = zero_words();
    for (int i = 0; i < to.block; i += 16)
      magnitude = max_words(magnitude, and_word(as_words(load_floats(from + i)), 0x7fffffffu));
    const int32_t bits = largest_word(magnitude);  // of the largest magnitude; a NaN is larger than infinity
    float absmax;
    __builtin_memcpy(&absmax, &bits, 4);
    const bool finite = bits < 0x7f800000;
    const float nan = __builtin_nanf("");
    const float scale = !finite ? nan : absmax < 1e-30f ? 0.0f : absmax / 127.0f;
    const float inverse = finite && absmax >= 1e-30f ? 127.0f / absmax : 0.0f;
    int32_t sums[16] = {};
    if (inverse != 0) {
      const F factor = broadcast_float(&inverse);
      for (int i = 0; i < to.block; i += 32) {
        const I a = round_to_words(mul(load_floats(from + i), factor));
        const I next = round_to_words(mul(load_floats(from + i + 16), factor));
        store_bytes(values + i, a);
        store_bytes(values + i + 16, next);
        if (small) {
          sums[0] = sum_of_words(plus(a, next));
        } else {
          sums[i / 16] = sum_of_words(a);
          sums[i / 16 + 1] = sum_of_words(next);
        }
      }
    } else {
      for (int i = 0; i < to.block; ++i) values[i] = 0;
    }
    const int64_t at = row * blocks + b;
    to.scales[at] = scale;
    if (small) {
      to.minus_sums[at] = -sums[0];
      to.scaled_sums[at] = scale * static_cast<float>(sums[0]);
    } else {
      for (int i = 0; i < 16; ++i) to.minus_sums[at * 16 + i] = -sums[i];
      constexpr int order[8] = {0, 2, 1, 3, 4, 6, 5, 7};
      for (int i = 0; i < 8; ++i)
        to.pair_sums[at * 8 + i] = static_cast<int16_t>(sums[2 * order[i]] + sums[2 * order[i] + 1]);
    }
  }
}

constexpr LinearKernels all_linear_kernels = {
    {multiply<Q4_0>, multiply<Q4_1>, multiply<Q5_0>, multiply<Q5_1>, multiply<Q8_0>, multiply<Iq4Nl>, multiply<Mxfp4>,
     multiply<Q4_K>, multiply<Q5_K>, multiply<Q6_K>, multiply<Iq4Xs>},
    multiply_floats,
    {decode<Q4_0>, decode<Q4_1>, decode<Q5_0>, decode<Q5_1>, decode<Q8_0>, decode<Iq4Nl>, decode<Mxfp4>, decode<Q4_K>,
     decode<Q5_K>, decode<Q6_K>, decode<Iq4Xs>, decode_f32, decode_16<false>, decode_16<true>},
    transpose,
    quantize_row};

}  // namespace
}  // namespace freehold
