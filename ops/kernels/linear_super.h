// Records of eight blocks (super-blocks): 256 inputs whose blocks, or halves of blocks, have small scales of their own,
// against rows of x with one scale for 256. Included by linear_body.h only.
//
// The chain of a super-block adds float(raised + dot) * scale, and so begins at `low`, which is -raised times all
// scales: no dot is converted, which leaves one fma for eight dots of bytes. What that rounds away is about 2^-24 of
// raised * scale for each step; codes are therefore lifted to the top of their byte, which makes dots larger and scales
// smaller: 2^-14 of a usual sum, where rounding the activations costs 2^-7.
#pragma once

namespace freehold {
namespace {

template <class R>
struct SuperKernels {
  struct Columns {
    explicit INLINE Columns(const QuantRows& x, int64_t first)
        : values(x.values + first * x.width), width(x.width), blocks(x.width / 32) {
      scales = x.scales + first * (blocks / 8);
      sums = x.sums + first * blocks;
      starts = R::runs == 2 ? x.run_starts + first * blocks * 2 : x.starts + first * blocks;
    }
    const int8_t* values;
    int64_t width, blocks;
    const float* scales;
    const int16_t* sums;
    const int32_t* starts;  // of runs
  };
  static constexpr int runs = 8 * R::runs;  // of a super-block

  // raised - 2^(shift + lift) * the sum of the activations, which is what starts hold.
  static constexpr bool shifted = R::shift != 0 && !(R::wide && wide_is_signed);
  static_assert(!shifted || R::shift + R::room == 7);
  static INLINE I start(const int32_t* starts) { return shifted ? broadcast_word(starts) : all_words(quant_raised); }
  // Dots of codes that were lifted begin at the start; others join it when they are lifted themselves.
  static constexpr bool late = R::lift != R::room || (R::wide && wide_is_signed);
  static INLINE F finish(I dots, const int32_t* starts) {
    if constexpr (late)
      return as_floats(plus(shift_left(dots, R::room - R::lift), start(starts)));
    else
      return as_floats(dots);
  }

  template <int C>
  static void few(const uint8_t* record, const Columns& x, float* to, int64_t stride) {
    static_assert(C <= 8);
    SuperHead head;
    F sum[C];
    EACH(c, C) { sum[c] = zero_floats(); }
    Walk<int8_t, C> values(x.values, x.width);
    Walk<float, C> scales(x.scales, x.blocks / 8);
    Walk<int16_t, C> sums(x.sums, x.blocks);
    Walk<int32_t, C> starts(x.starts, x.blocks * R::runs);
    for (int64_t first = 0; first < x.blocks; first += 8, record += R::bytes) {
      R::head(record, head);
      F part[C];
      if constexpr (R::mins) {
        I dots[C];
        EACH(c, C) { dots[c] = all_words(quant_raised); }
        EACH(p, 4) {
          const I mins = load_line(head.mins[p]);
          EACH(c, C) { dots[c] = dot_pairs(dots[c], mins, broadcast_word(sums(c) + 2 * p)); }
        }
        EACH(c, C) { part[c] = fma(as_floats(dots[c]), head.min, head.low); }
        sums.step(8);
      } else {
        EACH(c, C) { part[c] = head.low; }
      }
      for (int run = 0; run < runs; ++run) {
        prefetch_bytes<R::bytes / runs>(record + R::bytes / runs * run);
        I dots[C];
        EACH(c, C) { dots[c] = late ? zero_words() : start(starts(c)); }
        EACH(p, R::quads / 2) {
          I even, odd;
          R::lines(record, run, p, even, odd);
          // Column after column, so that a dot seldom waits for the one before it in its chain.
          EACH(c, C) { dots[c] = dot<R>(dots[c], even, broadcast_word(values(c) + 8 * p)); }
          EACH(c, C) { dots[c] = dot<R>(dots[c], odd, broadcast_word(values(c) + 8 * p + 4)); }
        }
        const F scale = load_floats(head.scales[run]);
        EACH(c, C) { part[c] = fma(finish(dots[c], starts(c)), scale, part[c]); }
        values.step(4 * R::quads);
        if constexpr (shifted) starts.step(1);
      }
      EACH(c, C) { sum[c] = fma(part[c], broadcast_float(scales(c)), sum[c]); }
      scales.step(1);
    }
    EACH(c, C) { store_floats(to + c * stride, sum[c]); }
  }

  struct Panel {
    alignas(64) uint8_t lines[8 * panel_blocks][tile_groups][64];
    alignas(64) float scales[R::runs * panel_blocks][tile_groups][16];
    alignas(64) float low[panel_blocks / 8][tile_groups][16], min[panel_blocks / 8][tile_groups][16];
    alignas(64) uint8_t mins[panel_blocks / 2][tile_groups][64];
  };

  // Group g of a panel. `next` is what another one will be made of.
  static void fill(const uint8_t* record, const uint8_t* next, int blocks, int g, Panel& panel) {
    SuperHead head;
    for (int s = 0; s < blocks / 8; ++s, record += R::bytes, next += R::bytes) {
      EACH(i, (R::bytes + 63) / 64) { __builtin_prefetch(next + 64 * i, 0, 2); }
      R::head(record, head);
      store_floats(panel.low[s][g], head.low);
      if constexpr (R::mins) {
        store_floats(panel.min[s][g], head.min);
        EACH(p, 4) { store_line(panel.mins[4 * s + p][g], load_line(head.mins[p])); }
      }
      for (int run = 0; run < runs; ++run) {
        const int at = s * runs + run;
        store_floats(panel.scales[at][g], load_floats(head.scales[run]));
        EACH(p, R::quads / 2) {
          I even, odd;
          R::lines(record, run, p, even, odd);
          store_line(panel.lines[R::quads * at + 2 * p][g], even);
          store_line(panel.lines[R::quads * at + 2 * p + 1][g], odd);
        }
      }
    }
  }

  // Columns column..column+C of x against blocks first..first+blocks, which the panel holds. Registers are full of dots
  // and parts, so sums are fetched once in 256 inputs.
  template <int G, int C>
  static void tile(const Panel& panel, int64_t first, int blocks, const Columns& x, int64_t column, const Sums& sums) {
    const float* from = sums.from ? sums.from + column * sums.from_stride : nullptr;
    int64_t from_stride = sums.from_stride;
    float* const to = sums.to + column * sums.to_stride;
    for (int s = 0; s < blocks / 8; ++s) {
      F part[G][C];
      if constexpr (R::mins) {
        const int16_t* x_sums = x.sums + column * x.blocks + first + 8 * s;
        I dots[G][C];
        EACH(g, G) EACH(c, C) dots[g][c] = all_words(quant_raised);
        EACH(p, 4) {
          I mins[G];
          EACH(g, G) { mins[g] = load_line(panel.mins[4 * s + p][g]); }
          EACH(c, C) {
            const I pair = broadcast_word(x_sums + c * x.blocks + 2 * p);
            EACH(g, G) dots[g][c] = dot_pairs(dots[g][c], mins[g], pair);
          }
        }
        EACH(g, G) {
          const F min = load_floats(panel.min[s][g]), low = load_floats(panel.low[s][g]);
          EACH(c, C) { part[g][c] = fma(as_floats(dots[g][c]), min, low); }
        }
      } else {
        EACH(g, G) EACH(c, C) part[g][c] = load_floats(panel.low[s][g]);
      }
      const int8_t* values = x.values + column * x.width + 32 * first + 256 * s;
      const int32_t* starts = x.starts + column * x.blocks * R::runs + R::runs * first + runs * s;
      for (int run = 0; run < runs; ++run, values += 4 * R::quads, ++starts) {
        I dots[G][C];
        EACH(c, C) {
          const I begin = late ? zero_words() : start(starts + c * x.blocks * R::runs);
          EACH(g, G) { dots[g][c] = begin; }
        }
        EACH(q, R::quads) {
          I codes[G];
          EACH(g, G) { codes[g] = load_line(panel.lines[R::quads * (runs * s + run) + q][g]); }
          EACH(c, C) {
            const I four = broadcast_word(values + c * x.width + 4 * q);
            EACH(g, G) { dots[g][c] = dot<R>(dots[g][c], codes[g], four); }
          }
        }
        EACH(g, G) {
          const F scale = load_floats(panel.scales[runs * s + run][g]);
          EACH(c, C) { part[g][c] = fma(finish(dots[g][c], starts + c * x.blocks * R::runs), scale, part[g][c]); }
        }
      }
      EACH(c, C) {
        const F scale = broadcast_float(x.scales + (column + c) * (x.blocks / 8) + first / 8 + s);
        EACH(g, G) {
          const F sum = from ? load_floats(from + c * from_stride + 16 * g) : zero_floats();
          store_floats(to + c * sums.to_stride + 16 * g, fma(part[g][c], scale, sum));
        }
      }
      from = to;
      from_stride = sums.to_stride;
    }
  }
};

}  // namespace
}  // namespace freehold
