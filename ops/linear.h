// The multiplication behind linear, linear_many and matmul, without tape.
#pragma once

#include <span>

#include "ops/ops.h"
#include "ops/quantize.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace freehold::ops {

// One multiplication of a region that runs many: rows of x, one after another, times one matrix.
struct Product {
  const Weight* weight;
  const float* bias;  // [out] or null
  const float* x;     // [rows, in]; not read where multiplies_int8
  QuantView quant;    // the same rows; read only where multiplies_int8
  int64_t rows;
  float* to;  // [rows, out]
};
bool multiplies_int8(const Context&, const Weight&);
void multiply(Context&, std::span<const Product> products);

// A trainable matrix [out, in] as what the kernels multiply by: a view of its numbers.
Weight as_weight(const Tensor& w);

struct WeightPart {
  const Weight* weight;
  Tensor bias;  // [out] or empty
};

// results[i] = x weightᵀ + bias, one region for all.
void multiply_weights(Context&, std::span<const WeightPart> weights, const Tensor& x, std::span<Tensor> results);

// Records y = x Wᵀ + bias on the tape, if there is one.
void record_linear(Context&, const LinearPart& part, const Tensor& x, const Tensor& y);

}  // namespace freehold::ops
