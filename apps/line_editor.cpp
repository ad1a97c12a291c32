#include "apps/line_editor.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cwchar>
#include <string_view>

#include "apps/report.h"

namespace freehold {

LineEditor::LineEditor() {
  history_ = ::history_init();
  HistEvent event;
  ::history(history_, &event, H_SETSIZE, 1000);
  ::history(history_, &event, H_SETUNIQUE, 1);
  editor_ = el_init("freehold", stdin, stdout, stderr);
  el_set(editor_, EL_CLIENTDATA, this);
  el_set(editor_, EL_PROMPT_ESC, &LineEditor::prompt, '\1');
  el_set(editor_, EL_EDITOR, "emacs");
  el_set(editor_, EL_SIGNAL, 0);  // Ctrl-C is ours: interrupt::install
  el_set(editor_, EL_GETCFN, &LineEditor::read_character);
  el_set(editor_, EL_HIST, ::history, history_);
  el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_set(editor_, EL_BIND, "\\e[1;5C", "em-next-word", nullptr);
  el_set(editor_, EL_BIND, "\\e[1;5D", "ed-prev-word", nullptr);
  el_set(editor_, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
}

LineEditor::~LineEditor() {
  el_end(editor_);
  ::history_end(history_);
}

const char* LineEditor::prompt(EditLine* editor) {
  LineEditor* self = nullptr;
  el_get(editor, EL_CLIENTDATA, &self);
  return self->continued_ ? "\1\033[2m\1. \1\033[0m\1" : "\1\033[1m\1> \1\033[0m\1";
}

// One character of UTF-8 from the terminal: 1, 0 at the end, -1 after Ctrl-C.
int LineEditor::read_character(EditLine*, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    if (!interrupt::wait_for_input()) return -1;
    char byte;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count == 0) return 0;
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return 0;
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;  // more bytes belong to it
    // Ctrl-D pressed before the line was ours (while an answer came) is handed on by the system as a zero.
    if (used == 0) *character = L'\x04';
    if (used != static_cast<size_t>(-1)) return 1;
    state = {};  // no character: left out
  }
}

LineEditor::Entry LineEditor::read_line() {
  interrupt::editing(true);
  el_resize(editor_);
  // Before the prompt is shown, not after as el_gets has it: a Ctrl-D typed in between would be lost.
  el_set(editor_, EL_PREP_TERM, 1);
  int count = 0;
  const char* line = el_gets(editor_, &count);
  const bool interrupted = interrupt::requested();
  if (interrupted) {
    interrupt::reset();
    el_reset(editor_);
  }
  interrupt::editing(false);
  if (interrupted) {
    print("\n");
    return {Entry::Kind::interrupted, ""};
  }
  if (!line || count <= 0) return {Entry::Kind::end, ""};
  std::string_view text(line, static_cast<size_t>(count));
  if (text.ends_with('\n')) text.remove_suffix(1);
  return {Entry::Kind::text, std::string(text)};
}

LineEditor::Entry LineEditor::read() {
  constexpr std::string_view quotes = "\"\"\"";
  Entry whole;
  bool quoted = false;
  continued_ = false;
  for (;;) {
    Entry line = read_line();
    if (line.kind != Entry::Kind::text) return line;
    std::string text = std::move(line.text);
    bool more = false;
    if (!quoted && !continued_ && text.starts_with(quotes)) {
      quoted = true;
      text.erase(0, quotes.size());
    }
    if (quoted && text.ends_with(quotes)) {
      text.erase(text.size() - quotes.size());
      quoted = false;
    } else if (quoted) {
      more = true;
    } else if (text.ends_with('\\')) {
      text.pop_back();
      more = true;
    } else {  // a further line that is there already has been pasted
      pollfd input{STDIN_FILENO, POLLIN, 0};
      more = ::poll(&input, 1, 5) > 0 && (input.revents & POLLIN);
    }
    whole.text += text;
    if (!more) break;
    whole.text += '\n';
    continued_ = true;
  }
  if (whole.text.find_first_not_of(" \t\n") != std::string::npos) {
    HistEvent event;
    ::history(history_, &event, H_ENTER, whole.text.c_str());
  }
  return whole;
}

}  // namespace freehold
