#include "tensor/tensor.h"

#include <algorithm>

namespace freehold {

Tensor Tensor::zeros(const Shape& shape, Arena& arena) {
  Tensor t = empty(shape, arena);
  std::fill_n(t.mutable_data(), shape.elements(), 0.0f);
  return t;
}

Tensor Tensor::of(std::span<const float> numbers, const Shape& shape, Arena& arena) {
  CHECK(static_cast<int64_t>(numbers.size()) == shape.elements(), "{} numbers as {}", numbers.size(), shape.text());
  Tensor t = empty(shape, arena);
  std::copy(numbers.begin(), numbers.end(), t.mutable_data());
  return t;
}

}  // namespace freehold
