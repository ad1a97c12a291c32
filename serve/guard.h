// Guard: lets a request in, or says why not, by its head alone and before its body is received. Knows the keys of one
// file (serve/keys.h), which it reads again whenever it has changed, so that a key is revoked while the server runs.
//
// Without the file, whoever reaches the server may ask. Once it has been there it must stay: while it is damaged or
// gone, nobody is let in.
//
// Limits per key are buckets that fill up over a minute. A request takes one from that of requests; its tokens, prompt
// and answer, are taken from the other when they are known, and while it owes, the next requests wait. Budgets are of
// departments and months: once one is spent, what computes is refused.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "serve/api_error.h"
#include "serve/http.h"
#include "serve/keys.h"
#include "serve/ledger.h"

namespace freehold {

class Guard {
 public:
  using Clock = std::chrono::steady_clock;
  static Result<std::unique_ptr<Guard>> make(Path file);  // a damaged file is an error
  // Any thread may call these.
  bool has_keys() const;
  tl::expected<Caller, ApiError> admit(const HttpRequest& request, Clock::time_point now = Clock::now());
  // How the guard learns what a department has used in this month; {} for no budgets.
  using Spent = std::function<UsageTotals(const std::string& department)>;
  void watch_budgets(Spent spent);
  std::vector<Budget> budgets() const;
  // The caller with its use counted as this department's, as a request has it. A key of a department counts as that
  // one's alone; one without may name any that has a key or a budget, and without keys anybody may name any.
  tl::expected<Caller, ApiError> charge(Caller caller, const std::string& department) const;
  void used(const Caller& caller, int64_t tokens, Clock::time_point now = Clock::now());

 private:
  struct Seen {  // which version of the file was read
    uint64_t inode = 0, size = 0;
    int64_t written_ns = 0, changed_ns = 0;
    bool operator==(const Seen&) const = default;
  };
  struct Buckets {  // what is left
    double requests = 0, tokens = 0;
    Clock::time_point filled;
  };
  explicit Guard(Path file) : file_(std::move(file)) {}
  Result<Done> refresh();
  std::optional<ApiError> check_budget(const std::string& department) const;
  Buckets& buckets_of(const Key& key, Clock::time_point now);

  const Path file_;
  mutable std::mutex mutex_;
  std::optional<Seen> seen_;  // none: there never was a file
  bool broken_ = false;
  KeyFile keys_;
  Spent spent_;
  std::map<std::string, Buckets, std::less<>> buckets_;  // by id of key
};

// The key in the header of a request; empty when there is none.
std::string_view secret_of(const HttpRequest& request);

}  // namespace freehold
