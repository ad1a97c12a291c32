// Edits of rows along a direction r: y = x + (b - a (x·r)) r with
//   project_out: a = factor, b = 0      clamp_along: a = 1, b = value
// Back: dx = dy - a (dy·r) r,  dr = Σ over rows of (b - a (x·r)) dy - a (dy·r) x.
// add_row: y = x + factor v;  dv = factor Σ dy.
#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

Tensor along(Context& context, const Tensor& x, const Tensor& r, float a, float b) {
  const int64_t n = x.width();
  CHECK(r.shape().elements() == n, "{} along {}", x.shape().text(), r.shape().text());
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, x.rows(), 4 * n, [&](int64_t first, int64_t count) {
    const RowKernels& kernels = context.kernels.rows;
    for (int64_t i = first * n; i < (first + count) * n; i += n)
      kernels.add_scaled(x.data() + i, b - a * kernels.dot(x.data() + i, r.data(), n), r.data(), n, to + i);
  });
  if (context.tape)
    context.tape->record(y, [x, r, y, a, b, n, &kernels = context.kernels.rows](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      float* dr = tape.grad(r).data();
      for (int64_t i = 0; i < x.rows() * n; i += n) {
        const float onto = a * kernels.dot(dy + i, r.data(), n);
        kernels.add(dx + i, dy + i, n, dx + i);
        kernels.add_scaled(dx + i, -onto, r.data(), n, dx + i);
        kernels.add_scaled(dr, b - a * kernels.dot(x.data() + i, r.data(), n), dy + i, n, dr);
        kernels.add_scaled(dr, -onto, x.data() + i, n, dr);
      }
    });
  return y;
}

}  // namespace

Tensor project_out(Context& context, const Tensor& x, const Tensor& r, float factor) {
  return along(context, x, r, factor, 0);
}

Tensor clamp_along(Context& context, const Tensor& x, const Tensor& r, float value) {
  return along(context, x, r, 1, value);
}

Tensor add_row(Context& context, const Tensor& x, const Tensor& vector, float factor) {
  const int64_t n = x.width();
  CHECK(vector.shape().elements() == n, "{} and {}", x.shape().text(), vector.shape().text());
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, x.rows(), 2 * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first * n; i < (first + count) * n; i += n)
      context.kernels.rows.add_scaled(x.data() + i, factor, vector.data(), n, to + i);
  });
  if (context.tape)
    context.tape->record(y, [x, vector, y, factor, n, &kernels = context.kernels.rows](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      float* d_vector = tape.grad(vector).data();
      for (int64_t i = 0; i < x.rows() * n; i += n) {
        kernels.add(dx + i, dy + i, n, dx + i);
        kernels.add_scaled(d_vector, factor, dy + i, n, d_vector);
      }
    });
  return y;
}

}  // namespace freehold::ops
