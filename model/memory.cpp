#include "model/memory.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "tensor/pack.h"

namespace freehold {

Result<Done> pack_weights(std::span<Linear* const> linears, ModelMemory& memory, const LoadOptions& options,
                          Pool& pool) {
  if (memory.checkpoint.is_shapes_only()) return Done{};
  constexpr uint64_t line = 64;
  uint64_t total = 0;
  for (const Linear* linear : linears) {
    const Weight& w = linear->weight;
    if (!packs(w.format)) continue;
    const auto sum = checked_add(total, (packed_bytes(w.format, w.rows, w.cols) + line - 1) / line * line);
    if (!sum)
      return out_of_resources("{}: packed weights need more memory than can be addressed", memory.checkpoint.name());
    total = *sum;
  }
  TRY_ASSIGN(memory.packed, AnonymousMemory::map(total, AnonymousMemory::Room::now, "packed weights"));
  std::byte* to = memory.packed.data();
  for (Linear* linear : linears) {
    Weight& w = linear->weight;
    if (!packs(w.format)) continue;
    const uint64_t size = packed_bytes(w.format, w.rows, w.cols);
    pack(w, to, pool);
    memory.checkpoint.drop(w.bytes);
    memory.checkpoint.drop(w.scales);
    w.scales = {};  // FP4's, which are in the pack now; no other packed format has scales of its own
    w.bytes = {to, size};
    w.layout = Layout::r16k4;
    to += (size + line - 1) / line * line;
    if (options.progress) options.progress(static_cast<double>(to - memory.packed.data()) / static_cast<double>(total));
  }
  return memory.checkpoint.check_intact();  // a file that changed under us gave numbers of nobody's
}

namespace {

// A page of positions holds that of every layer, one after the other: what is written together takes room together, so
// that a large page of the system is not begun for each layer.
class PagedCache final : public KvCache {
 public:
  PagedCache(int layers, const KvShape& shape, int positions) {
    const auto pages = static_cast<size_t>((positions + kv_page_positions - 1) / kv_page_positions);
    const size_t stride = static_cast<size_t>(layers) * shape.page_bytes();
    bytes_ = pages * stride;
    memory_ = kv_memory(bytes_);
    layers_.reserve(static_cast<size_t>(layers));
    for (int i = 0; i < layers; ++i)
      layers_.emplace_back(shape, positions, memory_.data() + static_cast<size_t>(i) * shape.page_bytes(), stride);
  }
  int capacity() const override { return layers_.empty() ? 0 : layers_.front().capacity(); }
  KvPages* pages(int layer) override { return &layers_[static_cast<size_t>(layer)]; }
  size_t bytes() const override { return bytes_; }

 private:
  AnonymousMemory memory_;
  size_t bytes_;
  std::vector<KvPages> layers_;
};

}  // namespace

std::unique_ptr<KvCache> make_paged_cache(int layers, const KvShape& shape, int positions) {
  return std::make_unique<PagedCache>(layers, shape, positions);
}

void count_weights(Model& model, const Linear* embedding, const Linear* head, ModelFacts& facts, const Share& share) {
  double active = 0, bytes_per_token = 0;
  model.each_linear([&](std::string_view, Linear& linear) {
    const Weight& w = linear.weight;
    const auto numbers = static_cast<uint64_t>(w.rows * w.cols);
    const uint64_t bytes = w.bytes.empty() ? stored_bytes(w.format, numbers).value_or(0) : w.bytes.size();
    facts.parameters += numbers;
    facts.weight_bytes += bytes + w.scales.size();
    const bool looked_up = &linear == embedding && embedding != head;
    const double part = looked_up ? 1.0 / static_cast<double>(w.rows) : share ? share(linear) : 1.0;
    active += part * static_cast<double>(numbers);
    bytes_per_token += part * static_cast<double>(bytes + w.scales.size());
  });
  facts.active_parameters = static_cast<uint64_t>(std::llround(active));
  facts.bytes_per_token = static_cast<uint64_t>(std::llround(bytes_per_token));
  model.each_tensor([&](std::string_view, Tensor& tensor) {
    const auto count = static_cast<uint64_t>(tensor.shape().elements());
    facts.parameters += count;
    facts.active_parameters += count;
    facts.weight_bytes += count * sizeof(float);
    facts.bytes_per_token += count * sizeof(float);
  });
}

}  // namespace freehold
