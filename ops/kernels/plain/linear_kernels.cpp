// The linear kernels over the plain lanes, which must be known before the body.
#include "ops/kernels/plain/linear_lanes.h"

#include "ops/kernels/linear_body.h"

namespace freehold {

constinit const LinearKernels plain_linear_kernels = all_linear_kernels;

}  // namespace freehold
