#include <gtest/gtest.h>

#include "text/pretokenize.h"
#include "text/tokenizer.h"
#include "text/tokenizer_normalize.h"
#include "text/tokenizer_vocabulary.h"
#include "text/utf8.h"

namespace freehold {
namespace {

using Tokens = std::vector<Token>;

// A tokenizer.json with all bytes, in the order of their values, and "ab" as 256.
Json small_bpe() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[alphabet_of_bytes(std::string(1, static_cast<char>(byte)))] = byte;
  vocabulary["ab"] = 256;
  return Json{{"normalizer", nullptr},
              {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
              {"added_tokens", Json::array()},
              {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array({"a b"})}}}};
}
Json added(int id, const char* content, bool special) {
  return Json{{"id", id},        {"content", content}, {"special", special},  {"normalized", false},
              {"lstrip", false}, {"rstrip", false},    {"single_word", false}};
}
Result<Tokenizer> read(const Json& json, std::string_view config = {}) {
  return Tokenizer::from_json(json.dump(), config, "model");
}

TEST(TokenizerJson, reads_merges_of_both_kinds) {
  Json json = small_bpe();
  for (const Json& merges : {Json::array({"a b"}), Json::array({Json::array({"a", "b"})})}) {
    json["model"]["merges"] = merges;
    const auto t = read(json);
    ASSERT_TRUE(t) << t.error().what;
    EXPECT_EQ(t->encode("ab ba", Specials::parse), (Tokens{256, ' ', 'b', 'a'}));
    EXPECT_EQ(t->kind(), "BPE gpt-2");
    EXPECT_EQ(t->size(), 257);
  }
}

TEST(TokenizerJson, added_tokens_have_flags) {
  Json json = small_bpe();
  Json word = added(257, "<w>", false), left = added(258, "<l>", true), right = added(259, "<r>", true);
  word["single_word"] = true;
  left["lstrip"] = true;
  right["rstrip"] = true;
  json["added_tokens"] = Json::array({word, left, right, added(260, "<end>", true)});
  const auto t = read(json, R"({"eos_token": {"content": "<end>"}, "bos_token": null})");
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("x <w> y", Specials::parse), (Tokens{'x', ' ', 257, ' ', 'y'}));
  EXPECT_EQ(t->encode("x<w>", Specials::parse), (Tokens{'x', '<', 'w', '>'}));
  EXPECT_EQ(t->encode("x \n<l> y", Specials::parse), (Tokens{'x', 258, ' ', 'y'}));
  EXPECT_EQ(t->encode("x <r> \u3000y", Specials::parse), (Tokens{'x', ' ', 259, 'y'}));
  EXPECT_FALSE(t->is_special(257));
  EXPECT_TRUE(t->is_special(258));
  EXPECT_EQ(t->ends(), Tokens{260});
  EXPECT_EQ(t->bos(), std::nullopt);
}

TEST(TokenizerJson, normalized_added_tokens_are_found_behind_the_normalizer) {
  Json json = small_bpe();
  json["normalizer"] = {{"type", "Lowercase"}};
  Json after = added(257, "STOP", false);
  after["normalized"] = true;
  json["added_tokens"] = Json::array({after, added(258, "END", true)});
  const auto t = read(json);
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("Stop", Specials::parse), Tokens{257});
  EXPECT_EQ(t->encode("END", Specials::parse), Tokens{258});
  EXPECT_EQ(t->encode("AB", Specials::parse), Tokens{256});
  EXPECT_EQ(t->encode("STOP", Specials::as_text).size(), 4u);
}

TEST(TokenizerJson, ignore_merges_takes_whole_pieces) {
  Json json = small_bpe();
  json["model"]["vocab"]["xyz"] = 257;
  auto t = read(json);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->encode("xyz", Specials::parse).size(), 3u);
  json["model"]["ignore_merges"] = true;
  t = read(json);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->encode("xyz", Specials::parse), Tokens{257});
}

TEST(TokenizerJson, begin_token_by_config_or_template) {
  Json json = small_bpe();
  json["added_tokens"] = Json::array({added(257, "<s>", true)});
  auto t = read(json, R"({"bos_token": "<s>", "add_bos_token": true})");
  ASSERT_TRUE(t);
  EXPECT_TRUE(t->adds_bos());
  EXPECT_EQ(t->bos(), 257);
  json["post_processor"] = Json::parse(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]}]})");
  t = read(json);
  ASSERT_TRUE(t);
  EXPECT_TRUE(t->adds_bos());
  EXPECT_EQ(t->bos(), 257);
  t = read(json, R"({"bos_token": "<s>", "add_bos_token": false})");
  ASSERT_TRUE(t);
  EXPECT_FALSE(t->adds_bos());
}

TEST(TokenizerJson, refuses_files_that_lie) {
  const auto with = [](const char* pointer, Json value) {
    Json json = small_bpe();
    json[Json::json_pointer(pointer)] = std::move(value);
    return json;
  };
  const std::pair<Json, Fault> cases[] = {
      {Json::array(), Fault::malformed},
      {Json::object(), Fault::malformed},
      {with("/model", 3), Fault::malformed},
      {with("/model/type", 3), Fault::malformed},
      {with("/model/type", "Unigram"), Fault::unsupported},
      {with("/model/type", "WordLevel"), Fault::unsupported},
      {with("/model/vocab", Json::array()), Fault::malformed},
      {with("/model/vocab/zz", 256), Fault::inconsistent},
      {with("/model/vocab/zz", 300), Fault::inconsistent},
      {with("/model/vocab/zz", -1), Fault::malformed},
      {with("/model/vocab/zz", 1e9), Fault::malformed},
      {with("/model/vocab/zz", "1"), Fault::malformed},
      {with("/model/vocab/zz", uint64_t{1} << 63), Fault::malformed},
      {with("/model/merges", nullptr), Fault::malformed},
      {with("/model/merges/0", "a"), Fault::malformed},
      {with("/model/merges/0", Json::array({"a"})), Fault::malformed},
      {with("/model/merges/0", "a q"), Fault::malformed},
      {with("/model/byte_fallback", true), Fault::unsupported},
      {with("/model/byte_fallback", 1), Fault::malformed},
      {with("/model/end_of_word_suffix", "</w>"), Fault::unsupported},
      {with("/model/dropout", 0.1), Fault::unsupported},
      {with("/added_tokens", 1), Fault::malformed},
      {with("/added_tokens/0", 1), Fault::malformed},
      {with("/added_tokens/0", added(258, "<x>", true)), Fault::inconsistent},
      {with("/added_tokens/0", added(97, "<x>", true)), Fault::inconsistent},
      {with("/added_tokens/0", added(257, "ab", true)), Fault::malformed},
      {with("/added_tokens/0", added(257, "", true)), Fault::malformed},
      {with("/pre_tokenizer", nullptr), Fault::unsupported},
      {with("/pre_tokenizer/type", "Metaspace"), Fault::unsupported},
      {with("/pre_tokenizer/use_regex", "yes"), Fault::malformed},
      {with("/normalizer", Json{{"type", "Precompiled"}}), Fault::unsupported},
      {with("/normalizer", Json{{"type", "Replace"}, {"pattern", {{"Regex", "("}}}, {"content", ""}}),
       Fault::unsupported},
  };
  for (const auto& [json, fault] : cases) {
    const auto t = read(json);
    ASSERT_FALSE(t) << json.dump().substr(0, 100);
    EXPECT_EQ(t.error().fault, fault) << t.error().what;
    EXPECT_TRUE(t.error().what.starts_with("model: tokenizer.json")) << t.error().what;
  }
  EXPECT_FALSE(Tokenizer::from_json("{", "", "model"));
  EXPECT_FALSE(read(small_bpe(), "[]"));
  EXPECT_FALSE(read(small_bpe(), R"({"eos_token": "absent"})"));
  EXPECT_FALSE(read(small_bpe(), R"({"eos_token": 3})"));
}

std::string pieces(const char* pre_tokenizer, std::string_view text) {
  const auto splitter = PreTokenizer::from_json(Json::parse(pre_tokenizer), "test");
  if (!splitter) return splitter.error().what;
  std::string result;
  auto take = [&](std::string_view piece) { result += fmt::format("[{}]", piece); };
  splitter->split(text, take);
  return result;
}

TEST(PreTokenizerJson, behaviors_of_split) {
  const auto split = [](const char* behavior, const char* invert, std::string_view text) {
    return pieces(
        fmt::format(R"({{"type":"Split","pattern":{{"Regex":"-"}},"behavior":"{}","invert":{}}})", behavior, invert)
            .c_str(),
        text);
  };
  EXPECT_EQ(split("Isolated", "false", "the-final--countdown"), "[the][-][final][-][-][countdown]");
  EXPECT_EQ(split("Removed", "false", "the-final--countdown"), "[the][final][countdown]");
  EXPECT_EQ(split("MergedWithPrevious", "false", "the-final--countdown"), "[the-][final-][-][countdown]");
  EXPECT_EQ(split("MergedWithNext", "false", "the-final--countdown"), "[the][-final][-][-countdown]");
  EXPECT_EQ(split("Contiguous", "false", "the-final--countdown"), "[the][-][final][--][countdown]");
  EXPECT_EQ(split("Removed", "true", "the-final--countdown"), "[-][-][-]");
  EXPECT_EQ(split("Isolated", "false", ""), "");
}

TEST(PreTokenizerJson, other_steps) {
  EXPECT_EQ(pieces(R"({"type":"Digits","individual_digits":true})", "a12\u0663"), "[a][1][2][\u0663]");
  EXPECT_EQ(pieces(R"({"type":"Digits","individual_digits":false})", "a12 3"), "[a][12][ ][3]");
  EXPECT_EQ(pieces(R"({"type":"Whitespace"})", "Hey, you\u3000there!"), "[Hey][,][you][there][!]");
  EXPECT_EQ(pieces(R"({"type":"WhitespaceSplit"})", "Hey, you"), "[Hey,][you]");
  EXPECT_EQ(pieces(R"({"type":"Punctuation","behavior":"Isolated"})", "Hey, you\u3002"), "[Hey][,][ you][\u3002]");
  EXPECT_EQ(pieces(R"({"type":"BertPreTokenizer"})", "Hey friend!?"), "[Hey][friend][!][?]");
  EXPECT_EQ(pieces(R"({"type":"ByteLevel","add_prefix_space":true})", "Hey you"), "[ Hey][ you]");
  EXPECT_EQ(pieces(R"({"type":"Split","pattern":{"String":"."},"behavior":"Isolated","invert":false})", "a.b"),
            "[a][.][b]");
  EXPECT_EQ(pieces(R"({"type":"Sequence","pretokenizers":[]})", "a b"), "[a b]");
  EXPECT_EQ(pieces("null", "a b"), "[a b]");
}

TEST(PreTokenizerJson, a_loop_and_the_expression_it_stands_for_agree) {
  // Behind "(?:)" an expression is unknown to the table of loops and runs as written.
  const char* expressions[] = {
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      R"(\p{N})",
      R"(\p{N}{1,3})",
      R"([\r\n])",
      R"(\s?\p{L}+)",
      R"(\s?\p{P}+)",
      R"(\s+$)",
  };
  std::string letters =
      "aZ\u00e9\u017f'sStTrRvemMlLdD 09\u0663\u00bd \n\r\t\u3000\u00a0!.$`\u2018\u0301\u4e2d\u30ab\u200b";
  std::vector<std::string> characters;
  for (size_t at = 0; at < letters.size(); at += static_cast<size_t>(character_at(letters, at).bytes))
    characters.push_back(letters.substr(at, static_cast<size_t>(character_at(letters, at).bytes)));
  uint64_t state = 1;
  const auto below = [&](size_t n) {
    return (state = state * 6364136223846793005u + 1442695040888963407u, (state >> 33) % n);
  };
  for (const char* expression : expressions) {
    const auto node = [](const std::string& regex) {
      return Json{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
    };
    const auto loop = PreTokenizer::from_json(node(expression), "test");
    const auto run = PreTokenizer::from_json(node(fmt::format("(?:){}", expression)), "test");
    ASSERT_TRUE(loop && run);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (size_t i = below(24); i > 0; --i) text += characters[below(characters.size())];
      ASSERT_EQ(loop->pieces(text), run->pieces(text)) << expression << "\n" << Json(text).dump();
    }
  }
}

std::string split_by(const char* expression, const std::string& text) {
  const Json node = {{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}};
  return pieces(node.dump().c_str(), text);
}

TEST(PreTokenizerJson, expressions_that_explode_end_in_time) {
  const std::string text(50'000, 'a');
  for (const char* expression : {"(a+)+b", "a+b", "(a|aa)+b", "(?:a*)*b"})
    EXPECT_EQ(split_by(expression, text), fmt::format("[{}]", text));
}

TEST(PreTokenizerJson, matches_may_be_long) {
  const std::string word(100'000, 'w'), blanks(100'000, ' ');
  EXPECT_EQ(split_by(R"((?:)\p{L}+|\s+(?!\S)|\s+)", word + blanks + word),
            fmt::format("[{}][{}][ ][{}]", word, blanks.substr(1), word));
}

TEST(PreTokenizerJson, refuses) {
  const std::pair<const char*, Fault> cases[] = {
      {"3", Fault::malformed},
      {R"({"type":3})", Fault::malformed},
      {R"({"type":"Split"})", Fault::unsupported},
      {R"({"type":"Split","behavior":"Isolated"})", Fault::malformed},
      {R"({"type":"Split","pattern":{"Regex":"["},"behavior":"Isolated"})", Fault::unsupported},
      {R"({"type":"Split","pattern":{"Regex":"[a&&b]"},"behavior":"Isolated"})", Fault::unsupported},
      {R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Torn"})", Fault::unsupported},
      {R"({"type":"Sequence"})", Fault::malformed},
      {R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})", Fault::unsupported},
      {R"({"type":"UnicodeScripts"})", Fault::unsupported},
  };
  for (const auto& [json, fault] : cases) {
    const auto splitter = PreTokenizer::from_json(Json::parse(json), "test");
    ASSERT_FALSE(splitter) << json;
    EXPECT_EQ(splitter.error().fault, fault) << splitter.error().what;
  }
  Json deep = {{"type", "Digits"}};
  for (int i = 0; i < 20; ++i) deep = {{"type", "Sequence"}, {"pretokenizers", Json::array({deep})}};
  EXPECT_FALSE(PreTokenizer::from_json(deep, "test"));
  EXPECT_FALSE(Normalizer::from_json(Json{{"type", "Sequence"}, {"normalizers", 3}}, "test"));
}

std::string normalized(const char* normalizer, std::string_view text) {
  const auto n = Normalizer::from_json(Json::parse(normalizer), "test");
  return n ? n->apply(text) : n.error().what;
}

TEST(Normalizer, forms) {
  EXPECT_EQ(normalized(R"({"type":"NFC"})", "e\u0301 \u1112\u1161\u11ab \u212b"), "\u00e9 \ud55c \u00c5");
  EXPECT_EQ(normalized(R"({"type":"NFD"})", "\u00e9"), "e\u0301");
  EXPECT_EQ(normalized(R"({"type":"NFKC"})", "\ufb01 \uff21"), "fi A");
  EXPECT_EQ(normalized(R"({"type":"NFKD"})", "\u00e9\u00b2"), "e\u03012");
  EXPECT_EQ(normalized(R"({"type":"NFC"})", "a\u0315\u0300"), "\u00e0\u0315");  // marks are ordered first
  EXPECT_EQ(normalized(R"({"type":"Lowercase"})", "ABC \u0130\u03a3"), "abc i\u0307\u03c3");
  EXPECT_EQ(normalized(R"({"type":"StripAccents"})", "e\u0301x"), "ex");
  EXPECT_EQ(normalized(R"({"type":"Prepend","prepend":"_"})", "a"), "_a");
  EXPECT_EQ(normalized(R"({"type":"Replace","pattern":{"String":"a."},"content":"b"})", "a.aa."), "bab");
  EXPECT_EQ(normalized(R"({"type":"Replace","pattern":{"Regex":"a+"},"content":"-"})", "baaab"), "b-b");
  EXPECT_EQ(normalized(R"({"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"}]})", "\u00e9"), "e");
  EXPECT_EQ(normalized("null", "a"), "a");
}

TEST(Normalizer, many_marks_in_bad_order_take_no_quadratic_time) {
  std::string text = "a";
  for (int i = 0; i < 200'000; ++i) text += "\u0301";
  for (int i = 0; i < 200'000; ++i) text += "\u0316";
  EXPECT_EQ(normalized(R"({"type":"NFD"})", text).substr(0, 3), "a\u0316");
}

}  // namespace
}  // namespace freehold
