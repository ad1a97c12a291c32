// Constraint: keeps one answer to a grammar. Thinking is free; the grammar holds from where the answer begins. Where
// it is only for calls of tools, text is free too, up to the mark that opens a call, and again after the call.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "run/thinking.h"
#include "text/grammar/compiled_grammar.h"

namespace freehold {

struct ConstraintOptions {
  std::shared_ptr<CompiledGrammar> grammar = nullptr;  // null: none
  bool may_think = false;                              // the model may begin with <think> of its own accord
  std::string mark = {};  // not empty: the grammar is for what follows this text, each time that it comes
};

class Constraint {
 public:
  // `thinking_open`: the prompt ended inside thinking.
  Constraint(const Tokenizer& tokenizer, ConstraintOptions options, bool thinking_open);

  // The tokens that may come next; null: any. Where `left` tokens may still come, those with which the answer can
  // become whole in time (text/grammar/compiled_grammar.h).
  Result<std::shared_ptr<const TokenMask>> mask(int left = any_number_left);
  // Goes on with a token that mask() allowed and that does not end the answer.
  Result<Done> take(Token token);
  // The answer has its form, whether or not something can follow.
  bool whole() { return phase_ == Phase::held && options_.mark.empty() && place_.may_end(); }
  // The answer is whole: nothing can follow.
  bool finished() { return phase_ == Phase::held && options_.mark.empty() && place_.finished(); }

 private:
  enum class Phase : uint8_t {
    start,     // the answer, or <think>
    thinking,  // free
    after,     // the answer, or a line end before it
    text,      // free up to the mark
    held,      // the grammar holds
  };
  Result<Done> answer(std::string_view bytes);
  Result<Done> look_for_mark(std::string_view bytes);
  Result<Done> hold(std::string_view bytes);

  const Tokenizer* tokenizer_;
  ConstraintOptions options_;
  GrammarPlace place_;
  ThinkingSplitter splitter_;
  std::optional<Token> think_;
  std::vector<Token> line_ends_;
  int lines_ = 0;     // of them, since the thinking
  std::string tail_;  // of free text, as long as the mark might begin in it
  Phase phase_;
};

}  // namespace freehold
