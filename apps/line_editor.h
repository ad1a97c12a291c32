// LineEditor: reads a person's lines at a terminal, with editing and a history that lives in memory only (prompts are
// private). A backslash at a line's end, three quotation marks, and pasted lines make one entry of several lines.
#pragma once

#include <histedit.h>

#include <optional>
#include <string>

namespace freehold {

class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  struct Entry {
    enum class Kind { text, interrupted, end } kind = Kind::text;
    std::string text;  // without the newline at its end
  };
  Entry read();

 private:
  Entry read_line();
  static const char* prompt(EditLine* editor);
  static int read_character(EditLine* editor, wchar_t* character);
  EditLine* editor_;
  History* history_;
  bool continued_ = false;  // the prompt is that of a further line
};

}  // namespace freehold
