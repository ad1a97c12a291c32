#include "text/tokenizer_vocabulary.h"

#include <bit>

#include "base/check.h"
#include "text/utf8.h"

namespace freehold {
namespace {

constexpr int longest_search = 512;  // a fair table of millions stays under a tenth of this

struct Alphabet {
  std::array<char16_t, 256> character{};
  std::array<int16_t, 512> byte{};
};
constexpr Alphabet make_alphabet() {
  Alphabet a;
  for (auto& byte : a.byte) byte = -1;
  char16_t next = 0x100;
  for (size_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    a.character[byte] = itself ? static_cast<char16_t>(byte) : next++;
    a.byte[a.character[byte]] = static_cast<int16_t>(byte);
  }
  return a;
}
constexpr Alphabet alphabet = make_alphabet();

}  // namespace

TokenIndex::TokenIndex(size_t most_tokens, uint64_t seed) : seed_(seed) {
  const size_t slots = std::bit_ceil(2 * most_tokens + 2);
  slots_.resize(slots);
  shift_ = 64 - std::countr_zero(slots);
}

TokenIndex::Put TokenIndex::put(const TokenBytes& bytes, Token token) {
  const std::string_view wanted = bytes[token];
  const uint64_t hash = hash_of(wanted, seed_);
  const auto tag = static_cast<uint32_t>(hash);
  size_t i = hash >> shift_;
  for (int looked = 0; slots_[i].token != no_token; ++looked, i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].tag == tag && bytes[slots_[i].token] == wanted) return Put::taken;
    if (looked == longest_search) return Put::crowded;
  }
  slots_[i] = {tag, token};
  return Put::done;
}

std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    if (c.code >= alphabet.byte.size() || alphabet.byte[c.code] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet.byte[c.code]));
    at += static_cast<size_t>(c.bytes);
  }
  return bytes;
}

std::string alphabet_of_bytes(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) append_utf8(text, alphabet.character[static_cast<unsigned char>(byte)]);
  return text;
}

}  // namespace freehold
