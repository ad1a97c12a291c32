// GGUF v3: the header of one file, checked whole against the size of the file before anything is used. Layout, all
// little-endian: "GGUF", u32 version, u64 tensors, u64 keys; each key: string, u32 type, value; each tensor: name, u32
// dimensions, u64 sizes (contiguous one first), u32 type, u64 offset; padding to general.alignment; the data.
// A string is u64 length and bytes. Source: docs/gguf.md of the ggml project.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "files/stored_tensor.h"

namespace freehold {

struct GgufHeader {
  uint64_t alignment = 32;
  Json config = Json::object();  // every key but arrays of strings, of arrays, and of more than 4096 numbers
  // Arrays of strings are views into the file, unchecked bytes; F32 and I32 arrays are copies (the file aligns
  // nothing).
  std::map<std::string, std::vector<std::string_view>, std::less<>> strings;
  std::map<std::string, std::vector<float>, std::less<>> floats;
  std::map<std::string, std::vector<int32_t>, std::less<>> integers;
  std::vector<StoredTensor> tensors;  // in the order of the file
};

// Whether the data may end before the tensors do. If so, a tensor that is not whole has no bytes.
enum class Cut : uint8_t { refuse, allow };

// `file` must outlive the header.
Result<GgufHeader> read_gguf_header(std::span<const std::byte> file, std::string_view name, Cut cut);

}  // namespace freehold
