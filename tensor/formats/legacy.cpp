// Blocks of 32 with one half-precision scale d (and minimum m):
//   Q4_0  d, 16 bytes of nibbles                 (q - 8) d        Q4_1  d, m, nibbles             q d + m
//   Q5_0  d, 32 fifth bits, nibbles              (q - 16) d       Q5_1  d, m, 32 bits, nibbles    q d + m
//   Q8_0  d, 32 signed bytes                     q d
// Byte j holds element j in its low nibble and element j + 16 in its high one; fifth bit i belongs to element i.
#include "tensor/formats/decode.h"

namespace freehold::decode {

void q4_0(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 18, to += 32) {
    const float d = f16(from);
    for (int j = 0; j < 16; ++j) {
      const int q = u8(from + 2 + j);
      to[j] = static_cast<float>((q & 15) - 8) * d;
      to[j + 16] = static_cast<float>((q >> 4) - 8) * d;
    }
  }
}

void q4_1(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 20, to += 32) {
    const float d = f16(from), m = f16(from + 2);
    for (int j = 0; j < 16; ++j) {
      const int q = u8(from + 4 + j);
      to[j] = static_cast<float>(q & 15) * d + m;
      to[j + 16] = static_cast<float>(q >> 4) * d + m;
    }
  }
}

void q5_0(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 22, to += 32) {
    const float d = f16(from);
    const uint32_t fifth = u32(from + 2);
    for (int j = 0; j < 16; ++j) {
      const int q = u8(from + 6 + j);
      const int low_fifth = static_cast<int>(fifth >> j & 1u) << 4,
                high_fifth = static_cast<int>(fifth >> (j + 16) & 1u) << 4;
      to[j] = static_cast<float>(((q & 15) | low_fifth) - 16) * d;
      to[j + 16] = static_cast<float>(((q >> 4) | high_fifth) - 16) * d;
    }
  }
}

void q5_1(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 24, to += 32) {
    const float d = f16(from), m = f16(from + 2);
    const uint32_t fifth = u32(from + 4);
    for (int j = 0; j < 16; ++j) {
      const int q = u8(from + 8 + j);
      const int low_fifth = static_cast<int>(fifth >> j & 1u) << 4,
                high_fifth = static_cast<int>(fifth >> (j + 16) & 1u) << 4;
      to[j] = static_cast<float>((q & 15) | low_fifth) * d + m;
      to[j + 16] = static_cast<float>((q >> 4) | high_fifth) * d + m;
    }
  }
}

void q8_0(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 34, to += 32) {
    const float d = f16(from);
    for (int j = 0; j < 32; ++j) to[j] = static_cast<float>(i8(from + 2 + j)) * d;
  }
}

}  // namespace freehold::decode
