// The arguments of a call in DSML, the notation of DeepSeek V3.2 and V4 (text/tool_calls_dsml.cpp), that fit a JSON
// schema: a line for each parameter, text as it stands or JSON. As in json_schema.h, but
//   - of the schema as a whole type, properties, required and additionalProperties count; anything else is an error
//   - a parameter's schema may hold no allOf and no oneOf, and a string no pattern
//   - a text holds no "</｜", and where its length is bounded no '<'
//   - other parameters than those of the schema come only where it names none
#pragma once

#include "base/json.h"
#include "text/grammar/grammar.h"

namespace freehold {

// From behind the line that names the function to the tag that ends the call.
Result<Grammar> dsml_arguments_grammar(const Json& schema);
// The same as a part of another grammar.
Result<Grammar::Node> read_dsml_arguments(Grammar& grammar, const Json& schema);
Grammar::Node any_dsml_arguments(Grammar& grammar);

}  // namespace freehold
