#include "apps/net/progress.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

constexpr uint64_t mebibyte = 1 << 20;

TEST(Progress, SaysHowMuchHowFastAndHowLong) {
  EXPECT_EQ(progress_text("m", 300 * mebibyte, 1000 * mebibyte, 200 * mebibyte, 10),
            "m  300 of 1000 MiB   30 %  10.0 MiB/s  1:10 left");
  EXPECT_EQ(progress_text("m", 101 * mebibyte, 100'001 * mebibyte, 0, 10.1),
            "m  101 of 100001 MiB    0 %  10.0 MiB/s  2:46:30 left");
}

TEST(Progress, PromisesNothingBeforeItKnows) {
  EXPECT_EQ(progress_text("m", 0, 10 * mebibyte, 0, 0), "m  0 of 10 MiB    0 %");
  EXPECT_EQ(progress_text("m", 5 * mebibyte, 10 * mebibyte, 5 * mebibyte, 9), "m  5 of 10 MiB   50 %");
  EXPECT_EQ(progress_text("m", 0, 0, 0, 5), "m  0 of 0 MiB  100 %");
}

}  // namespace
}  // namespace freehold
