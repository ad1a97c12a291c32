// English: whether a word is one. A word of English that the library does not know is no misspelling of one that it
// knows: "dogs" are no "does". The words are those of Debian's small lists, British and American, read when the program
// is built (english_words.py; README.md names their licence).
#pragma once

#include <span>
#include <string_view>

namespace freehold::papers {

// Each is a line of words with blanks between them that begin with the same two letters; in alphabetical order.
std::span<const std::string_view> english_words();
bool is_english(std::string_view word);  // in lower case, of three letters at least

}  // namespace freehold::papers
