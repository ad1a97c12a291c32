// Shape: up to four dimensions, row-major, the last one contiguous.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace freehold {

class Shape {
 public:
  static constexpr int most = 4;
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) { for (int64_t s : sizes) sizes_[static_cast<size_t>(rank_++)] = s; }
  static Shape of(std::span<const uint64_t> sizes) {  // at most `most`, checked by whoever read them
    Shape shape;
    for (uint64_t s : sizes) shape.sizes_[static_cast<size_t>(shape.rank_++)] = static_cast<int64_t>(s);
    return shape;
  }
  int rank() const { return rank_; }
  int64_t operator[](int i) const { return sizes_[static_cast<size_t>(i)]; }
  int64_t elements() const { int64_t n = 1; for (int i = 0; i < rank_; ++i) n *= (*this)[i]; return n; }
  int64_t rows() const { return rank_ ? sizes_[0] : 1; }
  int64_t row_elements() const { int64_t n = 1; for (int i = 1; i < rank_; ++i) n *= (*this)[i]; return n; }
  bool operator==(const Shape&) const = default;
  std::string text() const {  // "[3, 64]"
    std::string s = "[";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
    return s + "]";
  }

 private:
  std::array<int64_t, most> sizes_{};
  int rank_ = 0;
};

}  // namespace freehold
