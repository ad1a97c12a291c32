// Steps of a tokenizer.json's pre_tokenizer that are no loop of a known family: regular expressions and character
// classes, each with what is to happen to the matches.
#pragma once

#include <functional>
#include <memory>

#include "text/pretokenize.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace freehold {

// What becomes of matches and the text between them ("gaps").
enum class Behavior : uint8_t {
  isolated,              // each a piece
  removed,               // matches are dropped
  merged_with_previous,  // a match joins the gap before it
  merged_with_next,      // a match joins the gap behind it
  contiguous,            // matches that touch are one piece
};

std::shared_ptr<const SplitStep> regex_step(Regex, Behavior, bool invert);
// Each character for which `wanted` holds is a match.
std::shared_ptr<const SplitStep> class_step(std::function<bool(char32_t)> wanted, Behavior);
// One piece with a space in front, unless there is one.
std::shared_ptr<const SplitStep> leading_space_step();

}  // namespace freehold
