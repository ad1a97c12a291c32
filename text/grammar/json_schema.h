// JSON schemas (drafts 4 to 2020-12, as far as they agree) as grammars. What is written fits the schema; not everything
// that fits can be written:
//   - properties come in the order of the schema; others only where additionalProperties says so, or where no property
//     is named at all; elements behind prefixItems only where `items` is there
//   - values of enum and const are written as they stand; of oneOf the ways must be told apart by type, enum or const
//   - what `pattern` describes is written without escapes that need not be
//
// Supported: type, enum, const, properties, required, additionalProperties, minProperties, maxProperties, items,
// prefixItems, minItems, maxItems, minLength, maxLength, pattern, format (date, time, date-time, email, hostname, ipv4,
// uri, uuid), minimum, maximum, exclusiveMinimum, exclusiveMaximum, anyOf, oneOf, allOf, $ref inside the schema,
// nullable. Any other keyword that would change what fits is an error that names it and its place.
#pragma once

#include "base/json.h"
#include "text/grammar/grammar.h"

namespace freehold {

Result<Grammar> json_schema_grammar(const Json& schema);
// The same as a part of another grammar.
Result<Grammar::Node> read_json_schema(Grammar& grammar, const Json& schema);

}  // namespace freehold
