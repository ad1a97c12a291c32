// Accounts: what each request used. Shares out the machine's energy, prices it, writes it to the ledger, and takes it
// off the limits of the key. The receipt of a request and its line in the ledger are the same numbers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>

#include "serve/energy.h"
#include "serve/guard.h"
#include "serve/tariff.h"

namespace freehold {

struct Receipt {
  LedgerEntry entry;
  std::optional<double> idle_share;
  std::string tariff;  // its name; empty: none
  Json json() const;
};

class Accounts {
 public:
  struct Places {
    Path ledger;
    Path tariff;    // need not be there
    Path powercap;  // of the energy counters
  };
  // `on_fault` hears, once and from any thread, why nothing can be written any more.
  static Result<std::unique_ptr<Accounts>> make(Guard& guard, const Places& places,
                                                std::function<void(const Error&)> on_fault);
  ~Accounts();

  // Any thread may call these. From begin() to settle() a request has a part in the energy.
  uint64_t begin();
  void work(uint64_t id, int tokens) { meter_.work(id, tokens); }
  // `entry` without receipt_id, energy and cost, which are filled in.
  Receipt settle(uint64_t id, const Caller& caller, LedgerEntry entry);
  bool failed() const { return failed_; }  // nothing more can be recorded, so nothing more should be computed

  std::string_view energy_method() const { return meter_.method(); }
  const Ledger& ledger() const { return *ledger_; }
  std::string metrics() const;  // in the text format of serve/metrics.h

 private:
  Accounts(Guard& guard, const Path& powercap, std::function<void(const Error&)> on_fault);
  void keep_synced();
  void fail(const Error& error);

  Guard& guard_;
  std::unique_ptr<Ledger> ledger_;
  std::optional<Tariff> tariff_;
  EnergyMeter meter_;
  const std::function<void(const Error&)> on_fault_;
  std::atomic<uint64_t> next_ = 1;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::condition_variable ending_now_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the others
};

}  // namespace freehold
