#include "run/pooled.h"

#include <gtest/gtest.h>

#include <cmath>

namespace freehold {
namespace {

TEST(PooledTest, TheMeanTheFirstAndTheLastOfRowsHaveLengthOne) {
  const std::vector<float> first = {3, 0, 1}, second = {1, 4, 1};
  for (const Pooling how : {Pooling::mean, Pooling::first, Pooling::last}) {
    Pooled pooled(how);
    pooled.add(first);
    pooled.add(second);
    const auto vector = pooled.vector();
    ASSERT_TRUE(vector);
    const std::vector<double> sum = how == Pooling::mean    ? std::vector<double>{4, 4, 2}
                                    : how == Pooling::first ? std::vector<double>{3, 0, 1}
                                                            : std::vector<double>{1, 4, 1};
    const double length = std::sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ((*vector)[i], static_cast<float>(sum[i] / length)) << i;
  }
}

TEST(PooledTest, WhatHasNoLengthIsRefused) {
  for (const float number : {0.0f, NAN, INFINITY}) {
    Pooled pooled(Pooling::mean);
    pooled.add(std::vector<float>{number, 0});
    const auto vector = pooled.vector();
    ASSERT_FALSE(vector) << number;
    EXPECT_EQ(vector.error().fault, Fault::inconsistent);
  }
}

}  // namespace
}  // namespace freehold
