// A grammar of llama.cpp's kind: it is refused or compiles, and then leads nowhere that has no way out.
#include "text/grammar/gbnf.h"

#include "fuzz/grammar_walk.h"

void fuzz_one(std::span<const std::byte> input) {
  freehold::fuzz::walk_grammar(freehold::gbnf_grammar(freehold::fuzz::text_of(input)), input.size());
}
