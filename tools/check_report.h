// One line per checked item: name, error, its bound, ok or FAIL. The exit status is 1 when any failed.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <string_view>

namespace freehold {

class CheckReport {
 public:
  void line(std::string_view item, double error, double bound, std::string_view note = {}) {
    const bool ok = error <= bound;  // false for NaN
    fmt::print("  {:<52} error {:9.2e}  bound {:9.2e}  {}{}{}\n", item, error, bound, ok ? "ok" : "FAIL",
               note.empty() ? "" : "  ", note);
    ++(ok ? passed_ : failed_);
  }
  void equal(std::string_view item, bool ok, std::string_view note = {}) {
    fmt::print("  {:<52} {:<33} {}{}{}\n", item, ok ? "equal" : "different", ok ? "ok" : "FAIL",
               note.empty() ? "" : "  ", note);
    ++(ok ? passed_ : failed_);
  }
  void say(std::string_view item, std::string_view value) { fmt::print("  {:<52} {}\n", item, value); }
  int passed() const { return passed_; }
  int failed() const { return failed_; }
  int exit_status() const { return failed_ ? 1 : 0; }

 private:
  int passed_ = 0, failed_ = 0;
};

// ||ours - reference|| / ||reference||; infinite when the sizes differ or anything is not finite.
inline double relative_error(std::span<const float> ours, std::span<const float> reference) {
  if (ours.size() != reference.size()) return INFINITY;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double d = double{ours[i]} - double{reference[i]};
    difference += d * d;
    norm += double{reference[i]} * double{reference[i]};
  }
  if (!std::isfinite(difference)) return INFINITY;
  return norm == 0 ? std::sqrt(difference) : std::sqrt(difference / norm);
}

// Log of the sum of exponentials of a row, in double.
inline double log_sum_exp(std::span<const float> logits) {
  double most = -INFINITY, sum = 0;
  for (const float x : logits) most = std::fmax(most, double{x});
  for (const float x : logits) sum += std::exp(double{x} - most);
  return most + std::log(sum);
}

// KL(p || q) in nats of the softmaxes of two rows of logits.
inline double divergence(std::span<const float> p, std::span<const float> q) {
  const double p_sum = log_sum_exp(p), q_sum = log_sum_exp(q);
  double kl = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double log_p = double{p[i]} - p_sum;
    kl += std::exp(log_p) * (log_p - (double{q[i]} - q_sum));
  }
  return kl;
}

}  // namespace freehold
