// checksum64: a fast 64-bit checksum (XXH64, Yann Collet's specification, seed 0) for files of our own, for telling
// models apart and for comparing bits. It finds damage, not malice: signatures and downloads use SHA-256.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace freehold {

inline uint64_t checksum64(std::span<const std::byte> bytes, uint64_t seed = 0) {
  constexpr uint64_t p1 = 0x9e3779b185ebca87ull, p2 = 0xc2b2ae3d27d4eb4full, p3 = 0x165667b19e3779f9ull,
                     p4 = 0x85ebca77c2b2ae63ull, p5 = 0x27d4eb2f165667c5ull;
  const auto word = [](const std::byte* p) {
    uint64_t w;
    std::memcpy(&w, p, 8);
    return w;
  };
  const auto round = [](uint64_t sum, uint64_t input) { return std::rotl(sum + input * p2, 31) * p1; };
  const std::byte* p = bytes.data();
  size_t left = bytes.size();
  uint64_t hash;
  if (left >= 32) {
    uint64_t a = seed + p1 + p2, b = seed + p2, c = seed, d = seed - p1;
    for (; left >= 32; left -= 32, p += 32) {
      a = round(a, word(p));
      b = round(b, word(p + 8));
      c = round(c, word(p + 16));
      d = round(d, word(p + 24));
    }
    hash = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
    for (const uint64_t lane : {a, b, c, d}) hash = (hash ^ round(0, lane)) * p1 + p4;
  } else {
    hash = seed + p5;
  }
  hash += bytes.size();
  for (; left >= 8; left -= 8, p += 8) hash = std::rotl(hash ^ round(0, word(p)), 27) * p1 + p4;
  if (left >= 4) {
    uint32_t half;
    std::memcpy(&half, p, 4);
    hash = std::rotl(hash ^ (half * p1), 23) * p2 + p3;
    left -= 4;
    p += 4;
  }
  for (; left > 0; --left, ++p) hash = std::rotl(hash ^ (std::to_integer<uint64_t>(*p) * p5), 11) * p1;
  hash = (hash ^ (hash >> 33)) * p2;
  hash = (hash ^ (hash >> 29)) * p3;
  return hash ^ (hash >> 32);
}

}  // namespace freehold
