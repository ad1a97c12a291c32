// The linear kernels over the plain lanes.
#include "ops/kernels/linear_body.h"
#include "ops/kernels/plain/linear_lanes.h"

namespace freehold {

constinit const LinearKernels plain_linear_kernels = all_linear_kernels;

}  // namespace freehold
