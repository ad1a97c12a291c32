#include "text/fill.h"

#include <gtest/gtest.h>

#include "text/byte_level.h"

namespace freehold {
namespace {

std::string written(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string text;
  for (const Token token : tokens)
    text += tokenizer.is_special(token) ? fmt::format("[{}]", token) : std::string(tokenizer.bytes_of(token));
  return text;
}

const std::vector<TypedToken> qwen = {{"<|endoftext|>", 3},  {"<|fim_prefix|>", 3}, {"<|fim_middle|>", 3},
                                      {"<|fim_suffix|>", 3}, {"<|fim_pad|>", 3},    {"<|repo_name|>", 3},
                                      {"<|file_sep|>", 3}};

TEST(FillTest, ModelsThatWereTaughtItAreKnownByTheirTokens) {
  const auto tokenizer = byte_level_tokenizer({}, qwen, 256);
  const auto fill = find_fill_tokens(tokenizer);
  ASSERT_TRUE(fill);
  EXPECT_EQ((std::vector<Token>{fill->before, fill->after, fill->middle}), (std::vector<Token>{257, 259, 258}));
  EXPECT_EQ(fill->ends, (std::vector<Token>{261, 262, 260}));
  const auto deepseek = byte_level_tokenizer({},
                                             {{"<\uff5cfim\u2581hole\uff5c>", 4},
                                              {"<\uff5cfim\u2581begin\uff5c>", 4},
                                              {"<\uff5cfim\u2581end\uff5c>", 4}},
                                             0);
  const auto other = find_fill_tokens(deepseek);
  ASSERT_TRUE(other);
  EXPECT_EQ((std::vector<Token>{other->before, other->after, other->middle}), (std::vector<Token>{257, 256, 258}));
  EXPECT_FALSE(other->file);
  EXPECT_FALSE(find_fill_tokens(byte_level_tokenizer({}, {{"<|file_sep|>", 3}, {"<|fim_prefix|>", 3}}, 0)));
}

TEST(FillTest, ThePromptHasTheOrderThatModelsWereTaught) {
  const auto tokenizer = byte_level_tokenizer({}, qwen, 256);
  const FillTokens fill = *find_fill_tokens(tokenizer);
  EXPECT_EQ(written(tokenizer, fill_prompt(tokenizer, fill, "a(", ")b")), "[257]a([259])b[258]");
  EXPECT_EQ(written(tokenizer, fill_prompt(tokenizer, fill, "", "")), "[257][259][258]");
  const std::vector<OtherFile> others = {{"x.py", "x = 1"}, {"y.py", "y = 2"}};
  EXPECT_EQ(written(tokenizer, fill_prompt(tokenizer, fill, "p", "s", others)),
            "[261]repository\n[262]x.py\nx = 1[262]y.py\ny = 2[262]this file\n[257]p[259]s[258]");
}

TEST(FillTest, TextOfFilesIsText) {
  const auto tokenizer = byte_level_tokenizer({}, qwen, 256);
  const auto tokens = fill_prompt(tokenizer, *find_fill_tokens(tokenizer), "<|fim_suffix|>", "<|endoftext|>");
  EXPECT_EQ(tokens.size(), 3 + 14 + 13u);
}

}  // namespace
}  // namespace freehold
