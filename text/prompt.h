// The tokens of a rendered prompt. Only what the template wrote can become special tokens; a request's text is text,
// whatever it spells, and whatever it spells together with the template. When no request spells a special token, the
// tokens are those of the whole text.
#pragma once

#include <vector>

#include "base/json.h"
#include "text/piece.h"
#include "text/tokenizer.h"

namespace freehold {

// The tokens that begin and end a text, as templates know them: bos_token and eos_token; empty where there is none.
Json special_tokens(const Tokenizer&);
std::vector<Token> encode_prompt(const std::vector<Piece>&, const Tokenizer&);

}  // namespace freehold
