// Sixteen lanes in plain C++: the reference that every machine runs and that the vector sets must equal to the bit.
// A word holds four bytes, the first in the low bits, as little-endian vectors do.
#pragma once

#include <cstdint>

#include "base/numbers.h"

#define INLINE inline  // not forced: under sanitizers each would be hundreds of checks at every use
#define EACH(i, n) for (int i = 0; i < (n); ++i)  // the vector sets unroll these loops

namespace freehold {
namespace {

struct F {
  float lane[16];
};
struct I {
  uint32_t lane[16];
};

constexpr int few_columns = 2, tile_groups = 2, tile_columns = 3;
constexpr bool raised_dots = false;

template <class To, class Work>
INLINE To lanes(const Work& work) {
  To to;
  for (int i = 0; i < 16; ++i) to.lane[i] = work(i);
  return to;
}

INLINE I load_line(const void* from) {
  I v;
  __builtin_memcpy(&v, from, 64);
  return v;
}
INLINE void store_line(void* to, I v) { __builtin_memcpy(to, &v, 64); }
INLINE I zero_words() { return I{}; }
INLINE I all_words(int value) {
  return lanes<I>([&](int) { return static_cast<uint32_t>(value); });
}
INLINE I broadcast_word(const void* from) {
  uint32_t word;
  __builtin_memcpy(&word, from, 4);
  return lanes<I>([&](int) { return word; });
}
INLINE I and_word(I v, uint32_t mask) {
  return lanes<I>([&](int i) { return v.lane[i] & mask; });
}
INLINE I or_bits(I a, I b) {
  return lanes<I>([&](int i) { return a.lane[i] | b.lane[i]; });
}
INLINE I plus(I a, I b) {
  return lanes<I>([&](int i) { return a.lane[i] + b.lane[i]; });
}
INLINE I minus(I a, I b) {
  return lanes<I>([&](int i) { return a.lane[i] - b.lane[i]; });
}
INLINE I shift_left(I v, int n) {
  return lanes<I>([&](int i) { return v.lane[i] << n; });
}
INLINE I shift_right(I v, int n) {
  return lanes<I>([&](int i) { return v.lane[i] >> n; });
}
INLINE I look_up(const uint8_t* table, I codes) {  // codes below 16
  return lanes<I>([&](int i) {
    uint32_t word = 0;
    for (int j = 0; j < 32; j += 8) word |= static_cast<uint32_t>(table[codes.lane[i] >> j & 15]) << j;
    return word;
  });
}

// sum + four unsigned codes times four signed numbers.
INLINE I dot_bytes(I sum, I codes, I x) {
  return lanes<I>([&](int i) {
    int32_t s = static_cast<int32_t>(sum.lane[i]);
    for (int j = 0; j < 32; j += 8)
      s += static_cast<int32_t>(codes.lane[i] >> j & 255) * static_cast<int8_t>(x.lane[i] >> j & 255);
    return static_cast<uint32_t>(s);
  });
}
INLINE I dot_wide(I sum, I codes, I x) { return dot_bytes(sum, codes, x); }
constexpr bool byte_dots = true, wide_is_signed = false;
// sum + two signed numbers of 16 bits times two.
INLINE I dot_pairs(I sum, I a, I b) {
  return lanes<I>([&](int i) {
    const auto half = [i](const I& v, int at) {
      return static_cast<int32_t>(static_cast<int16_t>(v.lane[i] >> at & 0xffff));
    };
    return sum.lane[i] + static_cast<uint32_t>(half(a, 0) * half(b, 0) + half(a, 16) * half(b, 16));
  });
}
INLINE I max_words(I a, I b) {
  return lanes<I>(
      [&](int i) { return static_cast<int32_t>(a.lane[i]) < static_cast<int32_t>(b.lane[i]) ? b.lane[i] : a.lane[i]; });
}
INLINE int32_t largest_word(I v) {
  int32_t most = static_cast<int32_t>(v.lane[0]);
  for (int i = 1; i < 16; ++i) most = static_cast<int32_t>(v.lane[i]) > most ? static_cast<int32_t>(v.lane[i]) : most;
  return most;
}
INLINE int32_t sum_of_words(I v) {
  int32_t sum = 0;
  for (int i = 0; i < 16; ++i) sum += static_cast<int32_t>(v.lane[i]);
  return sum;
}
INLINE void store_bytes(void* to, I v) {
  for (int i = 0; i < 16; ++i) static_cast<uint8_t*>(to)[i] = static_cast<uint8_t>(v.lane[i] & 255);
}

INLINE F load_floats(const float* from) {
  F v;
  __builtin_memcpy(&v, from, 64);
  return v;
}
INLINE void store_floats(float* to, F v) { __builtin_memcpy(to, &v, 64); }
INLINE F zero_floats() { return F{}; }
INLINE F broadcast_float(const float* from) {
  return lanes<F>([&](int) { return *from; });
}
INLINE F mul(F a, F b) {
  return lanes<F>([&](int i) { return a.lane[i] * b.lane[i]; });
}
INLINE F negate(F v) {
  return lanes<F>([&](int i) { return -v.lane[i]; });
}
INLINE F fma(F a, F b, F c) {
  return lanes<F>([&](int i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
}
INLINE F to_float(I v) {
  return lanes<F>([&](int i) { return static_cast<float>(static_cast<int32_t>(v.lane[i])); });
}
INLINE I round_to_words(F v) {  // to nearest even
  return lanes<I>([&](int i) { return static_cast<uint32_t>(__builtin_lrintf(v.lane[i])); });
}
INLINE F as_floats(I v) {
  F to;
  __builtin_memcpy(&to, &v, 64);
  return to;
}
INLINE I as_words(F v) {
  I to;
  __builtin_memcpy(&to, &v, 64);
  return to;
}
INLINE F load_halves(const uint8_t* from) {
  return lanes<F>([&](int i) {
    uint16_t half;
    __builtin_memcpy(&half, from + 2 * i, 2);
    return float_of_f16(half);
  });
}
INLINE F floats_of_low_halves(I v) {
  return lanes<F>([&](int i) { return float_of_f16(static_cast<uint16_t>(v.lane[i] & 0xffff)); });
}
INLINE F half_power_of_two(const uint8_t* from) {  // E8M0 scales times 1/2
  return lanes<F>([&](int i) { return float_of_e8m0(from[i]) * 0.5f; });
}
INLINE F float_of_unsigned(const uint8_t* from) {
  return lanes<F>([&](int i) { return static_cast<float>(from[i]); });
}
INLINE F float_of_signed(const uint8_t* from) {
  return lanes<F>([&](int i) { return static_cast<float>(static_cast<int8_t>(from[i])); });
}

void transpose(const float* rows, int64_t stride, int64_t count, float* lines) {
  for (int64_t k = 0; k < count; ++k)
    for (int lane = 0; lane < 16; ++lane) lines[16 * k + lane] = rows[lane * stride + k];
}

}  // namespace
}  // namespace freehold
