// StoredTensor: one entry of a file's tensor table, checked; and the checks that both file formats share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/format.h"
#include "tensor/shape.h"

namespace freehold {

struct StoredTensor {
  std::string name;
  Shape shape;  // outermost first, [out, in]; GGUF's reversed order is already turned
  Format format = Format::f32;
  std::span<const std::byte> bytes;  // views the mapping; not aligned
};

// Positions of `tensors` in the order of their names. A name that occurs twice is malformed.
Result<std::vector<uint32_t>> order_by_name(std::span<const StoredTensor> tensors, std::string_view file);

// Refuses, by its first bytes, a file that is something else: a pickle (PyTorch's .bin, .pt, .ckpt), which would run
// code when read, a ZIP, or the formats before GGUF.
Result<Done> refuse_foreign_content(std::span<const std::byte> bytes, std::string_view file);

// Elements of a shape: each size at least 1, the product below 2^48, rank at most Shape::most.
Result<uint64_t> checked_elements(std::span<const uint64_t> sizes, std::string_view file, std::string_view tensor);

}  // namespace freehold
