// Mean over valid rows of log Σ exp(x) - x[target], from x - max(x); sums in double.
// Back: dx = (softmax(x) - one at target) / valid rows.
#include <cmath>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

constexpr int64_t run = 1024;  // exponentials are added in float within a run, in double between runs

struct RowSum {
  float maximum;
  double sum;
};

RowSum sum_of_exponentials(const RowKernels& kernels, const float* x, int64_t n) {
  RowSum row{kernels.maximum(x, n), 0};
  for (int64_t at = 0; at < n; at += run)
    row.sum += static_cast<double>(kernels.exp_sum(x + at, row.maximum, std::min(run, n - at), nullptr));
  return row;
}

}  // namespace

Tensor cross_entropy(Context& context, const Tensor& logits, std::span<const int32_t> targets, std::span<float> nll) {
  const int64_t rows = logits.rows(), n = logits.width();
  CHECK(static_cast<int64_t>(targets.size()) == rows, "{} targets for {}", targets.size(), logits.shape().text());
  CHECK(nll.empty() || nll.size() == targets.size(), "{} losses for {} rows", nll.size(), rows);
  RowSum* sums = context.arena.array<RowSum>(static_cast<size_t>(rows));
  int64_t valid = 0;
  for (const int32_t target : targets) {
    CHECK(target < n, "target {} of {}", target, n);
    if (target >= 0) ++valid;
  }
  each_rows(context.pool, rows, 4 * n, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      if (targets[static_cast<size_t>(i)] >= 0)
        sums[i] = sum_of_exponentials(context.kernels.rows, logits.data() + i * n, n);
  });
  double total = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int32_t target = targets[static_cast<size_t>(i)];
    double loss = 0;
    if (target >= 0)
      loss = std::log(sums[i].sum) -
             (static_cast<double>(logits.row(i)[static_cast<size_t>(target)]) - static_cast<double>(sums[i].maximum));
    total += loss;
    if (!nll.empty()) nll[static_cast<size_t>(i)] = static_cast<float>(loss);
  }
  const float mean = valid ? static_cast<float>(total / static_cast<double>(valid)) : 0.0f;
  Tensor y = Tensor::of(std::span(&mean, 1), {1}, context.arena);
  if (context.tape && valid) {
    std::vector<int32_t> kept(targets.begin(), targets.end());
    context.tape->record(y, [logits, y, sums, valid, n, kept = std::move(kept), &kernels = context.kernels.rows,
                             &pool = context.pool](Tape& tape) {
      const float share = tape.grad(y)[0] / static_cast<float>(valid);
      float* dx = tape.grad(logits).data();
      each_rows(pool, logits.rows(), 6 * n, [&](int64_t first, int64_t count) {
        float terms[run];
        for (int64_t i = first; i < first + count; ++i) {
          const int32_t target = kept[static_cast<size_t>(i)];
          if (target < 0) continue;
          const auto factor = static_cast<float>(static_cast<double>(share) / sums[i].sum);
          float* to = dx + i * n;
          for (int64_t at = 0; at < n; at += run) {
            const int64_t part = std::min(run, n - at);
            kernels.exp_sum(logits.data() + i * n + at, sums[i].maximum, part, terms);
            kernels.add_scaled(to + at, factor, terms, part, to + at);
          }
          to[target] -= share;
        }
      });
    });
  }
  return y;
}

}  // namespace freehold::ops
