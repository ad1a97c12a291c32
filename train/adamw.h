// AdamW (Loshchilov and Hutter 2019, algorithm 2): decoupled weight decay, then the bias-corrected Adam step.
#pragma once

#include <cstdint>
#include <span>

namespace freehold {

struct AdamW {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};

// One step of a tensor: p -= lr wd p, then p -= lr m̂ / (sqrt(v̂) + eps). m and v start at zero; `step` counts from 1.
// All spans have one length.
void adamw_step(const AdamW&, int64_t step, std::span<const float> gradient, std::span<float> m, std::span<float> v,
                std::span<float> parameters);

}  // namespace freehold
