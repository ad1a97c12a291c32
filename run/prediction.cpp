#include "run/prediction.h"

#include <algorithm>

#include "base/check.h"

namespace freehold {
namespace {

constexpr int kept_states = 64;  // behind those that are needed, for going back a little
constexpr int most_waiting = 64;
constexpr double memory = 1 - 1.0 / 64;

}  // namespace

void Prediction::computed(int start, const Tensor& states, std::span<const Token> tokens) {
  if (start < first_ || start > end()) first_ = start, states_.clear();
  states_.resize(static_cast<size_t>(start - first_) * width());  // those of guesses that did not come true
  states_.insert(states_.end(), states.all().begin(), states.all().end());
  // Of a prompt: the rows whose next tokens are known by now.
  const int known = std::min(static_cast<int>(tokens.size()), end()) - 1;
  if (predicted_ >= first_ && known - predicted_ >= most_waiting) run(tokens, known, false);
}

std::optional<Token> Prediction::guess(std::span<const Token> tokens) {
  const int known = static_cast<int>(tokens.size()) - 1;
  guessed_at_ = -1;
  if (known < 1 || predicted_ < first_ || predicted_ >= known || known > end()) return std::nullopt;
  const Tensor logits = run(tokens, known, true);
  const auto row = logits.row(0);
  guessed_ = static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin());
  guessed_at_ = known + 1;
  return guessed_;
}

Tensor Prediction::run(std::span<const Token> tokens, int end, bool wants_logits) {
  const auto rows = static_cast<size_t>(end - predicted_);
  Arena& arena = engine_->side_arena();
  arena.reset();
  Context context{engine_->kernels(), engine_->pool(), arena, engine_->model().mode().arithmetic, nullptr};
  using Logits = Batch::Sequence::Logits;
  const Batch batch{{{.tokens = tokens.subspan(static_cast<size_t>(predicted_) + 1, rows),
                      .start = predicted_,
                      .cache = cache_,
                      .adapter = adapter_,
                      .logits = wants_logits ? Logits::last : Logits::none}}};
  Pass pass(context, batch, engine_->model().facts().layers + 1);
  const auto first = states_.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(predicted_ - first_) * width());
  Tensor states = Tensor::empty({static_cast<int64_t>(rows), static_cast<int64_t>(width())}, arena);
  std::copy_n(first, rows * width(), states.mutable_data());
  const Tensor logits = engine_->model().predict(pass, states);  // [1, vocabulary]
  predicted_ = end;
  if (const int spare = predicted_ - kept_states - first_; spare > kept_states) {
    states_.erase(states_.begin(), states_.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(spare) * width()));
    first_ += spare;
  }
  return logits;
}

void Prediction::learn(Token token, int position) {
  if (position != guessed_at_) return;
  right_ = right_ * memory + (token == guessed_);
  tries_ = tries_ * memory + 1;
  guessed_at_ = -1;
}

void Prediction::rewind(int position, bool same) {
  predicted_ = std::min(predicted_, same ? position : std::max(position - 1, 0));
  if (position < first_) first_ = position, states_.clear();
  states_.resize(std::min(states_.size(), static_cast<size_t>(position - first_) * width()));
  guessed_at_ = -1;
}

void Prediction::copy(const Prediction& other, int positions) {
  states_ = other.states_, first_ = other.first_, predicted_ = other.predicted_;
  rewind(positions, false);
}

}  // namespace freehold
