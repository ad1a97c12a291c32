// Records of one block, 32 inputs that share a scale, as rows of x do. Included by linear_body.h only.
#pragma once

namespace freehold {
namespace {

template <class R>
struct BlockKernels {
  // Rows of x as the kernels walk them.
  struct Columns {
    explicit INLINE Columns(const QuantRows& x, int64_t first)
        : values(x.values + first * x.width), width(x.width), blocks(x.width / 32) {
      scales = x.scales + first * blocks;
      scaled_sums = x.scaled_sums + first * blocks;
      minus_sums = x.minus_sums + first * blocks;
    }
    const int8_t* values;
    int64_t width, blocks;
    const float *scales, *scaled_sums;
    const int32_t* minus_sums;
  };

  // Whether dots begin at the bits of `raised`. Then fma(as float, scale, -raised * scale) is float(dot) * scale to the
  // bit, since raised * scale is exact (a scale is a half times 7 bits at most) and the rest is rounded once. It pays
  // where the lanes say so and the start is not shifted, which would cost an addition.
  static constexpr bool raises = raised_dots && (R::shift == 0 || R::wide);

  // The integer accumulator's start: -2^shift times the sum of the activations it will meet, perhaps raised.
  static INLINE I start(const Columns& x, int64_t column, int64_t block) {
    constexpr int from = raises ? quant_raised : 0;
    if constexpr (R::shift == 0 || (R::wide && wide_is_signed)) return all_words(from);
    const int32_t* sum = x.minus_sums + column * x.blocks + block;
    if constexpr (R::wide)
      return all_words(*sum * (1 << R::shift) + from);
    else
      return shift_left(broadcast_word(sum), R::shift);
  }
  // float(dot) * scale; `lowered` is -raised * scale.
  static INLINE F scaled(I dots, F scale, F lowered) {
    if constexpr (raises)
      return fma(as_floats(dots), scale, lowered);
    else
      return mul(to_float(dots), scale);
  }
  static INLINE F lower(F scale) {
    const float factor = -raised;
    return mul(scale, broadcast_float(&factor));
  }

  template <int C>
  static void few(const uint8_t* record, const Columns& x, float* to, int64_t stride) {
    static_assert(C <= 8);
    Head head;
    F sum[C];
    EACH(c, C) { sum[c] = zero_floats(); }
    Walk<int8_t, C> values(x.values, x.width);
    Walk<float, C> scales(x.scales, x.blocks), scaled_sums(x.scaled_sums, x.blocks);
    for (int64_t block = 0; block < x.blocks; ++block, record += R::bytes) {
      prefetch_bytes<R::bytes>(record);
      R::head(record, head);
      I dots[C];
      EACH(c, C) { dots[c] = start(x, c, block); }
      EACH(p, 4) {
        I even, odd;
        R::lines(record, 0, p, even, odd);
        // Column after column, so that a dot seldom waits for the one before it in its chain.
        EACH(c, C) { dots[c] = dot<R>(dots[c], even, broadcast_word(values(c) + 8 * p)); }
        EACH(c, C) { dots[c] = dot<R>(dots[c], odd, broadcast_word(values(c) + 8 * p + 4)); }
      }
      const F lowered = lower(head.d);
      EACH(c, C) { sum[c] = fma(scaled(dots[c], head.d, lowered), broadcast_float(scales(c)), sum[c]); }
      if constexpr (R::mins) {
        EACH(c, C) { sum[c] = fma(head.min, broadcast_float(scaled_sums(c)), sum[c]); }
        scaled_sums.step(1);
      }
      values.step(32), scales.step(1);
    }
    EACH(c, C) { store_floats(to + c * stride, sum[c]); }
  }

  struct Panel {
    alignas(64) uint8_t lines[8 * panel_blocks][tile_groups][64];
    alignas(64) float scales[panel_blocks][tile_groups][16];
    alignas(64) float mins[panel_blocks][tile_groups][16];
  };

  // Group g of a panel. `next` is what another one will be made of.
  static void fill(const uint8_t* record, const uint8_t* next, int blocks, int g, Panel& panel) {
    Head head;
    for (int b = 0; b < blocks; ++b, record += R::bytes, next += R::bytes) {
      EACH(i, (R::bytes + 63) / 64) { __builtin_prefetch(next + 64 * i, 0, 2); }
      R::head(record, head);
      store_floats(panel.scales[b][g], head.d);
      if constexpr (R::mins) store_floats(panel.mins[b][g], head.min);
      EACH(p, 4) {
        I even, odd;
        R::lines(record, 0, p, even, odd);
        store_line(panel.lines[8 * b + 2 * p][g], even);
        store_line(panel.lines[8 * b + 2 * p + 1][g], odd);
      }
    }
  }

  // Columns column..column+C of x against blocks first..first+blocks, which the panel holds.
  template <int G, int C>
  static void tile(const Panel& panel, int64_t first, int blocks, const Columns& x, int64_t column, const Sums& sums) {
    F sum[G][C];
    EACH(g, G) EACH(c, C) sum[g][c] = zero_floats();
    if (sums.from) {
      EACH(g, G) EACH(c, C) sum[g][c] = load_floats(sums.from + (column + c) * sums.from_stride + 16 * g);
    }
    for (int b = 0; b < blocks; ++b) {
      const int8_t* values = x.values + column * x.width + 32 * (first + b);
      I dots[G][C];
      EACH(c, C) {
        const I begin = start(x, column + c, first + b);
        EACH(g, G) { dots[g][c] = begin; }
      }
      EACH(q, 8) {
        I codes[G];
        EACH(g, G) { codes[g] = load_line(panel.lines[8 * b + q][g]); }
        EACH(c, C) {
          const I four = broadcast_word(values + c * x.width + 4 * q);
          EACH(g, G) { dots[g][c] = dot<R>(dots[g][c], codes[g], four); }
        }
      }
      F part[G][C];
      EACH(g, G) {
        const F scale = load_floats(panel.scales[b][g]), lowered = lower(scale);
        EACH(c, C) { part[g][c] = scaled(dots[g][c], scale, lowered); }
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
};

}  // namespace
}  // namespace freehold
