// Times that a question names: years, halves, quarters, months, days, and spans of them ("since 2021", "from March to
// May 2020", "prior to 2010", "Q3/2021", "2021 onwards").
#pragma once

#include <string>
#include <vector>

namespace freehold::papers {

struct TimeSpan {
  size_t first = 0, last = 0;  // tokens, `last` included, with the words that say before or after
  std::string from, to;        // ISO days, both included; either may be empty
  std::string unknowable;      // a word that makes it a time that nobody can know: "at the end of 2021"
};
// `low`: the tokens in lower case.
std::vector<TimeSpan> times_in(const std::vector<std::string>& tokens, const std::vector<std::string>& low);

}  // namespace freehold::papers
