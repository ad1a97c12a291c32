#include "text/tokenizer.h"

#include "text/tokenizer_build.h"
#include "text/utf8.h"

namespace freehold {

namespace {

// Collects the text between added tokens and encodes it when one is found, and at the end.
class Encoder {
 public:
  explicit Encoder(const Tokenizer::Impl& impl) : impl_(impl) {}

  void add_plain(std::string_view valid) {
    pending_ += impl_.added_normalized.empty() ? valid : std::string_view(impl_.normalizer.apply(valid));
  }
  void add_parsed(std::string_view valid) {
    const auto found = [&](Token token) {
      flush();
      out_.push_back(token);
    };
    const auto between = [&](std::string_view text) {
      if (impl_.added_normalized.empty())
        pending_ += text;
      else
        impl_.added_normalized.cut(
            impl_.normalizer.apply(text), [&](std::string_view t) { pending_ += t; }, found);
    };
    impl_.added.cut(valid, between, found);
  }
  std::vector<Token> finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    // Where added tokens are looked for behind the normalizer, pending text has been through it already.
    if (impl_.added_normalized.empty() && !impl_.normalizer.empty()) pending_ = impl_.normalizer.apply(pending_);
    auto take = [&](std::string_view piece) {
      if (const auto* bpe = std::get_if<ByteBpe>(&impl_.model))
        bpe->encode(impl_.bytes, piece, scratch_, out_);
      else
        std::get<WordPiece>(impl_.model).encode(piece, out_);
    };
    impl_.pre_tokenizer.split(pending_, take);
    pending_.clear();
  }

  const Tokenizer::Impl& impl_;
  std::string pending_;
  ByteBpe::Scratch scratch_;
  std::vector<Token> out_;
};

}  // namespace

std::vector<Token> Tokenizer::encode(std::string_view text, Specials specials) const {
  const Part part{text, specials};
  return encode(std::span(&part, 1));
}

std::vector<Token> Tokenizer::encode(std::span<const Part> parts) const {
  Encoder encoder(*impl_);
  for (size_t i = 0; i < parts.size();) {
    std::string text;  // of neighbours with the same mark
    const Specials specials = parts[i].specials;
    for (; i < parts.size() && parts[i].specials == specials; ++i) {
      const std::string_view part = parts[i].text;
      if (valid_utf8(part))
        text += part;
      else
        text += repaired_utf8(part);
    }
    if (specials == Specials::parse)
      encoder.add_parsed(text);
    else
      encoder.add_plain(text);
  }
  return encoder.finish();
}

std::string_view Tokenizer::bytes_of(Token token) const {
  return token >= 0 && token < size() ? impl_->bytes[token] : std::string_view();
}

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string bytes;
  if (std::holds_alternative<ByteBpe>(impl_->model)) {
    for (Token token : tokens) bytes += bytes_of(token);
  } else {  // words with one space between them
    for (Token token : tokens) {
      std::string_view text = bytes_of(token);
      const bool goes_on = text.starts_with(impl_->continuation);
      if (goes_on)
        text.remove_prefix(impl_->continuation.size());
      else if (!bytes.empty())
        bytes += ' ';
      bytes += text;
    }
  }
  return valid_utf8(bytes) ? bytes : repaired_utf8(bytes);
}

int Tokenizer::size() const { return impl_->bytes.size(); }
size_t Tokenizer::longest_bytes() const { return impl_->bytes.longest(); }
bool Tokenizer::is_special(Token token) const {
  return token >= 0 && token < size() && impl_->kinds[static_cast<size_t>(token)] == TokenKind::control;
}
std::optional<Token> Tokenizer::id_of(std::string_view bytes) const {
  Token token = impl_->names.find(impl_->bytes, bytes);
  if (const auto* bpe = std::get_if<ByteBpe>(&impl_->model); bpe && token == no_token)
    token = bpe->find(impl_->bytes, bytes);
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
