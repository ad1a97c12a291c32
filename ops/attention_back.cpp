// For query row i, head j with key head m, p = softmax(q·k scale) over rows 0..i:
//   dv_r += p_r dz     dp_r = dz·v_r     ds_r = p_r (dp_r - Σ p dp)     dq += scale ds_r k_r     dk_r += scale ds_r q
// One chunk per (span, key head): all sums run in one fixed order.
#include "ops/attention_back.h"

#include "ops/tape.h"

namespace freehold::ops {

void attention_back(const Kernels& kernels, Pool& pool, Tape& tape, const Tensor& q, const Tensor& k, const Tensor& v,
                    const Tensor& z, float scale, std::span<const AttentionSpan> spans) {
  const RowKernels& rows = kernels.rows;
  const int64_t heads = q.shape()[1], kv_heads = k.shape()[1], group = heads / kv_heads;
  const int64_t d = q.shape()[2], value_dim = v.shape()[2];
  const float* dz = tape.grad(z).data();
  float* dq = tape.grad(q).data();
  float* dk = tape.grad(k).data();
  float* dv = tape.grad(v).data();
  pool.run(static_cast<int>(static_cast<int64_t>(spans.size()) * kv_heads), [&](int chunk, int) {
    const AttentionSpan& span = spans[static_cast<size_t>(chunk / kv_heads)];
    const int64_t m = chunk % kv_heads;
    const auto key_at = [&](int64_t r) { return ((span.first_row + r) * kv_heads + m) * d; };
    const auto value_at = [&](int64_t r) { return ((span.first_row + r) * kv_heads + m) * value_dim; };
    std::vector<float> p(static_cast<size_t>(span.rows)), dp(static_cast<size_t>(span.rows));
    for (int64_t i = 0; i < span.rows; ++i)
      for (int64_t j = m * group; j < (m + 1) * group; ++j) {
        const int64_t query = ((span.first_row + i) * heads + j) * d;
        const float* dz_row = dz + ((span.first_row + i) * heads + j) * value_dim;
        const int64_t n = i + 1;
        for (int64_t r = 0; r < n; ++r) {
          p[static_cast<size_t>(r)] = scale * rows.dot(q.data() + query, k.data() + key_at(r), d);
          dp[static_cast<size_t>(r)] = rows.dot(dz_row, v.data() + value_at(r), value_dim);
        }
        const float sum = rows.exp_sum(p.data(), rows.maximum(p.data(), n), n, p.data());
        rows.scale(p.data(), 1.0f / sum, n, p.data());
        const float mean = rows.dot(p.data(), dp.data(), n);
        for (int64_t r = 0; r < n; ++r) {
          const float weight = p[static_cast<size_t>(r)];
          const float ds = scale * weight * (dp[static_cast<size_t>(r)] - mean);
          rows.add_scaled(dv + value_at(r), weight, dz_row, value_dim, dv + value_at(r));
          rows.add_scaled(dk + key_at(r), ds, q.data() + query, d, dk + key_at(r));
          rows.add_scaled(dq + query, ds, k.data() + key_at(r), d, dq + query);
        }
      }
  });
}

}  // namespace freehold::ops
