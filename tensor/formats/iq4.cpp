// Nibbles that index a table of 16 values, denser near zero:
//   IQ4_NL  32 elements, 18 B: d, 16 B nibbles (j low, j + 16 high)                              d v[q]
//   IQ4_XS  256 elements, 136 B: d, 16 bits of scales' high pairs, 4 B of their low nibbles,
//           128 B nibbles in groups of 32 laid out as IQ4_NL                                     d (s - 32) v[q]
#include "tensor/formats/decode.h"

namespace freehold::decode {
namespace {

void table_group(Bytes nibbles, float scale, float* to) {
  for (int j = 0; j < 16; ++j) {
    to[j] = scale * static_cast<float>(iq4_values[u8(nibbles + j) & 15]);
    to[j + 16] = scale * static_cast<float>(iq4_values[u8(nibbles + j) >> 4]);
  }
}

}  // namespace

void iq4_nl(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 32, from += 18, to += 32) table_group(from + 2, f16(from), to);
}

void iq4_xs(Bytes from, int64_t elements, float* to) {
  for (; elements > 0; elements -= 256, from += 136, to += 256) {
    const float d = f16(from);
    const int high = u16(from + 2);
    for (int g = 0; g < 8; ++g) {
      const int scale = (u8(from + 4 + g / 2) >> (4 * (g % 2)) & 15) | (high >> (2 * g) & 3) << 4;
      table_group(from + 8 + 16 * g, d * static_cast<float>(scale - 32), to + 32 * g);
    }
  }
}

}  // namespace freehold::decode
