// add: y = a + b, both get dy.   scale: y = factor x, dx = factor dy.   clamp: y = x within bounds, dx = dy there.
#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

// to = from + factor * other, over all numbers of a tensor.
void accumulate(Pool& pool, const RowKernels& kernels, std::span<float> to, float factor, const float* other) {
  each_rows(pool, static_cast<int64_t>(to.size()), 2, [&](int64_t first, int64_t count) {
    kernels.add_scaled(to.data() + first, factor, other + first, count, to.data() + first);
  });
}

}  // namespace

Tensor add(Context& context, const Tensor& a, const Tensor& b) {
  CHECK(a.shape() == b.shape(), "{} and {}", a.shape().text(), b.shape().text());
  Tensor y = Tensor::empty(a.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, a.shape().elements(), 2, [&](int64_t first, int64_t count) {
    context.kernels.rows.add(a.data() + first, b.data() + first, count, to + first);
  });
  if (context.tape)
    context.tape->record(y, [a, b, y, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      accumulate(pool, kernels, tape.grad(a), 1, dy);
      accumulate(pool, kernels, tape.grad(b), 1, dy);
    });
  return y;
}

Tensor scale(Context& context, const Tensor& x, float factor) {
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, x.shape().elements(), 2, [&](int64_t first, int64_t count) {
    context.kernels.rows.scale(x.data() + first, factor, count, to + first);
  });
  if (context.tape)
    context.tape->record(y, [x, y, factor, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      accumulate(pool, kernels, tape.grad(x), factor, tape.grad(y).data());
    });
  return y;
}

Tensor clamp(Context& context, const Tensor& x, float least, float most) {
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, x.shape().elements(), 2, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {  // a NaN stays one
      const float above = x.data()[i] < least ? least : x.data()[i];
      to[i] = above > most ? most : above;
    }
  });
  if (context.tape)
    context.tape->record(y, [x, y, least, most, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      const std::span<float> dx = tape.grad(x);
      each_rows(pool, static_cast<int64_t>(dx.size()), 2, [&](int64_t first, int64_t count) {
        for (int64_t i = first; i < first + count; ++i)
          if (x.data()[i] >= least && x.data()[i] <= most) dx[static_cast<size_t>(i)] += dy[i];
      });
    });
  return y;
}

}  // namespace freehold::ops
