// Tensor: activations and trainable numbers. Dense, row-major, float. A cheap handle: copying it copies no numbers.
// The numbers live in a Storage in an Arena, and are written only by the op that made them; a view (rows, reshaped)
// shares its storage, so a gradient seen through a view is part of the gradient of the whole.
#pragma once

#include <span>

#include "base/check.h"
#include "tensor/arena.h"
#include "tensor/shape.h"

namespace freehold {

// A row of activations rounded to 8 bits for the int8 kernels (docs/architecture.md, "numeric modes"). Made by
// the op that made the numbers, or by the first linear that reads them; never changes the numbers themselves.
struct QuantRows;

struct Storage {
  float* data;
  int64_t size;
  // Of these numbers or a part of them, in blocks of 32 and of 256; null until somebody made them.
  const QuantRows* quant[2] = {};
};

class Tensor {
 public:
  Tensor() = default;
  static Tensor empty(const Shape& shape, Arena& arena) {  // not cleared: for an op that writes every number
    const int64_t n = shape.elements();
    return Tensor(arena.make<Storage>(arena.array<float>(static_cast<size_t>(n)), n), 0, shape);
  }
  static Tensor zeros(const Shape& shape, Arena& arena);
  static Tensor of(std::span<const float> numbers, const Shape& shape, Arena& arena);  // a copy

  explicit operator bool() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t rows() const { return shape_.rows(); }
  int64_t width() const { return shape_.row_elements(); }  // numbers in a row, all inner dimensions together

  const float* data() const { return storage_->data + offset_; }
  float* mutable_data() { return storage_->data + offset_; }
  std::span<const float> all() const { return {data(), static_cast<size_t>(shape_.elements())}; }
  std::span<const float> row(int64_t i) const { return {data() + i * width(), static_cast<size_t>(width())}; }
  std::span<float> mutable_row(int64_t i) { return {mutable_data() + i * width(), static_cast<size_t>(width())}; }

  Tensor rows(int64_t first, int64_t count) const {  // a view of whole rows
    CHECK(first >= 0 && count >= 0 && first + count <= rows(), "rows {}+{} of {}", first, count, shape_.text());
    Shape s = shape_;
    return Tensor(storage_, offset_ + first * width(), with_rows(s, count));
  }
  Tensor reshaped(const Shape& shape) const {  // a view
    CHECK(shape.elements() == shape_.elements(), "{} as {}", shape_.text(), shape.text());
    return Tensor(storage_, offset_, shape);
  }

  Storage* storage() const { return storage_; }
  int64_t offset() const { return offset_; }

 private:
  Tensor(Storage* storage, int64_t offset, const Shape& shape) : storage_(storage), offset_(offset), shape_(shape) {}
  static Shape with_rows(const Shape& s, int64_t count) {
    switch (s.rank()) {
      case 1:
        return {count};
      case 2:
        return {count, s[1]};
      case 3:
        return {count, s[1], s[2]};
      default:
        return {count, s[1], s[2], s[3]};
    }
  }
  Storage* storage_ = nullptr;
  int64_t offset_ = 0;
  Shape shape_;
};

}  // namespace freehold
