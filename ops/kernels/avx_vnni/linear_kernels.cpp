// The linear kernels over the avx2 lanes, whose dots of bytes are one instruction here.
#include "ops/kernels/avx2/linear_lanes.h"

#include "ops/kernels/linear_body.h"

namespace freehold {

constinit const LinearKernels avx_vnni_linear_kernels = all_linear_kernels;

}  // namespace freehold
