// y = q(x) Wᵀ + q(x - q(x)) Wᵀ, with q rounding to 8 bits (tensor/quant_rows.h): two rows of activations for each row
// of x, multiplied while the weights pass by once. The rest x - q(x) is at most half a step of q, so its own rounding
// leaves an error 254 times smaller. Bits of a row depend on the row alone. Without integer kernels it is linear().
#include <algorithm>

#include "ops/linear.h"
#include "ops/ops.h"
#include "ops/quantize.h"
#include "ops/row_chunks.h"
#include "ops/weight_rows.h"

namespace freehold::ops {
namespace {

constexpr int64_t block_rows = 64;  // rows at a time: the products are as wide as a vocabulary

// Rows 0..n-1: x; rows n..2n-1: what rounding leaves of them.
Tensor with_rest(Context& context, const Tensor& x, int block) {
  const int64_t n = x.rows(), width = x.width();
  const QuantView q = quantized(context, x, block);
  Tensor both = Tensor::empty({2 * n, width}, context.arena);
  for (int64_t r = 0; r < n; ++r) {
    const int8_t* values = q.rows->values + (q.first + r) * width;
    const float* scales = q.rows->scales + (q.first + r) * (width / block);
    const std::span<const float> from = x.row(r);
    std::copy(from.begin(), from.end(), both.mutable_row(r).begin());
    const std::span<float> rest = both.mutable_row(n + r);
    for (int64_t i = 0; i < width; ++i) {
      const auto at = static_cast<size_t>(i);
      rest[at] = from[at] - scales[i / block] * static_cast<float>(values[i]);
    }
  }
  return both;
}

}  // namespace

Tensor linear_fine(Context& context, const Linear& weight, const Tensor& x) {
  if (context.arithmetic != Arithmetic::int8 || !has_int8(weight.weight)) return linear(context, weight, x);
  const int64_t out = weight.weight.rows;
  Tensor y = Tensor::empty({x.rows(), out}, context.arena);
  for (int64_t first = 0; first < x.rows(); first += block_rows) {
    const int64_t n = std::min(block_rows, x.rows() - first);
    const WeightPart part{&weight.weight, {}};
    Tensor products;  // [2n, out]
    multiply_weights(context, std::span(&part, 1), with_rest(context, x.rows(first, n), quant_block(weight.weight)), std::span(&products, 1));
    each_rows(context.pool, n, 3 * out, [&](int64_t row, int64_t count) {
      for (int64_t r = row; r < row + count; ++r) {
        const float *a = products.row(r).data(), *b = products.row(n + r).data();
        float* to = y.mutable_data() + (first + r) * out;
        for (int64_t i = 0; i < out; ++i) to[i] = a[i] + b[i];
      }
    });
  }
  record_linear(context, {&weight, {}}, x, y);
  return y;
}

}  // namespace freehold::ops
