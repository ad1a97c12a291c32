// A file of expected values (golden.safetensors, reference.safetensors) as vectors of numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "files/safetensors.h"

namespace freehold {

class GoldenFile {
 public:
  static Result<GoldenFile> open(const Path& path);
  std::vector<std::string> names() const;
  bool has(std::string_view name) const;
  // Numbers of any stored type; dies with a CHECK when the name is absent (ask has()).
  std::vector<float> floats(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;
  std::vector<int64_t> shape(std::string_view name) const;
};

}  // namespace freehold
