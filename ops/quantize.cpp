#include "ops/quantize.h"

#include "base/check.h"
#include "ops/row_chunks.h"

namespace freehold::ops {

QuantRows* room_for_quant(Context& context, const Tensor& x) {
  const int64_t width = x.width(), rows = x.rows();
  CHECK(width % 32 == 0, "{} in blocks of 32", x.shape().text());
  const auto values = static_cast<size_t>(rows * width), blocks = values / 32;
  Arena& arena = context.arena;
  return arena.make<QuantRows>(QuantRows{width, x.offset(), rows, arena.array<int8_t>(values),
                                         arena.array<float>(blocks), arena.array<float>(blocks),
                                         arena.array<int32_t>(blocks), arena.array<int32_t>(2 * blocks)});
}

void attach_quant(const Tensor& x, QuantRows* rows) { x.storage()->quant = rows; }

QuantView quantized(Context& context, const Tensor& x) {
  const int64_t width = x.width();
  if (const QuantRows* q = x.storage()->quant) {
    const int64_t before = x.offset() - q->offset;
    if (q->width == width && before >= 0 && before % width == 0 && before / width + x.rows() <= q->rows)
      return {q, before / width};
  }
  QuantRows* made = room_for_quant(context, x);
  each_rows(context.pool, x.rows(), width, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) context.kernels.linear.quantize_row(x.data() + i * width, *made, i);
  });
  attach_quant(x, made);
  return {made, 0};
}

}  // namespace freehold::ops
