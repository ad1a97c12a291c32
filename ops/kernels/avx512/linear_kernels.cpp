#include "ops/kernels/linear_kernels.h"

namespace freehold {

const LinearKernels avx512_linear_kernels{};

}  // namespace freehold
