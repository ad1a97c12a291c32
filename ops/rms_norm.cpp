// y = w ⊙ x r, r = 1 / sqrt(mean(x²) + eps), over runs of n numbers.
// Back: dx = r (w dy) - x r³/n Σ(w dy x),  dw = Σ over runs of dy x r.
#include <cmath>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Tensor rms_norm(Context& context, const Tensor& x, const Tensor& w, float eps) {
  const int64_t n = w.shape().elements();
  CHECK(n > 0 && x.shape().elements() % n == 0, "{} by {}", x.shape().text(), w.shape().text());
  const int64_t runs = x.shape().elements() / n;
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, runs, 2 * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      context.kernels.rows.rms_norm(x.data() + i * n, w.data(), n, eps, to + i * n);
  });
  if (context.tape)
    context.tape->record(y, [x, w, y, eps, n, runs, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      float* dw = tape.grad(w).data();
      std::vector<float> r(static_cast<size_t>(runs));
      each_rows(pool, runs, 6 * n, [&](int64_t first, int64_t count) {
        std::vector<float> scaled(static_cast<size_t>(n));  // w dy
        for (int64_t i = first; i < first + count; ++i) {
          const float* row = x.data() + i * n;
          const float inverse = 1.0f / std::sqrt(kernels.dot(row, row, n) / static_cast<float>(n) + eps);
          for (int64_t j = 0; j < n; ++j) scaled[static_cast<size_t>(j)] = w.data()[j] * dy[i * n + j];
          const float along = kernels.dot(scaled.data(), row, n);
          kernels.add_scaled(dx + i * n, inverse, scaled.data(), n, dx + i * n);
          kernels.add_scaled(dx + i * n, -along * inverse * inverse * inverse / static_cast<float>(n), row, n,
                             dx + i * n);
          r[static_cast<size_t>(i)] = inverse;
        }
      });
      for (int64_t i = 0; i < runs; ++i)
        for (int64_t j = 0; j < n; ++j) dw[j] += dy[i * n + j] * x.data()[i * n + j] * r[static_cast<size_t>(i)];
    });
  return y;
}

}  // namespace freehold::ops
