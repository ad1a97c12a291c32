// EnergyMeter: what the machine's own counters say was used (RAPL, by Linux' powercap), and how much of it each request
// under way is answerable for. What cannot be read is not estimated: without counters the method is "none".
//
// The counters are those of whole processor packages and their memory, whoever uses them; they wrap around. What they
// count between two looks is shared among the requests under way by the tokens computed for them in that time; with
// none under way it is idle. So shares and idle sum up to the meter.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace freehold {

struct EnergyShare {
  double joules = 0;
  std::optional<double> idle_share = std::nullopt;  // of it: what the machine draws anyway; unknown until it was idle
};

class EnergyMeter {
 public:
  using Clock = std::chrono::steady_clock;
  // `folder`: /sys/class/powercap, whose counters are opened once, here. None that can be read: method() is "none".
  explicit EnergyMeter(const Path& folder);
  ~EnergyMeter();
  EnergyMeter(const EnergyMeter&) = delete;
  EnergyMeter& operator=(const EnergyMeter&) = delete;

  std::string_view method() const { return counters_.empty() ? "none" : "rapl"; }
  // Any thread may call these. `id` names a request from begin() to end().
  void begin(uint64_t id, Clock::time_point now = Clock::now());
  void work(uint64_t id, int tokens, Clock::time_point now = Clock::now());
  EnergyShare end(uint64_t id, Clock::time_point now = Clock::now());
  void look(Clock::time_point now = Clock::now());  // now and then, so that no wrap is missed
  double joules() const;                            // in all, since the start
  double idle_joules() const;

 private:
  struct Counter {
    int handle;
    uint64_t last, range;  // microjoules; it wraps from range to 0
  };
  struct Running {
    EnergyShare share;
    double idle = 0;    // joules of the share
    double tokens = 0;  // since the last look
  };
  void add_counter(const Path& folder);
  void take(Clock::time_point now, bool ending);

  std::vector<Counter> counters_;
  mutable std::mutex mutex_;
  std::map<uint64_t, Running> running_;
  double joules_ = 0, idle_joules_ = 0;
  double waiting_ = 0, waiting_seconds_ = 0;  // counted while requests were under way, not shared out yet
  double idle_seconds_ = 0, idle_measured_ = 0;
  Clock::time_point last_;
};

}  // namespace freehold
