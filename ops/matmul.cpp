// y = x wᵀ with a trainable w: x [R, in], w [out, in], y [R, out]; one fma chain per output over ascending inputs.
// Back: dx += dy w, dw += dyᵀ x.
#include "ops/linear.h"
#include "ops/linear_back.h"
#include "ops/ops.h"
#include "ops/tape.h"

namespace freehold::ops {
Tensor matmul(Context& context, const Tensor& x, const Tensor& w) {
  const Weight weight = as_weight(w);
  const WeightPart part{&weight, {}};
  Tensor y;
  multiply_weights(context, std::span(&part, 1), x, std::span(&y, 1));
  if (context.tape)
    context.tape->record(y, [x, w, y, &kernels = context.kernels.linear, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      add_input_gradient(kernels, pool, as_weight(w), dy, x.rows(), tape.grad(x).data());
      add_weight_gradient(kernels, pool, dy, x.data(), x.rows(), w.rows(), w.width(), tape.grad(w).data());
    });
  return y;
}

}  // namespace freehold::ops
