// Prediction: guesses of the token after next by the model's own layer for it (Model::predict), where one was loaded.
// It follows a session: from the states of the tokens that were computed, and the tokens that came after them, it fills
// that layer's keys and values, and gives the likeliest token as the next guess. Like all guesses (run/drafts.h) it
// changes no answer. A timeline that was taken from a file has no such keys: there it guesses nothing until it begins
// anew.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "run/engine.h"

namespace freehold {

class Prediction {
 public:
  // All must outlive it; the cache is the session's.
  Prediction(Engine& engine, KvCache& cache, const Adapter* adapter)
      : engine_(&engine), cache_(&cache), adapter_(adapter) {}

  // A pass has computed states [rows, numbers] of positions start..; `tokens` is the timeline after it. Rows behind its
  // end are of guesses.
  void computed(int start, const Tensor& states, std::span<const Token> tokens);
  // What may follow `tokens`, whose last is not yet computed.
  std::optional<Token> guess(std::span<const Token> tokens);
  double chance() const { return right_ / tries_; }  // that a guess comes true, as of late
  void learn(Token token, int position);             // came to stand there

  // The timeline ends at this position from now on; `same`: and the token that will stand there is the one that did.
  void rewind(int position, bool same);
  // Whether it can go on from there when another token will stand there.
  bool can_go_on(int position) const { return position == 0 || (first_ < position && position <= end()); }
  // The session took over the first positions of another, with the layer's keys.
  void copy(const Prediction& other, int positions);

 private:
  int end() const { return first_ + static_cast<int>(states_.size() / width()); }
  size_t width() const { return static_cast<size_t>(engine_->model().state_numbers()); }
  // Rows predicted_..end of the layer, whose next tokens are known; the logits of the last one if asked for.
  Tensor run(std::span<const Token> tokens, int end, bool wants_logits);

  Engine* engine_;
  KvCache* cache_;
  const Adapter* adapter_;
  std::vector<float> states_;  // of positions first_..
  int first_ = 0;
  int predicted_ = 0;  // rows of the layer that are in the cache
  Token guessed_ = -1;
  int guessed_at_ = -1;
  double right_ = 2.8, tries_ = 4;  // as if so many had been seen
};

}  // namespace freehold
