// y = silu(gate) ⊙ up, silu(a) = a / (1 + exp(-a)).
// Back, s = 1 / (1 + exp(-gate)): d_gate = dy up s (1 + gate (1 - s)),  d_up = dy gate s.
#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Tensor silu_mul(Context& context, const Tensor& gate, const Tensor& up) {
  CHECK(gate.shape() == up.shape(), "{} and {}", gate.shape().text(), up.shape().text());
  const int64_t n = gate.width();
  Tensor y = Tensor::empty(gate.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, gate.rows(), 8 * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      context.kernels.rows.silu_mul(gate.data() + i * n, up.data() + i * n, n, to + i * n);
  });
  if (context.tape)
    context.tape->record(y, [gate, up, y, n, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* d_gate = tape.grad(gate).data();
      float* d_up = tape.grad(up).data();
      each_rows(pool, gate.rows(), 12 * n, [&](int64_t first, int64_t count) {
        for (int64_t i = first * n; i < (first + count) * n; i += n)
          kernels.silu_mul_back(gate.data() + i, up.data() + i, dy + i, n, d_gate + i, d_up + i);
      });
    });
  return y;
}

}  // namespace freehold::ops
