// WordPiece (BERT): each word of the pre-tokenizer becomes the longest token that it begins with, then the longest
// token that continues it, and so on; a word that cannot be written so is the unknown token as a whole.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_vocabulary.h"

namespace freehold {

class WordPiece {
 public:
  struct Piece {
    Token id;
    std::string_view text;  // of a continuation: without "##"
  };
  struct Parts {
    std::string_view file;  // for errors
    std::vector<Piece> starts, continuations;
    Token unknown;
    size_t most_characters;  // longer words are unknown
    uint64_t seed;
  };
  static Result<WordPiece> build(const Parts&);

  void encode(std::string_view word, std::vector<Token>& out) const;

 private:
  struct Set {
    TokenBytes texts;
    std::vector<Token> ids;  // by place in `texts`
    TokenIndex index;
    Result<Done> fill(const std::vector<Piece>&, const Parts&);
  };
  Set starts_, continuations_;
  Token unknown_ = no_token;
  size_t most_characters_ = 0;
};

}  // namespace freehold
