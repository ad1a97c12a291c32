#include "model/memory.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "tensor/pack.h"

namespace freehold {
namespace {

Result<Done> pack_in_memory(std::span<Linear* const> linears, ModelMemory& memory, const LoadOptions& options,
                            Pool& pool) {
  constexpr uint64_t line = 64;
  uint64_t total = 0, unpacked = 0;
  for (const Linear* linear : linears) {
    const Weight& w = linear->weight;
    if (!packs(w.format)) {
      unpacked += w.bytes.size();
      continue;
    }
    const auto sum = checked_add(total, (packed_bytes(w.format, w.rows, w.cols) + line - 1) / line * line);
    if (!sum)
      return out_of_resources("{}: packed weights need more memory than can be addressed", memory.checkpoint.name());
    total = *sum;
  }
  if (options.memory > 0 && total + unpacked > options.memory)
    return out_of_resources(
        "--memory: {} MiB; the weights take {} MiB, and experts can only be left in a packed file; "
        "freehold pack makes one",
        options.memory >> 20, (total + unpacked) >> 20);
  TRY_ASSIGN(memory.packed, AnonymousMemory::map(total, AnonymousMemory::Room::now, "packed weights"));
  const Let let_go = [&](std::span<const std::byte> part) { memory.checkpoint.drop(part); };
  std::vector<std::byte*> places(linears.size());
  std::vector<PackPiece> pieces;
  std::byte* to = memory.packed.data();
  for (size_t i = 0; i < linears.size(); ++i) {
    const Weight& w = linears[i]->weight;
    if (!packs(w.format)) continue;
    const uint64_t size = packed_bytes(w.format, w.rows, w.cols);
    append_pieces(i, size, piece_bytes(w.format, Layout::r16k4, w.cols), pieces);
    places[i] = to;
    to += (size + line - 1) / line * line;
  }
  for (size_t first = 0, count; first < pieces.size(); first += count) {
    count = std::min(pieces_at_once(pool), pieces.size() - first);
    pool.run(static_cast<int>(count), [&](int i, int) {
      const PackPiece& p = pieces[first + static_cast<size_t>(i)];
      pack_piece(linears[p.weight]->weight, p.number, places[p.weight] + p.at, let_go);
    });
    for (size_t i = pieces[first].weight; i <= pieces[first + count - 1].weight; ++i)
      let_go(linears[i]->weight.bytes);  // what pieces leave at their edges
    if (options.progress) options.progress(static_cast<double>(first + count) / static_cast<double>(pieces.size()));
  }
  for (size_t i = 0; i < linears.size(); ++i) {
    Weight& w = linears[i]->weight;
    if (!places[i]) continue;
    let_go(w.scales);
    w.scales = {};  // FP4's, which are in the pack now; no other packed format has scales of its own
    w.bytes = {places[i], packed_bytes(w.format, w.rows, w.cols)};
    w.layout = Layout::r16k4;
  }
  return memory.checkpoint.check_intact();  // a file that changed under us gave numbers of nobody's
}

// With room for less than everything: a cache for the routed experts in what the other weights leave.
Result<Done> make_weight_cache(std::span<Linear* const> linears, ModelMemory& memory, const LoadOptions& options) {
  const PackedFile& file = *options.packed;
  uint64_t others = 0, routed = 0, largest = 0;
  for (const Linear* linear : linears) {
    TRY_ASSIGN(const PackedMatrix* matrix, file.matrix_of(linear->weight));
    (is_routed(linear->weight) ? routed : others) += matrix->bytes;
    if (is_routed(linear->weight)) largest = std::max(largest, matrix->bytes);
  }
  if (others + routed <= options.memory) return Done{};
  if (routed == 0)
    return out_of_resources(
        "--memory: the weights of {} take {} MiB, and every token reads them all; only experts can "
        "be left in the file",
        memory.checkpoint.name(), others >> 20);
  const uint64_t least = others + WeightCache::least_bytes(largest);
  if (options.memory < least)
    return out_of_resources(
        "--memory: {} MiB; every token reads {} MiB of weights, and with experts at least {} MiB are "
        "needed",
        options.memory >> 20, others >> 20, (least >> 20) + 1);
  TRY_ASSIGN(memory.cache, WeightCache::make(options.packed, options.memory - others));
  return Done{};
}

Result<Done> map_packed(std::span<Linear* const> linears, ModelMemory& memory, const LoadOptions& options, Pool& pool) {
  const PackedFile& file = *options.packed;
  memory.packed_file = options.packed;
  if (options.memory > 0) TRY(make_weight_cache(linears, memory, options));
  std::vector<const PackedMatrix*> mapped;
  for (Linear* linear : linears) {
    Weight& w = linear->weight;
    TRY_ASSIGN(const PackedMatrix* matrix, file.matrix_of(w));
    memory.checkpoint.drop(w.bytes);  // the system maps much around the small tensors that were read
    if (memory.cache && is_routed(w)) {
      memory.cache->add(w, *matrix);
    } else {
      become_packed(w, *matrix, file.bytes(*matrix).data());
      mapped.push_back(matrix);
    }
  }
  TRY(file.verify(mapped, options.progress, pool));
  if (memory.cache) memory.cache->measure();
  return Done{};
}

}  // namespace

bool is_routed(const Weight& weight) { return weight.name.find(".experts.") != std::string::npos; }

Result<Done> pack_weights(std::span<Linear* const> linears, ModelMemory& memory, const LoadOptions& options,
                          Pool& pool) {
  if (memory.checkpoint.is_shapes_only()) return Done{};
  if (options.instead_of_packing) return options.instead_of_packing(linears);
  if (options.packed) return map_packed(linears, memory, options, pool);
  return pack_in_memory(linears, memory, options, pool);
}

Result<Done> pack_to_file(const Checkpoint& checkpoint, const Path& path, bool predict,
                          std::function<bool(double)> progress, Pool& pool) {
  LoadOptions options{.mode = {}, .progress = {}, .predict = predict};
  options.instead_of_packing = [&](std::span<Linear* const> linears) -> Result<Done> {
    std::vector<const Weight*> weights;
    for (const Linear* linear : linears) weights.push_back(&linear->weight);
    const PackingOptions how{checkpoint.identity(), progress,
                             [&](std::span<const std::byte> part) { checkpoint.drop(part); }};
    TRY(write_packed_file(path, weights, how, pool));
    return checkpoint.check_intact();
  };
  TRY(load_model(checkpoint, options, pool));
  return Done{};
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
