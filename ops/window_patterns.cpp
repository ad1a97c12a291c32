// What window_attention hides, for watched points and replaced patterns. Columns are all positions up to the span's
// end, then all its entries; what a row does not see is -inf among scores, 0 among shares.
//   scores  s[i] = q · k_i scale                      shares  p[i] = exp s[i] / (Σ exp s + exp sink)
//   mixed   z = Σ p[i] k_i, over the columns whose keys are still known
// Back: as in window_attention, in three parts.
#include <algorithm>
#include <cmath>

#include "ops/row_chunks.h"
#include "ops/tape.h"
#include "ops/window_attention.h"

namespace freehold::ops {
namespace {

// Where the gradient of a column's key goes; only without a past, so that every position is a row of the batch.
float* key_gradient(const WindowKeys& keys, int column, int64_t d, float* dkv, float* d_entries) {
  return column < keys.end() ? dkv + (keys.span.first_row + column) * d
                             : d_entries + (keys.first_entry_row + column - keys.end()) * d;
}

}  // namespace

WindowKeys window_keys(Context& context, const Tensor& kv, const WindowSpan& span, int64_t first_entry_row) {
  const WindowKvShape& shape = span.kv->shape();
  const auto d = static_cast<size_t>(shape.head_dim);
  WindowKeys keys{span,    span.end_entry(), first_entry_row, std::max(0, span.start - shape.window + 1),
                  nullptr, nullptr};
  auto* recent = context.arena.array<float>(static_cast<size_t>(span.end() - keys.first) * d);
  auto* entries = context.arena.array<float>(static_cast<size_t>(keys.entries) * d);
  keys.recent = recent;
  keys.compressed = entries;
  std::vector<std::byte> rounded(span.kv->row_bytes());
  for (int p = keys.first; p < span.end(); ++p, recent += d) {
    if (p < span.start) {
      unround_row(shape.type, span.kv->window.at(p), shape.head_dim, recent);
    } else {
      round_row(shape.type, kv.row(span.first_row + p - span.start).data(), shape.head_dim, rounded.data());
      unround_row(shape.type, rounded.data(), shape.head_dim, recent);
    }
  }
  for (int e = 0; e < keys.entries; ++e, entries += d)
    unround_row(shape.type, span.kv->entry(e), shape.head_dim, entries);
  return keys;
}

Tensor window_scores(Context& context, const Tensor& q, const Tensor& kv, const Tensor& entries, float scale,
                     const Selection& selection, const WindowKeys& keys) {
  const WindowSpan& span = keys.span;
  const int64_t heads = q.shape()[1], d = q.shape()[2], n = keys.columns();
  Tensor scores = Tensor::empty({span.rows, heads, n}, context.arena);
  std::fill_n(scores.mutable_data(), scores.shape().elements(), -INFINITY);
  const int window = span.kv->shape().window;
  std::vector<std::vector<int>> seen(static_cast<size_t>(span.rows));
  for (int r = 0; r < span.rows; ++r) {
    const int position = span.start + r;
    for (int p = std::max(0, position - window + 1); p <= position; ++p) seen[static_cast<size_t>(r)].push_back(p);
    if (selection.begins)
      for (const int32_t e : selection.of(span.first_row + r)) seen[static_cast<size_t>(r)].push_back(keys.end() + e);
  }
  const RowKernels& kernels = context.kernels.rows;
  float* to = scores.mutable_data();
  each_rows(context.pool, span.rows, heads * d * n, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r)
      for (int64_t head = 0; head < heads; ++head)
        for (const int column : seen[static_cast<size_t>(r)])
          to[(r * heads + head) * n + column] =
              kernels.dot(q.row(span.first_row + r).data() + head * d, keys.key(column, d), d) * scale;
  });
  if (context.tape)
    context.tape->record(
        scores, [q, kv, entries, scores, scale, keys, heads, d, n, seen = std::move(seen), &kernels](Tape& tape) {
          const float* ds = tape.grad(scores).data();
          float *dq = tape.grad(q).data(), *dkv = tape.grad(kv).data();
          float* d_entries = entries ? tape.grad(entries).data() : nullptr;
          for (int64_t r = 0; r < scores.rows(); ++r)
            for (int64_t head = 0; head < heads; ++head)
              for (const int column : seen[static_cast<size_t>(r)]) {
                const int64_t at = ((keys.span.first_row + r) * heads + head) * d;
                const float change = ds[(r * heads + head) * n + column] * scale;
                float* dk = key_gradient(keys, column, d, dkv, d_entries);
                kernels.add_scaled(dq + at, change, keys.key(column, d), d, dq + at);
                kernels.add_scaled(dk, change, q.data() + at, d, dk);
              }
        });
  return scores;
}

Tensor sink_shares(Context& context, const Tensor& scores, const Tensor& sinks) {
  const int64_t rows = scores.rows(), heads = scores.shape()[1], n = scores.shape()[2];
  Tensor shares = Tensor::empty(scores.shape(), context.arena);
  const RowKernels& kernels = context.kernels.rows;
  // The sink's own share; `to` gets the others.
  const auto softmax = [n, &kernels](const float* s, float sink, float* to) {
    const float most = std::fmax(kernels.maximum(s, n), sink);
    const float sum = kernels.exp_sum(s, most, n, to) + std::exp(sink - most);
    kernels.scale(to, 1.0f / sum, n, to);
    return std::exp(sink - most) / sum;
  };
  float* to = shares.mutable_data();
  each_rows(context.pool, rows, heads * n * 8, [&](int64_t first, int64_t count) {
    for (int64_t i = first * heads; i < (first + count) * heads; ++i)
      softmax(scores.data() + i * n, sinks.data()[i % heads], to + i * n);
  });
  if (context.tape)
    context.tape->record(shares, [scores, sinks, shares, softmax, rows, heads, n, &kernels](Tape& tape) {
      const float* dp = tape.grad(shares).data();
      float *ds = tape.grad(scores).data(), *d_sinks = tape.grad(sinks).data();
      std::vector<float> p(static_cast<size_t>(n));
      for (int64_t i = 0; i < rows * heads; ++i) {
        const float sink = softmax(scores.data() + i * n, sinks.data()[i % heads], p.data());
        const float mean = kernels.dot(p.data(), dp + i * n, n);
        for (int64_t j = 0; j < n; ++j) ds[i * n + j] += p[static_cast<size_t>(j)] * (dp[i * n + j] - mean);
        d_sinks[i % heads] -= sink * mean;
      }
    });
  return shares;
}

Tensor window_mix(Context& context, const Tensor& shares, const Tensor& kv, const Tensor& entries,
                  const WindowKeys& keys) {
  const int64_t rows = shares.rows(), heads = shares.shape()[1], n = shares.shape()[2], d = kv.width();
  Tensor z = Tensor::zeros({rows, heads, d}, context.arena);
  const RowKernels& kernels = context.kernels.rows;
  float* to = z.mutable_data();
  each_rows(context.pool, rows, heads * d * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first * heads; i < (first + count) * heads; ++i)
      for (int column = keys.first; column < keys.columns(); ++column)
        if (const float share = shares.data()[i * n + column]; share != 0)
          kernels.add_scaled(to + i * d, share, keys.key(column, d), d, to + i * d);
  });
  if (context.tape)
    context.tape->record(z, [shares, kv, entries, z, keys, rows, heads, n, d, &kernels](Tape& tape) {
      const float* dz = tape.grad(z).data();
      float *dp = tape.grad(shares).data(), *dkv = tape.grad(kv).data();
      float* d_entries = entries ? tape.grad(entries).data() : nullptr;
      for (int64_t i = 0; i < rows * heads; ++i)
        for (int column = keys.first; column < keys.columns(); ++column) {
          dp[i * n + column] += kernels.dot(dz + i * d, keys.key(column, d), d);
          float* dk = key_gradient(keys, column, d, dkv, d_entries);
          kernels.add_scaled(dk, shares.data()[i * n + column], dz + i * d, d, dk);
        }
    });
  return z;
}

}  // namespace freehold::ops
