// AttentionKernels: one key head of one KV page (ops/kv_pages.h) against columns, the queries that read it.
//   scores   s[j] = fma chain over d ascending of query[d] * key[j][d], queries already times scale * log2(e)
//   softmax  in base 2, online: m' = max(m, max s); p[j] = 2^(s[j]-m'); sum' = sum * 2^(m-m') + sum p
//   values   mixed[i] = chain over keys ascending of fma(p[j], value[j][i], .), started at mixed[i] * 2^(m-m')
// Over q8 pages scores and values are sums of exact integer dots:
//   scores   for each block of 32: s[j] = fma(float(dot) * key_scale[j], query_scale, s[j]), where dot multiplies codes
//            of keys with queries rounded to 15 bits (their rounding to 8 would cost as much as that of the keys)
//   softmax  as above, with p[j] = 2^(s[j]-m) relative to the maximum m of this page alone
//   values   w[j] = value_scale[j] * (32767 / S), S the largest value scale that the column sees in the page; p[j] *
//   w[j]
//            is rounded to a whole number; mixed[i] = fma(float(dot), S / 32767 * 2^(m-m'), mixed[i] * 2^(before-m'))
// A column's results depend on its own query and the keys it sees only, never on its neighbours in the call.
#pragma once

#include <cstdint>

namespace freehold {

struct KvBlock {  // one head of one page; 64 keys, laid out as kv_pages.h says
  const void* keys;
  const void* values;
  int head_dim, value_dim;
  const void *next_keys, *next_values;  // what will be read after this block, to be fetched ahead; never read here
};

struct AttentionColumns {
  int count;
  const float* queries;  // [count, head_dim]
  const int* visible;    // [count] of 1..64, not descending: the column sees keys 0..visible-1 of the page
  float* maximum;        // [count], -inf at first
  float* sum;            // [count], 0 at first
  float* mixed;          // [count, value_dim], 0 at first
  // Over q8 pages instead of `queries`: whole numbers 128 a + b, their scales and minus their sums, by blocks of 32.
  const int8_t* codes = nullptr;        // [count, blocks, a and b, 32]
  const float* code_scales = nullptr;   // [count, blocks]
  const int32_t* minus_sums = nullptr;  // [count, blocks]
};

struct AttentionKernels {  // arrays are indexed by KvType: f32, f16, q8
  void (*fold_page[3])(const KvBlock&, const AttentionColumns&);
  void (*score_page[2])(const KvBlock&, int count, const float* queries, float* scores);  // scores: [count, 64]
  // mixed += probs [count, stride] over the page's first `keys` values, one fma chain ascending.
  void (*mix_page[2])(const KvBlock&, int count, int keys, const float* probs, int64_t stride, float* mixed);
  // Joins the softmax of later keys to that of earlier ones: more -> into.
  void (*merge)(const AttentionColumns& more, const AttentionColumns& into, int value_dim);
  void (*finish)(const AttentionColumns&, int value_dim, float* to);  // mixed * (1 / sum): [count, value_dim]
};

extern const AttentionKernels plain_attention_kernels, avx2_attention_kernels, avx512_attention_kernels;

}  // namespace freehold
