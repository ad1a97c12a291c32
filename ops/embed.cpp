// Row i of the result is the table's row ids[i], decoded: [R] -> [R, cols].
// Back, when the table is tracked: dTable[ids[i]] += dy[i], rows in order.
#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Tensor embed(Context& context, const Linear& table, std::span<const int32_t> ids) {
  const Weight& weight = table.weight;
  const auto rows = static_cast<int64_t>(ids.size());
  Tensor y = Tensor::empty({rows, weight.cols}, context.arena);
  for (const int32_t id : ids) CHECK(id >= 0 && id < weight.rows, "row {} of {}", id, weight.rows);
  each_rows(context.pool, rows, 16 * weight.cols, [&](int64_t first, int64_t count) {
    Tensor to = y;
    for (int64_t i = first; i < first + count; ++i)
      weight.decode_rows(ids[static_cast<size_t>(i)], 1, to.mutable_row(i).data());
  });
  if (context.tape && context.tape->tracks(table))
    context.tape->record(y, [linear = &table, y, copy = std::vector<int32_t>(ids.begin(), ids.end())](Tape& tape) {
      const int64_t cols = linear->weight.cols;
      const float* dy = tape.grad(y).data();
      float* dw = tape.weight_grad(*linear).data();
      for (size_t i = 0; i < copy.size(); ++i)
        for (int64_t k = 0; k < cols; ++k) dw[copy[i] * cols + k] += dy[static_cast<int64_t>(i) * cols + k];
    });
  return y;
}

}  // namespace freehold::ops
