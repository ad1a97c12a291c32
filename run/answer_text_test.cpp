#include "run/answer_text.h"

#include <gtest/gtest.h>

#include "run/byte_tokenizer.h"

namespace freehold {
namespace {

struct Heard {
  std::string answer, thinking;
  bool stopped;
};

// The same for every way to cut the text into tokens: here one token a byte.
Heard hear(std::string_view text, AnswerTextOptions options) {
  static const Tokenizer tokenizer = byte_tokenizer();
  AnswerText answer(tokenizer, std::move(options));
  Heard heard{};
  const auto take = [&](const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      EXPECT_FALSE(part.text.empty());
      EXPECT_TRUE(is_utf8(part.text)) << part.text;
      (part.voice == Voice::thinking ? heard.thinking : heard.answer) += part.text;
    }
  };
  for (const Token token : tokenizer.encode(text, Specials::parse)) take(answer.push(token));
  take(answer.finish());
  heard.stopped = answer.stopped();
  return heard;
}

TEST(AnswerText, AStopTextEndsTheAnswerAcrossTokens) {
  for (const char* text : {"one END two", "one END", "one ENDEND"}) {
    const Heard heard = hear(text, {.stops = {"END"}});
    EXPECT_EQ(heard.answer, "one ") << text;
    EXPECT_TRUE(heard.stopped);
  }
  EXPECT_EQ(hear("one EN two", {.stops = {"END"}}).answer, "one EN two");
  EXPECT_EQ(hear("one EN", {.stops = {"END"}}).answer, "one EN");
  EXPECT_FALSE(hear("one EN", {.stops = {"END"}}).stopped);
}

TEST(AnswerText, TheFirstOfSeveralCounts) {
  EXPECT_EQ(hear("a\nb\n\nc", {.stops = {"\n\n", "c"}}).answer, "a\nb");
  EXPECT_EQ(hear("aab", {.stops = {"ab", "aab"}}).answer, "");
  EXPECT_EQ(hear("xabaabac", {.stops = {"abac"}}).answer, "xaba");
}

TEST(AnswerText, CharactersStayWhole) {
  EXPECT_EQ(hear("\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82", {.stops = {"\xe2\x82\xad"}}).answer,
            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82");
  EXPECT_EQ(hear("\xc3\xa4\xe2\x82\xac!", {.stops = {"\xe2\x82\xac"}}).answer, "\xc3\xa4");
}

TEST(AnswerText, ThinkingIsToldApartAndStopsNothing) {
  const Heard heard = hear("<think>a\n\nb</think>\nc\n\nd", {.stops = {"\n\n"}});
  EXPECT_EQ(heard.thinking, "a\n\nb");
  EXPECT_EQ(heard.answer, "c");
  EXPECT_EQ(hear("a</think>b", {.thinking_open = true}).thinking, "a");
  EXPECT_EQ(hear("<think>a</think>b", {.raw = true}).thinking, "");
}

TEST(AnswerText, CountsTheTokensOfThinking) {
  const Tokenizer tokenizer = byte_tokenizer();
  AnswerText answer(tokenizer, {});
  for (const Token token : tokenizer.encode("<think>abc</think>de", Specials::parse)) answer.push(token);
  EXPECT_EQ(answer.thinking_tokens(), 3);
  EXPECT_FALSE(answer.thinking());
}

TEST(AnswerText, OtherTokensMayEndAnAnswerToo) {
  const Tokenizer tokenizer = byte_tokenizer();
  const AnswerText usual(tokenizer, {}), more(tokenizer, {.ends = {'x'}});
  EXPECT_TRUE(usual.ends(end_token) && more.ends(end_token) && more.ends('x'));
  EXPECT_FALSE(usual.ends('x') || more.ends('y'));
}

}  // namespace
}  // namespace freehold
