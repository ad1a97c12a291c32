// A question taken apart: spans of its words that name something of the library, times, comparisons, and words of
// asking. What is left over is kept: a question with unknown words in it has no answer, rather than a wrong one.
#pragma once

#include "library/vocabulary.h"

namespace freehold::papers {

struct Span {
  enum class What : uint8_t { names, time, compare, asking };
  What what;
  size_t first = 0, last = 0;  // tokens, `last` included
  std::vector<Link> links;     // names
  std::string from, to;        // time: ISO days, either may be empty
  std::string op;              // compare: > >= < <= ; asking: the word itself
  double number = 0;
  bool minutes = false;  // compare: a duration
  bool loose = false;    // names: a verb or a word of asking besides, which need not mean it
  bool filler = false;   // and that word is one of those that mean little
  bool weak = false;     // names: a verb akin to a field's name, which may mean it: "weighed", "arrive"
};
struct Question {
  std::string text;
  std::vector<std::string> tokens;    // as written
  std::vector<bool> told;             // of each token: it only tells why (library/focus.h)
  std::vector<Span> spans;            // in order, apart from each other
  std::vector<std::string> unknown;   // tokens that nothing explains
  std::vector<std::string> repaired;  // "bearnig read as bearing"
  bool says(std::string_view asking) const;
  std::string words_of(const Span& span) const;  // as written, with a space between them
};
using Names = std::multimap<std::string, Link>;
// `more`: names that stand beside those of the vocabulary, for this question.
Question take_apart(std::string_view text, const Vocabulary& vocabulary, const Domain& domain, const Names& more = {});

}  // namespace freehold::papers
