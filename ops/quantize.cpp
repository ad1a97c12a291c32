#include "ops/quantize.h"

#include <cstring>

#include "base/check.h"
#include "ops/row_chunks.h"

namespace freehold::ops {

QuantRows* room_for_quant(Arena& arena, int64_t rows, int64_t width, int block) {
  CHECK(block == 32 || block == 256, "blocks of {}", block);
  CHECK(width % block == 0, "{} in blocks of {}", width, block);
  const auto values = static_cast<size_t>(rows * width);
  auto* const made = arena.make<QuantRows>();
  made->block = block, made->width = width, made->rows = rows;
  made->values = arena.array<int8_t>(values);
  made->scales = arena.array<float>(values / static_cast<size_t>(block));
  if (block == 32) {
    made->scaled_sums = arena.array<float>(values / 32);
    made->minus_sums = arena.array<int32_t>(values / 32);
  } else {
    made->sums = arena.array<int16_t>(values / 32);
    made->starts = arena.array<int32_t>(values / 32);
    made->run_starts = arena.array<int32_t>(values / 16);
  }
  return made;
}

QuantView quantized(Context& context, const Tensor& x, int block) {
  const int64_t width = x.width();
  const QuantRows*& kept = x.storage()->quant[block == 256];
  if (const QuantRows* q = kept) {
    const int64_t before = x.offset() - q->offset;
    if (q->width == width && before >= 0 && before % width == 0 && before / width + x.rows() <= q->rows)
      return {q, before / width};
  }
  QuantRows* made = room_for_quant(context.arena, x.rows(), width, block);
  made->offset = x.offset();
  const LinearKernels& kernels = context.kernels.linear;
  const auto round = block == 32 ? kernels.quantize_row : kernels.quantize_super_row;
  each_rows(context.pool, x.rows(), width, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) round(x.data() + i * width, *made, i);
  });
  kept = made;
  return {made, 0};
}

void copy_quant_row(const QuantRows& from, int64_t from_row, const QuantRows& to, int64_t row) {
  const auto copy = [&](auto* target, const auto* source, int64_t n) {
    std::memcpy(target + row * n, source + from_row * n, static_cast<size_t>(n) * sizeof(*target));
  };
  const int64_t width = from.width;
  copy(to.values, from.values, width);
  copy(to.scales, from.scales, width / from.block);
  if (from.block == 32) {
    copy(to.scaled_sums, from.scaled_sums, width / 32);
    copy(to.minus_sums, from.minus_sums, width / 32);
  } else {
    copy(to.sums, from.sums, width / 32);
    copy(to.starts, from.starts, width / 32);
    copy(to.run_starts, from.run_starts, width / 16);
  }
}

}  // namespace freehold::ops
