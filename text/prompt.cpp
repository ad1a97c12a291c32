#include "text/prompt.h"

namespace freehold {

std::vector<Token> encode_prompt(const std::vector<Piece>& pieces, const Tokenizer& tokenizer) {
  std::vector<Tokenizer::Part> parts;
  parts.reserve(pieces.size());
  for (const Piece& piece : pieces)
    parts.push_back({piece.text, piece.author == Author::the_template ? Specials::parse : Specials::as_text});
  return tokenizer.encode(parts);
}

}  // namespace freehold
