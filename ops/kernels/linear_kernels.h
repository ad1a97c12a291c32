#pragma once

namespace freehold {

struct LinearKernels {};

}  // namespace freehold
