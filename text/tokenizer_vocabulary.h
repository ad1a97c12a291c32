// The parts of a vocabulary: the bytes of all tokens in one block, a hash index from bytes to token, and GPT-2's byte
// alphabet, in which byte-level vocabularies write their tokens.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace freehold {

inline constexpr Token no_token = -1;

// What each token stands for, by id.
class TokenBytes {
 public:
  void add(std::string_view bytes) {
    bytes_.append(bytes);
    ends_.push_back(bytes_.size());
    longest_ = std::max(longest_, bytes.size());
  }
  size_t longest() const { return longest_; }
  int size() const { return static_cast<int>(ends_.size()); }
  std::string_view operator[](Token token) const {
    const size_t i = static_cast<size_t>(token), begin = i ? ends_[i - 1] : 0;
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }

 private:
  std::string bytes_;
  std::vector<uint64_t> ends_;
  size_t longest_ = 0;
};

// Mixing for the hash tables. Not cryptographic; tables take their seed from the whole vocabulary and bound the length
// of a search, so that a file made of colliding entries is refused instead of being slow.
inline uint64_t mixed(uint64_t a, uint64_t b) {
  const auto product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
inline uint64_t hash_of(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed ^ (bytes.size() * 0x9e3779b97f4a7c15ull);
  uint64_t word;
  for (; bytes.size() > 8; bytes.remove_prefix(8)) {
    std::memcpy(&word, bytes.data(), 8);
    hash = mixed(hash ^ word, 0xa0761d6478bd642full);
  }
  word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mixed(mixed(hash ^ word, 0xe7037ed1a0b428dbull), 0x8ebc6af09c88c6e3ull);
}

// Finds tokens by their bytes. Open addressing, at most half full.
class TokenIndex {
 public:
  TokenIndex() : TokenIndex(0, 0) {}
  TokenIndex(size_t most_tokens, uint64_t seed);

  enum class Put : uint8_t { done, taken, crowded };  // taken: another token has the same bytes
  Put put(const TokenBytes&, Token);

  Token find(const TokenBytes& bytes, std::string_view wanted) const {
    const uint64_t hash = hash_of(wanted, seed_);
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t i = hash >> shift_;; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.token == no_token) return no_token;
      if (slot.tag == tag && bytes[slot.token] == wanted) return slot.token;
    }
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    Token token = no_token;
  };
  std::vector<Slot> slots_;
  uint64_t seed_;
  int shift_;
};

// GPT-2's alphabet: the printable characters of Latin-1 stand for themselves, the other bytes for U+0100 and up, in
// order. Nullopt when a character of the text is not of the alphabet.
std::optional<std::string> bytes_of_alphabet(std::string_view text);
std::string alphabet_of_bytes(std::string_view bytes);

}  // namespace freehold
