// Regular expressions as grammars: what the dialects of ECMAScript and Python have in common, without what is not
// regular (references, look-around) and without flags. Where the two take different characters (\w, \s, a dot), an
// answer is written with those that both take.
//
//   a . [a-z] [^a-z] \d \w \s \D \W \S \n \t \xHH \uHHHH \u{H..}   characters
//   (..) (?:..) (?<name>..) (?P<name>..) |                         groups, choices
//   * + ? {m} {m,} {m,n}, each with ? behind                       repetitions
//   ^ $                                                            at the ends of a choice of the whole
#pragma once

#include "text/grammar/grammar.h"

namespace freehold {

enum class RegexScope : uint8_t {
  whole,     // the text is one of the expression, from its first character to its last
  anywhere,  // the expression is found somewhere in it, unless ^ and $ say where: as JSON schema's `pattern`
};
Result<Grammar::Node> read_regex(Grammar& grammar, std::string_view pattern, RegexScope scope,
                                 Grammar::Writing writing);
Result<Grammar> regex_grammar(std::string_view pattern);

}  // namespace freehold
