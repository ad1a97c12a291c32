#include "ops/kernels/linear_kernels.h"

namespace freehold {

const LinearKernels plain_linear_kernels{};

}  // namespace freehold
