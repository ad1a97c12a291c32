// The tokenizer.ggml.* metadata of a GGUF file. Byte-level BPE is called "gpt2" there, WordPiece "bert", SentencePiece
// "llama" (not supported: no model family of ours uses it).
#include "base/limits.h"
#include "text/tokenizer_build.h"

namespace freehold {
namespace {

Result<TokenKind> kind_of(int32_t type, size_t token, std::string_view file) {
  switch (type) {
    case 1:
      return TokenKind::normal;
    case 2:
      return TokenKind::unused;  // unknown
    case 3:
      return TokenKind::control;
    case 4:
      return TokenKind::marked;
    case 5:
      return TokenKind::unused;
    case 6:
      return TokenKind::unused;  // a byte of SentencePiece
    default:
      return malformed("{}: tokenizer.ggml.token_type: entry {} is {}; known are 1 to 6", file, token, type);
  }
}

Result<Done> read_tokens(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  if (!vocabulary.types.empty() && vocabulary.types.size() != vocabulary.tokens.size())
    return inconsistent("{}: tokenizer.ggml.token_type has {} entries, tokenizer.ggml.tokens {}", parts.file,
                        vocabulary.types.size(), vocabulary.tokens.size());
  parts.texts.assign(vocabulary.tokens.begin(), vocabulary.tokens.end());
  parts.kinds.assign(parts.texts.size(), TokenKind::normal);
  for (size_t i = 0; i < vocabulary.types.size(); ++i) {
    TRY_ASSIGN(parts.kinds[i], kind_of(vocabulary.types[i], i, parts.file));
    if (parts.texts[i].empty()) parts.kinds[i] = TokenKind::unused;  // some converters leave holes so
    if (parts.kinds[i] == TokenKind::control || parts.kinds[i] == TokenKind::marked)
      parts.added.push_back({.id = static_cast<Token>(i),
                             .text = std::string(parts.texts[i]),
                             .special = parts.kinds[i] == TokenKind::control});
  }
  return Done{};
}

Result<Done> read_merges(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  parts.merges.reserve(vocabulary.merges.size());
  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string_view merge = vocabulary.merges[i];
    const size_t blank = merge.find(' ');
    if (blank == merge.npos || merge.find(' ', blank + 1) != merge.npos)
      return malformed("{}: tokenizer.ggml.merges: entry {} is '{}'; expected two tokens with one space between",
                       parts.file, i, printable(merge));
    parts.merges.emplace_back(merge.substr(0, blank), merge.substr(blank + 1));
  }
  return Done{};
}

// Converters write BERT's vocabulary the other way around: words begin with U+2581 and continuations are bare.
Result<Tokenizer> wordpiece(const GgufVocabulary& vocabulary, TokenizerParts&& parts) {
  constexpr std::string_view word = "\u2581";
  std::vector<std::string> texts(parts.texts.begin(), parts.texts.end());
  for (size_t i = 0; i < texts.size(); ++i) {
    if (parts.kinds[i] != TokenKind::normal) continue;
    if (texts[i].starts_with(word))
      texts[i].erase(0, word.size());
    else
      texts[i].insert(0, "##");
    if (texts[i].empty()) parts.kinds[i] = TokenKind::unused;
  }
  parts.texts.assign(texts.begin(), texts.end());
  WordPieceOptions options;
  if (vocabulary.unknown) {
    if (*vocabulary.unknown < 0 || static_cast<uint64_t>(*vocabulary.unknown) >= texts.size())
      return malformed("{}: tokenizer.ggml.unknown_token_id is {}; the vocabulary has {} tokens", parts.file,
                       *vocabulary.unknown, texts.size());
    options.unknown = texts[static_cast<size_t>(*vocabulary.unknown)];
  }
  parts.normalizer = Normalizer::bert({});
  parts.pre_tokenizer = PreTokenizer::bert();
  return build_wordpiece(std::move(parts), options);
}

}  // namespace

Result<Tokenizer> Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  TokenizerParts parts;
  parts.file = printable(vocabulary.file);
  if (vocabulary.model == "llama" || vocabulary.model == "t5")
    return unsupported("{}: tokenizer.ggml.model: '{}' (SentencePiece) is not supported; 'gpt2' and 'bert' are",
                       parts.file, printable(vocabulary.model));
  if (vocabulary.model != "gpt2" && vocabulary.model != "bert")
    return unsupported("{}: tokenizer.ggml.model: '{}' is not known; 'gpt2' and 'bert' are", parts.file,
                       printable(vocabulary.model));
  TRY(read_tokens(vocabulary, parts));
  parts.bos = vocabulary.bos;
  for (const auto& end : {vocabulary.eos, vocabulary.eot})
    if (end) parts.ends.push_back(*end);
  if (vocabulary.model == "bert") return wordpiece(vocabulary, std::move(parts));

  const std::string_view pre = vocabulary.pre.empty() ? "default" : vocabulary.pre;
  TRY_ASSIGN(parts.pre_tokenizer, PreTokenizer::named(pre, parts.file));
  TRY(read_merges(vocabulary, parts));
  parts.ignore_merges = pre == "llama-bpe";
  parts.adds_bos = vocabulary.add_bos.value_or(pre == "llama-bpe" && vocabulary.bos);
  return build_byte_bpe(std::move(parts));
}

}  // namespace freehold
