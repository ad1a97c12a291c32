// The way back of attention over whole spans (start 0), from q, k, v in float; probabilities are computed again.
#pragma once

#include <span>

#include "ops/ops.h"

namespace freehold::ops {

void attention_back(const Kernels&, Pool&, Tape&, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& z,
                    float scale, std::span<const AttentionSpan> spans, const Selection&);

}  // namespace freehold::ops
