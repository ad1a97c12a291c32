// PromptScores: how likely the model held each token of a prompt, by the logits of the token before it. Whatever the
// prompt was cut into, each row is the same to the bit as that of a pass which gives logits for all; but the head is
// run for a few rows at a time, so what is held of logits does not grow with the prompt.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "run/engine.h"
#include "run/sampler.h"

namespace freehold {

class PromptScores {
 public:
  // With the `top` most likely beside each. The prompt must outlive it.
  PromptScores(std::span<const Token> prompt, int top) : prompt_(prompt), top_(top), scores_(prompt.size() - 1) {}

  // Of the token behind this position; logits: [vocabulary]. Different positions from different threads.
  void score(int position, std::span<const float> logits);
  int count() const { return static_cast<int>(scores_.size()); }
  // Of all tokens but the first, before which nothing stands. An error where the logits of one were no numbers.
  Result<std::vector<Choice>> take();

 private:
  std::span<const Token> prompt_;
  int top_;
  std::vector<std::optional<Result<Choice>>> scores_;
};

// A row of pass.final_states() and where in its prompt it stands.
struct ScoredRow {
  PromptScores* scores;
  int position;
  int32_t row;
};
void score_rows(Engine& engine, Pass& pass, std::span<const ScoredRow> rows);

}  // namespace freehold
