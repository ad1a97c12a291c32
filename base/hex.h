// Hexadecimal digits, read in either case, written in lower case.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace freehold {

// 0..15; -1: not a digit.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline std::string hex_of(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// The number that 1 to 8 digits are; nothing where they are none.
constexpr std::optional<uint32_t> hex_number(std::string_view digits) {
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  uint32_t value = 0;
  for (const char c : digits) {
    if (hex_digit(c) < 0) return std::nullopt;
    value = 16 * value + static_cast<uint32_t>(hex_digit(c));
  }
  return value;
}

}  // namespace freehold
