#include "ops/attention_codes.h"

#include <algorithm>
#include <cmath>

namespace freehold::ops {

namespace {

constexpr float most_code = 127 * 128;

int64_t blocks_of(int64_t dim) { return (dim + kv_block - 1) / kv_block; }

void code_block(const float* x, int8_t* codes, float& scale, int32_t& minus_sum) {
  float absmax = 0, nothing = 0;  // the second stays zero unless a number is not finite
  for (int i = 0; i < kv_block; ++i) {
    absmax = std::max(absmax, std::abs(x[i]));
    nothing += x[i] * 0.0f;
  }
  const bool some = nothing == 0.0f && absmax >= 1e-30f;
  scale = nothing != 0.0f ? __builtin_nanf("") : some ? absmax / most_code : 0.0f;
  const float inverse = some ? most_code / absmax : 0.0f;
  constexpr float magic = 0x1.8p23f;  // adding it rounds to a whole number, the even one of two
  int32_t sum = 0;
  for (int i = 0; i < kv_block; ++i) {
    const int32_t code = some ? static_cast<int32_t>((x[i] * inverse + magic) - magic) : 0;
    const int32_t a = (code + 64) >> 7;
    codes[i] = static_cast<int8_t>(a);
    codes[kv_block + i] = static_cast<int8_t>(code - 128 * a);
    sum += code;
  }
  minus_sum = -sum;
}

}  // namespace

QueryCodes room_for_codes(Arena& arena, int count, int head_dim) {
  const auto blocks = static_cast<size_t>(count * blocks_of(head_dim));
  return {arena.array<int8_t>(blocks * 2 * kv_block), arena.array<float>(blocks), arena.array<int32_t>(blocks)};
}

void make_codes(const float* queries, int count, int head_dim, const QueryCodes& to) {
  int64_t block = 0;
  for (int c = 0; c < count; ++c, queries += head_dim)
    for (int at = 0; at < head_dim; at += kv_block, ++block) {
      float filled[kv_block] = {};
      std::copy_n(queries + at, std::min(kv_block, head_dim - at), filled);
      code_block(filled, to.codes + block * 2 * kv_block, to.scales[block], to.minus_sums[block]);
    }
}

Tensor rounded_queries(Context& context, const Tensor& q, float scale) {
  const auto count = static_cast<int>(q.shape()[0] * q.shape()[1]), d = static_cast<int>(q.shape()[2]);
  Tensor rounded = Tensor::empty(q.shape(), context.arena);
  float* to = rounded.mutable_data();
  context.kernels.rows.scale(q.data(), scale * log2_e, q.shape().elements(), to);
  const QueryCodes codes = room_for_codes(context.arena, count, d);
  make_codes(to, count, d, codes);
  const int64_t blocks = blocks_of(d);
  for (int64_t c = 0; c < count; ++c)
    for (int64_t i = 0; i < d; ++i) {
      const int64_t block = c * blocks + i / kv_block;
      const int8_t* code = codes.codes + block * 2 * kv_block + i % kv_block;
      to[c * d + i] = static_cast<float>(128 * code[0] + code[kv_block]) * (codes.scales[block] / (scale * log2_e));
    }
  return rounded;
}

}  // namespace freehold::ops
