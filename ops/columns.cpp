// part, join, spread_heads: copies of runs of numbers within rows; gradients follow the copies.
#include <cstring>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

Shape with_last(const Shape& s, int64_t last) {
  CHECK(s.rank() == 2 || s.rank() == 3, "{}", s.text());
  return s.rank() == 2 ? Shape{s[0], last} : Shape{s[0], s[1], last};
}

int64_t last_of(const Shape& s) { return s[s.rank() - 1]; }

// `count` numbers of each of `runs` runs, from runs of `from_stride` to runs of `to_stride`.
void copy_runs(Pool& pool, const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t runs,
               int64_t count) {
  each_rows(pool, runs, 2 * count, [&](int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; ++i)
      std::memcpy(to + i * to_stride, from + i * from_stride, static_cast<size_t>(count) * sizeof(float));
  });
}

void add_runs(Pool& pool, const RowKernels& kernels, const float* from, int64_t from_stride, float* to,
              int64_t to_stride, int64_t runs, int64_t count) {
  each_rows(pool, runs, 3 * count, [&](int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; ++i)
      kernels.add(to + i * to_stride, from + i * from_stride, count, to + i * to_stride);
  });
}

}  // namespace

Tensor part(Context& context, const Tensor& x, int64_t first, int64_t count) {
  const int64_t n = last_of(x.shape());
  CHECK(first >= 0 && count > 0 && first + count <= n, "{}+{} of {}", first, count, x.shape().text());
  Tensor y = Tensor::empty(with_last(x.shape(), count), context.arena);
  const int64_t runs = y.shape().elements() / count;
  copy_runs(context.pool, x.data() + first, n, y.mutable_data(), count, runs, count);
  if (context.tape)
    context.tape->record(
        y, [x, y, first, count, n, runs, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
          add_runs(pool, kernels, tape.grad(y).data(), count, tape.grad(x).data() + first, n, runs, count);
        });
  return y;
}

Tensor join(Context& context, const Tensor& a, const Tensor& b) {
  const int64_t left = last_of(a.shape()), right = last_of(b.shape());
  CHECK(with_last(a.shape(), right) == b.shape(), "{} beside {}", a.shape().text(), b.shape().text());
  Tensor y = Tensor::empty(with_last(a.shape(), left + right), context.arena);
  const int64_t runs = y.shape().elements() / (left + right);
  copy_runs(context.pool, a.data(), left, y.mutable_data(), left + right, runs, left);
  copy_runs(context.pool, b.data(), right, y.mutable_data() + left, left + right, runs, right);
  if (context.tape)
    context.tape->record(
        y, [a, b, y, left, right, runs, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
          const float* dy = tape.grad(y).data();
          add_runs(pool, kernels, dy, left + right, tape.grad(a).data(), left, runs, left);
          add_runs(pool, kernels, dy + left, left + right, tape.grad(b).data(), right, runs, right);
        });
  return y;
}

Tensor spread_heads(Context& context, const Tensor& x, int64_t heads) {
  CHECK(x.shape().rank() == 3 && x.shape()[1] == 1 && heads > 0, "{} to {} heads", x.shape().text(), heads);
  const int64_t rows = x.rows(), n = x.width();
  Tensor y = Tensor::empty({rows, heads, n}, context.arena);
  for (int64_t h = 0; h < heads; ++h)
    copy_runs(context.pool, x.data(), n, y.mutable_data() + h * n, heads * n, rows, n);
  if (context.tape)
    context.tape->record(y, [x, y, heads, rows, n, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      for (int64_t h = 0; h < heads; ++h)
        add_runs(pool, kernels, tape.grad(y).data() + h * n, heads * n, tape.grad(x).data(), n, rows, n);
    });
  return y;
}

}  // namespace freehold::ops
