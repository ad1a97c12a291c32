// The parts of attention that the fused op hides, for one span: scores, their softmax, and the mix of values by a
// pattern. Back: dq += scale ds k, dk += scale ds q;  ds = p (dp - Σ p dp);  dp_j = dz·v_j, dv_j += p_j dz.
#include <cstring>

#include <optional>
#include <vector>

#include "ops/attention_codes.h"
#include "ops/attention_parts.h"
#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

// q8 pages as float ones, for what only watched passes compute: the kernels of parts are those of f32 and f16.
KvPages in_floats(const KvPages& pages, int64_t positions) {
  KvShape shape = pages.shape();
  shape.type = KvType::f32;
  shape.index_dim = 0;
  KvPages floats(shape, static_cast<int>(positions));
  std::vector<float> k(static_cast<size_t>(shape.kv_heads * shape.head_dim)),
      v(static_cast<size_t>(shape.kv_heads * shape.value_dim));
  for (int i = 0; i < static_cast<int>(positions); ++i) {
    pages.read(i, k.data(), v.data());
    floats.write(i, k.data(), v.data());
  }
  return floats;
}

void check_whole(const Context& context, const AttentionSpan& span) {
  CHECK(!context.tape || span.start == 0, "a gradient through a past of {} positions", span.start);
}

}  // namespace

Tensor attention_scores(Context& context, const Tensor& q, const Tensor& k, const KvPages& stored, float scale,
                        const AttentionSpan& span, const Selection& selection) {
  check_whole(context, span);
  const bool coded = stored.shape().type == KvType::q8;
  const std::optional<KvPages> floats = coded ? std::optional(in_floats(stored, span.start + span.rows)) : std::nullopt;
  const KvPages& pages = floats ? *floats : stored;
  const int64_t heads = q.shape()[1], kv_heads = pages.shape().kv_heads, group = heads / kv_heads, d = q.shape()[2];
  const int64_t n = span.start + span.rows;
  CHECK(d == pages.shape().head_dim && n <= pages.capacity(), "q {}, pages of {} for {} positions", q.shape().text(),
        pages.shape().head_dim, pages.capacity());
  Tensor scores = Tensor::empty({span.rows, heads, n}, context.arena);
  float* to = scores.mutable_data();
  const Tensor queries_of = coded ? rounded_queries(context, q, scale) : q;
  each_rows(context.pool, span.rows, heads * n * d / 8, [&](int64_t first, int64_t count) {
    float of_page[16 * kv_page_positions];
    for (int64_t i = first; i < first + count; ++i)
      for (int64_t head = 0; head < heads; head += std::min<int64_t>(16, group - head % group)) {
        const int64_t columns = std::min<int64_t>(16, group - head % group);
        const float* queries = queries_of.data() + ((span.first_row + i) * heads + head) * d;
        const int64_t own = span.last_seen(static_cast<int>(i));
        for (int64_t c = 0; c < columns; ++c)
          std::fill_n(to + (i * heads + head + c) * n + own + 1, n - own - 1, -__builtin_inff());
        for (int64_t at = 0; at <= own; at += kv_page_positions) {
          context.kernels.attention.score_page[static_cast<size_t>(pages.shape().type)](
              pages.view().block(static_cast<int>(at / kv_page_positions), static_cast<int>(head / group)),
              static_cast<int>(columns), queries, of_page);
          const int64_t seen = std::min<int64_t>(kv_page_positions, own + 1 - at);
          for (int64_t c = 0; c < columns; ++c)
            context.kernels.rows.scale(of_page + c * kv_page_positions, scale, seen,
                                       to + (i * heads + head + c) * n + at);
        }
        if (selection.begins)
          for (int64_t c = 0; c < columns; ++c)
            hide_others(selection.of(span.first_row + i), own + 1, -__builtin_inff(), to + (i * heads + head + c) * n);
      }
  });
  if (context.tape)
    context.tape->record(
        scores, [q, k, scores, scale, span, heads, kv_heads, group, d, n, &kernels = context.kernels.rows](Tape& tape) {
          const float* ds = tape.grad(scores).data();
          float* dq = tape.grad(q).data();
          float* dk = tape.grad(k).data();
          for (int64_t i = 0; i < span.rows; ++i)
            for (int64_t j = 0; j < heads; ++j) {
              const int64_t query = ((span.first_row + i) * heads + j) * d;
              for (int64_t r = 0; r <= span.last_seen(static_cast<int>(i)); ++r) {
                const int64_t key = ((span.first_row + r) * kv_heads + j / group) * d;
                const float factor = scale * ds[(i * heads + j) * n + r];
                kernels.add_scaled(dq + query, factor, k.data() + key, d, dq + query);
                kernels.add_scaled(dk + key, factor, q.data() + query, d, dk + key);
              }
            }
        });
  return scores;
}

Tensor attention_probs(Context& context, const Tensor& scores) {
  CHECK(scores.shape().rank() == 3, "{}", scores.shape().text());
  const int64_t runs = scores.shape()[0] * scores.shape()[1], n = scores.shape()[2];
  Tensor probs = Tensor::empty(scores.shape(), context.arena);
  float* to = probs.mutable_data();
  each_rows(context.pool, runs, 6 * n, [&](int64_t first, int64_t count) {
    const RowKernels& kernels = context.kernels.rows;
    for (int64_t at = first * n; at < (first + count) * n; at += n) {
      const float* x = scores.data() + at;
      const float sum = kernels.exp_sum(x, kernels.maximum(x, n), n, to + at);
      kernels.scale(to + at, 1.0f / sum, n, to + at);
    }
  });
  if (context.tape)
    context.tape->record(probs, [scores, probs, runs, n, &kernels = context.kernels.rows](Tape& tape) {
      const float* dp = tape.grad(probs).data();
      float* ds = tape.grad(scores).data();
      for (int64_t at = 0; at < runs * n; at += n) {
        const float mean = kernels.dot(probs.data() + at, dp + at, n);
        for (int64_t j = at; j < at + n; ++j) ds[j] += probs.data()[j] * (dp[j] - mean);
      }
    });
  return probs;
}

Tensor attention_mix(Context& context, const Tensor& probs, const Tensor& v, const KvPages& stored,
                     const AttentionSpan& span) {
  check_whole(context, span);
  const bool coded = stored.shape().type == KvType::q8;
  const std::optional<KvPages> floats = coded ? std::optional(in_floats(stored, span.start + span.rows)) : std::nullopt;
  const KvPages& pages = floats ? *floats : stored;
  const int64_t heads = probs.shape()[1], n = probs.shape()[2];
  const int64_t kv_heads = pages.shape().kv_heads, group = heads / kv_heads, value_dim = pages.shape().value_dim;
  CHECK(probs.rows() == span.rows && n == span.start + span.rows && n <= pages.capacity(), "{} for {} rows at {}",
        probs.shape().text(), span.rows, span.start);
  Tensor z = Tensor::zeros({span.rows, heads, value_dim}, context.arena);
  float* to = z.mutable_data();
  each_rows(context.pool, span.rows, heads * n * value_dim / 8, [&](int64_t first, int64_t count) {
    const KvShape& shape = pages.shape();
    std::vector<std::byte> values(shape.values_in_keys ? shape.row_bytes(shape.value_dim) * kv_page_positions : 0);
    for (int64_t i = first; i < first + count; ++i)
      for (int64_t head = 0; head < heads; head += group)
        for (int64_t at = 0; at < n; at += kv_page_positions) {
          const auto page = static_cast<int>(at / kv_page_positions);
          const auto keys = static_cast<int>(std::min<int64_t>(kv_page_positions, n - at));
          context.kernels.attention.mix_page[static_cast<size_t>(shape.type)](
              pages.view().block_with_values(page, static_cast<int>(head / group), keys, values.data()),
              static_cast<int>(group), keys, probs.data() + (i * heads + head) * n + at, n,
              to + (i * heads + head) * value_dim);
        }
  });
  if (context.tape)
    context.tape->record(
        z, [probs, v, z, span, heads, kv_heads, group, value_dim, n, &kernels = context.kernels.rows](Tape& tape) {
          const float* dz = tape.grad(z).data();
          float* dp = tape.grad(probs).data();
          float* dv = tape.grad(v).data();
          for (int64_t i = 0; i < span.rows; ++i)
            for (int64_t j = 0; j < heads; ++j) {
              const float* dz_row = dz + (i * heads + j) * value_dim;
              for (int64_t r = 0; r < n; ++r) {
                const int64_t value = ((span.first_row + r) * kv_heads + j / group) * value_dim;
                const int64_t at = (i * heads + j) * n + r;
                dp[at] += kernels.dot(dz_row, v.data() + value, value_dim);
                kernels.add_scaled(dv + value, probs.data()[at], dz_row, value_dim, dv + value);
              }
            }
        });
  return z;
}

}  // namespace freehold::ops
