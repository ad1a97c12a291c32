// Spending: what one request uses, from when it comes to its line in the ledger, its receipt and the metrics. Belongs
// to its job; used on the thread of the connections.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/json.h"
#include "serve/accounts.h"
#include "serve/metrics.h"
#include "serve/model_side.h"

namespace freehold {

struct Usage {  // tokens
  int prompt = 0, cached = 0, completion = 0, reasoning = 0;
  int foreseen = 0;  // of answers that have ended: guessed before (run/drafts.h)
  double prompt_ms = 0, answer_ms = 0;  // until the first token, without waiting; since then
};

struct Client {
  std::string user;  // whom the scheduler shares time between
  Caller caller;
  bool receipt = false;  // wants to be told what it used
};

class Spending {
 public:
  using Clock = std::chrono::steady_clock;
  // All but the client must outlive it.
  Spending(const ModelSide& side, Metrics& metrics, Accounts& accounts, Client client);
  void add_prompt(size_t tokens);

  void begun(size_t prompt, int reused);         // computing starts; so many of its tokens were found in memory
  void computed(size_t prompt, int tokens);      // so many are there by now
  void token(Clock::time_point now, bool thinking);  // one more of an answer
  void foreseen(int tokens) { usage_.foreseen += tokens; }
  // The request is over, in whatever way. The receipt; null where the client asked for none.
  Json settle(std::string_view outcome);

  const Usage& usage() const { return usage_; }
  const std::string& user() const { return client_.user; }
  double ms() const { return 1000 * seconds_to(Clock::now()); }  // since it came

 private:
  double seconds_to(Clock::time_point now) const { return std::chrono::duration<double>(now - arrived_).count(); }
  const ModelSide& side_;
  Metrics& metrics_;
  Accounts& accounts_;
  const Client client_;
  const Clock::time_point arrived_ = Clock::now();
  Usage usage_;
  uint64_t account_ = 0;       // since computing began
  std::vector<int> computed_;  // tokens of each prompt
  RequestTimes times_;
};

}  // namespace freehold
