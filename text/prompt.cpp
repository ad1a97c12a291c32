#include "text/prompt.h"

namespace freehold {

Json special_tokens(const Tokenizer& tokenizer) {
  const auto written = [&](std::optional<Token> token) {
    return token ? std::string(tokenizer.bytes_of(*token)) : std::string();
  };
  const auto& ends = tokenizer.ends();
  return {{"bos_token", written(tokenizer.bos())},
          {"eos_token", written(ends.empty() ? std::nullopt : std::optional(ends.front()))}};
}

std::vector<Token> encode_prompt(const std::vector<Piece>& pieces, const Tokenizer& tokenizer) {
  std::vector<Tokenizer::Part> parts;
  parts.reserve(pieces.size());
  for (const Piece& piece : pieces)
    parts.push_back({piece.text, piece.author == Author::the_template ? Specials::parse : Specials::as_text});
  return tokenizer.encode(parts);
}

}  // namespace freehold
