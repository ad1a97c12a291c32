// A JSON schema, for JSON and for parameters in DSML: it is refused or compiles, and then leads nowhere that has no way
// out.
#include "text/grammar/json_schema.h"

#include "fuzz/grammar_walk.h"
#include "text/grammar/dsml_arguments.h"

void fuzz_one(std::span<const std::byte> input) {
  using namespace freehold;
  const auto schema = parse_json(fuzz::text_of(input), "schema");
  if (!schema) return;
  fuzz::walk_grammar(json_schema_grammar(*schema), input.size());
  fuzz::walk_grammar(dsml_arguments_grammar(*schema), input.size());
}
