#include "run/drafts.h"

#include <algorithm>
#include <cmath>

namespace freehold {
namespace {

constexpr double first_tries = 4;  // as if so many had been seen
constexpr double memory = 1 - 1.0 / 64;

}  // namespace

Drafts::Drafts(int positions) : index_(positions) {
  for (int match = 0; match <= most_match; ++match)
    rates_[static_cast<size_t>(match)] = {first_tries * (1 - std::pow(0.8, std::max(match - 1, 0))), first_tries};
}

void Drafts::look(std::span<const int32_t> tokens, int room) {
  drop_guesses();
  looked_ = static_cast<int>(tokens.size());
  if (tokens.empty()) return;
  index_.extend(tokens.first(tokens.size() - 1));
  const SuffixIndex::Match found = index_.longest(tokens);
  match_ = found.length;
  if (found.length == 0) return;
  double chance = 1;
  const auto next = static_cast<size_t>(found.next);
  for (int i = 0; i < std::min(most, room); ++i) {
    const size_t at = next + static_cast<size_t>(i);  // past the end a stretch repeats itself
    guesses_.push_back(at < tokens.size() ? tokens[at] : guesses_[at - tokens.size()]);
    chances_.push_back(chance *= rate(match_ + i).share());
  }
}

void Drafts::learn(int32_t token, int position) {
  if (learned_ >= guesses_.size() || position != looked_ + static_cast<int>(learned_)) return;
  const bool right = guesses_[learned_] == token;
  Rate& seen = rate(match_ + static_cast<int>(learned_));
  seen.right = seen.right * memory + right;
  seen.tries = seen.tries * memory + 1;
  learned_ = right ? learned_ + 1 : guesses_.size();
}

void Drafts::shrink(std::span<const int32_t> tokens, int count) {
  index_.shrink(tokens, std::min(count, index_.size()));
  drop_guesses();
}

void Drafts::drop_guesses() {
  guesses_.clear();
  chances_.clear();
  learned_ = 0;
}

}  // namespace freehold
