#include "text/json_scanner.h"

namespace freehold {
namespace {

bool is_scalar_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' || c == '.' || c == 'E';
}
bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

size_t JsonScanner::feed(std::string_view text) {
  size_t at = 0;
  if (state_ == State::before && !text.empty()) {
    const char c = text[0];
    kind_ = c == '{' || c == '[' ? Kind::container : c == '"' ? Kind::string : Kind::scalar;
    state_ = kind_ == Kind::scalar && !is_scalar_byte(c) ? State::bad : State::inside;
  }
  for (; at < text.size() && state_ == State::inside; ++at) {
    const char c = text[at];
    if (in_string_) {
      if (escaped_)
        escaped_ = false;
      else if (c == '\\')
        escaped_ = true;
      else if (c == '"')
        in_string_ = false;
      if (!in_string_ && kind_ == Kind::string) state_ = State::done;
    } else if (kind_ == Kind::scalar) {
      if (is_scalar_byte(c)) continue;
      state_ = State::done;
      break;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (--depth_ == 0) state_ = State::done;
    } else if (c != ',' && c != ':' && !is_white(c) && !is_scalar_byte(c)) {
      state_ = State::bad;
      break;
    }
  }
  return at;
}

}  // namespace freehold
