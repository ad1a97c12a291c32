#include "ops/kernels/linear_kernels.h"

namespace freehold {

const LinearKernels avx2_linear_kernels{};

}  // namespace freehold
