// Drafts: guesses of what a session's next tokens will be, from its own past: where its last tokens stood before, what
// followed then may follow now (prompt lookup). A guess is computed in the pass of the token before it, which for a
// few rows costs little more than without; the sampler then picks from the logits as always, and where its token is the
// guess the next logits are there already. So guesses change the time of an answer and never its tokens.
//
// How often a match of so many tokens foretells the next one is counted as the answer goes on, whether its guesses were
// computed or not: where the past foretells nothing, nothing is computed along, until it does again.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "run/suffix_index.h"

namespace freehold {

struct DraftCounts {
  int computed = 0, right = 0;  // guesses that were computed along; those of them that came true
};

class Drafts {
 public:
  static constexpr int most = 15;  // guesses at a time

  explicit Drafts(int positions);
  // Guesses what follows `tokens`, at most `room` of them.
  void look(std::span<const int32_t> tokens, int room);
  std::span<const int32_t> guesses() const { return guesses_; }
  // chances()[i]: that the first i + 1 guesses are all right.
  std::span<const double> chances() const { return chances_; }
  // The token that came to stand at this position, if the last look or what was learned since ends there.
  void learn(int32_t token, int position);
  // The session goes back; `tokens` are those it still has, with those it forgets.
  void shrink(std::span<const int32_t> tokens, int count);

 private:
  struct Rate {
    double right, tries;  // of late: each try makes those before count a little less
    double share() const { return right / tries; }
  };
  Rate& rate(int match) { return rates_[static_cast<size_t>(match < most_match ? match : most_match)]; }
  void drop_guesses();
  static constexpr int most_match = 16;
  SuffixIndex index_;
  std::array<Rate, most_match + 1> rates_;  // by tokens that agree
  std::vector<int32_t> guesses_;
  std::vector<double> chances_;
  int match_ = 0;       // of the last look
  int looked_ = 0;      // tokens then
  size_t learned_ = 0;  // guesses that came true since; past the end after one that did not
};

}  // namespace freehold
