// Grammars: from what requests ask for to compiled grammars. Each user's last ones are kept, as they know more with
// each answer; users never share one, because what is known already shows in the time an answer takes. Used by the
// thread that reads requests.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "run/constraint.h"
#include "serve/api_error.h"
#include "serve/grammar_ask.h"
#include "serve/tools.h"

namespace freehold {

class Grammars {
 public:
  // The tokenizer must outlive it and all grammars.
  Grammars(const Tokenizer& tokenizer, int vocabulary) : tokenizer_(tokenizer), vocabulary_(vocabulary) {}

  // Without a grammar where neither the form of the answer nor its calls are asked for.
  tl::expected<ConstraintOptions, ApiError> constraint(const std::string& user, const GrammarAsk& ask,
                                                       const ToolAsk& tools);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<CompiledGrammar> grammar;
  };
  std::shared_ptr<const VocabularyTree> tree(ToolSyntax tools);
  const Tokenizer& tokenizer_;
  const int vocabulary_;
  std::map<ToolSyntax, std::shared_ptr<const VocabularyTree>> trees_;
  std::list<Kept> kept_;  // last used first
};

}  // namespace freehold
