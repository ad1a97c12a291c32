// Byte-level BPE (Sennrich et al., 2016; GPT-2's use of it on bytes). A piece begins as its bytes; again and again the
// pair of neighbours whose merge was learned first (lowest rank, then leftmost) becomes one token, until no pair has a
// merge. A piece that is itself a token and that merging would lead to (nearly all words of a text) is one look-up.
// A piece of n bytes costs O(n log n).
//
// Bytes without a token of their own (some vocabularies lack bytes that never occurred in their training text) are left
// out, as the reference does.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_vocabulary.h"

namespace freehold {

class ByteBpe {
 public:
  struct Merge {
    Token left, right, merged;
  };
  struct Parts {
    std::string_view file;  // for errors
    const TokenBytes& bytes;
    std::span<const Token> words;   // tokens that text may become: no added, no unused ones
    std::span<const Merge> merges;  // in the order of their rank, of words only
    bool ignore_merges;             // a piece that is a word is that word, whatever merging says
    uint64_t seed;
  };
  static Result<ByteBpe> build(const Parts&);

  // Room that pieces share, so that a text allocates a few times only.
  struct Scratch {
    std::vector<Token> tokens;
    std::vector<int32_t> next, previous;
    std::vector<uint64_t> queue, pairs;
  };
  void encode(const TokenBytes&, std::string_view piece, Scratch&, std::vector<Token>& out) const;
  Token find(const TokenBytes& bytes, std::string_view wanted) const;  // a word, or no_token

 private:
  struct Pair {
    uint64_t key;  // left and right
    uint32_t rank;
    Token merged;
  };
  static constexpr uint64_t no_pair = ~0ull;

  const Pair* find_pair(Token left, Token right) const {
    const uint64_t key = (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
    for (size_t i = mixed(key ^ seed_, 0x9e3779b97f4a7c15ull) >> shift_;; i = (i + 1) & (pairs_.size() - 1)) {
      if (pairs_[i].key == key) return &pairs_[i];
      if (pairs_[i].key == no_pair) return nullptr;
    }
  }
  void merge(std::string_view piece, Scratch&, std::vector<Token>& out) const;
  void merge_short(Scratch&, std::vector<Token>& out) const;
  void merge_long(Scratch&, std::vector<Token>& out) const;

  std::array<Token, 256> of_byte_{};
  std::vector<Pair> pairs_;
  int shift_ = 0;
  uint64_t seed_ = 0;
  TokenIndex whole_;   // words that a piece equal to them becomes
  TokenIndex others_;  // words that only files name
};

}  // namespace freehold
