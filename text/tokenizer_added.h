// Added tokens: fixed strings (control tokens, role and tool marks) that are cut out of a text before anything else
// looks at it. At each place the longest one wins; a match never overlaps an earlier one.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace freehold {

struct AddedToken {
  Token id = -1;
  std::string text;
  bool special = false;      // a control token
  bool normalized = false;   // is looked for after the normalizer, and written as the normalizer would
  bool single_word = false;  // only where no word character touches it
  bool left_strip = false, right_strip = false;  // takes the white space beside it along
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);  // texts not empty; of two equal ones the first counts

  bool empty() const { return tokens_.empty(); }
  Token find(std::string_view text) const;  // exactly this text, or -1

  // Calls between(part) for text outside of added tokens and found(id) for each one, in order.
  template <class Between, class Found>
  void cut(std::string_view text, Between&& between, Found&& found) const {
    size_t done = 0, at = 0;
    for (Match m = next(text, at, done); m.token; m = next(text, at, done)) {
      if (done < m.begin) between(text.substr(done, m.begin - done));
      found(m.token->id);
      at = done = m.end;
    }
    if (done < text.size()) between(text.substr(done));
  }

 private:
  struct Match {
    const AddedToken* token;
    size_t begin, end;
  };
  Match next(std::string_view text, size_t at, size_t done) const;
  const AddedToken* longest_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;  // by text
  std::array<bool, 256> begins_{};  // bytes with which one begins
};

}  // namespace freehold
