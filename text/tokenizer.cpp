#include "text/tokenizer.h"

#include "text/tokenizer_build.h"
#include "text/utf8.h"

namespace freehold {

void Tokenizer::Impl::encode_normal(std::string_view normalized, ByteBpe::Scratch& scratch,
                                    std::vector<Token>& out) const {
  auto take = [&](std::string_view piece) { bpe.encode(bytes, piece, scratch, out); };
  pre_tokenizer.split(normalized, take);
}

void Tokenizer::Impl::encode_plain(std::string_view valid, ByteBpe::Scratch& scratch, std::vector<Token>& out) const {
  if (normalizer.empty())
    encode_normal(valid, scratch, out);
  else
    encode_normal(normalizer.apply(valid), scratch, out);
}

void Tokenizer::Impl::encode_parsed(std::string_view valid, ByteBpe::Scratch& scratch, std::vector<Token>& out) const {
  const auto put = [&](Token token) { out.push_back(token); };
  added.cut(
      valid,
      [&](std::string_view between) {
        if (added_normalized.empty()) return encode_plain(between, scratch, out);
        const std::string normalized = normalizer.apply(between);
        added_normalized.cut(
            normalized, [&](std::string_view part) { encode_normal(part, scratch, out); }, put);
      },
      put);
}

std::vector<Token> Tokenizer::encode(std::string_view text, Specials specials) const {
  std::string repaired;
  if (!valid_utf8(text)) {
    repaired = repaired_utf8(text);
    text = repaired;
  }
  std::vector<Token> out;
  out.reserve(text.size() / 4);
  ByteBpe::Scratch scratch;
  if (specials == Specials::parse)
    impl_->encode_parsed(text, scratch, out);
  else
    impl_->encode_plain(text, scratch, out);
  return out;
}

std::string_view Tokenizer::bytes_of(Token token) const {
  return token >= 0 && token < size() ? impl_->bytes[token] : std::string_view();
}

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string bytes;
  for (Token token : tokens) bytes += bytes_of(token);
  return valid_utf8(bytes) ? bytes : repaired_utf8(bytes);
}

int Tokenizer::size() const { return impl_->bytes.size(); }
bool Tokenizer::is_special(Token token) const {
  return token >= 0 && token < size() && impl_->kinds[static_cast<size_t>(token)] == TokenKind::control;
}
std::optional<Token> Tokenizer::id_of(std::string_view token_text) const {
  Token token = impl_->names.find(impl_->bytes, token_text);
  if (token == no_token) token = impl_->bpe.find(impl_->bytes, token_text);
  return token == no_token ? std::nullopt : std::optional(token);
}
std::optional<Token> Tokenizer::bos() const { return impl_->bos; }
const std::vector<Token>& Tokenizer::ends() const { return impl_->ends; }
bool Tokenizer::adds_bos() const { return impl_->adds_bos; }
bool Tokenizer::composes() const { return impl_->normalizer.composes(); }
std::string_view Tokenizer::kind() const { return impl_->kind; }

std::string StreamDecoder::push(Token token) {
  held_ += tokenizer_->bytes_of(token);
  const size_t sure = complete_utf8_prefix(held_);
  std::string text = repaired_utf8(std::string_view(held_).substr(0, sure));
  held_.erase(0, sure);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = repaired_utf8(held_);
  held_.clear();
  return text;
}

}  // namespace freehold
