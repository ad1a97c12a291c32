#include "text/grammar/compiled_grammar.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "text/grammar/gbnf.h"
#include "text/grammar/json_grammar.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/regex_grammar.h"
#include "text/grammar/testing.h"

namespace freehold {
namespace {

std::shared_ptr<CompiledGrammar> compiled(const Result<Grammar>& grammar) {
  EXPECT_TRUE(grammar) << grammar.error().what;
  auto made = CompiledGrammar::make(*grammar, grammar_vocabulary_tree());
  EXPECT_TRUE(made) << made.error().what;
  return *made;
}

Result<Grammar> schema(std::string_view text) { return json_schema_grammar(*parse_json(text, "schema")); }

const char* const person = R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":40},
  "age":{"type":"integer","minimum":0,"maximum":130},"tags":{"type":"array","items":{"enum":["the","a b","abc","true"]},"maxItems":3},
  "more":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":{"type":"number"}}]}},
  "required":["name","age","more"],"additionalProperties":false})";

// Says no for what the schema above excludes; written without any grammar.
bool is_person(const Json& value) {
  if (!value.is_object() || !value.contains("name") || !value.contains("age") || !value.contains("more")) return false;
  for (const auto& [key, inner] : value.items()) {
    if (key == "name") {
      size_t length = 0;
      if (!inner.is_string()) return false;
      for (const char c : inner.get<std::string>()) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      if (length < 1 || length > 40) return false;
    } else if (key == "age") {
      if (!inner.is_number_integer() || inner < 0 || inner > 130) return false;
    } else if (key == "tags") {
      if (!inner.is_array() || inner.size() > 3) return false;
      for (const Json& tag : inner)
        if (tag != "the" && tag != "a b" && tag != "abc" && tag != "true") return false;
    } else if (key == "more") {
      if (!inner.is_null() && !inner.is_object()) return false;
      if (inner.is_object())
        for (const Json& one : inner)
          if (!one.is_number()) return false;
    } else {
      return false;
    }
  }
  return true;
}

TEST(CompiledGrammar, random_walks_give_what_fits) {
  Random random(11);
  struct Kind {
    std::shared_ptr<CompiledGrammar> grammar;
    Fits fits;
    std::function<bool(const std::string&)> right;
  };
  // A name twice in an object is no fault of a grammar, and the reader of JSON here refuses it.
  const auto json = [](const std::string& text, bool (*right)(const Json&)) {
    const auto value = parse_json(text, "text");
    return value ? right(*value) : value.error().what.find("twice") != std::string::npos;
  };
  std::vector<Kind> kinds;
  const auto add = [&](const Result<Grammar>& grammar, std::function<bool(const std::string&)> right) {
    kinds.push_back({compiled(grammar), Fits(grammar), std::move(right)});
  };
  add(schema(person), [&](const std::string& text) { return json(text, is_person); });
  add(json_object_grammar(),
      [&](const std::string& text) { return json(text, [](const Json& value) { return value.is_object(); }); });
  add(regex_grammar("(the|a b|[0-9]{2,4})(,(the|a b|[0-9]{2,4})){0,3}"), [](const std::string& text) {
    size_t parts = 1;
    for (const char c : text) parts += c == ',';
    return parts <= 4 && text.find_first_not_of("theab 0123456789,") == text.npos;
  });
  add(gbnf_grammar("root ::= \"(\" root \")\" | [^()]{0,5}"), [](const std::string& text) {
    const size_t open = static_cast<size_t>(std::count(text.begin(), text.end(), '('));
    return text.substr(0, open) == std::string(open, '(') &&
           text.substr(text.size() - open) == std::string(open, ')') && valid_utf8(text);
  });
  for (Kind& kind : kinds) {
    int whole = 0;
    for (int i = 0; i < 150; ++i) {
      const auto text = random_text(kind.grammar, random);
      if (!text) continue;
      ++whole;
      EXPECT_TRUE(kind.right(*text)) << *text;
      EXPECT_TRUE(kind.fits.whole(*text)) << *text;
    }
    EXPECT_GT(whole, 30);
  }
}

// A mask is what trying each token gives.
TEST(CompiledGrammar, masks_are_exact) {
  Random random(3);
  const Tokenizer& vocabulary = grammar_vocabulary();
  for (const Result<Grammar>& grammar :
       {schema(person), Result<Grammar>(json_object_grammar()), regex_grammar("[^\"]{0,12}\"|.{30}"),
        gbnf_grammar("root ::= \"日\" . | [a-z ]* \"!\" | \"\\\"\" [^\\x7f\"]{3,9}")}) {
    const auto whole = compiled(grammar);
    Fits fits(grammar);
    for (int walk = 0; walk < 12; ++walk) {
      GrammarPlace place(whole);
      std::string text;
      for (int i = 0; i < 25; ++i) {
        const auto mask = place.mask();
        ASSERT_TRUE(mask);
        std::vector<Token> tokens;
        for (Token token = 0; token < vocabulary.size(); ++token) {
          const bool end = token == vocabulary.ends()[0];
          const bool expected = end ? fits.whole(text) : fits.begins(text + std::string(vocabulary.bytes_of(token)));
          ASSERT_EQ((*mask)->allows(token), expected) << text << " + " << vocabulary.bytes_of(token);
          if (expected && !end) tokens.push_back(token);
        }
        ASSERT_EQ(static_cast<int>(tokens.size()) + (*mask)->may_end(), (*mask)->count());
        if (tokens.empty()) break;
        const Token token = tokens[random.next() % tokens.size()];
        text += vocabulary.bytes_of(token);
        ASSERT_TRUE(place.accept(vocabulary.bytes_of(token)));
      }
    }
  }
}

// Answers end in time whatever tokens are chosen, as soon as there is room for the shortest.
TEST(CompiledGrammar, answers_end_with_the_tokens_that_are_left) {
  Random random(7);
  struct Case {
    Result<Grammar> grammar;
    int fewest;
  };
  const Case cases[] = {
      {schema(person), 22},
      {schema(R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"a":{"type":"string"},"next":{"anyOf":[
          {"$ref":"#/$defs/t"},{"type":"null"}]}},"required":["a","next"],"additionalProperties":false}}})"),
       15},
      {regex_grammar("(the|a b|[0-9]{2,4})(,(the|a b|[0-9]{2,4})){3,9}"), 7},
      {gbnf_grammar("root ::= \"(\" root \")\" | [^()]{5,9}"), 5},
      {regex_grammar("[a-z ]{50,90}!"), 26}};
  for (const Case& one : cases) {
    const auto whole = compiled(one.grammar);
    for (int left = one.fewest; left < one.fewest + 12; ++left)
      for (int walk = 0; walk < 20; ++walk) {
        GrammarPlace place(whole);
        std::string text;
        for (int still = left; still > 0 && !place.finished(); --still) {
          const auto mask = place.mask(still);
          ASSERT_TRUE(mask);
          std::vector<Token> tokens;
          (*mask)->each([&](Token token) { tokens.push_back(token); });
          ASSERT_FALSE(tokens.empty());
          const Token token = tokens[random.next() % tokens.size()];
          if (token == grammar_vocabulary().ends()[0]) break;
          text += grammar_vocabulary().bytes_of(token);
          ASSERT_TRUE(place.accept(grammar_vocabulary().bytes_of(token)));
        }
        EXPECT_TRUE(place.may_end()) << left << " tokens: " << text;
      }
  }
}

// A token is left out only where too few would be left.
TEST(CompiledGrammar, nothing_else_is_left_out) {
  const auto allowed = [](GrammarPlace& place, int left) {
    std::string text;
    (*place.mask(left))->each([&](Token token) {
      text += token == grammar_vocabulary().ends()[0] ? "$" : grammar_vocabulary().bytes_of(token);
    });
    return text;
  };
  GrammarPlace place(compiled(regex_grammar("(the|x{9})y?|[ab]z*")));
  EXPECT_EQ(allowed(place, 99), "abtxthe");
  EXPECT_EQ(allowed(place, 9), "abtxthe");
  EXPECT_EQ(allowed(place, 8), "abtthe");
  EXPECT_EQ(allowed(place, 3), "abtthe");
  EXPECT_EQ(allowed(place, 2), "abthe");
  ASSERT_TRUE(place.accept("the"));
  EXPECT_EQ(allowed(place, 1), "y$");
  GrammarPlace late(compiled(regex_grammar("x{9}")));
  EXPECT_EQ(allowed(late, 8), "x");  // it cannot be done: goes on as if there were time
}

TEST(CompiledGrammar, tells_when_all_is_said) {
  const auto grammar = compiled(regex_grammar("ab?"));
  GrammarPlace place(grammar);
  EXPECT_FALSE(place.may_end());
  EXPECT_TRUE(place.accept("a"));
  EXPECT_TRUE(place.may_end());
  EXPECT_FALSE(place.finished());
  EXPECT_TRUE(place.accept("b"));
  EXPECT_TRUE(place.finished());
  EXPECT_FALSE(place.accept("b"));
}

TEST(CompiledGrammar, control_tokens_are_no_text) {
  const auto grammar = compiled(gbnf_grammar("root ::= .*"));
  GrammarPlace place(grammar);
  const auto mask = *place.mask();
  const Token end = grammar_vocabulary().ends()[0];
  EXPECT_TRUE(mask->allows(end));  // as the end, not as its text
  EXPECT_TRUE(mask->allows(end + 1));
  EXPECT_FALSE(mask->allows(-1));
  EXPECT_FALSE(mask->allows(end + 2));
  EXPECT_TRUE(mask->with(std::vector<Token>{end + 2}).allows(end + 2));
}

// Without stacks that are shared this would take 2^40 of them; the answer is an error, soon.
TEST(CompiledGrammar, too_many_ways_at_once_are_an_error) {
  const auto grammar = compiled(gbnf_grammar("root ::= \"(\" root \")\" | \"(\" root \"]\" | \"x\""));
  GrammarPlace place(grammar);
  const auto start = std::chrono::steady_clock::now();
  bool fits = true;
  for (int i = 0; i < 40 && fits; ++i) fits = place.accept("(");
  const auto mask = place.mask();
  ASSERT_FALSE(mask);
  EXPECT_EQ(mask.error().fault, Fault::unsupported);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 5);
}

// What is remembered is forgotten at the limit, and no place is lost by it.
TEST(CompiledGrammar, memory_is_limited) {
  const auto grammar = compiled(gbnf_grammar("root ::= \"[\" root \"]\" | [^\\[\\]]{10000}"));
  GrammarPlace first(grammar), second(grammar);
  std::string open;
  for (int i = 0; i < 300'000; ++i) {
    ASSERT_TRUE(first.accept("["));
    ASSERT_TRUE(i % 1000 != 0 || first.mask());
    ASSERT_TRUE(i % 3000 != 0 || second.accept("["));
  }
  ASSERT_TRUE(second.accept(std::string(10'000, 'x')));
  ASSERT_TRUE(second.accept(std::string(100, ']')));
  EXPECT_TRUE(second.finished());
}

TEST(CompiledGrammar, threads_share_one) {
  const auto grammar = compiled(schema(person));
  std::vector<std::string> texts(4);
  const auto walk = [&](size_t i) {
    Random random(5);
    std::optional<std::string> text;
    while (!text) text = random_text(grammar, random);
    texts[i] = *text;
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < texts.size(); ++i) threads.emplace_back(walk, i);
  walk(0);
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, texts[0]);
}

}  // namespace
}  // namespace freehold
