// Tokenizers for tests: byte-level ones without merges, one token for each byte and then those that are given.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/utf8.h"

namespace freehold {

// GPT-2's printable form of bytes.
inline std::string byte_level(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const auto plain = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b != 173); };
    char32_t code = byte;
    if (!plain(byte)) {
      code = 256;
      for (int before = 0; before < byte; ++before) code += !plain(before);
    }
    append_utf8(text, code);
  }
  return text;
}

struct TypedToken {
  std::string text;
  int32_t type;  // 3: control, 4: user-defined
};
inline Tokenizer byte_level_tokenizer(const std::vector<std::string>& longer, const std::vector<TypedToken>& added,
                                      int end) {
  std::vector<std::string> texts;
  std::vector<int32_t> types;
  for (int byte = 0; byte < 256; ++byte) texts.push_back(byte_level(std::string(1, static_cast<char>(byte))));
  for (const std::string& token : longer) texts.push_back(byte_level(token));
  types.resize(texts.size(), 1);
  for (const TypedToken& token : added) texts.push_back(token.text), types.push_back(token.type);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  GgufVocabulary vocabulary;
  vocabulary.file = "bytes";
  vocabulary.model = "gpt2";
  vocabulary.pre = "gpt-2";
  vocabulary.tokens = views;
  vocabulary.types = types;
  vocabulary.eos = end;
  auto tokenizer = Tokenizer::from_gguf(vocabulary);
  EXPECT_TRUE(tokenizer) << tokenizer.error().what;
  return std::move(*tokenizer);
}

}  // namespace freehold
