#include "text/wordpiece.h"

#include <algorithm>

namespace freehold {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

Result<Done> WordPiece::Set::fill(const std::vector<Piece>& pieces, const Parts& parts) {
  index = TokenIndex(pieces.size(), parts.seed);
  for (const Piece& piece : pieces) {
    texts.add(piece.text);
    ids.push_back(piece.id);
    if (index.put(texts, static_cast<Token>(ids.size() - 1)) != TokenIndex::Put::done)
      return malformed("{}: tokenizer: token {} ('{}') is written twice, or too many share a hash value", parts.file,
                       piece.id, printable(piece.text));
  }
  return Done{};
}

Result<WordPiece> WordPiece::build(const Parts& parts) {
  WordPiece result;
  TRY(result.starts_.fill(parts.starts, parts));
  TRY(result.continuations_.fill(parts.continuations, parts));
  result.unknown_ = parts.unknown;
  result.most_characters_ = parts.most_characters;
  return result;
}

void WordPiece::encode(std::string_view word, std::vector<Token>& out) const {
  const size_t before = out.size();
  const auto unknown = [&] {
    out.resize(before);
    out.push_back(unknown_);
  };
  if (static_cast<size_t>(std::count_if(word.begin(), word.end(), begins_character)) > most_characters_)
    return unknown();
  for (size_t at = 0; at < word.size();) {
    const Set& set = at == 0 ? starts_ : continuations_;
    size_t length = std::min(word.size() - at, set.texts.longest());
    Token place = no_token;
    for (; length > 0; --length) {
      if (at + length < word.size() && !begins_character(word[at + length])) continue;
      place = set.index.find(set.texts, word.substr(at, length));
      if (place != no_token) break;
    }
    if (place == no_token) return unknown();
    out.push_back(set.ids[static_cast<size_t>(place)]);
    at += length;
  }
}

}  // namespace freehold
