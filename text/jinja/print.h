// How values look: str() and repr() as Python prints them, and JSON as json.dumps writes it. What the printing adds
// to a list or map (brackets, commas, quotes, escapes) is by the author of that value.
#pragma once

#include <optional>
#include <string>

#include "text/jinja/machine.h"

namespace freehold::jinja {

Result<Text> to_text(Budget&, const Value&);                             // str(); texts as they are, undefined is empty
Result<Done> print_representation(Budget&, const Value&, TextBuilder&);  // repr()

std::string print_float(double);  // shortest digits that read back as the same number: 1.0, 1e+16, 1.5e-05, inf, nan

std::string print_json_float(double);  // the same, but NaN, Infinity and -Infinity

struct JsonStyle {
  bool ascii = false, sort_keys = false;
  std::optional<Text> indent;  // of one level
  Text between_items, between_key_and_value;
};
Result<Done> print_json(Budget&, const Value&, const JsonStyle&, TextBuilder&);

Result<Text> escape_html(Budget&, const Text&);  // & < > ' " ; already escaped text stays; the result is markup

}  // namespace freehold::jinja
