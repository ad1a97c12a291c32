// MXFP4 (OCP Microscaling 1.0 elements in ggml's order): 32 elements, 17 B: a power-of-two scale E8M0, then 16 bytes of
// E2M1 codes, element j in the low nibble of byte j and j + 16 in the high. A scale byte of 255 is NaN, as the standard
// says; ggml, which has no NaN here, reads 2^128.
#include "tensor/formats/decode.h"

namespace freehold::decode {
namespace {

// Twice the E2M1 values, as ggml has them: integers, so that code 8 is plain zero and not minus zero.
constexpr int8_t doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace

void mxfp4(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 17, to += 32) {
    const float half_scale = float_of_e8m0(u8(from)) * 0.5f;  // exact, down to 2^-128
    for (int j = 0; j < 16; ++j) {
      to[j] = half_scale * static_cast<float>(doubled[u8(from + 1 + j) & 15]);
      to[j + 16] = half_scale * static_cast<float>(doubled[u8(from + 1 + j) >> 4]);
    }
  }
}

}  // namespace freehold::decode
