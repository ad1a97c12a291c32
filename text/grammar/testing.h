// What the tests of grammars share.
#pragma once

#include <gtest/gtest.h>

#include "base/random.h"
#include "text/byte_level.h"
#include "text/grammar/compiled_grammar.h"

namespace freehold {

// Whether a text is one of the grammar, byte by byte, without any vocabulary.
class Fits {
 public:
  explicit Fits(const Result<Grammar>& grammar) {
    EXPECT_TRUE(grammar) << grammar.error().what;
    if (!grammar) return;
    Result<Program> program = Program::compile(*grammar);
    EXPECT_TRUE(program) << program.error().what;
    if (program) machine_.emplace(std::move(*program));
  }
  bool whole(std::string_view text) { return end_of(text) && machine_->may_end(*end_of(text)); }
  bool begins(std::string_view text) { return end_of(text).has_value(); }

 private:
  std::optional<ByteMachine::Config> end_of(std::string_view text) {
    if (!machine_) return std::nullopt;
    machine_->begin_work();
    ByteMachine::Config at = machine_->start();
    for (const char byte : text) at = machine_->step(at, static_cast<uint8_t>(byte));
    return at == ByteMachine::nowhere ? std::nullopt : std::optional(at);
  }
  std::optional<ByteMachine> machine_;
};

inline void expect_texts(const Result<Grammar>& grammar, std::initializer_list<std::string_view> right,
                         std::initializer_list<std::string_view> wrong) {
  Fits fits(grammar);
  for (const std::string_view text : right) EXPECT_TRUE(fits.whole(text)) << text;
  for (const std::string_view text : wrong) EXPECT_FALSE(fits.whole(text)) << text;
}

// A vocabulary with tokens that cross every border: of strings, of members, of characters.
inline const Tokenizer& grammar_vocabulary() {
  static const std::vector<std::string> longer = {"the",
                                                  "a b",
                                                  " quick",
                                                  "\": ",
                                                  "\",",
                                                  "\", \"",
                                                  "{\"",
                                                  "\"}",
                                                  "}}",
                                                  "]}",
                                                  "],",
                                                  "[[",
                                                  "true",
                                                  "null",
                                                  "false",
                                                  "12",
                                                  "3.5",
                                                  "-1",
                                                  "e+",
                                                  "00",
                                                  "\\n",
                                                  "\\u",
                                                  "\\\"",
                                                  "\n  ",
                                                  "  ",
                                                  "name",
                                                  "age",
                                                  "\"name\"",
                                                  "é",
                                                  "\xa9t",
                                                  "日本",
                                                  "\xe6\x97",
                                                  "🙂",
                                                  "\xf0\x9f",
                                                  "():",
                                                  "a+b",
                                                  "abc",
                                                  "},",
                                                  "long text of more than eight",
                                                  "one that is longer than twenty-four characters"};
  static const Tokenizer tokenizer =
      byte_level_tokenizer(longer, {{"<|end|>", 3}, {"<tool>", 4}}, 256 + static_cast<int>(longer.size()));
  return tokenizer;
}
inline std::shared_ptr<const VocabularyTree> grammar_vocabulary_tree() {
  static const auto tree =
      std::make_shared<const VocabularyTree>(grammar_vocabulary(), grammar_vocabulary().size(), ToolSyntax::none);
  return tree;
}

// A text that the masks lead to: at each place a token by chance, such that texts come to their end.
inline std::optional<std::string> random_text(const std::shared_ptr<CompiledGrammar>& grammar, Random& random) {
  const Token end = grammar->vocabulary().ends()[0];
  GrammarPlace place(grammar);
  std::string text;
  for (int i = 0; i < 400; ++i) {
    const auto mask = place.mask();
    EXPECT_TRUE(mask) << mask.error().what;
    if (!mask) return std::nullopt;
    std::vector<Token> tokens, closing;
    (*mask)->each([&](Token token) {
      tokens.push_back(token);
      const std::string_view bytes = grammar->vocabulary().bytes_of(token);
      if (bytes.size() <= 2 && bytes.find_first_of("\"]}") != bytes.npos && bytes[0] != '\\') closing.push_back(token);
    });
    EXPECT_FALSE(tokens.empty());
    const auto any = [&](const std::vector<Token>& of) { return of[random.next() % of.size()]; };
    Token token = any(!closing.empty() && random.uniform() < 0.02 * i ? closing : tokens);
    if ((*mask)->may_end() && random.uniform() < 0.2 + 0.05 * i) token = end;
    if (token == end) {
      EXPECT_TRUE((*mask)->may_end() && place.may_end());
      return text;
    }
    EXPECT_TRUE((*mask)->allows(token));
    text += grammar->vocabulary().bytes_of(token);
    if (!place.accept(grammar->vocabulary().bytes_of(token))) {
      ADD_FAILURE() << "a token of the mask does not fit: " << text;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace freehold
