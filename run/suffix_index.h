// SuffixIndex: where in a timeline of tokens its last ones stood before. Every pair of neighbours is filed under a hash
// of it: head[hash] is where such a pair last ended, before[i] where one of the hash of i's ended before i (LZ77's hash
// chains). Filing a token and taking it back again cost the same few nanoseconds, so the index follows a session that
// goes back and forth. It keeps no tokens; whoever asks brings them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace freehold {

class SuffixIndex {
 public:
  static constexpr int least_match = 2, most_match = 32;

  explicit SuffixIndex(int positions);
  int size() const { return static_cast<int>(before_.size()); }  // tokens that are filed
  // Files tokens[size()..]; those before are the ones that were filed.
  void extend(std::span<const int32_t> tokens);
  // Forgets all but the first `count`; `tokens` still has all that were filed.
  void shrink(std::span<const int32_t> tokens, int count);

  struct Match {
    int length = 0;  // tokens that agree, up to most_match; 0: none, or fewer than least_match
    int next = 0;    // position of the token that followed them
  };
  // The longest stretch before that ends as all `tokens` do, of equal ones the last; all but the last token may be
  // filed, and no more. Looks at a bounded number of places.
  Match longest(std::span<const int32_t> tokens) const;

 private:
  size_t slot(int32_t first, int32_t second) const;
  std::vector<int32_t> head_;    // [power of two], -1: none
  std::vector<int32_t> before_;  // [filed tokens]
};

}  // namespace freehold
