// The linear kernels over the avx512 lanes, which must be known before the body.
#include "ops/kernels/avx512/linear_lanes.h"

#include "ops/kernels/linear_body.h"

namespace freehold {

constinit const LinearKernels avx512_linear_kernels = all_linear_kernels;

}  // namespace freehold
