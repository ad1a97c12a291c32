// For a row and head with keys k_i (window rows, then entries) and the sink's logit s:
//   p_i = exp(q·k_i scale) / (Σ exp(q·k_j scale) + exp s),  dp_i = dz·k_i,  mean = Σ p_i dp_i
//   ds_i = p_i (dp_i - mean) scale,  dq += ds_i k_i,  dk_i += ds_i q + p_i dz,  dsink -= p_sink mean
// One chunk is a head; what heads give to the shared keys is added in their order.
#include "ops/window_attention_back.h"

#include <cmath>
#include <vector>

#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {
namespace {

class WindowBack {
 public:
  WindowBack(const Tensor& q, const Tensor& kv, const Tensor& entries, const Tensor& sinks, const Tensor& z,
             float scale, const Selection& selection, std::span<const WindowSpan> spans)
      : q_(q), kv_(kv), entries_(entries), sinks_(sinks), z_(z), scale_(scale) {
    int64_t first_entry = 0;
    begins_.push_back(0);
    for (const WindowSpan& span : spans) {
      const int window = span.kv->shape().window;
      for (int i = 0; i < span.rows; ++i) {
        for (int p = std::max(0, i - window + 1); p <= i; ++p) keys_.push_back(span.first_row + p);
        if (selection.begins)
          for (const int32_t e : selection.of(span.first_row + i)) keys_.push_back(kv.rows() + first_entry + e);
        begins_.push_back(keys_.size());
      }
      first_entry += span.end_entry();
    }
  }

  void run(Tape& tape, const Kernels& kernels, Pool& pool) const {
    const int64_t heads = q_.shape()[1], d = q_.shape()[2], rows = q_.rows();
    const int64_t entries = entries_ ? entries_.rows() : 0, all = rows + entries;
    const float* dz = tape.grad(z_).data();
    float *dq = tape.grad(q_).data(), *dkv = tape.grad(kv_).data(), *d_sinks = tape.grad(sinks_).data();
    float* d_entries = entries_ ? tape.grad(entries_).data() : nullptr;
    std::vector<float> parts(static_cast<size_t>(heads * all * d));  // what each head gives to each key
    pool.run(static_cast<int>(heads), [&](int head, int) {
      Numbers p, dp;
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t at = (r * heads + head) * d;
        one_row(kernels.rows, r, q_.data() + at, dz + at, sinks_.data()[head], dq + at, parts.data() + head * all * d,
                d_sinks + head, p, dp);
      }
    });
    each_rows(pool, all, 2 * heads * d, [&](int64_t first, int64_t count) {
      for (int64_t key = first; key < first + count; ++key) {
        float* to = key < rows ? dkv + key * d : d_entries + (key - rows) * d;
        for (int64_t head = 0; head < heads; ++head) kernels.rows.add(to, parts.data() + (head * all + key) * d, d, to);
      }
    });
  }

 private:
  using Numbers = std::vector<float>;

  const float* key(int64_t i) const { return i < kv_.rows() ? kv_.row(i).data() : entries_.row(i - kv_.rows()).data(); }

  void one_row(const RowKernels& kernels, int64_t row, const float* q, const float* dz, float sink, float* dq,
               float* parts, float* d_sink, Numbers& p, Numbers& dp) const {
    const int64_t d = q_.shape()[2];
    const size_t first = begins_[static_cast<size_t>(row)], count = begins_[static_cast<size_t>(row) + 1] - first;
    p.resize(count);
    dp.resize(count);
    for (size_t i = 0; i < count; ++i) {
      p[i] = kernels.dot(q, key(keys_[first + i]), d) * scale_;
      dp[i] = kernels.dot(dz, key(keys_[first + i]), d);
    }
    const auto n = static_cast<int64_t>(count);
    const float most = std::fmax(kernels.maximum(p.data(), n), sink);
    const float sum = kernels.exp_sum(p.data(), most, n, p.data()) + std::exp(sink - most);
    kernels.scale(p.data(), 1.0f / sum, n, p.data());
    const float mean = kernels.dot(p.data(), dp.data(), n);
    for (size_t i = 0; i < count; ++i) {
      const float ds = p[i] * (dp[i] - mean) * scale_;
      float* part = parts + keys_[first + i] * d;
      kernels.add_scaled(dq, ds, key(keys_[first + i]), d, dq);
      kernels.add_scaled(part, ds, q, d, part);
      kernels.add_scaled(part, p[i], dz, d, part);
    }
    *d_sink -= std::exp(sink - most) / sum * mean;
  }

  const Tensor q_, kv_, entries_, sinks_, z_;
  const float scale_;
  std::vector<int64_t> keys_;  // of all rows: row of kv, or rows of kv plus the entry
  std::vector<size_t> begins_;
};

}  // namespace

void record_window_attention(Context& context, const Tensor& q, const Tensor& kv, const Tensor& entries,
                             const Tensor& sinks, const Tensor& z, float scale, const Selection& selection,
                             std::span<const WindowSpan> spans) {
  context.tape->record(
      z, [back = WindowBack(q, kv, entries, sinks, z, scale, selection, spans), &kernels = context.kernels,
          &pool = context.pool](Tape& tape) { back.run(tape, kernels, pool); });
}

}  // namespace freehold::ops
