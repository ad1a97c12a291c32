// FP4 as Hugging Face checkpoints keep it: E2M1 codes in one tensor, two in a byte with the even input in the low
// nibble, and their scales in another, one E8M0 for each 32 inputs. The numbers are those of MXFP4 (formats/mxfp4.cpp),
// which keeps a scale and its 32 codes together and pairs input j with j + 16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/weight.h"

namespace freehold {

inline bool is_split_fp4(const Weight& w) {
  return w.format == Format::mxfp4 && w.layout == Layout::source && !w.scales.empty();
}

// `blocks` blocks of 32 inputs, from 16 bytes of codes and a scale each, to MXFP4's 17 bytes each. No bit is lost.
void join_fp4(const std::byte* codes, const std::byte* scales, int64_t blocks, std::byte* mxfp4);

}  // namespace freehold
