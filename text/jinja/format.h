// Formatting of values into patterns: 'a %s' % x and 'a {}'.format(x), with Python's little languages for width,
// alignment, sign, precision and type.
#pragma once

#include "text/jinja/machine.h"

namespace freehold::jinja {

Result<Text> format_percent(Machine&, const Text& pattern, const Value& values);  // a tuple, a map or one value
Result<Text> format_braces(Machine&, const Text& pattern, const Call&);

}  // namespace freehold::jinja
