// Regular expressions of tokenizer files (Oniguruma's dialect there), run by PCRE2's interpreter: Unicode classes, ^
// and $ at lines. A text of n bytes costs at most a fixed multiple of n steps, whatever the expression; where the
// budget ends, nothing more matches. Never used for expressions of users.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace freehold {

class Regex {
 public:
  // `where` names the place for errors.
  static Result<Regex> compile(std::string_view expression, std::string_view where);
  static Result<Regex> literal(std::string_view text, std::string_view where);

  // Calls found(begin, end) for each match from left to right; they do not overlap, and may be empty. The text must be
  // valid UTF-8.
  void each_match(std::string_view text, const std::function<void(size_t begin, size_t end)>& found) const;

 private:
  std::shared_ptr<const void> code_;
};

}  // namespace freehold
