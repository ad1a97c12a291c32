// What filters and methods do to texts. Authors and the markup flag stay with the characters.
#pragma once

#include <optional>
#include <vector>

#include "text/jinja/machine.h"

namespace freehold::jinja {

enum class Side { left, right, both };
// Without `characters`: blanks.
Text stripped(const Text&, Side, const std::optional<Text>& characters);
Result<Text> replaced(Budget&, const Text&, const Text& old, const Text& replacement, int64_t count);  // count < 0: all
Result<Text> joined(Budget&, const std::vector<Text>& parts, const Text& separator);

// str.split: at `separator`, or at runs of blanks; at most `count` cuts (all if negative), from the left or right.
Result<std::vector<Text>> split(Budget&, const Text&, const std::optional<Text>& separator, int64_t count, Side from);
Result<std::vector<Text>> split_lines(Budget&, const Text&, bool keep_ends);

enum class Casing { upper, lower, title, capitalize, swap };
Result<Text> cased(Budget&, const Text&, Casing);
Result<Text> title_filtered(Budget&, const Text&);  // the filter's words end at blanks, '-', and opening brackets only

Result<Text> repeated_blank(Budget&, int64_t count);

}  // namespace freehold::jinja
