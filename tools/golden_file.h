// A file of expected values (golden.safetensors, reference.safetensors) as vectors of numbers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "files/safetensors.h"

namespace freehold {

class GoldenFile {
 public:
  static Result<GoldenFile> open(const Path& path);
  std::vector<std::string> names() const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Numbers of any stored float or integer type; empty when the name is absent.
  std::vector<float> floats(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;

 private:
  const StoredTensor* find(std::string_view name) const;
  std::shared_ptr<const MappedFile> file_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace freehold
