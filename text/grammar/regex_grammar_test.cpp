#include "text/grammar/regex_grammar.h"

#include <functional>

#include "text/grammar/testing.h"
#include "text/regex.h"

namespace freehold {
namespace {

TEST(Regex, what_is_read) {
  expect_texts(regex_grammar("a|b+c*"), {"a", "b", "bbcc"}, {"", "ab", "c"});
  expect_texts(regex_grammar("^(?:ab){2,3}?$"), {"abab", "ababab"}, {"ab", "abababab"});
  expect_texts(regex_grammar("[\\w.-]+@[a-z]+\\.(com|de)"), {"a.b-c_1@x.com"}, {"@x.com", "a@x.org"});
  expect_texts(regex_grammar("\\d{3}-\\d{2}|\\x41\\u00e9\\u{1F600}"), {"123-45", "Aé😀"}, {"12-345"});
  expect_texts(regex_grammar("(?<year>\\d+)(?P<rest>[^\\d\\s])"), {"12x"}, {"12 ", "123"});
}

TEST(Regex, a_brace_that_counts_nothing_is_a_character) { expect_texts(regex_grammar("a{x}"), {"a{x}"}, {"ax"}); }

TEST(Regex, dots_and_classes_take_what_all_dialects_take) {
  expect_texts(regex_grammar("."), {"a", "é"}, {"\n", "\r", "\u2028", "", "ab"});
  expect_texts(regex_grammar("\\W"), {" ", "!"}, {"a", "_", "é"});
  expect_texts(regex_grammar("[^\\w]"), {"-"}, {"é", "Z"});
  expect_texts(regex_grammar("\\S"), {"a", "é"}, {" ", "\u00a0"});
  expect_texts(regex_grammar("[\\s\\S]"), {" ", "a"}, {});
}

TEST(Regex, a_pattern_is_found_anywhere_in_a_json_string) {
  const auto pattern = [](std::string_view text) -> Result<Grammar> {
    Grammar grammar;
    TRY_ASSIGN(const Grammar::Node node, read_regex(grammar, text, RegexScope::anywhere, Grammar::Writing::json));
    grammar.make_root(node);
    return grammar;
  };
  expect_texts(pattern("b"), {"b", "abc", "\\\"b\\n"}, {"ac", "\"b"});
  expect_texts(pattern("^b|c$"), {"b", "bx", "xc"}, {"xb", "cx"});
  expect_texts(pattern("^[\"\\\\\\n]+$"), {"\\\"", "\\\\\\n"}, {"\"", "\\", "n"});
}

TEST(Regex, what_is_not_regular_is_refused) {
  for (const auto& [text, part] : {std::pair{"(?=a)b", "looking around"},
                                   {"(?<!a)b", "looking around"},
                                   {"(a)\\1", "reference"},
                                   {"(?i)a", "(?"},
                                   {"\\bword", "anchor"},
                                   {"a(^b)", "anchor"},
                                   {"\\p{L}", "\\p"},
                                   {"a++", "repetition"},
                                   {"*a", "nothing"},
                                   {"(a", "')'"},
                                   {"a)", "'('"},
                                   {"[a", "']'"},
                                   {"[]", "class"},
                                   {"[b-a]", "range"},
                                   {"a{3,2}", "larger"},
                                   {"a{20000}", "10000"},
                                   {"\\q", "escape"},
                                   {"\\", "backslash"},
                                   {"\\u12", "hexadecimal"}}) {
    const Result<Grammar> grammar = regex_grammar(text);
    ASSERT_FALSE(grammar) << text;
    EXPECT_NE(grammar.error().what.find(part), std::string::npos) << text << ": " << grammar.error().what;
  }
  EXPECT_FALSE(regex_grammar(std::string(30'000, 'a')));
  EXPECT_FALSE(regex_grammar(std::string(10'000, '(') + std::string(4'000, ')')));
}

// Random expressions, against PCRE2.
TEST(Regex, agrees_with_another_reader) {
  Random random(7);
  const auto below = [&](size_t n) { return random.next() % n; };
  const std::function<std::string(int)> expression = [&](int depth) -> std::string {
    static const char* atoms[] = {"a", "b", "c", "[ab]", "[^a]", "."};
    std::string text;
    for (size_t i = 0, n = 1 + below(3); i < n; ++i) {
      std::string part = depth > 0 && below(3) == 0 ? fmt::format("({})", expression(depth - 1)) : atoms[below(6)];
      static const char* counts[] = {"", "", "*", "+", "?", "{2}", "{1,3}", "{2,}"};
      text += part + counts[below(8)];
    }
    return below(4) == 0 ? text + "|" + expression(0) : text;
  };
  int right = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string pattern = expression(2);
    const auto other = freehold::Regex::compile("\\A(?:" + pattern + ")\\z", "test");
    ASSERT_TRUE(other) << pattern;
    Fits fits(regex_grammar(pattern));
    for (int k = 0; k < 40; ++k) {
      std::string text;
      for (size_t n = below(7); n > 0; --n) text += static_cast<char>('a' + below(3));
      bool expected = false;
      other->each_match(text, [&](size_t, size_t) { expected = true; });
      right += expected;
      ASSERT_EQ(fits.whole(text), expected) << pattern << " : " << text;
    }
  }
  EXPECT_GT(right, 300);
}

}  // namespace
}  // namespace freehold
