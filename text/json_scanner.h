// JsonScanner: finds where one JSON value ends while its bytes come in pieces. It follows strings and brackets and
// refuses bytes that JSON has nowhere; whether the value is right is for parse_json to say.
#pragma once

#include <cstddef>
#include <string_view>

namespace freehold {

class JsonScanner {
 public:
  enum class State { before, inside, done, bad };
  // How many of the bytes belong to the value. The first must not be white space. A number, true, false or null is done
  // only when a byte stands behind it: `inside` at the end of the text.
  size_t feed(std::string_view text);
  State state() const { return state_; }
  bool is_scalar() const { return kind_ == Kind::scalar; }

 private:
  enum class Kind { none, container, string, scalar };
  State state_ = State::before;
  Kind kind_ = Kind::none;
  size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

}  // namespace freehold
