// The patterns of known families as loops, each equal to a regular expression that stands in pretokenize_loops.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "text/pretokenize.h"

namespace freehold {

enum class Pattern : uint8_t {
  gpt2,               // GPT-2's words
  qwen2,              // Qwen's words: numbers one digit a piece
  llama3,             // the same with up to three digits
  deepseek_v3_words,  // third pattern of DeepSeek-V3
  number,             // \p{N}
  numbers,            // \p{N}+
  numbers_by_three,   // \p{N}{1,3}
  digits_three,       // [0-9][0-9][0-9]
  line_end,           // [\r\n]
  spaced_letters,     // \s?\p{L}+
  spaced_marks,       // \s?\p{P}+
  llm_words,          // \s? and DeepSeek-LLM's cased letters
  llm_marks,          // \s? and DeepSeek-LLM's ASCII and full-width marks
  last_spaces,        // \s+$
  cjk,                // [一-龥ࠀ-一가-퟿]+
  cjk_kana,           // [一-龥぀-ゟ゠-ヿ]+
  default_marks,      // [\p{P}\$\+<=>\^~\|]+
};

// Matches and what lies between them are both pieces.
std::shared_ptr<const SplitStep> loop_step(Pattern);

// The loop that equals a regular expression of a tokenizer.json, if it is a known one.
std::optional<Pattern> known_pattern(std::string_view regular_expression);

}  // namespace freehold
