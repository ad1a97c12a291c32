#include "run/pooled.h"

#include <cmath>

#include "base/check.h"

namespace freehold {

void Pooled::add(std::span<const float> row) {
  if (sum_.empty() || how_ == Pooling::last) {
    sum_.assign(row.begin(), row.end());
    return;
  }
  if (how_ == Pooling::first) return;
  CHECK(row.size() == sum_.size(), "{} numbers, {} before", row.size(), sum_.size());
  for (size_t i = 0; i < row.size(); ++i) sum_[i] += static_cast<double>(row[i]);
}

// The mean's divisor is gone with the length.
Result<std::vector<float>> Pooled::vector() const {
  std::vector<float> out(sum_.size());
  if (!normalize(sum_, out)) return inconsistent("the model's states are no numbers for this text");
  return out;
}

bool normalize(std::span<const double> from, std::span<float> to) {
  CHECK(from.size() == to.size(), "{} numbers, room for {}", from.size(), to.size());
  double squares = 0;
  for (const double number : from) squares += number * number;
  if (!(squares > 0) || !std::isfinite(squares)) return false;
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>(from[i] / length);
  return true;
}

}  // namespace freehold
