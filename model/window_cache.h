// The cache of models whose layers keep a window of recent rows and compressed entries instead of all keys and values.
#pragma once

#include <vector>

#include "model/model.h"
#include "ops/window_kv.h"

namespace freehold {

class WindowCache final : public KvCache {
 public:
  // One shape for each layer. `last_predicts`: the last one is that of Model::predict, whose rows come later than those
  // of the others, and which goes back to the row before: its row of a position is made of the next token too.
  WindowCache(std::span<const WindowKvShape> shapes, int positions, bool last_predicts = false);
  int capacity() const override { return capacity_; }
  KvPages* pages(int) override { return nullptr; }
  WindowKv* window(int layer) override { return &layers_[static_cast<size_t>(layer)]; }
  bool can_continue(int position) const override;
  size_t bytes() const override;

 private:
  int capacity_;
  bool last_predicts_;
  std::vector<WindowKv> layers_;
};

// Bytes that a position adds to the cache in the long run, rounded up.
uint64_t window_bytes_per_position(std::span<const WindowKvShape> shapes);

}  // namespace freehold
