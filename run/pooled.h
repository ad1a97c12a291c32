// Pooled: one vector for a whole text, of what the output head would read at each of its tokens. Rows come in the order
// of the text, one at a time, and sums are double: how the text was cut into passes does not show.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "model/text_side.h"

namespace freehold {

class Pooled {
 public:
  explicit Pooled(Pooling how) : how_(how) {}
  void add(std::span<const float> row);  // [hidden]
  // The vector scaled to length 1. An error where the numbers are none.
  Result<std::vector<float>> vector() const;

 private:
  Pooling how_;
  std::vector<double> sum_;
};

// Scales to length 1 (L2); false where that is impossible.
bool normalize(std::span<const double> from, std::span<float> to);

}  // namespace freehold
