// Queries as whole numbers of 15 bits for q8 pages: each head's numbers in blocks of 32 (the last filled up with zeros)
// with one scale = absmax / 16256, times scale * log2(e) as the attention kernels read them. A block that holds a NaN
// or an infinity gets the scale NaN and zeros, so that it shows in every score.
#pragma once

#include "ops/context.h"
#include "ops/kv_pages.h"
#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace freehold::ops {

inline constexpr float log2_e = 1.44269504f;

struct QueryCodes {
  int8_t* codes;        // [count, blocks, a and b of 128 a + b, 32], a in -127..127, b in -64..63
  float* scales;        // [count, blocks]
  int32_t* minus_sums;  // [count, blocks]
};

QueryCodes room_for_codes(Arena&, int count, int head_dim);
// queries [count, head_dim]
void make_codes(const float* queries, int count, int head_dim, const QueryCodes&);
// q as the codes stand for it: what watched scores are computed from.
Tensor rounded_queries(Context&, const Tensor& q, float scale);

}  // namespace freehold::ops
