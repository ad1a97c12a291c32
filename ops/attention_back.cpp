// For query row i of a head, p = softmax(q·k scale) over the rows it sees:
//   dv_r += p_r dz     dp_r = dz·v_r     ds_r = p_r (dp_r - Σ p dp) scale     dq += ds_r k_r     dk_r += ds_r q
// Tiles of 64 queries by 64 keys go through the forward kernels: s and dp are scores (queries against keys, dz against
// values), dq is a mix of keys by ds, dv and dk are mixes of dz and q by the transposed patterns. One chunk is a (span,
// query head); what the heads of a group give to their shared keys is added in their order. With a selection p is 0 for
// what a row does not read, and with it everything that p is a factor of.
#include "ops/attention_back.h"

#include <vector>

#include "ops/attention_parts.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

constexpr int tile = kv_page_positions;
using Numbers = std::vector<float>;

// Row r of `count` rows, each `stride` numbers after the last, as [count, dim].
Numbers gathered(const float* from, int count, int64_t stride, int dim) {
  Numbers to(static_cast<size_t>(count) * static_cast<size_t>(dim));
  for (int r = 0; r < count; ++r) std::copy_n(from + r * stride, dim, to.data() + static_cast<int64_t>(r) * dim);
  return to;
}

// [count, dim] as pages of keys (4 groups of [dim][16 rows]), missing rows zero.
Numbers as_keys(const Numbers& rows, int count, int dim) {
  const int pages = (count + tile - 1) / tile;
  Numbers to(static_cast<size_t>(pages) * tile * static_cast<size_t>(dim));
  for (int r = 0; r < count; ++r)
    for (int d = 0; d < dim; ++d)
      to[static_cast<size_t>((r / 16 * dim + d) * 16 + r % 16)] = rows[static_cast<size_t>(r * dim + d)];
  return to;
}

struct Sizes {
  int64_t heads, kv_heads;
  int d, value_dim;
};

class HeadBack {
 public:
  HeadBack(const Kernels& kernels, const Sizes& sizes, const AttentionSpan& span, float scale, const float* q,
           const float* k, const float* v, const float* dz, const Selection& selection)
      : kernels_(kernels),
        selection_(selection),
        span_(span),
        n_(span.rows),
        d_(sizes.d),
        dv_(sizes.value_dim),
        scale_(scale),
        q_(gathered(q, n_, sizes.heads * d_, d_)),
        k_(gathered(k, n_, sizes.kv_heads * d_, d_)),
        v_(gathered(v, n_, sizes.kv_heads * dv_, dv_)),
        dz_(gathered(dz, n_, sizes.heads * dv_, dv_)),
        key_pages_(as_keys(k_, n_, d_)),
        value_pages_(as_keys(v_, n_, dv_)) {}

  // dq: [rows, d]; dk, dv: [rows, d], [rows, value_dim]; all added to.
  void run(float* dq, float* dk, float* dv) {
    const int width = (n_ + tile - 1) / tile * tile;
    p_.resize(static_cast<size_t>(tile * width));
    ds_.resize(static_cast<size_t>(tile * width));
    for (int first = 0; first < n_; first += tile) {
      const int rows = std::min(tile, n_ - first);
      patterns(first, rows, width);
      for (int at = 0; at < seen(first + rows - 1); at += tile) {
        const int keys = std::min(tile, n_ - at);
        mix(k_.data() + at * d_, d_, rows, keys, ds_.data() + at, width, dq + first * d_);
        mix(q_.data() + first * d_, d_, keys, rows, transposed(ds_, at, rows, width), tile, dk + at * d_);
        mix(dz_.data() + first * dv_, dv_, keys, rows, transposed(p_, at, rows, width), tile, dv + at * dv_);
      }
    }
  }

 private:
  int seen(int row) const { return span_.last_seen(row) + 1; }  // rows; the span starts at 0

  // p and ds of rows first..first+rows, [rows, width]; zero where a row does not see a key of its last tile.
  void patterns(int first, int rows, int width) {
    const RowKernels& row_kernels = kernels_.rows;
    for (int at = 0; at < seen(first + rows - 1); at += tile) {
      score(key_pages_.data() + at * d_, d_, q_.data() + first * d_, rows, p_.data() + at, width);
      score(value_pages_.data() + at * dv_, dv_, dz_.data() + first * dv_, rows, ds_.data() + at, width);
    }
    const int end = (seen(first + rows - 1) + tile - 1) / tile * tile;
    for (int r = 0; r < rows; ++r) {
      float *p = p_.data() + r * width, *ds = ds_.data() + r * width;
      const int64_t count = seen(first + r);
      row_kernels.scale(p, scale_, count, p);
      if (selection_.begins) hide_others(selection_.of(span_.first_row + first + r), count, -__builtin_inff(), p);
      const float sum = row_kernels.exp_sum(p, row_kernels.maximum(p, count), count, p);
      row_kernels.scale(p, 1.0f / sum, count, p);
      const float mean = row_kernels.dot(p, ds, count);
      for (int64_t j = 0; j < count; ++j) ds[j] = scale_ * p[j] * (ds[j] - mean);
      std::fill(p + count, p + end, 0.0f);
      std::fill(ds + count, ds + end, 0.0f);
    }
  }

  void score(const float* page, int dim, const float* queries, int rows, float* to, int width) {
    float scores[tile * tile];
    kernels_.attention.score_page[0]({page, page, dim, dim, page, page}, rows, queries, scores);
    for (int r = 0; r < rows; ++r) std::copy_n(scores + r * tile, tile, to + r * width);
  }

  void mix(const float* values, int dim, int columns, int count, const float* pattern, int stride, float* to) const {
    kernels_.attention.mix_page[0]({values, values, dim, dim, values, values}, columns, count, pattern, stride, to);
  }

  const float* transposed(const Numbers& pattern, int at, int rows, int width) {
    for (int r = 0; r < rows; ++r)
      for (int j = 0; j < tile; ++j) turned_[j * tile + r] = pattern[static_cast<size_t>(r * width + at + j)];
    return turned_;
  }

  const Kernels& kernels_;
  const Selection selection_;
  const AttentionSpan span_;
  const int n_, d_, dv_;
  const float scale_;
  const Numbers q_, k_, v_, dz_, key_pages_, value_pages_;
  Numbers p_, ds_;
  float turned_[tile * tile];
};

}  // namespace

void attention_back(const Kernels& kernels, Pool& pool, Tape& tape, const Tensor& q, const Tensor& k, const Tensor& v,
                    const Tensor& z, float scale, std::span<const AttentionSpan> spans, const Selection& selection) {
  const Sizes sizes{q.shape()[1], k.shape()[1], static_cast<int>(q.shape()[2]), static_cast<int>(v.shape()[2])};
  const int64_t group = sizes.heads / sizes.kv_heads, d = sizes.d, value_dim = sizes.value_dim;
  const float* dz = tape.grad(z).data();
  float* dq = tape.grad(q).data();
  float* dk = tape.grad(k).data();
  float* dv = tape.grad(v).data();
  // What each query head gives to its keys and values: [heads, rows, d], [heads, rows, value_dim].
  Numbers dk_parts(static_cast<size_t>(sizes.heads * q.rows() * d));
  Numbers dv_parts(static_cast<size_t>(sizes.heads * q.rows() * value_dim));

  pool.run(static_cast<int>(static_cast<int64_t>(spans.size()) * sizes.heads), [&](int chunk, int) {
    const AttentionSpan& span = spans[static_cast<size_t>(chunk / sizes.heads)];
    const int64_t head = chunk % sizes.heads, first = span.first_row;
    HeadBack back(kernels, sizes, span, scale, q.data() + (first * sizes.heads + head) * d,
                  k.data() + (first * sizes.kv_heads + head / group) * d,
                  v.data() + (first * sizes.kv_heads + head / group) * value_dim,
                  dz + (first * sizes.heads + head) * value_dim, selection);
    Numbers own(static_cast<size_t>(span.rows * d));
    back.run(own.data(), dk_parts.data() + (head * q.rows() + first) * d,
             dv_parts.data() + (head * q.rows() + first) * value_dim);
    for (int64_t r = 0; r < span.rows; ++r) {
      float* to = dq + ((first + r) * sizes.heads + head) * d;
      kernels.rows.add(to, own.data() + r * d, d, to);
    }
  });
  each_rows(pool, q.rows(), sizes.heads * (d + value_dim) * 2, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r)
      for (int64_t head = 0; head < sizes.heads; ++head) {
        float* key = dk + (r * sizes.kv_heads + head / group) * d;
        float* value = dv + (r * sizes.kv_heads + head / group) * value_dim;
        kernels.rows.add(key, dk_parts.data() + (head * q.rows() + r) * d, d, key);
        kernels.rows.add(value, dv_parts.data() + (head * q.rows() + r) * value_dim, value_dim, value);
      }
  });
}

}  // namespace freehold::ops
