// The bodies of AttentionKernels over Lanes, written once for all instruction sets. A tile is up to L::columns columns
// by L::groups groups of 16 keys (scores) or 16 dimensions (values), sized so that its sums stay in registers and each
// key or value that is loaded serves every column. Included by */attention_kernels.cpp only.
#pragma once

#include "ops/kernels/attention_kernels.h"
#include "ops/kernels/exp_body.h"

namespace freehold::body {

#define FREEHOLD_BODY inline __attribute__((always_inline))

constexpr int page_keys = 64;

// Decoding reads each page once, from memory: while keys are multiplied the next block's keys are fetched, while values
// are mixed its values are; a step fetches what a step reads, 64 numbers. Into L2: fetching into L1 halves the speed.
// Without a `from` nothing is fetched: of the tiles of a block only the first does.
template <class Number>
FREEHOLD_BODY void fetch(const void* from, int step) {
  if (!from) return;
  const auto line = reinterpret_cast<uintptr_t>(from) + static_cast<uintptr_t>(step) * 64 * sizeof(Number);
  for (unsigned i = 0; i < sizeof(Number); ++i) __builtin_prefetch(reinterpret_cast<const void*>(line + 64 * i), 0, 2);
}

// scores[c * 64 + j] = fma chain over d of queries[c][d] * key[j][d]
template <class L, class Number, int C>
FREEHOLD_BODY void score_tile(const Number* keys, int head_dim, const float* queries, float* scores,
                              const void* fetched) {
  constexpr int G = L::groups;
  for (int first = 0; first < 4; first += G) {
    L sums[C][G];
    for (int c = 0; c < C; ++c)
      for (int g = 0; g < G; ++g) sums[c][g] = L::all(0.0f);
    const Number* group = keys + static_cast<int64_t>(first) * head_dim * 16;
    for (int d = 0; d < head_dim; ++d) {
      if (first == 0) fetch<Number>(fetched, d);
      L key[G];
      for (int g = 0; g < G; ++g) key[g] = L::load(group + (static_cast<int64_t>(g) * head_dim + d) * 16);
      for (int c = 0; c < C; ++c) {
        const L q = L::all(queries[static_cast<int64_t>(c) * head_dim + d]);
        for (int g = 0; g < G; ++g) sums[c][g] = fma(q, key[g], sums[c][g]);
      }
    }
    for (int c = 0; c < C; ++c)
      for (int g = 0; g < G; ++g) sums[c][g].store(scores + c * page_keys + (first + g) * 16);
  }
}

// mixed[c] = chain over keys j < visible[c] of fma(p[c][j], value[j], .), from mixed[c] * rescale[c]. `load` and
// `store` see V runs of 16 dimensions from `at` on.
template <class L, class Number, int C, int V, class Load, class Save>
FREEHOLD_BODY void mix_lanes(const Number* values, int value_dim, const float* p, int64_t stride, const int* visible,
                             const float* rescale, float* mixed, int at, Load load, Save save, const void* fetched) {
  L sums[C][V];
  for (int c = 0; c < C; ++c)
    for (int i = 0; i < V; ++i)
      sums[c][i] = load(mixed + static_cast<int64_t>(c) * value_dim + at + 16 * i) * L::all(rescale[c]);
  const Number* value = values + at;
  int common = visible[0];
  for (int j = 0; j < common; ++j, value += value_dim) {
    if (at % 64 == 0) fetch<Number>(fetched, at + j);
    L v[V];
    for (int i = 0; i < V; ++i) v[i] = load(value + 16 * i);
    for (int c = 0; c < C; ++c) {
      const L weight = L::all(p[c * stride + j]);
      for (int i = 0; i < V; ++i) sums[c][i] = fma(weight, v[i], sums[c][i]);
    }
  }
  for (int c = 0; c < C; ++c) {
    const Number* rest = value;
    for (int j = common; j < visible[c]; ++j, rest += value_dim)
      for (int i = 0; i < V; ++i) sums[c][i] = fma(L::all(p[c * stride + j]), load(rest + 16 * i), sums[c][i]);
    for (int i = 0; i < V; ++i) save(sums[c][i], mixed + static_cast<int64_t>(c) * value_dim + at + 16 * i);
  }
}

template <class L, class Number, int C>
FREEHOLD_BODY void mix_tile(const Number* values, int value_dim, const float* p, int64_t stride, const int* visible,
                            const float* rescale, float* mixed, const void* fetched) {
  constexpr int V = L::groups;
  const auto load = [](const auto* from) __attribute__((always_inline)) { return L::load(from); };
  const auto save = [](const L& sum, float* to) __attribute__((always_inline)) { sum.store(to); };
  int at = 0;
  for (; at + 16 * V <= value_dim; at += 16 * V)
    mix_lanes<L, Number, C, V>(values, value_dim, p, stride, visible, rescale, mixed, at, load, save, fetched);
  for (; at < value_dim; at += 16) {
    const int n = value_dim - at < 16 ? value_dim - at : 16;
    mix_lanes<L, Number, C, 1>(
        values, value_dim, p, stride, visible, rescale, mixed,
        at, [n](const auto* from) __attribute__((always_inline)) { return L::load(from, n); },
        [n](const L& sum, float* to) __attribute__((always_inline)) { sum.store(to, n); }, fetched);
  }
}

template <class L>
FREEHOLD_BODY void exp2_sixteen(float* x) {
  exp2(L::load(x)).store(x);
}

// The 64 scores of a column, those it does not see as -inf; returns the largest.
template <class L>
FREEHOLD_BODY float masked_scores(const float* scores, int visible, L (&s)[4]) {
  const L masked = L::all(-__builtin_inff());
  for (int g = 0; g < 4; ++g) {
    const int n = visible - 16 * g;
    s[g] = L::load(scores + 16 * g);
    if (n < 16) s[g] = n > 0 ? first_lanes(n, s[g], masked) : masked;
  }
  return max_lanes(max(max(s[0], s[1]), max(s[2], s[3])));
}

// p = 2^(s - shift); returns their sum.
template <class L>
FREEHOLD_BODY float powers(const L (&s)[4], float shift, float* p) {
  L e[4];
  for (int g = 0; g < 4; ++g) {
    e[g] = exp2(s[g] - L::all(shift));
    e[g].store(p + 16 * g);
  }
  return sum_lanes((e[0] + e[1]) + (e[2] + e[3]));
}

template <class L, class Number, int C>
void fold_tile(const KvBlock& block, const AttentionColumns& columns, int first) {
  alignas(64) float p[C * page_keys];
  float rescale[16] = {}, sums[C];
  const int* visible = columns.visible + first;
  score_tile<L, Number, C>(static_cast<const Number*>(block.keys), block.head_dim,
                           columns.queries + static_cast<int64_t>(first) * block.head_dim, p,
                           first == 0 ? block.next_keys : nullptr);
  for (int c = 0; c < C; ++c) {
    L s[4];
    const float most = masked_scores(p + c * page_keys, visible[c], s);
    const float before = columns.maximum[first + c];
    const float now = before > most ? before : most;
    columns.maximum[first + c] = now;
    rescale[c] = before - now;
    sums[c] = powers(s, now, p + c * page_keys);
  }
  exp2_sixteen<L>(rescale);
  for (int c = 0; c < C; ++c) columns.sum[first + c] = __builtin_fmaf(columns.sum[first + c], rescale[c], sums[c]);
  mix_tile<L, Number, C>(static_cast<const Number*>(block.values), block.value_dim, p, page_keys, visible, rescale,
                         columns.mixed + static_cast<int64_t>(first) * block.value_dim,
                         first == 0 ? block.next_values : nullptr);
}

template <class L, class Number, int C>
void score_tile_alone(const KvBlock& block, const float* queries, float* scores) {
  score_tile<L, Number, C>(static_cast<const Number*>(block.keys), block.head_dim, queries, scores, nullptr);
}

template <class L, class Number, int C>
void mix_tile_alone(const KvBlock& block, int keys, const float* probs, int64_t stride, float* mixed) {
  int visible[C];
  float rescale[C];
  for (int c = 0; c < C; ++c) visible[c] = keys, rescale[c] = 1.0f;
  mix_tile<L, Number, C>(static_cast<const Number*>(block.values), block.value_dim, probs, stride, visible, rescale,
                         mixed, nullptr);
}

// Calls tile(C, first) for runs of C <= L::columns columns that are as even as possible.
template <int C>
struct Count {
  static constexpr int value = C;
};
template <class L, class Tile>
FREEHOLD_BODY void each_tile(int columns, Tile tile) {
  int tiles = (columns + L::columns - 1) / L::columns;
  for (int first = 0; first < columns; --tiles) {
    const int size = (columns - first + tiles - 1) / tiles;
    switch (size) {
      case 1:
        tile(Count<1>(), first);
        break;
      case 2:
        tile(Count<2>(), first);
        break;
      case 3:
        tile(Count<3>(), first);
        break;
      case 4:
        tile(Count<4>(), first);
        break;
      case 5:
        if constexpr (L::columns >= 5) tile(Count<5>(), first);
        break;
      case 6:
        if constexpr (L::columns >= 6) tile(Count<6>(), first);
        break;
    }
    first += size;
  }
}

template <class L, class Number>
void fold_page(const KvBlock& block, const AttentionColumns& columns) {
  each_tile<L>(columns.count,
               [&](auto c, int first) { fold_tile<L, Number, decltype(c)::value>(block, columns, first); });
}

template <class L, class Number>
void score_page(const KvBlock& block, int count, const float* queries, float* scores) {
  each_tile<L>(count, [&](auto c, int first) {
    score_tile_alone<L, Number, decltype(c)::value>(block, queries + static_cast<int64_t>(first) * block.head_dim,
                                                    scores + first * page_keys);
  });
}

template <class L, class Number>
void mix_page(const KvBlock& block, int count, int keys, const float* probs, int64_t stride, float* mixed) {
  each_tile<L>(count, [&](auto c, int first) {
    mix_tile_alone<L, Number, decltype(c)::value>(block, keys, probs + first * stride, stride,
                                                  mixed + static_cast<int64_t>(first) * block.value_dim);
  });
}

template <class L>
void merge(const AttentionColumns& more, const AttentionColumns& into, int value_dim) {
  for (int c = 0; c < into.count; ++c) {
    const float a = into.maximum[c], b = more.maximum[c];
    const float now = a > b ? a : b;
    float factors[16] = {a - now, b - now};
    exp2_sixteen<L>(factors);
    into.maximum[c] = now;
    into.sum[c] = __builtin_fmaf(more.sum[c], factors[1], into.sum[c] * factors[0]);
    float* to = into.mixed + static_cast<int64_t>(c) * value_dim;
    const float* from = more.mixed + static_cast<int64_t>(c) * value_dim;
    const L first = L::all(factors[0]), second = L::all(factors[1]);
    for (int d = 0; d < value_dim; d += 16) {
      const int n = value_dim - d < 16 ? value_dim - d : 16;
      fma(L::load(from + d, n), second, L::load(to + d, n) * first).store(to + d, n);
    }
  }
}

template <class L>
void finish(const AttentionColumns& columns, int value_dim, float* to) {
  for (int c = 0; c < columns.count; ++c) {
    const L r = L::all(1.0f / columns.sum[c]);
    for (int d = 0; d < value_dim; d += 16) {
      const int n = value_dim - d < 16 ? value_dim - d : 16;
      const int64_t at = static_cast<int64_t>(c) * value_dim + d;
      (L::load(columns.mixed + at, n) * r).store(to + at, n);
    }
  }
}

}  // namespace freehold::body

#include "ops/kernels/attention_q8_body.h"

namespace freehold::body {

template <class L>
constexpr AttentionKernels attention_kernels() {
  return {{fold_page<L, float>, fold_page<L, uint16_t>, fold_q8_page<L>},
          {score_page<L, float>, score_page<L, uint16_t>},
          {mix_page<L, float>, mix_page<L, uint16_t>},
          merge<L>,
          finish<L>};
}

}  // namespace freehold::body
