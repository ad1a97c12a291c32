// y = w ⊙ (x - mean) r + b, r = 1 / sqrt(mean((x - mean)²) + eps), over runs of n numbers; sums in double, ascending.
// Back, with h = (x - mean) r and g = w dy: dx = r (g - mean(g) - h mean(g h)),  dw = Σ dy h,  db = Σ dy over runs.
#include <cmath>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {
namespace {

struct Moments {
  double mean, inverse;
};

Moments moments_of(const float* x, int64_t n, float eps) {
  double mean = 0, square = 0;
  for (int64_t j = 0; j < n; ++j) mean += double{x[j]};
  mean /= static_cast<double>(n);
  for (int64_t j = 0; j < n; ++j) square += (double{x[j]} - mean) * (double{x[j]} - mean);
  return {mean, 1 / std::sqrt(square / static_cast<double>(n) + double{eps})};
}

}  // namespace

Tensor layer_norm(Context& context, const Tensor& x, const Tensor& w, const Tensor& b, float eps) {
  const int64_t n = w.shape().elements();
  CHECK(n > 0 && b.shape().elements() == n && x.shape().elements() % n == 0, "{} by {} and {}", x.shape().text(),
        w.shape().text(), b.shape().text());
  const int64_t runs = x.shape().elements() / n;
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, runs, 4 * n, [&](int64_t first, int64_t count) {
    for (int64_t at = first * n; at < (first + count) * n; at += n) {
      const Moments m = moments_of(x.data() + at, n, eps);
      for (int64_t j = 0; j < n; ++j)
        to[at + j] = static_cast<float>((double{x.data()[at + j]} - m.mean) * m.inverse * double{w.data()[j]} +
                                        double{b.data()[j]});
    }
  });
  if (context.tape)
    context.tape->record(y, [x, w, b, y, eps, n, runs](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float *dx = tape.grad(x).data(), *dw = tape.grad(w).data(), *db = tape.grad(b).data();
      for (int64_t at = 0; at < runs * n; at += n) {
        const Moments m = moments_of(x.data() + at, n, eps);
        const auto h = [&](int64_t j) { return (double{x.data()[at + j]} - m.mean) * m.inverse; };
        const auto g = [&](int64_t j) { return double{w.data()[j]} * double{dy[at + j]}; };
        double mean_g = 0, mean_gh = 0;
        for (int64_t j = 0; j < n; ++j) {
          mean_g += g(j) / static_cast<double>(n);
          mean_gh += g(j) * h(j) / static_cast<double>(n);
        }
        for (int64_t j = 0; j < n; ++j) {
          dx[at + j] += static_cast<float>(m.inverse * (g(j) - mean_g - h(j) * mean_gh));
          dw[j] += static_cast<float>(double{dy[at + j]} * h(j));
          db[j] += dy[at + j];
        }
      }
    });
  return y;
}

}  // namespace freehold::ops
