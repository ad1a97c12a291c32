// y = q(x) Wᵀ, q rounding to 8 bits (tensor/quant_rows.h), and for outputs near the largest of their row + q(x - q(x))
// Wᵀ: what rounding left of x is at most half a step of q, so its own rounding leaves an error 254 times smaller. In
// groups of 16 outputs, one of which is near. Bits of a row depend on the row alone. Without integer kernels it is
// linear().
#include <algorithm>

#include "ops/linear.h"
#include "ops/ops.h"
#include "ops/quantize.h"
#include "ops/row_chunks.h"
#include "ops/weight_rows.h"
#include "tensor/pack.h"

namespace freehold::ops {
namespace {

constexpr float near = 6;              // logits: what is farther below the largest has 1 / 400 of its probability
constexpr int64_t chunk_groups = 128;  // of a row, looked through at once

Tensor rest_of_rounding(Context& context, const Tensor& x, int block) {
  const QuantView q = quantized(context, x, block);
  const int64_t width = x.width();
  Tensor rest = Tensor::empty(x.shape(), context.arena);
  each_rows(context.pool, x.rows(), 2 * width, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      const int8_t* values = q.rows->values + (q.first + r) * width;
      const float* scales = q.rows->scales + (q.first + r) * (width / block);
      const float* from = x.data() + r * width;
      float* to = rest.mutable_data() + r * width;
      for (int64_t i = 0; i < width; ++i) to[i] = from[i] - scales[i / block] * static_cast<float>(values[i]);
    }
  });
  return rest;
}

}  // namespace

Tensor linear_fine(Context& context, const Linear& linear_weight, const Tensor& x) {
  const Weight& weight = linear_weight.weight;
  Tensor y = linear(context, linear_weight, x);
  if (!multiplies_int8(context, weight) || x.rows() == 0) return y;
  const QuantView rest = quantized(context, rest_of_rounding(context, x, quant_block(weight)), quant_block(weight));
  const auto multiply = context.kernels.linear.multiply[static_cast<size_t>(*record_of(weight.format))];
  const int64_t group_bytes = packed_group_bytes(weight.format, weight.cols);
  const int64_t groups = (weight.rows + 15) / 16, slices = (groups + chunk_groups - 1) / chunk_groups;
  float* const least = context.arena.array<float>(static_cast<size_t>(x.rows()));  // of what is near, in each row
  each_rows(context.pool, x.rows(), weight.rows, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r)
      least[r] = context.kernels.rows.maximum(y.row(r).data(), weight.rows) - near;
  });
  context.pool.run(static_cast<int>(x.rows() * slices), [&](int chunk, int) {
    const int64_t row = chunk / slices, first = chunk % slices * chunk_groups;
    for (int64_t g = first; g < std::min(groups, first + chunk_groups); ++g) {
      float* const to = y.mutable_data() + row * weight.rows + 16 * g;
      const int64_t outputs = std::min<int64_t>(16, weight.rows - 16 * g);
      if (std::none_of(to, to + outputs, [&](float logit) { return logit >= least[row]; })) continue;
      alignas(64) float more[16];
      multiply({weight.bytes.data() + g * group_bytes, group_bytes, 1, rest.rows, rest.first + row, 1, more, 16,
                context.kernels.linear.most_few});
      for (int64_t i = 0; i < outputs; ++i) to[i] += more[i];
    }
  });
  return y;
}

}  // namespace freehold::ops
