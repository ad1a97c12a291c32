// Parser: Jinja's grammar, by recursive descent with a counter. Refuses what is too deep, what does not parse, and
// filters and tests that do not exist; those within an `if` only fail when they are reached, as in Jinja.
#pragma once

#include <memory>
#include <string_view>

#include "text/jinja/syntax.h"

namespace freehold::jinja {

// The error begins with `name` and the line.
Result<std::shared_ptr<const Template>> parse_template(std::string_view source, std::string_view name);

}  // namespace freehold::jinja
