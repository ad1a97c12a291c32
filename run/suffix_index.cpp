#include "run/suffix_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace freehold {
namespace {

constexpr size_t most_slots = 1u << 16;
constexpr int most_places = 24;

}  // namespace

SuffixIndex::SuffixIndex(int positions)
    : head_(std::bit_ceil(std::clamp<size_t>(static_cast<size_t>(positions), 16, most_slots)), -1) {}

size_t SuffixIndex::slot(int32_t first, int32_t second) const {
  const uint64_t pair = static_cast<uint64_t>(static_cast<uint32_t>(first)) << 32 | static_cast<uint32_t>(second);
  return static_cast<size_t>((pair * 0x9e3779b97f4a7c15ull) >> 40) & (head_.size() - 1);
}

void SuffixIndex::extend(std::span<const int32_t> tokens) {
  CHECK(tokens.size() >= before_.size(), "{} tokens, {} are filed", tokens.size(), before_.size());
  for (size_t i = before_.size(); i < tokens.size(); ++i) {
    if (i == 0) {
      before_.push_back(-1);
      continue;
    }
    int32_t& head = head_[slot(tokens[i - 1], tokens[i])];
    before_.push_back(head);
    head = static_cast<int32_t>(i);
  }
}

void SuffixIndex::shrink(std::span<const int32_t> tokens, int count) {
  CHECK(count >= 0 && before_.size() <= tokens.size(), "{} of {} tokens, {} are filed", count, tokens.size(), size());
  while (size() > count) {
    const size_t i = before_.size() - 1;
    if (i > 0) head_[slot(tokens[i - 1], tokens[i])] = before_[i];
    before_.pop_back();
  }
}

SuffixIndex::Match SuffixIndex::longest(std::span<const int32_t> tokens) const {
  const int count = static_cast<int>(tokens.size());
  CHECK(size() < count || count == 0, "{} of {} tokens are filed", size(), count);
  Match best;
  if (count < least_match) return best;
  int32_t place = head_[slot(tokens[tokens.size() - 2], tokens.back())];
  for (int looked = 0; place >= 0 && looked < most_places; ++looked, place = before_[static_cast<size_t>(place)]) {
    int length = 0;
    while (length < most_match && length <= place &&
           tokens[static_cast<size_t>(place - length)] == tokens[static_cast<size_t>(count - 1 - length)])
      ++length;
    if (length > best.length) best = {length, place + 1};
    if (length == most_match) break;
  }
  return best.length >= least_match ? best : Match{};
}

}  // namespace freehold
