#include "tools/golden_file.h"

#include <algorithm>
#include <cstring>

namespace freehold {
namespace {

template <class T>
std::vector<int64_t> widened(std::span<const std::byte> bytes) {
  std::vector<int64_t> numbers;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T number;
    std::memcpy(&number, bytes.data() + at, sizeof(T));
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

Result<GoldenFile> GoldenFile::open(const Path& path) {
  GoldenFile golden;
  TRY_ASSIGN(MappedFile file, MappedFile::open(path));
  golden.file_ = std::make_shared<const MappedFile>(std::move(file));
  TRY_ASSIGN(golden.tensors_, read_safetensors_header(golden.file_->bytes(), golden.file_->name()));
  return golden;
}

std::vector<std::string> GoldenFile::names() const {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : tensors_) names.push_back(tensor.name);
  return names;
}

const StoredTensor* GoldenFile::find(std::string_view name) const {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(), [&](const StoredTensor& t) { return t.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

std::vector<float> GoldenFile::floats(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (!tensor || !info(tensor->format).decode) return {};
  std::vector<float> numbers(static_cast<size_t>(tensor->shape.elements()));
  info(tensor->format).decode(tensor->bytes.data(), tensor->shape.elements(), numbers.data());
  return numbers;
}

std::vector<int64_t> GoldenFile::integers(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (!tensor) return {};
  switch (tensor->format) {
    case Format::i64:
      return widened<int64_t>(tensor->bytes);
    case Format::i32:
      return widened<int32_t>(tensor->bytes);
    case Format::u8:
      return widened<uint8_t>(tensor->bytes);
    default:
      return {};
  }
}

}  // namespace freehold
