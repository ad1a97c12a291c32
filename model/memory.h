// What a loaded model holds on to: the checkpoint's mapping, small tensors, and the packed weights in one block.
#pragma once

#include <functional>
#include <memory>

#include "base/anonymous_memory.h"
#include "files/checkpoint.h"
#include "files/weight_cache.h"
#include "model/model.h"
#include "tensor/arena.h"

namespace freehold {

struct ModelMemory {
  Checkpoint checkpoint;    // keeps the views of unpacked weights valid
  Arena numbers{1u << 20};  // norms, biases
  AnonymousMemory packed;
  std::shared_ptr<const PackedFile> packed_file = {};  // in place of `packed`
  std::unique_ptr<WeightCache> cache = {};             // of experts that do not all fit
};

bool is_routed(const Weight&);  // a matrix of an expert that only some tokens visit

// Replaces every weight that has a packed form (and is not read by rows alone) by its pack: made here, in parallel,
// dropping the source's pages behind it, or mapped from options.packed. With options.memory for less than all, routed
// experts are left in the packed file and read from there. `linears` in the order in which they should lie in memory.
Result<Done> pack_weights(std::span<Linear* const> linears, ModelMemory&, const LoadOptions&, Pool&);

// Pages of keys and values for `layers` equal layers.
std::unique_ptr<KvCache> make_paged_cache(int layers, const KvShape&, int positions);

// Fills parameters, active_parameters, weight_bytes and bytes_per_token from the model's weights. share: the part of a
// weight that one token reads, on average: experts used / experts for a routed expert's; empty: all of each.
using Share = std::function<double(const Linear&)>;
void count_weights(Model&, const Linear* embedding, const Linear* head, ModelFacts&, const Share& share = {});

}  // namespace freehold
