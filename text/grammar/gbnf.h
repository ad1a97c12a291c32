// GBNF, the grammar language of llama.cpp: rules `name ::= ways`, of which `root` is the whole answer.
//
//   "text"   [a-z] [^a-z]   .           characters; \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH
//   a b   a | b   ( .. )                one after the other; either; a group, which may go over several lines
//   a* a+ a? a{m} a{m,} a{m,n}          repetitions
//   # ...                               a comment, to the end of the line
//
// Tokens by number or name (<[7]>, <think>) are not supported: a grammar here is over bytes.
#pragma once

#include "text/grammar/grammar.h"

namespace freehold {

Result<Grammar> gbnf_grammar(std::string_view text);

}  // namespace freehold
