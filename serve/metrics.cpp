#include "serve/metrics.h"

#include <algorithm>

namespace freehold {
namespace {

const std::vector<double> first_bounds = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                          1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
const std::vector<double> between_bounds = {.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                                            .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
const std::vector<double> request_bounds = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                            30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
const std::vector<double> token_bounds = {1,   2,    5,    10,   20,    50,    100,   200,
                                          500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};

}  // namespace

std::string escaped_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void Histogram::add(double value) {
  counts_[static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin())] += 1;
  sum_ += value;
}

void Histogram::write(std::string& out, const std::string& name, const std::string& labels) const {
  out += "# TYPE " + name + " histogram\n";
  uint64_t sum = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    sum += counts_[i];
    const std::string bound = i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf";
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, sum);
  }
  out += fmt::format("{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name, labels, sum_, name, labels, sum);
}

Metrics::Metrics(std::string model)
    : model_(std::move(model)),
      first_(first_bounds),
      between_(between_bounds),
      total_(request_bounds),
      queue_(request_bounds),
      prompt_time_(request_bounds),
      decode_(request_bounds),
      prompt_tokens_(token_bounds),
      answer_tokens_(token_bounds) {}

void Metrics::ended(const RequestTimes& times, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++reasons_[std::string(reason)];
  if (reason == "abort" || reason == "error") return;
  if (times.first > 0) first_.add(times.first);
  total_.add(times.total);
  queue_.add(times.queue);
  prompt_time_.add(times.prompt);
  decode_.add(std::max(0.0, times.total - times.first));
  prompt_tokens_.add(times.prompt_tokens);
  answer_tokens_.add(times.answer_tokens);
}

void Metrics::between_tokens(double seconds) {
  const std::lock_guard lock(mutex_);
  between_.add(seconds);
}

void Metrics::http(int status) {
  const std::lock_guard lock(mutex_);
  ++statuses_[status];
}

std::string Metrics::text(const SchedulerCounts& counts) const {
  const std::string labels = fmt::format("model_name=\"{}\",engine=\"0\"", escaped_label(model_));
  std::string out;
  const auto one = [&](const char* kind, const std::string& name, double value) {
    out += fmt::format("# TYPE {} {}\n{}{{{}}} {}\n", name, kind, name, labels, value);
  };
  one("gauge", "vllm:num_requests_running", counts.running);
  one("gauge", "vllm:num_requests_waiting", counts.waiting);
  one("gauge", "vllm:kv_cache_usage_perc",
      counts.cache_positions > 0 ? static_cast<double>(counts.cache_used) / static_cast<double>(counts.cache_positions)
                                 : 0);
  one("counter", "vllm:prompt_tokens_total", static_cast<double>(counts.asked_tokens));
  one("counter", "vllm:generation_tokens_total", static_cast<double>(counts.answer_tokens));
  one("counter", "vllm:prefix_cache_queries_total", static_cast<double>(counts.asked_tokens));
  one("counter", "vllm:prefix_cache_hits_total", static_cast<double>(counts.reused_tokens - counts.disk_tokens));
  one("counter", "vllm:num_preemptions_total", 0);
  one("counter", "vllm:spec_decode_num_drafts_total", static_cast<double>(counts.drafts));
  one("counter", "vllm:spec_decode_num_draft_tokens_total", static_cast<double>(counts.draft_tokens));
  one("counter", "vllm:spec_decode_num_accepted_tokens_total", static_cast<double>(counts.draft_tokens_right));
  one("counter", "freehold:steps_total", static_cast<double>(counts.steps));
  one("counter", "freehold:prompt_tokens_computed_total", static_cast<double>(counts.prompt_tokens));
  if (counts.disk) {
    const SealedStoreCounts& d = *counts.disk;
    one("counter", "vllm:external_prefix_cache_queries_total",
        static_cast<double>(counts.asked_tokens - counts.reused_tokens + counts.disk_tokens));
    one("counter", "vllm:external_prefix_cache_hits_total", static_cast<double>(counts.disk_tokens));
    one("gauge", "freehold:disk_cache_bytes", static_cast<double>(d.bytes));
    one("gauge", "freehold:disk_cache_files", static_cast<double>(d.files));
    one("gauge", "freehold:disk_cache_writes", d.writes);
    one("counter", "freehold:disk_cache_read_bytes_total", static_cast<double>(d.read_bytes));
    one("counter", "freehold:disk_cache_written_bytes_total", static_cast<double>(d.written_bytes));
    one("counter", "freehold:disk_cache_evicted_files_total", static_cast<double>(d.evicted));
    one("counter", "freehold:disk_cache_refused_files_total", static_cast<double>(d.refused));
  }
  if (counts.experts) {
    const WeightStoreCounts& e = *counts.experts;
    one("counter", "freehold:expert_weights_asked_total", static_cast<double>(e.asked));
    one("counter", "freehold:expert_weights_read_total", static_cast<double>(e.reads));
    one("counter", "freehold:expert_read_bytes_total", static_cast<double>(e.read_bytes));
    one("counter", "freehold:expert_wait_seconds_total", e.wait_seconds);
    one("gauge", "freehold:expert_cache_bytes", static_cast<double>(e.held_bytes));
  }

  const std::lock_guard lock(mutex_);
  out += "# TYPE vllm:request_success_total counter\n";
  for (const char* reason : {"stop", "length", "abort", "error"}) {
    const auto found = reasons_.find(reason);
    out += fmt::format("vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n", labels, reason,
                       found == reasons_.end() ? 0 : found->second);
  }
  out += "# TYPE freehold:http_answers_total counter\n";
  for (const auto& [status, count] : statuses_)
    out += fmt::format("freehold:http_answers_total{{status=\"{}\"}} {}\n", status, count);
  first_.write(out, "vllm:time_to_first_token_seconds", labels);
  between_.write(out, "vllm:inter_token_latency_seconds", labels);
  total_.write(out, "vllm:e2e_request_latency_seconds", labels);
  queue_.write(out, "vllm:request_queue_time_seconds", labels);
  prompt_time_.write(out, "vllm:request_prefill_time_seconds", labels);
  decode_.write(out, "vllm:request_decode_time_seconds", labels);
  prompt_tokens_.write(out, "vllm:request_prompt_tokens", labels);
  answer_tokens_.write(out, "vllm:request_generation_tokens", labels);
  return out;
}

}  // namespace freehold
