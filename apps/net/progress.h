// Progress: one line on standard error, rewritten in place, with the time left. Silent where that is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace freehold {

class Progress {
 public:
  // `what` names the work; `already` of `total` bytes were there before and do not count for the rate.
  Progress(std::string what, uint64_t total, uint64_t already, bool shown);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(uint64_t bytes);  // never shown going back; at most five times a second
  void clear();             // takes the line away, so that a message may stand there

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  uint64_t total_, already_, most_ = 0;
  bool shown_, drawn_ = false;
  Clock::time_point start_ = Clock::now(), last_ = Clock::time_point();
};

std::string progress_text(const std::string& what, uint64_t bytes, uint64_t total, uint64_t already, double seconds);

}  // namespace freehold
