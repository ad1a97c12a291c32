// What the server counts, in the text format of Prometheus 0.0.4 under vLLM's names, so that dashboards made for it
// work. Counts and durations only; nothing of what was asked or answered.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "run/scheduler.h"

namespace freehold {

std::string escaped_label(std::string_view text);  // what may stand between quotes

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void add(double value);
  void write(std::string& out, const std::string& name, const std::string& labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<uint64_t> counts_;
  double sum_ = 0;
};

// Of one request that has come to its end.
struct RequestTimes {
  double queue = 0, prompt = 0, first = 0, total = 0;  // seconds: waited, computed the prompt, to the first token, all
  int prompt_tokens = 0, answer_tokens = 0;
};

class Metrics {
 public:
  explicit Metrics(std::string model);
  void ended(const RequestTimes& times, std::string_view reason);  // "stop", "length", "abort", "error"
  void between_tokens(double seconds);
  void http(int status);
  std::string text(const SchedulerCounts& counts) const;

 private:
  const std::string model_;
  mutable std::mutex mutex_;
  Histogram first_, between_, total_, queue_, prompt_time_, decode_, prompt_tokens_, answer_tokens_;
  std::map<std::string, uint64_t, std::less<>> reasons_;
  std::map<int, uint64_t> statuses_;
};

}  // namespace freehold
