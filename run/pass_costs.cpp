#include "run/pass_costs.h"

#include <algorithm>

#include "base/check.h"

namespace freehold {
namespace {

constexpr double least_gain = 1.05;

// A pass of so many rows beside one of one row, where nothing is known: dense models on AVX-512 of two threads. Up to
// eight rows go through the kernels of one (ops/linear.cpp), from nine on weights are unpacked for many.
double by_rows(int rows) {
  constexpr double few[] = {1, 1.1, 1.2, 1.4, 1.8, 1.95, 2.05, 2.2};
  return rows <= 8 ? few[rows - 1] : 4 + 0.25 * (rows - 9);
}

}  // namespace

void PassCosts::record(int rows, double seconds) {
  if (held_ || rows < 1 || rows > most_rows || !(seconds > 0)) return;
  double& known = seconds_[static_cast<size_t>(rows)];
  if (const double expected = this->seconds(rows); known == 0)
    known = expected > 0 ? std::min(seconds, 2 * expected) : seconds;
  else if (seconds < known)
    known += (seconds - known) / 2;
  else
    known += (std::min(seconds, 2 * known) - known) / 8;
}

double PassCosts::seconds(int rows) const {
  CHECK(rows >= 1 && rows <= most_rows, "{} rows", rows);
  for (int away = 0; away < most_rows; ++away)
    for (const int other : {rows - away, rows + away})
      if (other >= 1 && other <= most_rows && seconds_[static_cast<size_t>(other)] > 0)
        return seconds_[static_cast<size_t>(other)] * by_rows(rows) / by_rows(other);
  return 0;
}

void choose_guesses(const PassCosts& costs, std::span<const std::span<const double>> chances, std::span<int> counts) {
  CHECK(chances.size() == counts.size(), "{} streams, {} counts", chances.size(), counts.size());
  std::fill(counts.begin(), counts.end(), 0);
  const int streams = static_cast<int>(chances.size());
  if (streams == 0 || streams >= PassCosts::most_rows || costs.seconds(streams) == 0) return;
  int tried[PassCosts::most_rows] = {};
  double tokens = streams, best = least_gain * streams / costs.seconds(streams);
  for (int rows = streams + 1; rows <= PassCosts::most_rows; ++rows) {
    size_t likeliest = counts.size();
    double chance = 0;
    for (size_t s = 0; s < chances.size(); ++s)
      if (const auto next = static_cast<size_t>(tried[s]); next < chances[s].size() && chances[s][next] > chance)
        likeliest = s, chance = chances[s][next];
    if (likeliest == counts.size()) return;
    ++tried[likeliest];
    tokens += chance;
    if (tokens / costs.seconds(rows) <= best) continue;
    best = tokens / costs.seconds(rows);
    std::copy_n(tried, counts.size(), counts.begin());
  }
}

}  // namespace freehold
