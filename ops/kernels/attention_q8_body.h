// fold_page over q8 pages (attention_kernels.h says what it computes), over Lanes and their Words: 16 whole numbers, or
// a line of 64 codes, or 32 numbers of 16 bits. Included by attention_body.h only.
#pragma once

#include "ops/kernels/attention_kernels.h"
#include "ops/kernels/exp_body.h"

namespace freehold::body {

constexpr int q8_block = 32;

FREEHOLD_BODY void fetch_line(const void* from, int64_t offset) {  // as fetch() does
  if (!from) return;
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(from) + static_cast<uintptr_t>(offset)),
                     0, 2);
}

// scores[c * 64 + j], two groups of 16 keys at a time: their whole sums and their sums over blocks stay in registers.
template <class L, int C>
FREEHOLD_BODY void q8_scores(const KvBlock& block, const AttentionColumns& columns, int first, float* scores,
                             const void* fetched) {
  using Words = typename L::Words;
  constexpr int G = L::groups > 1 ? 2 : 1;
  const int64_t blocks = (block.head_dim + q8_block - 1) / q8_block;
  const auto* keys = static_cast<const uint8_t*>(block.keys);
  const auto* scales = reinterpret_cast<const uint16_t*>(keys + blocks * q8_block * page_keys);
  const int8_t* codes = columns.codes + first * blocks * 2 * q8_block;
  const float* code_scales = columns.code_scales + first * blocks;
  const int32_t* minus_sums = columns.minus_sums + first * blocks;
  for (int group = 0; group < 4; group += G) {
    L sums[C][G];
    for (int c = 0; c < C; ++c)
      for (int g = 0; g < G; ++g) sums[c][g] = L::all(0.0f);
    for (int64_t b = 0; b < blocks; ++b) {
      Words dots[C][G];
      for (int c = 0; c < C; ++c)
        for (int g = 0; g < G; ++g) dots[c][g] = Words::zero();
      for (int part = 0; part < 2; ++part) {  // 128 a + b
        for (int quad = 0; quad < 8; ++quad) {
          Words key[G];
          for (int g = 0; g < G; ++g) {
            const int64_t line = (((group + g) * blocks + b) * 8 + quad) * 64;
            key[g] = Words::line(keys + line);
            if (part == 0) fetch_line(fetched, line);
          }
          for (int c = 0; c < C; ++c) {
            const Words four = Words::repeated(codes + ((c * blocks + b) * 2 + part) * q8_block + 4 * quad);
            for (int g = 0; g < G; ++g) dots[c][g] = dot_bytes(dots[c][g], key[g], four);
          }
        }
        if (part == 0)
          for (int c = 0; c < C; ++c)
            for (int g = 0; g < G; ++g) dots[c][g] = times_128(dots[c][g], Words::start(minus_sums[c * blocks + b]));
      }
      for (int g = 0; g < G; ++g) {
        const L scale = L::load(scales + ((group + g) * blocks + b) * 16);
        for (int c = 0; c < C; ++c)
          sums[c][g] = fma(dots[c][g].floats() * scale, L::all(code_scales[c * blocks + b]), sums[c][g]);
      }
    }
    for (int c = 0; c < C; ++c)
      for (int g = 0; g < G; ++g) sums[c][g].store(scores + c * page_keys + (group + g) * 16);
  }
  for (int64_t line = 0; line < 2 * blocks; ++line) fetch_line(fetched, (blocks * q8_block + line) * 64);
}

// The value scales of one block as whole weights' factors: w[j] for 64 keys, of which `visible` count, and S / 32767.
template <class L>
struct ValueWeights {
  L w[4];
  float unit;

  FREEHOLD_BODY void make(const uint16_t* scales, int visible) {
    for (int g = 0; g < 4; ++g) {
      const int n = visible - 16 * g;
      w[g] = n >= 16 ? L::load(scales + 16 * g) : n > 0 ? L::load(scales + 16 * g, n) : L::all(0.0f);
    }
    const float most = max_lanes(max(max(w[0], w[1]), max(w[2], w[3])));
    const float inverse = most > 0.0f ? 32767.0f / most : 0.0f;
    // A scale that is no number must show, though max passes over it.
    unit = most / 32767.0f + sum_lanes((w[0] + w[1]) + (w[2] + w[3])) * 0.0f;
    for (int g = 0; g < 4; ++g) w[g] = w[g] * L::all(inverse);
  }
};

// mixed[c] = fma(float(dot), unit * factor[c], mixed[c] * rescale[c]) for the 32 dimensions of block b.
template <class L, int C>
FREEHOLD_BODY void q8_mix_block(const KvBlock& block, int64_t b, const float* p, const int* visible,
                                const float* rescale, const float* factor, float* mixed, const void* fetched) {
  using Words = typename L::Words;
  const int64_t blocks = (block.value_dim + q8_block - 1) / q8_block, row = 2 * blocks * q8_block;
  const auto* values = static_cast<const int8_t*>(block.values);
  const auto* scales = reinterpret_cast<const uint16_t*>(values + blocks * q8_block * page_keys) + b * page_keys;
  alignas(64) int16_t weights[C * page_keys];
  float units[C];
  ValueWeights<L> of;
  for (int c = 0; c < C; ++c) {
    if (c == 0 || visible[c] != visible[c - 1]) of.make(scales, visible[c]);
    for (int g = 0; g < 4; ++g)
      (L::load(p + c * page_keys + 16 * g) * of.w[g]).store_rounded(weights + c * page_keys + 16 * g);
    units[c] = of.unit * factor[c];
  }
  Words dots[C][2];
  for (int c = 0; c < C; ++c) dots[c][0] = dots[c][1] = Words::zero();
  const int pairs = (visible[C - 1] + 1) / 2;
  for (int pair = 0; pair < pairs; ++pair) {
    const int64_t line = pair * row + 2 * b * q8_block;
    const Words v[2] = {Words::widened(values + line), Words::widened(values + line + q8_block)};
    fetch_line(fetched, line);
    for (int c = 0; c < C; ++c) {
      const Words two = Words::repeated(weights + c * page_keys + 2 * pair);
      for (int run = 0; run < 2; ++run) dots[c][run] = dot_pairs(dots[c][run], v[run], two);
    }
  }
  for (int c = 0; c < C; ++c)
    for (int run = 0; run < 2; ++run) {
      const int64_t at = b * q8_block + 16 * run;
      const auto n = static_cast<int>(block.value_dim - at < 16 ? block.value_dim - at : 16);
      float* to = mixed + c * static_cast<int64_t>(block.value_dim) + at;
      const L dot = dots[c][run].floats(), unit = L::all(units[c]), keep = L::all(rescale[c]);
      if (n == 16)
        fma(dot, unit, L::load(to) * keep).store(to);
      else if (n > 0)
        fma(dot, unit, L::load(to, n) * keep).store(to, n);
    }
}

template <class L, int C>
void fold_q8_tile(const KvBlock& block, const AttentionColumns& columns, int first) {
  alignas(64) float p[C * page_keys];
  float rescale[16] = {}, factor[16] = {}, sums[C];
  const int* visible = columns.visible + first;
  q8_scores<L, C>(block, columns, first, p, first == 0 ? block.next_keys : nullptr);
  for (int c = 0; c < C; ++c) {
    L s[4];
    const float most = masked_scores(p + c * page_keys, visible[c], s);
    const float before = columns.maximum[first + c];
    const float now = before > most ? before : most;
    columns.maximum[first + c] = now;
    rescale[c] = before - now;
    factor[c] = most - now;
    sums[c] = powers(s, most, p + c * page_keys);
  }
  exp2_sixteen<L>(rescale);
  exp2_sixteen<L>(factor);
  for (int c = 0; c < C; ++c)
    columns.sum[first + c] = __builtin_fmaf(sums[c], factor[c], columns.sum[first + c] * rescale[c]);
  const void* fetched = first == 0 ? block.next_values : nullptr;
  const int64_t blocks = (block.value_dim + q8_block - 1) / q8_block;
  for (int64_t b = 0; b < blocks; ++b)
    q8_mix_block<L, C>(block, b, p, visible, rescale, factor,
                       columns.mixed + static_cast<int64_t>(first) * block.value_dim, fetched);
  for (int64_t line = 0; line < 2 * blocks; ++line) fetch_line(fetched, (blocks * q8_block + line) * 64);
}

template <class L>
void fold_q8_page(const KvBlock& block, const AttentionColumns& columns) {
  each_tile<L>(columns.count, [&](auto c, int first) { fold_q8_tile<L, decltype(c)::value>(block, columns, first); });
}

}  // namespace freehold::body
