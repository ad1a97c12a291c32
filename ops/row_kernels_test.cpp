// Every kernel set against formulas in double, with tolerances from counts of roundings; and all sets against plain, to
// the bit.
#include <limits>

#include "ops/ops_fixture.h"

namespace freehold {
namespace {

using testing::epsilon;
using testing::same_bits;

const std::vector<int64_t> sizes{1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 576, 1000};

std::vector<float> random_numbers(int64_t n, Random& random, float size = 1) {
  std::vector<float> x(static_cast<size_t>(n));
  for (float& e : x) e = size * random.normal();
  return x;
}

class RowKernelsTest : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const RowKernels& rows = GetParam()->rows;
  const RowKernels& plain = runnable_kernels()[0]->rows;
  Random random{1};
};

TEST_P(RowKernelsTest, sums_and_norms) {
  for (const int64_t n : sizes) {
    const auto x = random_numbers(n, random), w = random_numbers(n, random);
    double dot = 0, absolute = 0, squares = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      dot += double{x[i]} * w[i];
      absolute += std::abs(double{x[i]} * w[i]);
      squares += double{x[i]} * x[i];
    }
    const double chain = static_cast<double>(n) / 64 + 7;  // roundings on the way of one term
    EXPECT_NEAR(rows.dot(x.data(), w.data(), n), dot, chain * epsilon * absolute) << n;
    std::vector<float> y(x.size()), y_plain(x.size());
    rows.rms_norm(x.data(), w.data(), n, 1e-5f, y.data());
    const double r = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5f);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(y[i], x[i] * r * w[i], std::abs(x[i] * r * w[i]) * (chain / 2 + 6) * epsilon) << n << " " << i;
    plain.rms_norm(x.data(), w.data(), n, 1e-5f, y_plain.data());
    EXPECT_TRUE(same_bits(y, y_plain)) << n;
    EXPECT_EQ(rows.dot(x.data(), w.data(), n), plain.dot(x.data(), w.data(), n));
    EXPECT_EQ(rows.maximum(x.data(), n), *std::max_element(x.begin(), x.end()));
  }
}

TEST_P(RowKernelsTest, exponentials) {
  std::vector<float> x;
  for (float v = -104; v < 90; v += 0.01f) x.push_back(v);
  for (const float v : {0.0f, -0.0f, 1e-30f, -87.3365f, -87.34f, 88.7228f, 88.73f, 1e30f, -1e30f,
                        std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()})
    x.push_back(v);
  const auto n = static_cast<int64_t>(x.size());
  std::vector<float> y(x.size()), y_plain(x.size());
  const float sum = rows.exp_sum(x.data(), 0, n, y.data());
  EXPECT_EQ(sum, plain.exp_sum(x.data(), 0, n, y_plain.data()));
  EXPECT_TRUE(same_bits(y, y_plain));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double right = std::exp(double{x[i]});
    if (x[i] < -87.33654f) {
      EXPECT_EQ(y[i], 0) << x[i];
    } else if (right > std::numeric_limits<float>::max()) {
      EXPECT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
    } else {
      worst = std::max(worst, std::abs(y[i] - right) / right / (2 * epsilon));
    }
  }
  EXPECT_LT(worst, 1.5);  // in units of 2^-23
  const float nan = std::nanf("");
  rows.exp_sum(&nan, 0, 1, y.data());
  EXPECT_TRUE(std::isnan(y[0]));
}

TEST_P(RowKernelsTest, elementwise) {
  for (const int64_t n : sizes) {
    const auto a = random_numbers(n, random, 4), b = random_numbers(n, random);
    std::vector<float> y(a.size()), y_plain(a.size());
    const auto equal = [&](auto call) {
      call(rows, y.data());
      call(plain, y_plain.data());
      EXPECT_TRUE(same_bits(y, y_plain)) << n;
    };
    equal([&](const RowKernels& k, float* to) { k.silu_mul(a.data(), b.data(), n, to); });
    for (size_t i = 0; i < a.size(); ++i) {
      const double right = a[i] / (1 + std::exp(-double{a[i]})) * b[i];
      EXPECT_NEAR(y[i], right, std::abs(right) * 8 * epsilon);
    }
    equal([&](const RowKernels& k, float* to) { k.add(a.data(), b.data(), n, to); });
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(y[i], a[i] + b[i]);
    equal([&](const RowKernels& k, float* to) { k.add_scaled(a.data(), 0.3f, b.data(), n, to); });
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(y[i], std::fma(0.3f, b[i], a[i]));
    equal([&](const RowKernels& k, float* to) { k.scale(a.data(), 0.3f, n, to); });
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(y[i], a[i] * 0.3f);
    std::vector<float> up(a.size()), up_plain(a.size());
    std::fill(y.begin(), y.end(), 1.0f);
    std::fill(y_plain.begin(), y_plain.end(), 1.0f);
    rows.silu_mul_back(a.data(), b.data(), a.data(), n, y.data(), up.data());
    plain.silu_mul_back(a.data(), b.data(), a.data(), n, y_plain.data(), up_plain.data());
    EXPECT_TRUE(same_bits(y, y_plain) && same_bits(up, up_plain)) << n;
  }
}

TEST_P(RowKernelsTest, rotations) {
  for (const int64_t pairs : {1, 2, 4, 8, 9, 16, 17, 32, 64}) {
    const auto x = random_numbers(2 * pairs, random), angle = random_numbers(pairs, random);
    std::vector<float> c, s, c2, s2;
    for (const float e : angle) {
      c.push_back(std::cos(e)), s.push_back(std::sin(e));
      c2.insert(c2.end(), {c.back(), c.back()}), s2.insert(s2.end(), {-s.back(), s.back()});
    }
    std::vector<float> y(x.size()), y_plain(x.size());
    for (const bool half : {true, false}) {
      const auto call = [&](const RowKernels& k, float* to) {
        half ? k.rotate_half(x.data(), c.data(), s.data(), pairs, to)
             : k.rotate_interleaved(x.data(), c2.data(), s2.data(), pairs, to);
      };
      call(rows, y.data());
      call(plain, y_plain.data());
      EXPECT_TRUE(same_bits(y, y_plain));
      for (size_t i = 0; i < angle.size(); ++i) {
        const size_t first = half ? i : 2 * i, second = half ? i + angle.size() : 2 * i + 1;
        const double a = x[first], b = x[second], size = 3 * epsilon * (std::abs(a) + std::abs(b));
        EXPECT_NEAR(y[first], a * c[i] - b * s[i], size);
        EXPECT_NEAR(y[second], b * c[i] + a * s[i], size);
      }
    }
  }
}

TEST_P(RowKernelsTest, halves) {
  std::vector<float> x = random_numbers(1000, random);
  for (int i = 0; i < 1000; ++i) x.push_back(std::ldexp(random.normal(), random.below(60) - 35));
  for (const float v : {0.0f, -0.0f, 65504.0f, 65520.0f, 1e10f, 0x1p-24f, 0x1p-25f, 0x1.8p-25f}) x.push_back(v);
  std::vector<uint16_t> y(x.size()), y_plain(x.size());
  rows.half_of_float(x.data(), static_cast<int64_t>(x.size()), y.data());
  plain.half_of_float(x.data(), static_cast<int64_t>(x.size()), y_plain.data());
  EXPECT_EQ(y, y_plain);
}

INSTANTIATE_TEST_SUITE_P(sets, RowKernelsTest, ::testing::ValuesIn(runnable_kernels()),
                         [](const auto& set) { return std::string(set.param->name); });

TEST(Kernels, by_name) {
  EXPECT_EQ((*kernels_named("plain"))->name, "plain");
  const auto unknown = kernels_named("sse9");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().what.find("plain"), std::string::npos);
  EXPECT_EQ(best_kernels().name, runnable_kernels().back()->name);
}

}  // namespace
}  // namespace freehold
