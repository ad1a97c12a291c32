#include "tensor/split_fp4.h"

namespace freehold {

void join_fp4(const std::byte* codes, const std::byte* scales, int64_t blocks, std::byte* mxfp4) {
  const auto nibble = [](const std::byte* from, int input) {
    return static_cast<uint8_t>(from[input / 2]) >> (input % 2 * 4) & 15;
  };
  for (int64_t b = 0; b < blocks; ++b, codes += 16, mxfp4 += 17) {
    mxfp4[0] = scales[b];
    for (int j = 0; j < 16; ++j) mxfp4[1 + j] = static_cast<std::byte>(nibble(codes, j) | nibble(codes, j + 16) << 4);
  }
}

}  // namespace freehold
