// A tokenizer for tests: one token for each byte, and four added ones.
#pragma once

#include "text/byte_level.h"

namespace freehold {

inline constexpr Token start_token = 256, end_token = 257, think_token = 258;
inline Tokenizer byte_tokenizer() {
  return byte_level_tokenizer({}, {{"<|im_start|>", 3}, {"<|im_end|>", 3}, {"<think>", 4}, {"</think>", 4}}, end_token);
}

}  // namespace freehold
