#include "text/tokenizer_build.h"

#include <algorithm>

#include "base/limits.h"
#include "text/utf8.h"

namespace freehold {
namespace {

// Tokens that end an answer or a turn whichever family wrote them; counted when a file has them among its added tokens.
constexpr std::string_view end_names[] = {
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|EOT|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
};

Result<Token> checked_id(int64_t id, int size, std::string_view file, std::string_view what) {
  if (id < 0 || id >= size)
    return malformed("{}: tokenizer: {} token id is {}; the vocabulary has ids 0 to {}", file, what, id, size - 1);
  return static_cast<Token>(id);
}

// A seed that changes with every byte of the vocabulary.
uint64_t seed_of(const TokenizerParts& parts) {
  uint64_t seed = 0x243f6a8885a308d3ull;
  for (std::string_view text : parts.texts) seed = hash_of(text, seed);
  for (const auto& [left, right] : parts.merges) seed = hash_of(right, hash_of(left, seed));
  return seed;
}

// Checks the texts and finds tokens by them.
struct TextIndex {
  TokenBytes texts;
  TokenIndex index;
  Token find(std::string_view text) const { return index.find(texts, text); }
};
Result<TextIndex> index_texts(const TokenizerParts& parts, uint64_t seed) {
  const size_t count = parts.texts.size();
  if (count == 0) return malformed("{}: tokenizer: the vocabulary is empty", parts.file);
  if (count > static_cast<uint64_t>(limits::vocabulary))
    return out_of_resources("{}: tokenizer: {} tokens; at most {} are allowed", parts.file, count, limits::vocabulary);
  TextIndex result{{}, TokenIndex(count, seed)};
  for (size_t i = 0; i < count; ++i) {
    const std::string_view text = parts.texts[i];
    if (text.size() > limits::token_bytes)
      return out_of_resources("{}: tokenizer: token {} has {} bytes; at most {} are allowed", parts.file, i,
                              text.size(), limits::token_bytes);
    if (!valid_utf8(text))
      return malformed("{}: tokenizer: token {} ('{}') is not UTF-8", parts.file, i, printable(text));
    result.texts.add(text);
    if (text.empty()) {
      if (parts.kinds[i] != TokenKind::unused) return malformed("{}: tokenizer: token {} is empty", parts.file, i);
      continue;
    }
    switch (result.index.put(result.texts, static_cast<Token>(i))) {
      case TokenIndex::Put::done:
        break;
      case TokenIndex::Put::taken:
        return malformed("{}: tokenizer: tokens {} and {} are both '{}'", parts.file, result.find(text), i,
                         printable(text));
      case TokenIndex::Put::crowded:
        return malformed("{}: tokenizer: too many tokens fall on one hash value", parts.file);
    }
  }
  return result;
}

Result<std::vector<ByteBpe::Merge>> find_merges(const TokenizerParts& parts, const TextIndex& index,
                                                const std::vector<bool>& is_word) {
  if (parts.merges.size() > limits::merges)
    return out_of_resources("{}: tokenizer: {} merges; at most {} are allowed", parts.file, parts.merges.size(),
                            limits::merges);
  std::vector<ByteBpe::Merge> merges;
  merges.reserve(parts.merges.size());
  std::string both;
  for (size_t i = 0; i < parts.merges.size(); ++i) {
    const auto& [left, right] = parts.merges[i];
    both.assign(left).append(right);
    const ByteBpe::Merge m{index.find(left), index.find(right), index.find(both)};
    if (left.empty() || right.empty())
      return malformed("{}: tokenizer: merge {} ('{}') has an empty side", parts.file, i, printable(both));
    for (const auto& [token, text] : {std::pair(m.left, left), {m.right, right}, {m.merged, std::string_view(both)}})
      if (token == no_token)
        return malformed("{}: tokenizer: merge {} ('{}' and '{}') names '{}', which is not in the vocabulary",
                         parts.file, i, printable(left), printable(right), printable(text));
    // One with an added token could let a text speak as the system. No released vocabulary has such.
    const auto word = [&](Token token) { return is_word[static_cast<size_t>(token)]; };
    if (word(m.left) && word(m.right) && word(m.merged)) merges.push_back(m);
  }
  return merges;
}

Result<Done> add_names(const TokenizerParts& parts, const std::vector<bool>& is_word, uint64_t seed,
                       Tokenizer::Impl& impl) {
  std::vector<Token> named;
  for (const TokenKind wanted : {TokenKind::control, TokenKind::marked, TokenKind::normal, TokenKind::unused})
    for (size_t i = 0; i < parts.texts.size(); ++i)
      if (parts.kinds[i] == wanted && !is_word[i] && !parts.texts[i].empty()) named.push_back(static_cast<Token>(i));
  impl.names = TokenIndex(named.size(), seed);
  for (Token token : named)  // "taken": written differently, the same bytes; the first keeps the name
    if (impl.names.put(impl.bytes, token) == TokenIndex::Put::crowded)
      return malformed("{}: tokenizer: too many tokens fall on one hash value", parts.file);
  return Done{};
}

Result<Done> add_added(TokenizerParts& parts, Tokenizer::Impl& impl) {
  std::vector<AddedToken> plain, normalized;
  for (AddedToken& token : parts.added) {
    if (token.text.size() > limits::added_token_bytes)
      return out_of_resources("{}: tokenizer: added token {} has {} bytes; at most {} are allowed", parts.file,
                              token.id, token.text.size(), limits::added_token_bytes);
    const bool after = token.normalized && !parts.normalizer.empty();
    if (after) token.text = parts.normalizer.apply(token.text);
    if (!token.text.empty()) (after ? normalized : plain).push_back(std::move(token));
  }
  impl.added = AddedTokens(std::move(plain));
  impl.added_normalized = AddedTokens(std::move(normalized));
  return Done{};
}

Result<Done> add_roles(const TokenizerParts& parts, Tokenizer::Impl& impl) {
  const int size = impl.bytes.size();
  if (parts.bos) {
    TRY_ASSIGN(impl.bos, checked_id(*parts.bos, size, parts.file, "begin-of-text"));
  }
  impl.adds_bos = parts.adds_bos;
  if (impl.adds_bos && !impl.bos)
    return inconsistent("{}: tokenizer: a begin token is to be added, but none is named", parts.file);
  for (int64_t id : parts.ends) {
    TRY_ASSIGN(const Token token, checked_id(id, size, parts.file, "end-of-text"));
    impl.ends.push_back(token);
  }
  for (size_t i = 0; i < parts.texts.size(); ++i)
    if (parts.kinds[i] == TokenKind::control || parts.kinds[i] == TokenKind::marked)
      if (std::find(std::begin(end_names), std::end(end_names), parts.texts[i]) != std::end(end_names))
        impl.ends.push_back(static_cast<Token>(i));
  // The file's first one stays first.
  std::vector<Token> unique;
  for (Token token : impl.ends)
    if (std::find(unique.begin(), unique.end(), token) == unique.end()) unique.push_back(token);
  impl.ends = std::move(unique);
  return Done{};
}

// Begin and end tokens are control tokens, however the file types them: a text must not be able to write them.
Result<Done> mark_roles(TokenizerParts& parts) {
  const int size = static_cast<int>(parts.texts.size());
  std::vector<int64_t> roles = parts.ends;
  if (parts.bos) roles.push_back(*parts.bos);
  for (int64_t id : roles) {
    TRY_ASSIGN(const Token token, checked_id(id, size, parts.file, "a begin or end"));
    TokenKind& kind = parts.kinds[static_cast<size_t>(token)];
    if (kind == TokenKind::normal || kind == TokenKind::unused)
      parts.added.push_back(
          {.id = token, .text = std::string(parts.texts[static_cast<size_t>(token)]), .special = true});
    kind = TokenKind::control;
  }
  return Done{};
}

Tokenizer finished(TokenizerParts& parts, std::shared_ptr<Tokenizer::Impl> impl, std::string_view model) {
  impl->kinds = std::move(parts.kinds);
  impl->normalizer = std::move(parts.normalizer);
  impl->pre_tokenizer = std::move(parts.pre_tokenizer);
  impl->kind = model;
  return Tokenizer(std::move(impl));
}

}  // namespace

Result<Tokenizer> build_byte_bpe(TokenizerParts&& parts) {
  if (!parts.pre_tokenizer.byte_level())
    return unsupported("{}: tokenizer: BPE without a ByteLevel pre-tokenizer", parts.file);
  TRY(mark_roles(parts));
  const uint64_t seed = seed_of(parts);
  TRY_ASSIGN(const TextIndex index, index_texts(parts, seed));

  auto impl = std::make_shared<Tokenizer::Impl>();
  std::vector<Token> words;
  std::vector<bool> is_word(parts.texts.size(), false);
  for (size_t i = 0; i < parts.texts.size(); ++i) {
    const auto bytes = parts.kinds[i] == TokenKind::normal ? bytes_of_alphabet(parts.texts[i]) : std::nullopt;
    impl->bytes.add(bytes ? std::string_view(*bytes) : parts.texts[i]);
    if (!bytes) continue;
    is_word[i] = true;
    words.push_back(static_cast<Token>(i));
  }
  if (words.empty()) return malformed("{}: tokenizer: no token is written in the byte alphabet", parts.file);
  TRY_ASSIGN(const auto merges, find_merges(parts, index, is_word));
  TRY_ASSIGN(impl->model, ByteBpe::build({parts.file, impl->bytes, words, merges, parts.ignore_merges, seed}));
  TRY(add_names(parts, is_word, seed, *impl));
  TRY(add_roles(parts, *impl));
  TRY(add_added(parts, *impl));
  const std::string name = fmt::format("BPE {}", parts.pre_tokenizer.name());
  return finished(parts, std::move(impl), name);
}

Result<Tokenizer> build_wordpiece(TokenizerParts&& parts, const WordPieceOptions& options) {
  const uint64_t seed = seed_of(parts);
  TRY_ASSIGN(const TextIndex index, index_texts(parts, seed));
  const Token begin = index.find("[CLS]"), end = index.find("[SEP]"), unknown = index.find(options.unknown);
  if (unknown == no_token)
    return malformed("{}: tokenizer: the unknown token '{}' is not in the vocabulary", parts.file,
                     printable(options.unknown));
  if (!parts.bos && begin != no_token) parts.bos = begin;
  if (parts.ends.empty() && end != no_token) parts.ends.push_back(end);
  parts.adds_bos = parts.bos.has_value();
  TRY(mark_roles(parts));

  auto impl = std::make_shared<Tokenizer::Impl>();
  WordPiece::Parts pieces{parts.file, {}, {}, unknown, options.most_characters, seed};
  for (size_t i = 0; i < parts.texts.size(); ++i) {
    const std::string_view text = parts.texts[i];
    const auto id = static_cast<Token>(i);
    impl->bytes.add(text);
    if (parts.kinds[i] != TokenKind::normal) continue;
    if (!text.starts_with(options.prefix))
      pieces.starts.push_back({id, text});
    else if (text.size() > options.prefix.size())
      pieces.continuations.push_back({id, text.substr(options.prefix.size())});
  }
  TRY_ASSIGN(impl->model, WordPiece::build(pieces));
  impl->continuation = options.prefix;
  TRY(add_names(parts, std::vector<bool>(parts.texts.size(), false), seed, *impl));
  TRY(add_roles(parts, *impl));
  TRY(add_added(parts, *impl));
  return finished(parts, std::move(impl), "WordPiece");
}

}  // namespace freehold
