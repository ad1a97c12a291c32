#include "serve/spending.h"

#include <nlohmann/json.hpp>

namespace freehold {

Spending::Spending(const ModelSide& side, Metrics& metrics, Accounts& accounts, Client client)
    : side_(side), metrics_(metrics), accounts_(accounts), client_(std::move(client)) {}

void Spending::add_prompt(size_t tokens) {
  usage_.prompt += static_cast<int>(tokens);
  computed_.push_back(0);
}

void Spending::begun(size_t prompt, int reused) {
  if (account_ == 0) account_ = accounts_.begin();
  computed_[prompt] = reused;
  if (times_.queue == 0) times_.queue = seconds_to(Clock::now());
  usage_.cached += reused;
}

// What is new of the prompt counts as work.
void Spending::computed(size_t prompt, int tokens) {
  if (tokens <= computed_[prompt]) return;
  accounts_.work(account_, tokens - computed_[prompt]);
  computed_[prompt] = tokens;
}

void Spending::token(Clock::time_point now, bool thinking) {
  accounts_.work(account_, 1);
  if (times_.first == 0) {
    times_.first = seconds_to(now);
    times_.prompt = times_.first - times_.queue;
    usage_.prompt_ms = 1000 * times_.prompt;
  }
  usage_.answer_ms = 1000 * (seconds_to(now) - times_.first);
  ++usage_.completion;
  usage_.reasoning += thinking;
}

Json Spending::settle(std::string_view outcome) {
  times_.total = seconds_to(Clock::now());
  if (times_.first == 0) times_.prompt = times_.total - times_.queue;
  times_.prompt_tokens = usage_.prompt;
  times_.answer_tokens = usage_.completion;
  metrics_.ended(times_, outcome);
  if (account_ == 0) return nullptr;  // nothing was computed
  LedgerEntry entry;
  entry.model = side_.name, entry.weights = side_.weights();
  entry.outcome = outcome;
  for (const int tokens : computed_) entry.prompt += tokens;  // all, unless it was broken off
  entry.cached = usage_.cached;
  entry.reasoning = usage_.reasoning, entry.output = usage_.completion;
  entry.queue_ms = 1000 * times_.queue, entry.prefill_ms = 1000 * times_.prompt;
  if (times_.first > 0) entry.decode_ms = 1000 * (times_.total - times_.first);
  const Receipt receipt = accounts_.settle(account_, client_.caller, std::move(entry));
  return client_.receipt ? receipt.json() : Json(nullptr);
}

}  // namespace freehold
