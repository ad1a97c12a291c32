// What the op tests share: a context of its own for each kernel set and thread count, random tensors, comparing bits.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "ops/ops.h"
#include "ops/tape.h"

namespace freehold::testing {

class Bench {  // everything an op needs, in one place
 public:
  explicit Bench(const Kernels& kernels, int threads = 2, Tape* tape = nullptr)
      : pool_(threads), context{kernels, pool_, arena, Arithmetic::exact, tape} {}

 private:
  Pool pool_;

 public:
  Arena arena;
  Context context;
};

inline Tensor random_tensor(const Shape& shape, Arena& arena, Random& random, float size = 1) {
  Tensor t = Tensor::empty(shape, arena);
  for (int64_t i = 0; i < shape.elements(); ++i) t.mutable_data()[i] = size * random.normal();
  return t;
}

inline std::vector<float> numbers(const Tensor& t) { return {t.all().begin(), t.all().end()}; }

inline ::testing::AssertionResult same_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " numbers";
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << "at " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

inline constexpr double epsilon = 0x1p-24;  // half an ulp at 1: the largest relative error of one rounding

}  // namespace freehold::testing
