// Arithmetic on sizes that came from outside: nullopt instead of a wrapped number.
#pragma once

#include <cstdint>
#include <optional>

namespace freehold {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t c;
  if (__builtin_add_overflow(a, b, &c)) return std::nullopt;
  return c;
}
inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t c;
  if (__builtin_mul_overflow(a, b, &c)) return std::nullopt;
  return c;
}
// The next multiple of `alignment` (not zero) at or above `a`.
inline std::optional<uint64_t> checked_align(uint64_t a, uint64_t alignment) {
  const auto up = checked_add(a, alignment - 1);
  if (!up) return std::nullopt;
  return *up / alignment * alignment;
}

}  // namespace freehold
