#pragma once

namespace freehold {

struct LinearKernels {};

extern const LinearKernels plain_linear_kernels, avx2_linear_kernels, avx512_linear_kernels;

}  // namespace freehold
