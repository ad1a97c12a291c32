// Golden cases for a tokenizer: one JSON object a line with a text and the ids that a reference gives it.
//
//   {"id": "shared-000", "text": "The quiet harbour", "ids": {"smollm2": [504, 8354, 28899], "deepseek-v4": [..]}}
//
// Optional: "bytes" (hex; encoded instead of the text, for invalid UTF-8), "ids_nfc" (for tokenizers that compose
// first), "decoded" (what the ids give back where that is not the text). Special tokens written out are recognised.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace freehold {

struct CaseReport {
  int cases = 0;
  int failed = 0;
  std::vector<std::string> failures;  // one line each: id, expected, found; at most 20
};

// `key` names the tokenizer within a case's "ids"; cases without it are an error. `name` is the file's, for errors.
Result<CaseReport> check_tokenizer_cases(const Tokenizer&, std::string_view key, std::istream& cases,
                                         std::string_view name);

}  // namespace freehold
