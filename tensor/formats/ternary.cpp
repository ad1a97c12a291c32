// Weights -1, 0, 1 times one half-precision d for 256 elements:
//   TQ1_0  54 B: 48 bytes of five trits, 4 bytes of four, d. A byte is ceil(256 n / 243) of the number n of its trits
//          (most significant first), so trit i is the first digit of the fraction left after i multiplications by 3.
//   TQ2_0  66 B: 64 bytes of four 2-bit codes, d. Code 3 (value 2) is not written but decodes as ggml decodes it.
#include "tensor/formats/decode.h"

namespace freehold::decode {
namespace {

// Trits 0..count-1 of `bytes` bytes; trit i of all bytes comes before trit i + 1 of the first.
float* trits(Bytes from, int bytes, int count, float d, float* to) {
  uint8_t power = 1;
  for (int i = 0; i < count; ++i, power = static_cast<uint8_t>(power * 3))
    for (int j = 0; j < bytes; ++j) {
      const auto fraction = static_cast<uint8_t>(u8(from + j) * power);  // modulo 256 on purpose
      *to++ = static_cast<float>((fraction * 3 >> 8) - 1) * d;
    }
  return to;
}

}  // namespace

void tq1_0(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 54) {
    const float d = f16(from + 52);
    to = trits(from, 32, 5, d, to);
    to = trits(from + 32, 16, 5, d, to);
    to = trits(from + 48, 4, 4, d, to);
  }
}

void tq2_0(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 66, to += 256) {
    const float d = f16(from + 64);
    for (int run = 0; run < 8; ++run) {
      const Bytes codes = from + 32 * (run / 4);
      const int shift = 2 * (run % 4);
      for (int j = 0; j < 32; ++j) to[32 * run + j] = static_cast<float>((u8(codes + j) >> shift & 3) - 1) * d;
    }
  }
}

}  // namespace freehold::decode
