// pick_rows, replace_rows and join_rows: whole rows copied; gradients follow the copies.
#include <cstring>

#include "ops/ops.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

Shape with_rows(const Shape& s, int64_t count) {
  switch (s.rank()) {
    case 1:
      return {count};
    case 2:
      return {count, s[1]};
    case 3:
      return {count, s[1], s[2]};
    default:
      return {count, s[1], s[2], s[3]};
  }
}

void copy_row(float* to, const float* from, int64_t n) {
  std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
}

}  // namespace

Tensor pick_rows(Context& context, const Tensor& x, std::span<const int32_t> rows) {
  const int64_t n = x.width();
  Tensor y = Tensor::empty(with_rows(x.shape(), static_cast<int64_t>(rows.size())), context.arena);
  for (size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i] >= 0 && rows[i] < x.rows(), "row {} of {}", rows[i], x.shape().text());
    copy_row(y.mutable_row(static_cast<int64_t>(i)).data(), x.row(rows[i]).data(), n);
  }
  if (context.tape) {
    std::vector<int32_t> picked(rows.begin(), rows.end());
    context.tape->record(y, [x, y, n, picked = std::move(picked), &kernels = context.kernels.rows](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      for (size_t i = 0; i < picked.size(); ++i)
        kernels.add(dx + picked[i] * n, dy + static_cast<int64_t>(i) * n, n, dx + picked[i] * n);
    });
  }
  return y;
}

Tensor replace_rows(Context& context, const Tensor& x, std::span<const int32_t> rows, const Tensor& values) {
  const int64_t n = x.width();
  CHECK(values.width() == n && values.rows() == static_cast<int64_t>(rows.size()), "{} rows of {} by {}", rows.size(),
        x.shape().text(), values.shape().text());
  Tensor y = Tensor::empty(x.shape(), context.arena);
  std::vector<int32_t> source(static_cast<size_t>(x.rows()), -1);  // which row of values; -1: of x
  for (size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i] >= 0 && rows[i] < x.rows(), "row {} of {}", rows[i], x.shape().text());
    int32_t& taken = source[static_cast<size_t>(rows[i])];
    CHECK(taken < 0, "row {} twice", rows[i]);
    taken = static_cast<int32_t>(i);
  }
  for (int64_t i = 0; i < x.rows(); ++i) {
    const int32_t from = source[static_cast<size_t>(i)];
    copy_row(y.mutable_row(i).data(), from < 0 ? x.row(i).data() : values.row(from).data(), n);
  }
  if (context.tape)
    context.tape->record(y, [x, values, y, n, source = std::move(source), &kernels = context.kernels.rows](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      float* d_values = tape.grad(values).data();
      for (int64_t i = 0; i < y.rows(); ++i) {
        const int32_t from = source[static_cast<size_t>(i)];
        float* to = from < 0 ? dx + i * n : d_values + from * n;
        kernels.add(to, dy + i * n, n, to);
      }
    });
  return y;
}

Tensor join_rows(Context& context, std::span<const Tensor> parts) {
  CHECK(!parts.empty(), "nothing to join");
  const int64_t n = parts[0].width();
  int64_t count = 0;
  for (const Tensor& part : parts) {
    CHECK(part.width() == n, "{} beside {}", part.shape().text(), parts[0].shape().text());
    count += part.rows();
  }
  Tensor y = Tensor::empty(with_rows(parts[0].shape(), count), context.arena);
  float* to = y.mutable_data();
  for (const Tensor& part : parts) {
    copy_row(to, part.data(), part.rows() * n);
    to += part.rows() * n;
  }
  if (context.tape)
    context.tape->record(
        y, [y, from = std::vector<Tensor>(parts.begin(), parts.end()), &kernels = context.kernels.rows](Tape& tape) {
          const float* dy = tape.grad(y).data();
          for (const Tensor& part : from) {
            const std::span<float> d = tape.grad(part);
            kernels.add(d.data(), dy, static_cast<int64_t>(d.size()), d.data());
            dy += d.size();
          }
        });
  return y;
}

}  // namespace freehold::ops
