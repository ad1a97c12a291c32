#include "apps/wrap.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cwchar>

namespace freehold {
namespace {

struct Character {
  std::string_view bytes;
  wchar_t code;
};
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = std::min<size_t>(text.size(), lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
  unsigned code = length == 1 ? lead : lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
  return {text.substr(0, length), static_cast<wchar_t>(code)};
}

}  // namespace

std::string WordWrap::put(std::string_view text, int columns) {
  const int room = std::max(columns - 1, 8);
  std::string out;
  const auto end_word = [&] {
    word_.clear();
    word_width_ = 0;
  };
  while (!text.empty()) {
    const auto [bytes, code] = first_of(text);
    text.remove_prefix(bytes.size());
    if (code == '\n') {
      if (line_start_ == "```") code_ = !code_;
      line_start_.clear();
      column_ = 0;
      end_word();
      out += '\n';
      continue;
    }
    if (line_start_.size() < 3) line_start_ += bytes;
    const int width = code == '\t' ? 8 - column_ % 8 : std::max(::wcwidth(code), 0);
    const bool space = code == ' ' || code == '\t';
    if (space || width > 1) end_word();  // scripts of wide characters break anywhere
    if (!code_ && column_ + width > room) {
      if (space) {  // the break takes its place
        out += '\n';
        column_ = 0;
        continue;
      }
      if (word_width_ > 0 && word_width_ < column_) out += fmt::format("\033[{}D\033[K", word_width_);
      if (word_width_ == column_) end_word();  // longer than a line: cut
      out += '\n' + word_;
      column_ = word_width_;
    }
    out += bytes;
    column_ += width;
    if (space || width > 1) continue;
    word_ += bytes;
    word_width_ += width;
  }
  return out;
}

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace freehold
