#include "model/rope_scaling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace freehold {
namespace {

// Expected values: the formulas of Peng et al. 2023 and of Llama 3's configuration, evaluated by hand for single pairs.
TEST(RopeScaling, PlainFrequencies) {
  const ops::Rope rope = make_rope(ops::RopeLayout::half, 8, 10000, {});
  ASSERT_EQ(rope.frequencies.size(), 4u);
  EXPECT_FLOAT_EQ(rope.frequencies[0], 1.0f);
  EXPECT_FLOAT_EQ(rope.frequencies[1], 0.1f);
  EXPECT_FLOAT_EQ(rope.frequencies[3], 0.001f);
  EXPECT_EQ(rope.scale, 1.0f);
}

TEST(RopeScaling, LinearDividesAll) {
  RopeScaling s;
  s.kind = RopeScaling::Kind::linear;
  s.factor = 4;
  const ops::Rope rope = make_rope(ops::RopeLayout::half, 8, 10000, s);
  EXPECT_FLOAT_EQ(rope.frequencies[0], 0.25f);
  EXPECT_FLOAT_EQ(rope.frequencies[2], 0.0025f);
}

TEST(RopeScaling, Llama3KeepsShortAndStretchesLongWavelengths) {
  RopeScaling s;
  s.kind = RopeScaling::Kind::llama3;
  s.factor = 8;
  s.low_frequency_factor = 1;
  s.high_frequency_factor = 4;
  s.original_context = 8192;
  const int d = 128;
  const double theta = 500000;
  const ops::Rope rope = make_rope(ops::RopeLayout::half, d, theta, s);
  int kept = 0, stretched = 0, between = 0;
  for (int i = 0; i < d / 2; ++i) {
    const double f = std::pow(theta, -2.0 * i / d), wavelength = 2 * std::numbers::pi / f;
    const float got = rope.frequencies[static_cast<size_t>(i)];
    if (wavelength < 2048) {
      EXPECT_FLOAT_EQ(got, static_cast<float>(f));
      ++kept;
    } else if (wavelength > 8192) {
      EXPECT_FLOAT_EQ(got, static_cast<float>(f / 8));
      ++stretched;
    } else {
      EXPECT_LT(got, f);
      EXPECT_GT(got, f / 8);
      ++between;
    }
  }
  EXPECT_GT(kept, 20);
  EXPECT_GT(stretched, 20);
  EXPECT_GT(between, 2);
}

TEST(RopeScaling, YarnTemperature) {
  RopeScaling s;
  s.kind = RopeScaling::Kind::yarn;
  s.factor = 4;
  s.original_context = 1024;
  EXPECT_FLOAT_EQ(make_rope(ops::RopeLayout::half, 24, 1e6, s).scale, static_cast<float>(0.1 * std::log(4.0) + 1));
  s.factor = 40;
  s.mscale = s.mscale_all_dim = 0.707;  // V2-Lite: equal values cancel in cos and sin
  EXPECT_FLOAT_EQ(make_rope(ops::RopeLayout::interleaved, 64, 1e4, s).scale, 1.0f);
  s.attention_factor = 0.5;
  EXPECT_FLOAT_EQ(make_rope(ops::RopeLayout::interleaved, 64, 1e4, s).scale, 0.5f);
}

}  // namespace
}  // namespace freehold
