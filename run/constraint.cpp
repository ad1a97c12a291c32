#include "run/constraint.h"

#include <algorithm>

namespace freehold {
namespace {

constexpr int most_lines = 2;  // tokens that end lines between the thinking and the answer

}  // namespace

Constraint::Constraint(const Tokenizer& tokenizer, ConstraintOptions options, bool thinking_open)
    : tokenizer_(&tokenizer), options_(std::move(options)), place_(options_.grammar), splitter_(thinking_open) {
  const Phase answer = options_.mark.empty() ? Phase::held : Phase::text;
  if (options_.may_think) think_ = tokenizer.id_of("<think>");
  phase_ = thinking_open ? Phase::thinking : think_ ? Phase::start : answer;
  for (const char* text : {"\n\n", "\n"})
    if (const auto token = tokenizer.id_of(text)) line_ends_.push_back(*token);
}

Result<std::shared_ptr<const TokenMask>> Constraint::mask(int left) {
  if (phase_ == Phase::thinking || phase_ == Phase::text) return nullptr;
  if (phase_ != Phase::held && !options_.mark.empty()) return nullptr;
  const int before = phase_ == Phase::after ? most_lines - lines_ : 0;  // tokens that may come before the answer
  TRY_ASSIGN(std::shared_ptr<const TokenMask> mask, place_.mask(std::max(left - before, 1)));
  if (phase_ == Phase::start) return std::make_shared<const TokenMask>(mask->with({&*think_, 1}));
  if (phase_ == Phase::after) return std::make_shared<const TokenMask>(mask->with(line_ends_));
  return mask;
}

Result<Done> Constraint::take(Token token) {
  const std::string_view bytes = tokenizer_->bytes_of(token);
  switch (phase_) {
    case Phase::start:
      phase_ = token == *think_ ? Phase::thinking : Phase::held;
      if (phase_ == Phase::held) return answer(bytes);
      splitter_.push(bytes);
      return Done{};
    case Phase::thinking: {
      if (tokenizer_->is_special(token) && bytes != "<think>" && bytes != "</think>") return Done{};
      std::string rest;
      for (const Part& part : splitter_.push(bytes))
        if (part.voice == Voice::answer) rest += part.text;
      if (!splitter_.answering()) return Done{};
      phase_ = Phase::after;
      return rest.empty() ? Result<Done>(Done{}) : answer(rest);
    }
    case Phase::after:
      if (std::find(line_ends_.begin(), line_ends_.end(), token) == line_ends_.end()) return answer(bytes);
      if (++lines_ == most_lines) phase_ = options_.mark.empty() ? Phase::held : Phase::text;
      return Done{};
    case Phase::text:
      return look_for_mark(bytes);
    case Phase::held:
      return hold(bytes);
  }
  return Done{};
}

Result<Done> Constraint::answer(std::string_view bytes) {
  phase_ = options_.mark.empty() ? Phase::held : Phase::text;
  return phase_ == Phase::held ? hold(bytes) : look_for_mark(bytes);
}

Result<Done> Constraint::look_for_mark(std::string_view bytes) {
  tail_ += bytes;
  const size_t found = tail_.find(options_.mark);
  if (found == tail_.npos) {
    tail_.erase(0, tail_.size() - std::min(tail_.size(), options_.mark.size() - 1));
    return Done{};
  }
  const std::string rest = tail_.substr(found + options_.mark.size());
  tail_.clear();
  phase_ = Phase::held;
  return rest.empty() ? Result<Done>(Done{}) : hold(rest);
}

Result<Done> Constraint::hold(std::string_view bytes) {
  if (!place_.accept(bytes)) return unsupported("grammar: {} does not fit what has been written", printable(bytes, 40));
  if (!options_.mark.empty() && place_.finished()) {  // the call is whole
    place_ = GrammarPlace(options_.grammar);
    phase_ = Phase::text;
  }
  return Done{};
}

}  // namespace freehold
