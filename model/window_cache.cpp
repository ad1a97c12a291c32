#include "model/window_cache.h"

namespace freehold {

WindowCache::WindowCache(std::span<const WindowKvShape> shapes, int positions) : capacity_(positions) {
  layers_.reserve(shapes.size());
  for (const WindowKvShape& shape : shapes) layers_.emplace_back(shape);
}

bool WindowCache::can_continue(int position) const {
  return std::all_of(layers_.begin(), layers_.end(), [&](const WindowKv& kv) { return kv.can_continue(position); });
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
