// The ways back of y = x Wᵀ + b. Each adds to what it is given; sums run over rows in ascending order, in fixed cuts.
//   dx [R, in] += dy W       W decoded from its stored form tile by tile, never kept
//   dW [out, in] += dyᵀ x
//   db [out] += Σ over rows of dy
#pragma once

#include <cstdint>

#include "base/pool.h"
#include "ops/kernels/linear_kernels.h"
#include "tensor/weight.h"

namespace freehold::ops {

void add_input_gradient(const LinearKernels&, Pool&, const Weight&, const float* dy, int64_t rows, float* dx);
void add_weight_gradient(const LinearKernels&, Pool&, const float* dy, const float* x, int64_t rows, int64_t out,
                         int64_t in, float* dw);
void add_bias_gradient(const float* dy, int64_t rows, int64_t out, float* db);

}  // namespace freehold::ops
