// Values read out of keys (KvShape::values_in_keys): the same numbers, from the keys' layout into the values'. A group
// of 16 keys is [d][16]; values are [16][dv]: a transposition, done in vectors of 16 bytes, L x L numbers at a time.
#include <cstring>

#include "base/check.h"
#include "ops/kv_pages.h"

namespace freehold {
namespace {

template <class Number>
struct Block;
template <>
struct Block<uint16_t> {
  using Lane = uint16_t __attribute__((vector_size(16)));
  static constexpr int size = 8, stages = 3;
  static Lane low(Lane a, Lane b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
  static Lane high(Lane a, Lane b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
};
template <>
struct Block<uint32_t> {
  using Lane = uint32_t __attribute__((vector_size(16)));
  static constexpr int size = 4, stages = 2;
  static Lane low(Lane a, Lane b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
  static Lane high(Lane a, Lane b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
};

// [L] vectors of L numbers, transposed: interleaving the two halves of the list log2(L) times.
template <class Number>
void transpose(typename Block<Number>::Lane* lines) {
  using B = Block<Number>;
  for (int stage = 0; stage < B::stages; ++stage) {
    typename B::Lane next[B::size];
    for (int i = 0; i < B::size / 2; ++i) {
      next[2 * i] = B::low(lines[i], lines[i + B::size / 2]);
      next[2 * i + 1] = B::high(lines[i], lines[i + B::size / 2]);
    }
    std::memcpy(lines, next, sizeof next);
  }
}

// keys [dv or more][16] -> values [16][dv]
template <class Number>
void turn_numbers(const std::byte* keys, int dv, std::byte* values) {
  constexpr int size = Block<Number>::size;
  const auto* from = reinterpret_cast<const Number*>(keys);
  auto* to = reinterpret_cast<Number*>(values);
  int d = 0;
  for (; d + size <= dv; d += size)
    for (int lane = 0; lane < 16; lane += size) {
      typename Block<Number>::Lane lines[size];
      for (int i = 0; i < size; ++i) std::memcpy(&lines[i], from + (d + i) * 16 + lane, 16);
      transpose<Number>(lines);
      for (int i = 0; i < size; ++i) std::memcpy(to + (lane + i) * dv + d, &lines[i], 16);
    }
  for (; d < dv; ++d)
    for (int lane = 0; lane < 16; ++lane) to[lane * dv + d] = from[d * 16 + lane];
}

// keys [dv/4 or more][16][4], code + 128 -> values [8 pairs][dv][2], codes
void turn_codes(const std::byte* keys, int dv, std::byte* values) {
  for (int d = 0; d < dv; d += 4)
    for (int pair = 0; pair < 8; ++pair) {
      const std::byte* from = keys + (d / 4 * 16 + 2 * pair) * 4;
      std::byte* to = values + (pair * dv + d) * 2;
      for (int i = 0; i < 4; ++i) {
        to[2 * i] = from[i] ^ std::byte{0x80};
        to[2 * i + 1] = from[4 + i] ^ std::byte{0x80};
      }
    }
}

}  // namespace

KvBlock KvView::block_with_values(int p, int head, int keys, std::byte* values) const {
  KvBlock block = this->block(p, head);
  if (!shape.values_in_keys) return block;
  const auto* from = static_cast<const std::byte*>(block.keys);
  const int groups = (keys + 15) / 16;
  const size_t group_bytes = shape.numbers_bytes(shape.head_dim) * 16;
  const size_t value_bytes = shape.numbers_bytes(shape.value_dim) * 16;
  for (int g = 0; g < groups; ++g, from += group_bytes) {
    std::byte* to = values + static_cast<size_t>(g) * value_bytes;
    if (shape.type == KvType::f16)
      turn_numbers<uint16_t>(from, shape.value_dim, to);
    else if (shape.type == KvType::f32)
      turn_numbers<uint32_t>(from, shape.value_dim, to);
    else
      turn_codes(from, shape.value_dim, to);
  }
  if (shape.type == KvType::q8) {  // scales [4 groups][blocks][16] -> [value blocks][64]
    const auto* scales = static_cast<const std::byte*>(block.keys) + 4 * group_bytes;
    const int blocks = (shape.head_dim + kv_block - 1) / kv_block;
    for (int g = 0; g < groups; ++g)
      for (int b = 0; b < shape.value_dim / kv_block; ++b)
        std::memcpy(values + 4 * value_bytes + (b * kv_page_positions + g * 16) * 2, scales + (g * blocks + b) * 32,
                    32);
  }
  block.values = block.next_values = values;
  return block;
}

}  // namespace freehold
