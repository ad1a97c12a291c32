// Pre-tokenizers: cut text into the pieces inside which BPE may merge. A pre-tokenizer is a list of steps, each cutting
// what the one before left; every byte of the text is in exactly one piece, in order, unless a step of tokenizer.json
// says that matches are removed. The families' own patterns are loops over Unicode classes (pretokenize_loops.cpp);
// other patterns of a tokenizer.json run in PCRE2 under limits (pretokenize_steps.cpp).
//
// No vocabulary is needed. Pieces are never empty. Text must be valid UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace freehold {

// Where pieces go: any callable that takes a string_view, by reference.
class PieceSink {
 public:
  template <class Take>
  requires(!std::is_same_v<std::remove_const_t<Take>, PieceSink>)  // copies stay copies
      PieceSink(Take& take)                                        // NOLINT: meant to convert
      : self_(&take), take_([](void* self, std::string_view piece) { (*static_cast<Take*>(self))(piece); }) {}
  void operator()(std::string_view piece) const { take_(self_, piece); }

 private:
  void* self_;
  void (*take_)(void* self, std::string_view piece);
};

enum class Pattern : uint8_t;  // text/pretokenize_loops.h

class SplitStep {
 public:
  virtual ~SplitStep() = default;
  virtual void split(std::string_view text, PieceSink sink) const = 0;
};

class PreTokenizer {
 public:
  // `tokenizer.ggml.pre` of a GGUF file.
  static Result<PreTokenizer> named(std::string_view pre, std::string_view file);
  static PreTokenizer bert();  // words between white space, marks one by one
  // The `pre_tokenizer` value of a tokenizer.json; null cuts nothing.
  static Result<PreTokenizer> from_json(const Json&, std::string_view file);

  void split(std::string_view text, PieceSink sink) const { split_from(0, text, sink); }
  std::vector<std::string_view> pieces(std::string_view text) const;

  // "deepseek-v3"; "custom" for a list of steps that is no family's.
  const std::string& name() const { return name_; }
  // True when a ByteLevel step stands last: the model then works on bytes in GPT-2's alphabet.
  bool byte_level() const { return byte_level_; }

 private:
  static std::string family_of(const std::vector<Pattern>&);
  void split_from(size_t step, std::string_view text, PieceSink sink) const;

  std::string name_ = "none";
  std::vector<std::shared_ptr<const SplitStep>> steps_;
  bool byte_level_ = false;
};

}  // namespace freehold
