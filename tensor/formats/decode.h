// The decoders of all families, for table.cpp. Each turns `elements`, a multiple of its block, into floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/numbers.h"

namespace freehold::decode {

using Bytes = const std::byte*;

inline uint8_t u8(Bytes p) { return std::to_integer<uint8_t>(*p); }
inline int8_t i8(Bytes p) { return static_cast<int8_t>(u8(p)); }
inline uint16_t u16(Bytes p) {
  uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline uint32_t u32(Bytes p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline float f16(Bytes p) { return float_of_f16(u16(p)); }

// The 16 values of IQ4_NL and IQ4_XS (ggml, MIT licence: a table of facts of the format).
inline constexpr int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void f32(Bytes from, int64_t elements, float* to);
void f16s(Bytes from, int64_t elements, float* to);
void bf16s(Bytes from, int64_t elements, float* to);
void f8_e4m3(Bytes from, int64_t elements, float* to);
void f8_e5m2(Bytes from, int64_t elements, float* to);
void f8_e8m0(Bytes from, int64_t elements, float* to);

void q4_0(Bytes from, int64_t elements, float* to);
void q4_1(Bytes from, int64_t elements, float* to);
void q5_0(Bytes from, int64_t elements, float* to);
void q5_1(Bytes from, int64_t elements, float* to);
void q8_0(Bytes from, int64_t elements, float* to);

void q2_k(Bytes from, int64_t elements, float* to);
void q3_k(Bytes from, int64_t elements, float* to);
void q4_k(Bytes from, int64_t elements, float* to);
void q5_k(Bytes from, int64_t elements, float* to);
void q6_k(Bytes from, int64_t elements, float* to);

void iq4_nl(Bytes from, int64_t elements, float* to);
void iq4_xs(Bytes from, int64_t elements, float* to);
void tq1_0(Bytes from, int64_t elements, float* to);
void tq2_0(Bytes from, int64_t elements, float* to);
void mxfp4(Bytes from, int64_t elements, float* to);

}  // namespace freehold::decode
