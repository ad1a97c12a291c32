// Adapter: low-rank changes to linears (LoRA, Hu et al. 2021, eq. 3): y += factor * B(A x). Data beside the model,
// chosen per sequence; never merged into stored weights for running.
#pragma once

#include <unordered_map>

#include "tensor/tensor.h"

namespace freehold {

struct LowRank {
  Tensor a;      // [r, in]
  Tensor b;      // [out, r]
  float factor;  // alpha / r
};

struct Adapter {
  std::unordered_map<int, LowRank> parts;  // by Linear::id
  const LowRank* find(int linear) const {
    const auto it = parts.find(linear);
    return it == parts.end() ? nullptr : &it->second;
  }
};

}  // namespace freehold
