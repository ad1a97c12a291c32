#include "text/pretokenize.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "text/utf8.h"

namespace freehold {
namespace {

std::string joined(std::string_view family, std::string_view text) {
  const auto splitter = PreTokenizer::named(family, "test");
  EXPECT_TRUE(splitter);
  std::string result;
  for (std::string_view piece : splitter->pieces(text)) result += fmt::format("[{}]", piece);
  return result;
}

std::vector<Json> lines_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    auto json = parse_json(line, path);
    EXPECT_TRUE(json) << json.error().what;
    lines.push_back(std::move(*json));
  }
  return lines;
}

TEST(PreTokenizer, splits_as_the_reference_does) {
  std::map<std::string, std::string> texts;
  for (const Json& line : lines_of("tests/golden/tokenizer/cases.jsonl")) texts[line["id"]] = line["text"];
  int compared = 0;
  for (const Json& line : lines_of("tests/golden/tokenizer/splits.jsonl")) {
    const std::string& text = texts.at(line["id"]);
    for (const auto& [family, spans] : line["pieces"].items()) {
      const auto splitter = PreTokenizer::named(family, "test");
      ASSERT_TRUE(splitter) << splitter.error().what;
      Json found = Json::array();
      for (std::string_view piece : splitter->pieces(text)) {
        const auto begin = piece.data() - text.data();
        found.push_back(Json::array({begin, begin + static_cast<ptrdiff_t>(piece.size())}));
      }
      EXPECT_EQ(found, spans) << family << " " << line["id"];
      ++compared;
    }
  }
  EXPECT_EQ(compared, 200 * 7);
}

TEST(PreTokenizer, leaves_the_last_space_to_the_next_word) {
  EXPECT_EQ(joined("gpt-2", "a   b  "), "[a][  ][ b][  ]");
  EXPECT_EQ(joined("qwen2", "a   b \n c"), "[a][  ][ b][ \n][ c]");
  EXPECT_EQ(joined("qwen2", "x \t!y"), "[x][ ][\t][!y]");
  EXPECT_EQ(joined("deepseek-v3", "x  1234"), "[x][  ][123][4]");
}

TEST(PreTokenizer, knows_contractions) {
  EXPECT_EQ(joined("gpt-2", "it's IT'S"), "[it]['s][ IT]['][S]");
  EXPECT_EQ(joined("qwen2", "it's IT'S we'Ve"), "[it]['s][ IT]['S][ we]['Ve]");
  EXPECT_EQ(joined("qwen2", "a'\u017f"), "[a]['\u017f]");
  EXPECT_EQ(joined("gpt-2", "'"), "[']");
}

TEST(PreTokenizer, default_is_four_patterns) {
  EXPECT_EQ(joined("default", "cost: $12345"), "[cost][:][ ][$][123][45]");
}

TEST(PreTokenizer, refuses_unknown_names) {
  const auto unknown = PreTokenizer::named("mystery\n", "file.gguf");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::unsupported);
  EXPECT_NE(unknown.error().what.find("mystery"), std::string::npos);
}

TEST(PreTokenizer, every_byte_is_in_one_piece) {
  const std::string texts[] = {"", "\n", std::string(1, '\0'), "a\u3000\u3000\u3001 1\u0663 \u200b\u200bx",
                               "\u2028\u2029 \u0085"};
  for (std::string_view family : {"deepseek-v3", "deepseek-r1-qwen", "qwen2", "llama-bpe", "smollm", "deepseek-llm",
                                  "deepseek-coder", "gpt-2", "default"}) {
    const auto splitter = PreTokenizer::named(family, "test");
    ASSERT_TRUE(splitter);
    for (const std::string& text : texts) {
      std::string all;
      for (std::string_view piece : splitter->pieces(text)) {
        EXPECT_FALSE(piece.empty());
        all += piece;
      }
      EXPECT_EQ(all, text);
    }
  }
}

}  // namespace
}  // namespace freehold
