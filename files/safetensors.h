// safetensors: u64 length of the header, little-endian; the header, a JSON object of name -> {dtype, shape,
// data_offsets} and "__metadata__"; then the data, which the tensors fill without holes or overlap.
// Source: README of the safetensors project. And the index that names the shard of each tensor.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/stored_tensor.h"

namespace freehold {

// The tensors of a file, in the order of their data. `file` must outlive them.
Result<std::vector<StoredTensor>> read_safetensors_header(std::span<const std::byte> file, std::string_view name);

// model.safetensors.index.json: {"metadata": {...}, "weight_map": {tensor: shard}}.
struct SafetensorsIndex {
  struct Entry {
    std::string tensor;
    uint32_t shard;
  };
  std::vector<std::string> shards;  // plain file names, in order of appearance
  std::deque<Entry> entries;        // sorted by tensor name, each once
};
Result<SafetensorsIndex> read_safetensors_index(std::string_view json, std::string_view name);

}  // namespace freehold
