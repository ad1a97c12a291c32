#include "library/english.h"

#include <algorithm>

namespace freehold::papers {

bool is_english(std::string_view word) {
  if (word.size() < 3) return false;
  const auto lines = english_words();
  const auto line = std::lower_bound(lines.begin(), lines.end(), word.substr(0, 2),
                                     [](std::string_view a, std::string_view b) { return a.substr(0, 2) < b; });
  if (line == lines.end()) return false;
  for (size_t at = line->find(word); at != std::string_view::npos; at = line->find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || (*line)[at - 1] == ' ') && (end == line->size() || (*line)[end] == ' ')) return true;
  }
  return false;
}

}  // namespace freehold::papers
