#include "text/wordpiece.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "text/tokenizer.h"

namespace freehold {
namespace {

using Tokens = std::vector<Token>;

constexpr std::string_view names[] = {"[PAD]",  "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "hello",
                                      "\u4e2d", "!",     "##s",   "cafe",  "##", "a",     "##a"};
enum : Token { pad, unk, cls, sep, un, aff, able, hello, middle, mark_, s, cafe, bare, a, more_a };

Json small_wordpiece() {
  Json vocabulary = Json::object(), added = Json::array();
  for (size_t i = 0; i < std::size(names); ++i) {
    vocabulary[std::string(names[i])] = i;
    if (i < 4) added.push_back({{"id", i}, {"content", names[i]}, {"special", true}});
  }
  return Json{{"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}}},
              {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
              {"added_tokens", added},
              {"model", {{"type", "WordPiece"}, {"vocab", vocabulary}, {"max_input_chars_per_word", 20}}}};
}

void check(const Tokenizer& t) {
  EXPECT_EQ(t.encode("unaffable", Specials::as_text), (Tokens{un, aff, able}));
  EXPECT_EQ(t.encode("Hello, HELLOS!", Specials::as_text), (Tokens{hello, unk, hello, s, mark_}));
  EXPECT_EQ(t.encode("caf\u00e9\u4e2d\u4e2d", Specials::as_text), (Tokens{cafe, middle, middle}));
  EXPECT_EQ(t.encode("unx", Specials::as_text), (Tokens{unk}));
  EXPECT_EQ(t.encode("[CLS]", Specials::as_text), (Tokens{unk, unk, unk}));
  EXPECT_EQ(t.encode("[CLS] hello[SEP]", Specials::parse), (Tokens{cls, hello, sep}));
  EXPECT_EQ(t.encode(std::string(1, '\0') + "\t\xff", Specials::as_text), Tokens{});
  EXPECT_EQ(t.bos(), cls);
  EXPECT_TRUE(t.adds_bos());
  EXPECT_EQ(t.ends(), Tokens{sep});
  EXPECT_TRUE(t.is_special(cls));
  EXPECT_EQ(t.id_of("##able"), able);
  EXPECT_EQ(t.id_of("hello"), hello);
  EXPECT_EQ(t.decode(Tokens{un, aff, able, hello}), "unaffable hello");
  EXPECT_EQ(t.kind(), "WordPiece");
}

TEST(WordPiece, from_json) {
  const auto t = Tokenizer::from_json(small_wordpiece().dump(), "", "model");
  ASSERT_TRUE(t) << t.error().what;
  check(*t);
  EXPECT_EQ(t->encode(std::string(20, 'a'), Specials::as_text).size(), 20u);
  EXPECT_EQ(t->encode(std::string(21, 'a'), Specials::as_text), Tokens{unk});
}

TEST(WordPiece, from_gguf) {
  std::vector<std::string> texts;  // as converters write them: words with a mark in front, continuations bare
  std::vector<int32_t> types;
  for (size_t i = 0; i < std::size(names); ++i) {
    std::string text(names[i]);
    if (i >= 4) {
      if (text.starts_with("##"))
        text.erase(0, 2);
      else
        text.insert(0, "\u2581");
    }
    types.push_back(i < 4 ? 3 : text.empty() ? 5 : 1);
    texts.push_back(text);
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  GgufVocabulary gguf;
  gguf.file = "bert.gguf";
  gguf.model = "bert";
  gguf.tokens = views;
  gguf.types = types;
  gguf.unknown = unk;
  const auto t = Tokenizer::from_gguf(gguf);
  ASSERT_TRUE(t) << t.error().what;
  check(*t);
}

TEST(WordPiece, needs_its_unknown_token) {
  Json json = small_wordpiece();
  json["model"]["unk_token"] = "[WHAT]";
  const auto t = Tokenizer::from_json(json.dump(), "", "model");
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().fault, Fault::malformed);
}

}  // namespace
}  // namespace freehold
