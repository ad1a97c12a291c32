// The multiplication behind linear, linear_many and matmul, without tape.
#pragma once

#include <span>

#include "ops/ops.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace freehold::ops {

struct WeightPart {
  const Weight* weight;
  Tensor bias;  // [out] or empty
};

// results[i] = x weightᵀ + bias, one region for all.
void multiply_weights(Context&, std::span<const WeightPart> weights, const Tensor& x, std::span<Tensor> results);

// Records y = x Wᵀ + bias on the tape, if there is one.
void record_linear(Context&, const LinearPart& part, const Tensor& x, const Tensor& y);

}  // namespace freehold::ops
