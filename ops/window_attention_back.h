// The way back of window_attention.
#pragma once

#include "ops/window_attention.h"

namespace freehold::ops {

void record_window_attention(Context&, const Tensor& q, const Tensor& kv, const Tensor& entries, const Tensor& sinks,
                             const Tensor& z, float scale, const Selection&, std::span<const WindowSpan>);

}  // namespace freehold::ops
