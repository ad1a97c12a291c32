#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <sstream>

#include "base/random.h"
#include "text/tokenizer_cases.h"
#include "text/tokenizer_vocabulary.h"
#include "text/utf8.h"

namespace freehold {
namespace {

// A vocabulary in the making: all bytes (in the order of their values), then what is added.
struct Vocabulary {
  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
  std::string model = "gpt2", pre = "gpt-2";
  std::optional<int64_t> bos, eos, unknown;
  std::optional<bool> add_bos;

  explicit Vocabulary(std::string_view left_out = {}) {
    for (int byte = 0; byte < 256; ++byte)
      if (left_out.find(static_cast<char>(byte)) == left_out.npos)
        add(alphabet_of_bytes(std::string(1, static_cast<char>(byte))), 1);
  }
  Token add(std::string text, int32_t type) {
    tokens.push_back(std::move(text));
    types.push_back(type);
    return static_cast<Token>(tokens.size() - 1);
  }
  Token merge(std::string_view left, std::string_view right) {
    const std::string a = alphabet_of_bytes(left), b = alphabet_of_bytes(right);
    merges.push_back(fmt::format("{} {}", a, b));
    const std::string both = a + b;
    const auto place = std::find(tokens.begin(), tokens.end(), both);
    return place != tokens.end() ? static_cast<Token>(place - tokens.begin()) : add(both, 1);
  }
  Result<Tokenizer> build() const {
    const std::vector<std::string_view> token_views(tokens.begin(), tokens.end());
    const std::vector<std::string_view> merge_views(merges.begin(), merges.end());
    GgufVocabulary gguf;
    gguf.file = "test.gguf";
    gguf.model = model;
    gguf.pre = pre;
    gguf.tokens = token_views;
    gguf.merges = merge_views;
    gguf.types = types;
    gguf.bos = bos;
    gguf.eos = eos;
    gguf.unknown = unknown;
    gguf.add_bos = add_bos;
    return Tokenizer::from_gguf(gguf);
  }
};

using Tokens = std::vector<Token>;

TEST(Tokenizer, merges_lowest_rank_first_then_leftmost) {
  Vocabulary v;
  const Token bc = v.merge("b", "c"), ab = v.merge("a", "b"), aa = v.merge("a", "a"), aaaa = v.merge("aa", "aa");
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("abc", Specials::parse), (Tokens{'a', bc}));
  EXPECT_EQ(t->encode("ab", Specials::parse), (Tokens{ab}));
  EXPECT_EQ(t->encode("aaa", Specials::parse), (Tokens{aa, 'a'}));
  EXPECT_EQ(t->encode("aaaa", Specials::parse), (Tokens{aaaa}));
  EXPECT_EQ(t->encode("aaaaaa", Specials::parse), (Tokens{aaaa, aa}));
  EXPECT_EQ(t->encode("", Specials::parse), Tokens{});
  EXPECT_EQ(t->longest_bytes(), 4u);
  EXPECT_EQ(t->decode(Tokens{'a', bc}), "abc");
}

// Straight from the definition, quadratic.
Tokens merged_by_definition(const Vocabulary& v, std::string_view piece) {
  std::map<std::string, size_t> rank;
  for (size_t i = 0; i < v.merges.size(); ++i) rank[v.merges[i]] = i;
  std::vector<std::string> parts;
  for (char c : piece) parts.push_back(alphabet_of_bytes(std::string(1, c)));
  while (true) {
    size_t best = rank.size(), at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = rank.find(fmt::format("{} {}", parts[i], parts[i + 1]));
      if (found != rank.end() && found->second < best) best = found->second, at = i;
    }
    if (best == rank.size()) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
  Tokens tokens;
  for (const std::string& part : parts)
    tokens.push_back(static_cast<Token>(std::find(v.tokens.begin(), v.tokens.end(), part) - v.tokens.begin()));
  return tokens;
}

TEST(Tokenizer, short_and_long_pieces_follow_the_definition) {
  Random random(7);
  for (int round = 0; round < 20; ++round) {
    Vocabulary v;
    std::vector<std::string> words = {"a", "b", "c"};
    for (int i = 0; i < 30; ++i) {
      const std::string left = words[static_cast<size_t>(random.below(static_cast<int>(words.size())))];
      const std::string right = words[static_cast<size_t>(random.below(static_cast<int>(words.size())))];
      const std::string merge = fmt::format("{} {}", left, right);
      if (std::find(v.merges.begin(), v.merges.end(), merge) != v.merges.end()) continue;
      v.merge(left, right);
      words.push_back(left + right);
    }
    const auto t = v.build();
    ASSERT_TRUE(t) << t.error().what;
    for (int length : {1, 2, 3, 7, 20, 47, 48, 49, 50, 200}) {
      std::string text;
      for (int i = 0; i < length; ++i) text += static_cast<char>('a' + random.below(3));
      EXPECT_EQ(t->encode(text, Specials::as_text), merged_by_definition(v, text)) << text;
    }
  }
}

TEST(Tokenizer, special_tokens_only_where_they_are_looked_for) {
  Vocabulary v;
  const Token end = v.add("<|im_end|>", 3), longer = v.add("<|im_end|>!", 4);
  v.add("[PAD]", 5);
  v.eos = end;
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("a<|im_end|>b", Specials::parse), (Tokens{'a', end, 'b'}));
  EXPECT_EQ(t->encode("<|im_end|>!", Specials::parse), (Tokens{longer}));
  EXPECT_EQ(t->encode("<|im_end|", Specials::parse).size(), 9u);
  EXPECT_EQ(t->encode("[PAD]", Specials::parse).size(), 5u);
  for (std::string_view text : {"a<|im_end|>b", "<|im_end|>!", "<|im_end|><|im_end|>"}) {
    const Tokens plain = t->encode(text, Specials::as_text);
    EXPECT_EQ(plain.size(), text.size());
    EXPECT_EQ(std::count(plain.begin(), plain.end(), end) + std::count(plain.begin(), plain.end(), longer), 0);
    EXPECT_EQ(t->decode(plain), text);
  }
  EXPECT_TRUE(t->is_special(end));
  EXPECT_FALSE(t->is_special(longer));
  EXPECT_FALSE(t->is_special('a'));
  EXPECT_FALSE(t->is_special(-1));
  EXPECT_EQ(t->ends(), Tokens{end});
  EXPECT_EQ(t->id_of("<|im_end|>"), end);
  EXPECT_EQ(t->id_of("a"), 'a');
  EXPECT_EQ(t->id_of("nothing"), std::nullopt);
  EXPECT_EQ(t->bytes_of(end), "<|im_end|>");
  EXPECT_EQ(t->bytes_of(99999), "");
  EXPECT_EQ(t->bytes_of(-1), "");
}

TEST(Tokenizer, merges_that_lead_to_a_special_token_do_not_count) {
  Vocabulary v;
  const Token trap = v.merge("x", "y");
  v.types[static_cast<size_t>(trap)] = 3;
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("xy", Specials::as_text), (Tokens{'x', 'y'}));
  EXPECT_EQ(t->encode("xy", Specials::parse), (Tokens{trap}));
}

TEST(Tokenizer, begin_and_end_tokens_are_special_whatever_their_type) {
  Vocabulary v;
  const Token end = v.merge("e", "f");
  v.eos = end;
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_TRUE(t->is_special(end));
  EXPECT_EQ(t->encode("ef", Specials::as_text), (Tokens{'e', 'f'}));
}

TEST(Tokenizer, parts_of_several_authors_join_but_do_not_make_special_tokens) {
  Vocabulary v;
  const Token start = v.add("<s>", 3), ab = v.merge("a", "b");
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  using Parts = std::vector<Tokenizer::Part>;
  const auto parse = Specials::parse, as_text = Specials::as_text;
  EXPECT_EQ(t->encode(Parts{{"<s>a", parse}, {"b<s>", as_text}}), (Tokens{start, ab, '<', 's', '>'}));
  EXPECT_EQ(t->encode(Parts{{"<", parse}, {"s>", as_text}}), (Tokens{'<', 's', '>'}));
  EXPECT_EQ(t->encode(Parts{{"<", parse}, {"s", as_text}, {">", parse}}), (Tokens{'<', 's', '>'}));
  EXPECT_EQ(t->encode(Parts{{"<", parse}, {"s>", parse}}), (Tokens{start}));
  EXPECT_EQ(t->encode(Parts{{"a", as_text}, {"b", as_text}}), (Tokens{ab}));
  EXPECT_EQ(t->encode(Parts{}), Tokens{});
}

TEST(Tokenizer, every_text_comes_back) {
  Vocabulary v;
  v.merge("\xe4", "\xb8");
  v.merge(" ", "t");
  v.add("<x>", 3);
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  std::string all;
  for (char32_t c = 0; c < 0x3000; ++c) append_utf8(all, c);
  all += " the 中文 \U0001f642 <x>";
  for (const Specials specials : {Specials::parse, Specials::as_text})
    EXPECT_EQ(t->decode(t->encode(all, specials)), all);
}

TEST(Tokenizer, invalid_text_is_replaced) {
  const auto t = Vocabulary().build();
  ASSERT_TRUE(t);
  EXPECT_EQ(t->encode("a\xff", Specials::parse), (Tokens{'a', 0xef, 0xbf, 0xbd}));
  EXPECT_EQ(t->decode(Tokens{'a', 0xe4, 0xb8, 'b'}),
            "a\ufffd"
            "b");
}

TEST(Tokenizer, bytes_without_a_token_are_left_out) {
  Vocabulary v("\x04");
  const Token ab = v.merge("a", "b");
  const auto t = v.build();
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->encode("a\x04"
                      "b",
                      Specials::parse)
                .size(),
            2u);  // three pieces: letters, control, letters
  EXPECT_EQ(t->encode("ab", Specials::parse), Tokens{ab});
  EXPECT_EQ(t->encode("\x04", Specials::parse), Tokens{});
}

TEST(StreamDecoder, holds_back_characters_until_they_are_whole) {
  const auto t = Vocabulary().build();
  ASSERT_TRUE(t);
  StreamDecoder stream(*t);
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push(0xe4), "");
  EXPECT_EQ(stream.push(0xb8), "");
  EXPECT_EQ(stream.push(0xad), "\u4e2d");
  EXPECT_EQ(stream.push(0xe4), "");
  EXPECT_EQ(stream.push('b'),
            "\ufffd"
            "b");
  EXPECT_EQ(stream.push(0xf0), "");
  EXPECT_EQ(stream.push(0x9f), "");
  EXPECT_EQ(stream.finish(), "\ufffd");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, pieces_joined_are_the_decoded_whole) {
  const auto t = Vocabulary().build();
  ASSERT_TRUE(t);
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    Tokens tokens;
    for (int i = random.below(12); i > 0; --i)
      tokens.push_back(random.below(2) ? 0x80 + random.below(128) : random.below(256));
    StreamDecoder stream(*t);
    std::string joined;
    for (Token token : tokens) {
      const std::string text = stream.push(token);
      EXPECT_TRUE(valid_utf8(text));
      joined += text;
    }
    joined += stream.finish();
    EXPECT_EQ(joined, t->decode(tokens));
  }
}

TEST(Tokenizer, a_megabyte_of_one_character_takes_no_second) {
  Vocabulary v;
  for (std::string c : {"a", " "})
    for (std::string word = c; word.size() < 64; word += word) v.merge(word, word);
  v.pre = "qwen2";
  const auto t = v.build();
  ASSERT_TRUE(t);
  for (const char* unit : {"a", " ", "ab", "\u0301", "<"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const std::clock_t start = std::clock();  // of this process: other loads do not count
    const Tokens tokens = t->encode(text, Specials::as_text);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(t->decode(tokens), text);
    EXPECT_LT(seconds, 10);  // quadratic would be hours; sanitizers slow it down
  }
}

struct Bad {
  const char* what;
  std::function<void(Vocabulary&)> make;
  Fault fault;
};

TEST(Tokenizer, refuses_files_that_lie) {
  const Bad cases[] = {
      {"no tokens", [](Vocabulary& v) { v.tokens.clear(), v.types.clear(); }, Fault::malformed},
      {"types fewer", [](Vocabulary& v) { v.types.pop_back(); }, Fault::inconsistent},
      {"type unknown", [](Vocabulary& v) { v.types[3] = 7; }, Fault::malformed},
      {"type negative", [](Vocabulary& v) { v.types[3] = -1; }, Fault::malformed},
      {"duplicate token", [](Vocabulary& v) { v.add("a", 1); }, Fault::malformed},
      {"duplicate control", [](Vocabulary& v) { v.add("<x>", 3), v.add("<x>", 3); }, Fault::malformed},
      {"token not UTF-8", [](Vocabulary& v) { v.add("\xff\xfe", 1); }, Fault::malformed},
      {"token too long", [](Vocabulary& v) { v.add(std::string(70'000, 'q'), 1); }, Fault::resources},
      {"control too long", [](Vocabulary& v) { v.add(std::string(2'000, 'q'), 3); }, Fault::resources},
      {"merge of an absent token", [](Vocabulary& v) { v.merges.push_back("a zz"); }, Fault::malformed},
      {"merge to an absent token", [](Vocabulary& v) { v.merges.push_back("a z"); }, Fault::malformed},
      {"merge twice", [](Vocabulary& v) { v.merge("a", "b"), v.merge("a", "b"); }, Fault::malformed},
      {"merge without space", [](Vocabulary& v) { v.merges.push_back("ab"); }, Fault::malformed},
      {"merge with two spaces", [](Vocabulary& v) { v.merges.push_back("a b c"); }, Fault::malformed},
      {"merge with an empty side", [](Vocabulary& v) { v.merges.push_back(" a"); }, Fault::malformed},
      {"bos too high", [](Vocabulary& v) { v.bos = 256; }, Fault::malformed},
      {"bos negative", [](Vocabulary& v) { v.bos = -1; }, Fault::malformed},
      {"eos huge", [](Vocabulary& v) { v.eos = int64_t{1} << 40; }, Fault::malformed},
      {"bos wanted, none there", [](Vocabulary& v) { v.add_bos = true; }, Fault::inconsistent},
      {"SentencePiece", [](Vocabulary& v) { v.model = "llama"; }, Fault::unsupported},
      {"unknown model", [](Vocabulary& v) { v.model = "rwkv"; }, Fault::unsupported},
      {"unknown pre-tokenizer", [](Vocabulary& v) { v.pre = "mystery"; }, Fault::unsupported},
  };
  for (const Bad& bad : cases) {
    Vocabulary v;
    bad.make(v);
    const auto t = v.build();
    ASSERT_FALSE(t) << bad.what;
    EXPECT_EQ(t.error().fault, bad.fault) << bad.what << ": " << t.error().what;
    EXPECT_TRUE(t.error().what.starts_with("test.gguf")) << t.error().what;
  }
}

TEST(TokenizerCases, count_and_name_what_differs) {
  const auto t = Vocabulary().build();
  ASSERT_TRUE(t);
  std::istringstream good(R"({"id":"one","text":"ab","ids":{"k":[97,98]}}
{"id":"two","text":"x","bytes":"61ff","ids":{"k":[97,239,191,189]},"decoded":{"k":"a\ufffd"}})");
  const auto report = check_tokenizer_cases(*t, "k", good, "cases");
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->cases, 2);
  EXPECT_EQ(report->failed, 0) << report->failures[0];

  std::istringstream wrong(R"({"id":"one","text":"ab","ids":{"k":[97,99]}})");
  const auto failed = check_tokenizer_cases(*t, "k", wrong, "cases");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failed, 1);
  EXPECT_EQ(failed->failures, std::vector<std::string>{"one: expected 97 99; found 97 98"});

  for (const char* line :
       {"", "[]", "{}", R"({"text":"a"})", R"({"text":"a","ids":{"other":[1]}})", R"({"text":"a","ids":{"k":"x"}})",
        R"({"text":"a","ids":{"k":[-1]}})", R"({"text":"a","bytes":"6","ids":{"k":[1]}})",
        R"({"text":"a","bytes":"zz","ids":{"k":[1]}})"}) {
    std::istringstream bad(line);
    EXPECT_FALSE(check_tokenizer_cases(*t, "k", bad, "cases")) << line;
  }
}

}  // namespace
}  // namespace freehold
