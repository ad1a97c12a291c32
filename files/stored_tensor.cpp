#include "files/stored_tensor.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/limits.h"

namespace freehold {

Result<std::vector<uint32_t>> order_by_name(std::span<const StoredTensor> tensors, std::string_view file) {
  std::vector<uint32_t> order(tensors.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < order.size(); ++i)
    if (tensors[order[i]].name == tensors[order[i - 1]].name)
      return malformed("{}: tensor '{}' occurs twice; names must be unique", file, tensors[order[i]].name);
  return order;
}

Result<Done> refuse_foreign_content(std::span<const std::byte> bytes, std::string_view file) {
  const auto starts_with = [&](std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  constexpr std::string_view safe = "; expected GGUF or safetensors";
  if (starts_with("PK\x03\x04"))
    return unsupported("{}: is a ZIP, perhaps of pickles, which can run code{}", file, safe);
  // A pickle of protocol 2..5, as torch.save wrote before it used ZIP. No safetensors header can be that long.
  if (bytes.size() >= 2 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} && bytes[1] <= std::byte{5} &&
      !(bytes.size() >= 9 && bytes[8] == std::byte{'{'}))
    return unsupported("{}: is a pickle, which can run code{}", file, safe);
  for (std::string_view old : {"lmgg", "fmgg", "tjgg", "algg"})
    if (starts_with(old)) return unsupported("{}: is of a ggml format from before GGUF{}", file, safe);
  return Done{};
}

Result<uint64_t> checked_elements(std::span<const uint64_t> sizes, std::string_view file, std::string_view tensor) {
  if (sizes.size() > static_cast<size_t>(Shape::most))
    return unsupported("{}: tensor '{}' has {} dimensions; at most {} are read", file, tensor, sizes.size(),
                       Shape::most);
  uint64_t elements = 1;
  for (uint64_t size : sizes) {
    if (size == 0) return malformed("{}: tensor '{}' has a dimension of 0; expected at least 1", file, tensor);
    const auto product = checked_mul(elements, size);
    if (!product || *product >= limits::tensor_elements)
      return malformed("{}: tensor '{}' claims {} x {} or more elements; fewer than 2^48 are allowed", file, tensor,
                       elements, size);
    elements = *product;
  }
  return elements;
}

}  // namespace freehold
