#include "model/window_cache.h"

namespace freehold {

WindowCache::WindowCache(std::span<const WindowKvShape> shapes, int positions, bool last_predicts)
    : capacity_(positions), last_predicts_(last_predicts) {
  layers_.reserve(shapes.size());
  for (const WindowKvShape& shape : shapes) layers_.emplace_back(shape);
}

bool WindowCache::can_continue(int position) const {
  if (last_predicts_ && position > 0 && position - 1 < layers_.back().oldest()) return false;
  return std::all_of(layers_.begin(), layers_.end() - (last_predicts_ ? 1 : 0),
                     [&](const WindowKv& kv) { return kv.can_continue(position); });
}

size_t WindowCache::bytes() const {
  size_t sum = 0;
  for (const WindowKv& kv : layers_) sum += kv.bytes();
  return sum;
}

uint64_t window_bytes_per_position(std::span<const WindowKvShape> shapes) {
  double sum = 0;
  for (const WindowKvShape& s : shapes)
    if (s.ratio) sum += static_cast<double>(s.number_bytes()) * static_cast<double>(s.head_dim + s.index_dim) / s.ratio;
  return static_cast<uint64_t>(sum) + 1;
}

}  // namespace freehold
