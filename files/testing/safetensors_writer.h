// Writes small safetensors files for tests. For tests only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "files/testing/gguf_writer.h"

namespace freehold::testing {

struct SafetensorsEntry {
  std::string name, dtype;
  std::vector<uint64_t> shape;
  std::string data;
};

// Any header over any data.
inline std::string safetensors_of(std::string_view header, std::string_view data) {
  return raw<uint64_t>(header.size()) + std::string(header) + std::string(data);
}

inline std::string safetensors(const std::vector<SafetensorsEntry>& entries) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& entry : entries) {
    header[entry.name] = {{"dtype", entry.dtype},
                          {"shape", entry.shape},
                          {"data_offsets", {data.size(), data.size() + entry.data.size()}}};
    data += entry.data;
  }
  return safetensors_of(header.dump(), data);
}

}  // namespace freehold::testing
