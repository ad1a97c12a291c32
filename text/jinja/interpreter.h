// Interpreter: runs a parsed template over the variables of one request.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "text/jinja/machine.h"
#include "text/jinja/syntax.h"

namespace freehold::jinja {

struct Rendering {
  const Json* variables;             // an object
  std::vector<std::string> trusted;  // its members that count as the template's own text
  uint64_t steps, output_bytes;
  std::optional<std::tm> now;
};

struct Fail {
  Error error;
  int line;
};
tl::expected<std::vector<Piece>, Fail> run_template(const Template&, const Rendering&);

// JSON as a value of the language. Strings, numbers, lists and maps are by `author`.
Result<Value> value_of_json(Budget&, const Json&, Author);
// The same for a conversation: as any other value of the request, but a known role's name ("user") is the template's:
// everybody may use all of them, and some templates build a special token around it.
Result<Value> value_of_messages(Budget&, const Json&);

}  // namespace freehold::jinja
