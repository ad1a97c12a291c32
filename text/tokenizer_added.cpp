#include "text/tokenizer_added.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace freehold {
namespace {

unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }

// Where the last character of a valid text begins.
size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (byte_of(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && word_character(character_at(text, last_character(text)).code);
}
bool starts_with_word(std::string_view text) { return !text.empty() && word_character(character_at(text, 0).code); }

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  tokens_.erase(
      std::unique(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.text == b.text; }),
      tokens_.end());
  for (const AddedToken& token : tokens_) begins_[byte_of(token.text[0])] = true;
}

Token AddedTokens::find(std::string_view text) const {
  const auto place =
      std::lower_bound(tokens_.begin(), tokens_.end(), text,
                       [](const AddedToken& token, std::string_view wanted) { return token.text < wanted; });
  return place != tokens_.end() && place->text == text ? place->id : -1;
}

// Tokens that share a beginning stand together: each further byte of the text narrows the range of candidates. The one
// that is used up by then, if any, is the first of the range.
const AddedToken* AddedTokens::longest_at(std::string_view text, size_t at) const {
  const AddedToken* longest = nullptr;
  auto first = tokens_.begin(), last = tokens_.end();
  for (size_t depth = 0; at + depth < text.size(); ++depth) {
    const unsigned char byte = byte_of(text[at + depth]);
    const auto before = [=](const AddedToken& token, unsigned char wanted) {
      return token.text.size() <= depth || byte_of(token.text[depth]) < wanted;
    };
    const auto after = [=](unsigned char wanted, const AddedToken& token) {
      return token.text.size() > depth && wanted < byte_of(token.text[depth]);
    };
    first = std::lower_bound(first, last, byte, before);
    last = std::upper_bound(first, last, byte, after);
    if (first == last) break;
    if (first->text.size() == depth + 1) longest = &*first;
  }
  return longest;
}

AddedTokens::Match AddedTokens::next(std::string_view text, size_t at, size_t done) const {
  for (; at < text.size(); ++at) {
    if (!begins_[byte_of(text[at])]) continue;
    const AddedToken* token = longest_at(text, at);
    if (!token) continue;
    size_t begin = at, end = at + token->text.size();
    if (token->single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      at = end - 1;
      continue;
    }
    while (token->left_strip && begin > done) {
      const size_t last = last_character(text.substr(0, begin));
      if (!(classes_of(character_at(text, last).code) & space)) break;
      begin = last;
    }
    while (token->right_strip && end < text.size()) {
      const Character c = character_at(text, end);
      if (!(classes_of(c.code) & space)) break;
      end += static_cast<size_t>(c.bytes);
    }
    return {token, begin, end};
  }
  return {nullptr, 0, 0};
}

}  // namespace freehold
