// WordWrap: breaks a streamed text at words to a terminal's width. A word that does not fit is taken back and written
// on the next line, so nothing is held up. Fenced code keeps its own lines.
#pragma once

#include <string>
#include <string_view>

namespace freehold {

class WordWrap {
 public:
  // What to print for the next part of the text: valid UTF-8, whole characters, no control characters but newline and
  // tab. The last of `columns` stays free, as terminals differ in what they do when it fills.
  std::string put(std::string_view text, int columns);

 private:
  std::string word_, line_start_;
  int column_ = 0, word_width_ = 0;
  bool code_ = false;
};

int terminal_columns();  // of standard output; 80 when it is no terminal

}  // namespace freehold
