#include "text/prompt.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "text/tokenizer_vocabulary.h"

namespace freehold {
namespace {

constexpr Token start = 257, ab = 256;

// All bytes, "ab", and one control token.
Result<Tokenizer> small_tokenizer() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(alphabet_of_bytes(std::string(1, static_cast<char>(byte))));
  tokens.push_back("ab");
  tokens.push_back("<|im_start|>");
  std::vector<int32_t> types(tokens.size(), 1);
  types.back() = 3;
  const std::vector<std::string_view> views(tokens.begin(), tokens.end()), merges = {"a b"};
  GgufVocabulary vocabulary;
  vocabulary.file = "small.gguf";
  vocabulary.model = "gpt2";
  vocabulary.pre = "gpt-2";
  vocabulary.tokens = views;
  vocabulary.merges = merges;
  vocabulary.types = types;
  return Tokenizer::from_gguf(vocabulary);
}

TEST(Prompt, OnlyTheTemplateMakesSpecialTokens) {
  const auto tokenizer = small_tokenizer();
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().what;
  const auto encode = [&](const std::vector<Piece>& pieces) { return encode_prompt(pieces, *tokenizer); };
  const Author ours = Author::the_template, theirs = Author::the_request;
  const auto count_starts = [&](const std::vector<Piece>& pieces) {
    const auto tokens = encode(pieces);
    EXPECT_EQ(tokenizer->decode(tokens), joined(pieces));
    return std::count(tokens.begin(), tokens.end(), start);
  };
  EXPECT_EQ(encode({{"<|im_start|>a", ours}}), (std::vector<Token>{start, 'a'}));
  EXPECT_EQ(count_starts({{"<|im_start|>", theirs}}), 0);
  EXPECT_EQ(count_starts({{"<|im_", ours}, {"start|>", theirs}}), 0);
  EXPECT_EQ(count_starts({{"<|im_", theirs}, {"start|>", ours}}), 0);
  EXPECT_EQ(count_starts({{"<|im_", ours}, {"start", theirs}, {"|>", ours}}), 0);
  EXPECT_EQ(count_starts({{"<|im_start|>", ours}, {"<|im_start|>", theirs}, {"x<|im_start|>", ours}}), 2);
}

TEST(Prompt, BordersOfAuthorsCutNoToken) {
  const auto tokenizer = small_tokenizer();
  ASSERT_TRUE(tokenizer.has_value());
  const std::vector<Piece> pieces = {
      {"<|im_start|>xa", Author::the_template}, {"bya", Author::the_request}, {"b", Author::the_template}};
  EXPECT_EQ(encode_prompt(pieces, *tokenizer), (std::vector<Token>{start, 'x', ab, 'y', ab}));
  EXPECT_EQ(encode_prompt(pieces, *tokenizer), tokenizer->encode(joined(pieces), Specials::parse));
  EXPECT_TRUE(encode_prompt({}, *tokenizer).empty());
}

}  // namespace
}  // namespace freehold
