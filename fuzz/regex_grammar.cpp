// A regular expression: it is refused or compiles, and then leads nowhere that has no way out.
#include "text/grammar/regex_grammar.h"

#include "fuzz/grammar_walk.h"

void fuzz_one(std::span<const std::byte> input) {
  freehold::fuzz::walk_grammar(freehold::regex_grammar(freehold::fuzz::text_of(input)), input.size());
}
