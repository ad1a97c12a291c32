// Super-blocks of 256 with integer scales per group, scaled themselves by half-precision d (and dmin):
//   Q2_K   84 B: 16 scale|min nibbles, 64 B of 2-bit q, d, dmin       16 groups of 16:  d s q - dmin m
//   Q3_K  110 B: 32 B high bits, 64 B of 2-bit q, 12 B scales, d      16 groups of 16:  d (s - 32) (q - 4 + 4 high)
//   Q4_K  144 B: d, dmin, 12 B scales and mins, 128 B nibbles         8 groups of 32:   d s q - dmin m
//   Q5_K  176 B: as Q4_K with 32 B of fifth bits before the nibbles
//   Q6_K  210 B: 128 B nibbles, 64 B of high 2 bits, 16 int8 s, d     16 groups of 16:  d s (q - 32)
// Products are formed as (d s) q, in that order. Bits of one byte belong to elements 32 (2-bit, nibbles) apart.
#include "tensor/formats/decode.h"

namespace freehold::decode {
namespace {

// Scale and minimum of group g (0..7), six bits each, out of the 12 bytes of Q4_K and Q5_K: groups 0-3 in the low six
// bits of bytes 0-3 (scales) and 4-7 (minima); of groups 4-7 the low four in bytes 8-11, the high two above the former.
struct ScaleMin {
  int scale, min;
};
ScaleMin scale_min(Bytes packed, int g) {
  if (g < 4) return {u8(packed + g) & 63, u8(packed + g + 4) & 63};
  return {(u8(packed + g + 4) & 15) | (u8(packed + g - 4) >> 6 << 4),
          (u8(packed + g + 4) >> 4) | (u8(packed + g) >> 6 << 4)};
}

}  // namespace

void q2_k(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 84, to += 256) {
    const Bytes scales = from, q = from + 16;
    const float d = f16(from + 80), dmin = f16(from + 82);
    for (int g = 0; g < 16; ++g) {
      const int s = u8(scales + g);
      const float scale = d * static_cast<float>(s & 15), min = dmin * static_cast<float>(s >> 4);
      const Bytes bytes = q + 32 * (g / 8) + 16 * (g % 2);
      const int shift = 2 * (g % 8 / 2);
      for (int j = 0; j < 16; ++j) to[16 * g + j] = scale * static_cast<float>(u8(bytes + j) >> shift & 3) - min;
    }
  }
}

void q3_k(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 110, to += 256) {
    const Bytes high = from, q = from + 32, scales = from + 96;
    const float d = f16(from + 108);
    for (int g = 0; g < 16; ++g) {
      const int low_bits = u8(scales + g % 8) >> (g < 8 ? 0 : 4) & 15;
      const int high_bits = u8(scales + 8 + g % 4) >> (2 * (g / 4)) & 3;
      const float scale = d * static_cast<float>((low_bits | high_bits << 4) - 32);
      const Bytes bytes = q + 32 * (g / 8) + 16 * (g % 2), masks = high + 16 * (g % 2);
      const int shift = 2 * (g % 8 / 2), bit = g / 2;
      for (int j = 0; j < 16; ++j) {
        const int two = u8(bytes + j) >> shift & 3, third = u8(masks + j) >> bit & 1;
        to[16 * g + j] = scale * static_cast<float>(two - (third ? 0 : 4));
      }
    }
  }
}

void q4_k(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 144, to += 256) {
    const float d = f16(from), dmin = f16(from + 2);
    for (int g = 0; g < 8; ++g) {
      const ScaleMin s = scale_min(from + 4, g);
      const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
      const Bytes nibbles = from + 16 + 32 * (g / 2);
      const int shift = 4 * (g % 2);
      for (int j = 0; j < 32; ++j) to[32 * g + j] = scale * static_cast<float>(u8(nibbles + j) >> shift & 15) - min;
    }
  }
}

void q5_k(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 176, to += 256) {
    const float d = f16(from), dmin = f16(from + 2);
    const Bytes fifth = from + 16;
    for (int g = 0; g < 8; ++g) {
      const ScaleMin s = scale_min(from + 4, g);
      const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
      const Bytes nibbles = from + 48 + 32 * (g / 2);
      const int shift = 4 * (g % 2);
      for (int j = 0; j < 32; ++j) {
        const int q = (u8(nibbles + j) >> shift & 15) | (u8(fifth + j) >> g & 1) << 4;
        to[32 * g + j] = scale * static_cast<float>(q) - min;
      }
    }
  }
}

void q6_k(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 210, to += 256) {
    const Bytes scales = from + 192;
    const float d = f16(from + 208);
    for (int g = 0; g < 16; ++g) {
      const float scale = d * static_cast<float>(i8(scales + g));
      // Each half of 128 elements: four runs of 32; runs 0, 1 in low nibbles of bytes 0-31, 32-63, runs 2, 3 in high.
      const int half = g / 8, run = g % 8 / 2, first = 16 * (g % 2);
      const Bytes low = from + 64 * half + 32 * (run % 2) + first, high = from + 128 + 32 * half + first;
      const int low_shift = 4 * (run / 2), high_shift = 2 * run;
      for (int j = 0; j < 16; ++j) {
        const int q = (u8(low + j) >> low_shift & 15) | (u8(high + j) >> high_shift & 3) << 4;
        to[16 * g + j] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace freehold::decode
