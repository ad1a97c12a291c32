// The stored number formats: one row each of name, block and bytes, and how a run of blocks becomes floats. One file in
// formats/ per family; formats/table.cpp lists them. Decoding multiplies and adds in the order of ggml's reference, so
// that the floats equal its own bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace freehold {

enum class Format : uint8_t {
  f32,
  f16,
  bf16,
  f64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  boolean,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  tq1_0,
  tq2_0,
  mxfp4,
};

struct FormatInfo {
  Format format;
  std::string_view name;  // "Q4_K"
  int block;              // elements in a block
  int block_bytes;
  // Decodes `elements` (a multiple of `block`) from source order. Null for formats that are no weights: integers and
  // F64, which an architecture may name as plain arrays.
  void (*decode)(const std::byte* from, int64_t elements, float* to);
};

const FormatInfo& info(Format);
std::span<const FormatInfo> all_formats();

std::optional<Format> format_of_gguf(uint32_t id);       // ids of docs/formats.md; nullopt: not one that we read
std::string_view gguf_type_name(uint32_t id);            // also of those that we refuse; "" when unknown
std::string_view why_gguf_type_is_refused(uint32_t id);  // for errors: "was removed from GGUF"; "" when it is read
std::optional<Format> format_of_safetensors(std::string_view dtype);

// Bytes of `elements` numbers; nullopt when that overflows or is not a multiple of the block.
std::optional<uint64_t> stored_bytes(Format, uint64_t elements);

}  // namespace freehold
