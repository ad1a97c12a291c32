// Focus: which words of a question ask, and which only tell why. "The insurance wants a figure for KO-01, so how many
// failures did this machine have in 2023" asks from "how many" on; what stands before says of what, at most.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freehold::papers {

// A question's words as written; `begins`: a clause begins there, by punctuation. Signs that are words are words:
// "> 90 min" is "more than 90 min".
struct Words {
  std::vector<std::string> tokens;
  std::vector<bool> begins;
};
Words words_in(std::string_view text);

// "The boss wants to close the depot that spends most, which one is that": "..., which depot that spends most".
void name_pointed(Words& words);

struct Focus {
  std::vector<bool> told;    // of each word: it only tells
  size_t from = 0;           // the word that asking begins with
  bool refers_back = false;  // what asks says "it", "them", "that machine": something told is meant
};
// `low`: the words, folded.
Focus focus_of(const std::vector<std::string>& low, const std::vector<bool>& begins);

}  // namespace freehold::papers
