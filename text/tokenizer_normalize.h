// Normalizers: what a tokenizer.json does to text before it is split (normal forms, lower case, accents, replacements).
// GGUF files have none, but for BERT's. Valid UTF-8 in, valid UTF-8 out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace freehold {

class Normalizer {
 public:
  struct BertOptions {
    bool clean_text = true, chinese_characters = true, strip_accents = true, lowercase = true;
  };
  static Normalizer bert(BertOptions);
  // The `normalizer` value of a tokenizer.json; null changes nothing.
  static Result<Normalizer> from_json(const Json&, std::string_view file);

  bool empty() const { return steps_.empty(); }
  std::string apply(std::string_view text) const;
  bool composes() const { return composes_; }  // has an NFC step

 private:
  using Step = std::function<std::string(std::string_view)>;
  Result<Done> add(const Json&, const std::string& where, int depth);

  std::vector<Step> steps_;
  bool composes_ = false;
};

}  // namespace freehold
