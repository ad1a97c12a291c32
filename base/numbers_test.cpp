// The small formats against their definition in double (sign, exponent, fraction taken apart with ldexp), every code;
// rounding at every value, every midpoint between neighbours, and one float below and above it.
#include "base/numbers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace freehold {
namespace {

uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }

// The number that sign, exponent and fraction mean, without infinities and NaN.
double number(bool negative, int exponent, int fraction, int fraction_bits, int bias) {
  const double magnitude = exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                                         : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  return negative ? -magnitude : magnitude;
}

TEST(Numbers, every_half) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float found = float_of_f16(static_cast<uint16_t>(h));
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    ASSERT_EQ(std::signbit(found), h >> 15 == 1);
    if (exponent == 31 && fraction) {
      ASSERT_TRUE(std::isnan(found));
      ASSERT_TRUE(std::isnan(float_of_f16(f16_of_float(found))));
      continue;
    }
    if (exponent == 31)
      ASSERT_TRUE(std::isinf(found));
    else
      ASSERT_EQ(static_cast<double>(found), number(h >> 15, exponent, fraction, 10, 15));
    ASSERT_EQ(f16_of_float(found), h);
  }
}

TEST(Numbers, every_bfloat) {
  for (uint32_t b = 0; b < 65536; ++b) {
    const float found = float_of_bf16(static_cast<uint16_t>(b));
    ASSERT_EQ(bits(found), b << 16);
    if (std::isnan(found))
      ASSERT_TRUE(std::isnan(float_of_bf16(bf16_of_float(found))));
    else
      ASSERT_EQ(bf16_of_float(found), b);
  }
}

// Between the neighbours `low` and `high` (codes) the nearest must be taken, at the middle the even one.
template <class ToFloat, class OfFloat>
void check_rounding(uint32_t codes, ToFloat to_float, OfFloat of_float) {
  for (uint32_t code = 0; code + 1 < codes; ++code) {
    const auto low = static_cast<uint16_t>(code), high = static_cast<uint16_t>(code + 1);
    const double middle = (static_cast<double>(to_float(low)) + static_cast<double>(to_float(high))) / 2;
    const auto exact = static_cast<float>(middle);  // representable: a float has more bits than both formats
    ASSERT_EQ(static_cast<double>(exact), middle);
    ASSERT_EQ(of_float(exact), low % 2 == 0 ? low : high) << code;
    ASSERT_EQ(of_float(std::nextafter(exact, 0.0f)), low) << code;
    ASSERT_EQ(of_float(std::nextafter(exact, INFINITY)), high) << code;
    ASSERT_EQ(of_float(-exact), (low % 2 == 0 ? low : high) | 0x8000) << code;
  }
}

TEST(Numbers, halves_round_to_nearest_even) { check_rounding(0x7c00, float_of_f16, f16_of_float); }
TEST(Numbers, bfloats_round_to_nearest_even) { check_rounding(0x7f80, float_of_bf16, bf16_of_float); }

TEST(Numbers, overflow_becomes_infinity) {
  EXPECT_EQ(f16_of_float(65519.99f), 0x7bff);
  EXPECT_EQ(f16_of_float(65520.0f), 0x7c00);
  EXPECT_EQ(f16_of_float(1e30f), 0x7c00);
  EXPECT_EQ(f16_of_float(-INFINITY), 0xfc00);
  EXPECT_EQ(bf16_of_float(3.4028235e38f), 0x7f80);
  EXPECT_EQ(bf16_of_float(INFINITY), 0x7f80);
  EXPECT_EQ(f16_of_float(0x1p-26f), 0);
}

TEST(Numbers, nan_stays_nan) {
  for (uint32_t pattern : {0x7f800001u, 0x7fc00000u, 0xff800001u, 0x7fffffffu, 0x7f80ffffu}) {
    const float nan = std::bit_cast<float>(pattern);
    EXPECT_TRUE(std::isnan(float_of_f16(f16_of_float(nan)))) << pattern;
    EXPECT_TRUE(std::isnan(float_of_bf16(bf16_of_float(nan)))) << pattern;
  }
}

TEST(Numbers, every_e4m3_and_e5m2) {
  for (int c = 0; c < 256; ++c) {
    const float e4m3 = float_of_e4m3(static_cast<uint8_t>(c)), e5m2 = float_of_e5m2(static_cast<uint8_t>(c));
    ASSERT_EQ(std::signbit(e4m3), c >= 128);
    if ((c & 127) == 127)
      ASSERT_TRUE(std::isnan(e4m3));
    else
      ASSERT_EQ(static_cast<double>(e4m3), number(c >= 128, c >> 3 & 15, c & 7, 3, 7));
    if ((c >> 2 & 31) == 31)
      ASSERT_TRUE((c & 3) ? std::isnan(e5m2) : std::isinf(e5m2));
    else
      ASSERT_EQ(static_cast<double>(e5m2), number(c >= 128, c >> 2 & 31, c & 3, 2, 15));
  }
  EXPECT_EQ(float_of_e4m3(0x7e), 448.0f);
  EXPECT_EQ(float_of_e5m2(0x7b), 57344.0f);
}

TEST(Numbers, every_e8m0_and_e2m1) {
  for (int c = 0; c < 255; ++c)
    ASSERT_EQ(static_cast<double>(float_of_e8m0(static_cast<uint8_t>(c))), std::ldexp(1.0, c - 127));
  EXPECT_TRUE(std::isnan(float_of_e8m0(255)));
  for (int c = 0; c < 16; ++c) {
    const float found = float_of_e2m1(static_cast<uint8_t>(c));
    EXPECT_EQ(static_cast<double>(found), number(c >= 8, c >> 1 & 3, c & 1, 1, 1));
    EXPECT_EQ(std::signbit(found), c >= 8);
  }
}

}  // namespace
}  // namespace freehold
