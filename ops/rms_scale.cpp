// y = x r, r = 1 / sqrt(mean(x²) + eps), over runs of n numbers: rms_norm without learned weights.
// Back: dx = r dy - x r³/n (dy·x).
#include <cmath>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Tensor rms_scale(Context& context, const Tensor& x, int64_t n, float eps) {
  CHECK(n > 0 && x.shape().elements() % n == 0, "{} by runs of {}", x.shape().text(), n);
  const int64_t runs = x.shape().elements() / n;
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  const auto inverse = [n, eps, &kernels = context.kernels.rows](const float* run) {
    return 1.0f / std::sqrt(kernels.dot(run, run, n) / static_cast<float>(n) + eps);
  };
  each_rows(context.pool, runs, 3 * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      context.kernels.rows.scale(x.data() + i * n, inverse(x.data() + i * n), n, to + i * n);
  });
  if (context.tape)
    context.tape->record(
        y, [x, y, n, runs, inverse, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
          const float* dy = tape.grad(y).data();
          float* dx = tape.grad(x).data();
          each_rows(pool, runs, 6 * n, [&](int64_t first, int64_t count) {
            for (int64_t i = first * n; i < (first + count) * n; i += n) {
              const float r = inverse(x.data() + i), along = kernels.dot(dy + i, x.data() + i, n);
              kernels.add_scaled(dx + i, r, dy + i, n, dx + i);
              kernels.add_scaled(dx + i, -along * r * r * r / static_cast<float>(n), x.data() + i, n, dx + i);
            }
          });
        });
  return y;
}

}  // namespace freehold::ops
