#pragma once

namespace freehold {

struct RowKernels {};

}  // namespace freehold
