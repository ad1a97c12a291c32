// The tokens of a rendered prompt. Only what the template wrote can become special tokens; a request's text is text,
// whatever it spells, and whatever it spells together with the template. When no request spells a special token, the
// tokens are those of the whole text.
#pragma once

#include <vector>

#include "text/piece.h"
#include "text/tokenizer.h"

namespace freehold {

std::vector<Token> encode_prompt(const std::vector<Piece>&, const Tokenizer&);

}  // namespace freehold
