#include "ops/quantize.h"

#include "base/check.h"
#include "ops/row_chunks.h"

namespace freehold::ops {

QuantRows* room_for_quant(Context& context, const Tensor& x, int block) {
  const int64_t width = x.width(), rows = x.rows();
  CHECK((block == 32 || block == 256) && width % block == 0, "{} in blocks of {}", x.shape().text(), block);
  const auto values = static_cast<size_t>(rows * width), blocks = values / static_cast<size_t>(block);
  Arena& arena = context.arena;
  const bool small = block == 32;
  return arena.make<QuantRows>(QuantRows{block, width, x.offset(), rows, arena.array<int8_t>(values),
                                         arena.array<float>(blocks), small ? arena.array<float>(blocks) : nullptr,
                                         arena.array<int32_t>(blocks * (small ? 1 : 16)),
                                         small ? nullptr : arena.array<int16_t>(blocks * 8), nullptr});
}

void attach_quant(const Tensor& x, QuantRows* rows) {
  rows->next = x.storage()->quant;
  x.storage()->quant = rows;
}

QuantView quantized(Context& context, const Tensor& x, int block) {
  const int64_t width = x.width();
  for (const QuantRows* q = x.storage()->quant; q; q = q->next) {
    const int64_t before = x.offset() - q->offset;
    if (q->block == block && q->width == width && before >= 0 && before % width == 0 &&
        before / width + x.rows() <= q->rows)
      return {q, before / width};
  }
  QuantRows* made = room_for_quant(context, x, block);
  each_rows(context.pool, x.rows(), width, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) context.kernels.linear.quantize_row(x.data() + i * width, *made, i);
  });
  attach_quant(x, made);
  return {made, 0};
}

}  // namespace freehold::ops
