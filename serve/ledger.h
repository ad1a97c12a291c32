// Ledger: what was used, one JSON line for each request that was begun, in a file that only grows. Nothing of what was
// asked or answered stands in it.
//
//   {"v":1,"ts":"2026-11-29T20:21:03Z","receipt_id","key_id","department","model","weights_digest8","outcome",
//    "prompt","cached","reasoning","output","queue_ms","prefill_ms","decode_ms","joules","method","cost","currency",
//    "prev":"<SHA-256 of the line before>","sum":"<SHA-256 of this line up to here>"}
//
// Each line holds the hash of the one before and of itself, so a changed byte, a line that was taken out or put in is
// found. Lines that are missing at the end are not: whoever wants to know compares with a head noted elsewhere
// (`freehold usage --verify` prints it).
//
// A line is with the system before the answer's last byte is sent, so the end of the program loses none; it is synced
// to the disk within a second, so a power cut loses a second at most. A last line that was cut off by one is taken away
// when the file is next written, and a line {"event": "cut"} tells how many bytes.
//
// Several servers may write to one file.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/append_file.h"
#include "base/json.h"
#include "serve/money.h"

namespace freehold {

struct LedgerEntry {
  std::string receipt_id, key_id, department, model, weights, outcome;  // outcome: stop, length, abort, error
  int64_t prompt = 0, cached = 0, reasoning = 0, output = 0;  // tokens; cached is part of prompt, reasoning of output
  double queue_ms = 0, prefill_ms = 0, decode_ms = 0;
  double joules = 0;
  std::string method = "none";  // how joules were measured
  Money cost;
  std::string currency;  // empty: no tariff
};

struct UsageTotals {
  int64_t requests = 0, prompt = 0, cached = 0, reasoning = 0, output = 0;
  double joules = 0;
  Money cost;
  std::string currency;  // "mixed": sums of several say nothing
  int64_t tokens() const { return prompt + output; }
  void add(const LedgerEntry& entry);
  void add(const UsageTotals& other);
};

enum class UsageGroup : uint8_t { department, key, model };
// Days as "2026-11-29", `from` and `to` within; empty: no bound.
struct UsageRange {
  std::string from, to;
};
Result<UsageRange> usage_range(std::string_view from, std::string_view to);
Result<UsageRange> usage_month(std::string_view month);  // "2026-11"

class Ledger {
 public:
  static Result<std::unique_ptr<Ledger>> open(const Path& path);  // reads and checks it whole
  // Any thread may call these.
  Result<Done> append(const LedgerEntry& entry, int64_t seconds_since_1970);
  Result<Done> sync();  // what was appended since the last time
  std::map<std::string, UsageTotals> usage(const UsageRange& range, UsageGroup group) const;
  // Of the month of this moment (UTC).
  UsageTotals month_of(const std::string& department, int64_t seconds_since_1970) const;

 private:
  struct Row {  // what totals are kept by
    std::string day, department, key, model;
    auto operator<=>(const Row&) const = default;
  };
  explicit Ledger(AppendFile file) : file_(std::move(file)) {}
  Result<Done> catch_up();
  Result<Done> write(Json line);

  AppendFile file_;
  mutable std::mutex mutex_;
  uint64_t end_ = 0, line_ = 0;  // read so far
  std::string head_;             // SHA-256 of the last line
  bool dirty_ = false;
  std::string broken_;  // why nothing is written any more
  std::map<Row, UsageTotals> totals_;
};

// The lines of a ledger, checked: each is given to `take` with its day. The head is the hash of the last line.
struct LedgerHead {
  uint64_t lines = 0, cut_bytes = 0;  // of a last line without its end
  std::string hash;
};
Result<LedgerHead> read_ledger(const Path& path,
                               const std::function<void(const std::string& day, const LedgerEntry& entry)>& take);

std::string utc_time(int64_t seconds_since_1970);  // "2026-11-29T20:21:03Z"

}  // namespace freehold
