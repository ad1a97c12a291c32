// A tokenizer for tests: one token for each byte, and four added ones.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace freehold {

inline constexpr Token start_token = 256, end_token = 257, think_token = 258;
inline Tokenizer byte_tokenizer() {
  std::vector<std::string> texts;
  int extra = 256;
  for (int byte = 0; byte < 256; ++byte) {  // GPT-2's printable form of bytes
    const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    const int code = plain ? byte : extra++;
    if (code < 0x80)
      texts.push_back(std::string(1, static_cast<char>(code)));
    else
      texts.push_back({static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3f))});
  }
  for (const char* added : {"<|im_start|>", "<|im_end|>", "<think>", "</think>"}) texts.push_back(added);
  std::vector<int32_t> types(texts.size(), 1);
  types[256] = types[257] = 3;  // control
  types[258] = types[259] = 4;  // user-defined
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  GgufVocabulary vocabulary;
  vocabulary.file = "bytes";
  vocabulary.model = "gpt2";
  vocabulary.pre = "gpt-2";
  vocabulary.tokens = views;
  vocabulary.types = types;
  vocabulary.eos = end_token;
  auto tokenizer = Tokenizer::from_gguf(vocabulary);
  EXPECT_TRUE(tokenizer) << tokenizer.error().what;
  return std::move(*tokenizer);
}

}  // namespace freehold
