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
  TokenIndex names;              // tokens that the model does not find: added, unused
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  ByteBpe bpe;
  std::optional<Token> bos;
  std::vector<Token> ends;
  bool adds_bos = false;
  std::string kind;

  void encode_plain(std::string_view valid, ByteBpe::Scratch&, std::vector<Token>& out) const;
  void encode_parsed(std::string_view valid, ByteBpe::Scratch&, std::vector<Token>& out) const;
  void encode_normal(std::string_view normalized, ByteBpe::Scratch&, std::vector<Token>& out) const;
};

Result<Tokenizer> build_byte_bpe(TokenizerParts&&);

}  // namespace freehold
