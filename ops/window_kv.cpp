#include "ops/window_kv.h"

#include <algorithm>
#include <cstring>

#include "base/numbers.h"

namespace freehold {

void round_row(KvType type, const float* from, int count, std::byte* to) {
  if (type == KvType::f32) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  for (int i = 0; i < count; ++i) {
    const uint16_t half = f16_of_float(from[i]);
    std::memcpy(to + 2 * i, &half, 2);
  }
}

void unround_row(KvType type, const std::byte* from, int count, float* to) {
  if (type == KvType::f32) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  for (int i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, from + 2 * i, 2);
    to[i] = float_of_f16(half);
  }
}

void PendingRows::write(int position, const float* k, const float* g) {
  auto* to = reinterpret_cast<float*>(ring.at(position));
  std::copy_n(k, width, to);
  std::copy_n(g, width, to + width);
}

WindowKv::WindowKv(const WindowKvShape& shape) : window(), shape_(shape) {
  window = RowRing(shape.window - 1 + rewind_positions, row_bytes());
  const int rows = shape.series() * shape.ratio - 1 + rewind_positions;  // of runs that are not yet complete
  if (shape.ratio) pending = PendingRows(rows, shape.series() * shape.head_dim);
  if (shape.index_dim) index_pending = PendingRows(rows, shape.series() * shape.index_dim);
}

void WindowKv::write_entry(int i, const float* numbers) {
  const size_t end = static_cast<size_t>(i + 1) * row_bytes();
  if (entries_.size() < end) entries_.resize(end);
  round_row(shape_.type, numbers, shape_.head_dim, entries_.data() + end - row_bytes());
}

void WindowKv::write_index_entry(int i, const float* numbers) {
  const int page = i / kv_page_positions, slot = i % kv_page_positions;
  const size_t end = static_cast<size_t>(page + 1) * index_page_bytes();
  if (index_pages_.size() < end) index_pages_.resize(end);
  std::byte* group = index_pages_.data() + end - index_page_bytes() +
                     static_cast<size_t>(slot / 16 * shape_.index_dim) * 16 * shape_.number_bytes();
  for (int d = 0; d < shape_.index_dim; ++d)
    round_row(shape_.type, numbers + d, 1, group + static_cast<size_t>(d * 16 + slot % 16) * shape_.number_bytes());
}

size_t WindowKv::bytes() const {
  return window.bytes() + pending.ring.bytes() + index_pending.ring.bytes() + entries_.size() + index_pages_.size();
}

}  // namespace freehold
