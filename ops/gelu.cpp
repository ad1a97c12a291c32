// y = x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2.   Back: dx = dy (Φ(x) + x φ(x)), φ(x) = exp(-x²/2) / √(2π).
//
// erf is a quotient of polynomials (the one of Eigen and XLA; within 4e-7 of erf): plain arithmetic, so that it has the
// same bits on every machine and compilers make vectors of it.
#include <cmath>
#include <numbers>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {
namespace {

float erf_of(float x) {
  x = std::min(std::max(x, -4.0f), 4.0f);  // beyond, erf is 1 to the last bit
  const float s = x * x;
  float p = -2.72614225801306e-10f;
  for (const float c : {2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f, -7.34990630326855e-04f,
                        -2.95459980854025e-03f, -1.60960333262415e-02f})
    p = p * s + c;
  float q = -1.45660718464996e-05f;
  for (const float c : {-2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f, -1.42647390514189e-02f})
    q = q * s + c;
  return x * p / q;
}

float normal_up_to(float x) { return 0.5f + 0.5f * erf_of(x * (std::numbers::sqrt2_v<float> / 2)); }

}  // namespace

Tensor gelu(Context& context, const Tensor& x) {
  const int64_t n = x.width();
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, x.rows(), 12 * n, [&](int64_t first, int64_t count) {
    const float* from = x.data();
    for (int64_t i = first * n; i < (first + count) * n; ++i) to[i] = from[i] * normal_up_to(from[i]);
  });
  if (context.tape)
    context.tape->record(y, [x, y, n, &pool = context.pool](Tape& tape) {
      const float *dy = tape.grad(y).data(), *from = x.data();
      float* dx = tape.grad(x).data();
      each_rows(pool, x.rows(), 24 * n, [&](int64_t first, int64_t count) {
        constexpr float at_zero = std::numbers::inv_sqrtpi_v<float> * std::numbers::sqrt2_v<float> / 2;
        for (int64_t i = first * n; i < (first + count) * n; ++i)
          dx[i] += dy[i] * (normal_up_to(from[i]) + from[i] * at_zero * std::exp(-from[i] * from[i] / 2));
      });
    });
  return y;
}

}  // namespace freehold::ops
