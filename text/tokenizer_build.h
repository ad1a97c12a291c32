// What both kinds of tokenizer file are brought into before a tokenizer is made of it, and the checks they share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/pretokenize.h"
#include "text/tokenizer.h"
#include "text/tokenizer_added.h"
#include "text/tokenizer_bpe.h"
#include "text/tokenizer_normalize.h"
#include "text/tokenizer_vocabulary.h"
#include "text/wordpiece.h"

namespace freehold {

enum class TokenKind : uint8_t {
  normal,   // what text becomes
  control,  // special: begin, end, roles
  marked,   // an added token that is shown to users: <think>, tool marks
  unused,   // padding of the vocabulary, unknown, bytes of another kind of tokenizer
};

// Views must outlive the build only.
struct TokenizerParts {
  std::string file;                     // for errors
  std::vector<std::string_view> texts;  // as stored, by id
  std::vector<TokenKind> kinds;
  std::vector<AddedToken> added;  // of kind control or marked
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  bool ignore_merges = false;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::optional<int64_t> bos;
  std::vector<int64_t> ends;  // those that the file names; known end-of-turn tokens are found by name
  bool adds_bos = false;
};

struct Tokenizer::Impl {
  TokenBytes bytes;
  std::vector<TokenKind> kinds;
  AddedTokens added;             // looked for in the text as it is
  AddedTokens added_normalized;  // looked for behind the normalizer
  TokenIndex names;              // tokens that a ByteBpe does not find: added, unused; all of WordPiece
  std::string continuation;      // WordPiece: the prefix of tokens that continue a word
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::variant<ByteBpe, WordPiece> model;
  std::optional<Token> bos;
  std::vector<Token> ends;
  bool adds_bos = false;
  std::string kind;
};

Result<Tokenizer> build_byte_bpe(TokenizerParts&&);

// Texts as in a vocab.txt: continuations begin with `prefix`.
struct WordPieceOptions {
  std::string prefix = "##";
  std::string unknown = "[UNK]";
  size_t most_characters = 100;
};
Result<Tokenizer> build_wordpiece(TokenizerParts&&, const WordPieceOptions&);

}  // namespace freehold
