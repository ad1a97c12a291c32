// The families of pre-tokenizers by the names that GGUF files give them.
#include "text/pretokenize.h"

#include <span>

#include "text/pretokenize_loops.h"

namespace freehold {
namespace {

using enum Pattern;

struct Family {
  std::string_view name;
  std::vector<Pattern> patterns;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"deepseek-v3", {numbers_by_three, cjk_kana, deepseek_v3_words}},
      {"qwen2", {qwen2}},
      {"deepseek-r1-qwen", {qwen2}},
      {"llama-bpe", {llama3}},
      {"smollm", {number, gpt2}},
      {"deepseek-llm", {line_end, llm_words, llm_marks, last_spaces, cjk, numbers}},
      {"deepseek-coder", {line_end, spaced_letters, spaced_marks, cjk, number}},
      {"gpt-2", {gpt2}},
      {"default", {default_marks, gpt2, numbers, digits_three}},
  };
  return all;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::named(std::string_view pre, std::string_view file) {
  for (const Family& family : families()) {
    if (family.name != pre) continue;
    PreTokenizer result;
    result.name_ = pre;
    result.byte_level_ = true;
    for (Pattern pattern : family.patterns) result.steps_.push_back(loop_step(pattern));
    return result;
  }
  std::string names;
  for (const Family& family : families()) names += (names.empty() ? "" : ", ") + std::string(family.name);
  return unsupported("{}: tokenizer.ggml.pre: '{}' is not a known pre-tokenizer; known are {}", file, printable(pre),
                     names);
}

std::string PreTokenizer::family_of(const std::vector<Pattern>& patterns) {
  for (const Family& family : families())
    if (family.patterns == patterns) return std::string(family.name);
  return "custom";
}

void PreTokenizer::split_from(size_t step, std::string_view text, PieceSink sink) const {
  if (text.empty()) return;
  if (step == steps_.size()) return sink(text);
  if (step + 1 == steps_.size()) return steps_[step]->split(text, sink);
  auto next = [&](std::string_view piece) { split_from(step + 1, piece, sink); };
  steps_[step]->split(text, next);
}

std::vector<std::string_view> PreTokenizer::pieces(std::string_view text) const {
  std::vector<std::string_view> result;
  auto take = [&](std::string_view piece) { result.push_back(piece); };
  split(text, take);
  return result;
}

}  // namespace freehold
