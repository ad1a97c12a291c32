// The linear kernels over the avx2 lanes, which must be known before the body.
#include "ops/kernels/avx2/linear_lanes.h"

#include "ops/kernels/linear_body.h"

namespace freehold {

constinit const LinearKernels avx2_linear_kernels = all_linear_kernels;

}  // namespace freehold
