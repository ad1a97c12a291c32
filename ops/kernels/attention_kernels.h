#pragma once

namespace freehold {

struct AttentionKernels {};

}  // namespace freehold
