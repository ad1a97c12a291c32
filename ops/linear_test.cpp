// Linear over every format, layout and kernel set: against a reference in double, to the bit among sets, column counts,
// threads and cuts; gradients against central differences and against products in double.
#include <gtest/gtest.h>

#include <algorithm>

#include "ops/linear.h"
#include "ops/ops_fixture.h"
#include "ops/quantize.h"
#include "ops/weight_rows.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

using namespace testing;
using ops::QuantView;

constexpr Format integer_formats[] = {Format::q4_0, Format::q4_1,   Format::q5_0,  Format::q5_1,
                                      Format::q8_0, Format::iq4_nl, Format::mxfp4, Format::q4_k,
                                      Format::q5_k, Format::q6_k,   Format::iq4_xs};
constexpr Format float_formats[] = {Format::f32, Format::f16, Format::bf16};
constexpr Format source_only[] = {Format::q2_k, Format::q3_k, Format::tq1_0, Format::tq2_0, Format::f8_e4m3};

std::vector<double> decoded(const Weight& weight) {
  std::vector<float> rows(static_cast<size_t>(weight.rows * weight.cols));
  weight.decode_rows(0, weight.rows, rows.data());
  return {rows.begin(), rows.end()};
}

// |y - Σ w x| <= epsilon * roundings * Σ (|w| + 2 |min|) |x| + more[c][r]: every chain is at most `roundings` long.
void expect_product(const Tensor& y, const Weight& weight, const std::vector<double>& x, double roundings,
                    const std::string& what, const std::vector<double>& more = {}) {
  const std::vector<double> w = decoded(weight);
  const double min = largest_min(weight.format);
  for (int64_t c = 0; c < y.rows(); ++c)
    for (int64_t r = 0; r < weight.rows; ++r) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < weight.cols; ++k) {
        const double a = w[static_cast<size_t>(r * weight.cols + k)], b = x[static_cast<size_t>(c * weight.cols + k)];
        sum += a * b;
        size += (std::abs(a) + 2 * min) * std::abs(b);
      }
      const double tolerance = epsilon * roundings * size + 1e-30 + (more.empty() ? 0 : more[static_cast<size_t>(c)]);
      ASSERT_LE(std::abs(y.row(c)[static_cast<size_t>(r)] - sum), tolerance) << what << " at " << c << ", " << r;
    }
}

// What the chains of super-blocks (ops/kernels/linear_super.h) may round away beside that, for each row of x. With R =
// 1.5 * 2^23 and scales s of the runs and m of the mins no number in a chain is larger than R (Σ |s| + |m|), twice,
// since dots and products stay below R; a chain is two roundings a run and two more. A random weight's d is
// largest_scale and its scales of runs use all their bits.
std::vector<double> rounded_by_raising(Context& context, const Weight& weight, const Tensor& x) {
  int runs, steps;  // of a super-block; largest scale of a run, for codes at the top of their bytes
  switch (weight.format) {
    case Format::q4_k:
      runs = 8, steps = 63;
      break;
    case Format::q5_k:
      runs = 8, steps = 63;
      break;
    case Format::q6_k:
      runs = 16, steps = 128;
      break;
    case Format::iq4_xs:
      runs = 8, steps = 32;
      break;
    default:
      return {};
  }
  const double room = weight.format == Format::q4_k   ? 16
                      : weight.format == Format::q5_k ? 8
                      : weight.format == Format::q6_k ? 4
                                                      : 1;
  const double largest = 2 * 1.5 * (1 << 23) * largest_scale * (runs * steps / room + 1);
  const QuantView view = ops::quantized(context, x, 256);
  std::vector<double> more;
  for (int64_t c = 0; c < x.rows(); ++c) {
    double scales = 0;
    for (int64_t s = 0; s < x.width() / 256; ++s) scales += view.rows->scales[(view.first + c) * (x.width() / 256) + s];
    more.push_back(epsilon * (2 * runs + 2) * largest * scales);
  }
  return more;
}

std::vector<double> in_double(const Tensor& x) { return {x.all().begin(), x.all().end()}; }

// What the int8 kernels see of x.
std::vector<double> rounded(const Tensor& x, Context& context, int block) {
  const QuantView view = ops::quantized(context, x, block);
  std::vector<double> numbers;
  for (int64_t i = 0; i < x.rows() * x.width(); ++i) {
    const int64_t at = view.first * x.width() + i;
    numbers.push_back(static_cast<double>(view.rows->values[at]) * view.rows->scales[at / block]);
  }
  return numbers;
}

TEST(Quantize, EveryNumberIsWithinHalfAStepAndSumsAreThoseOfTheValues) {
  for (const Kernels* kernels : runnable_kernels())
    for (const int block : {32, 256}) {
      Bench bench(*kernels);
      Random random(1);
      const Tensor x = random_tensor({5, 512}, bench.arena, random);
      const QuantRows& q = *ops::quantized(bench.context, x, block).rows;
      for (int64_t b = 0; b < 5 * 512 / 32; ++b) {
        const int64_t scale = 32 * b / block;
        double most = 0;
        for (int i = 0; i < block; ++i) most = std::max<double>(most, std::abs(x.data()[scale * block + i]));
        EXPECT_FLOAT_EQ(q.scales[scale], static_cast<float>(most / 127));
        int sums[2] = {};
        for (int i = 0; i < 32; ++i) {
          const int64_t at = b * 32 + i;
          sums[i / 16] += q.values[at];
          EXPECT_LE(std::abs(x.data()[at] - double{q.scales[scale]} * q.values[at]), most / 254 * (1 + 1e-5));
        }
        const int sum = sums[0] + sums[1];
        if (block == 32) {
          EXPECT_EQ(q.minus_sums[b], -sum);
          EXPECT_EQ(q.scaled_sums[b], q.scales[b] * static_cast<float>(sum));
        } else {
          EXPECT_EQ(q.sums[b / 8 * 8 + quant_sum_place[b % 8]], sum);
          EXPECT_EQ(q.starts[b], quant_raised - 128 * sum);
          EXPECT_EQ(q.run_starts[2 * b], quant_raised - 128 * sums[0]);
          EXPECT_EQ(q.run_starts[2 * b + 1], quant_raised - 128 * sums[1]);
        }
      }
    }
}

TEST(Quantize, IsMadeOnceAndServesViews) {
  Bench bench(*runnable_kernels().front());
  Random random(2);
  const Tensor x = random_tensor({6, 4, 64}, bench.arena, random);
  for (const int block : {32, 256}) {
    const QuantView whole = ops::quantized(bench.context, x, block);
    const QuantView part = ops::quantized(bench.context, x.rows(2, 3).reshaped({3, 256}), block);
    EXPECT_EQ(whole.rows, part.rows);
    EXPECT_EQ(part.first, 2);
    EXPECT_EQ(ops::quantized(bench.context, x, block).rows, whole.rows);
  }
  EXPECT_NE(ops::quantized(bench.context, x, 32).rows, ops::quantized(bench.context, x, 256).rows);
  const QuantView whole = ops::quantized(bench.context, x, 32);
  EXPECT_NE(ops::quantized(bench.context, x.reshaped({24, 64}), 32).rows, whole.rows);
}

TEST(Quantize, OddNumbersAreSeen) {
  for (const Kernels* kernels : runnable_kernels()) {
    Bench bench(*kernels);
    bench.context.arithmetic = Arithmetic::int8;
    Random random(3);
    Tensor x = random_tensor({4, 256}, bench.arena, random);
    x.mutable_row(0)[7] = std::nanf("");
    x.mutable_row(1)[200] = -INFINITY;
    std::fill_n(x.mutable_row(2).data(), 256, 1e-38f);
    for (const Format format : {Format::q4_1, Format::q8_0, Format::q6_k}) {
      const auto owned = random_weight(format, 5, 256, Layout::r16k4, random);
      const Linear linear{owned->weight, 0};
      const Tensor y = ops::linear(bench.context, linear, x);
      for (size_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(std::isnan(y.row(0)[i]) && std::isnan(y.row(1)[i]));
        EXPECT_EQ(y.row(2)[i], 0);
        EXPECT_TRUE(std::isfinite(y.row(3)[i]));
      }
    }
  }
}

TEST(Linear, Int8IsTheProductWithTheRoundedActivations) {
  for (const Kernels* kernels : runnable_kernels())
    for (const Format format : integer_formats) {
      Bench bench(*kernels);
      bench.context.arithmetic = Arithmetic::int8;
      Random random(4);
      const int block = info(format).block;
      for (const int64_t blocks : {1, 3, 18}) {
        const auto owned = random_weight(format, 37, blocks * block, Layout::r16k4, random);
        const Tensor x = random_tensor({3, blocks * block}, bench.arena, random);
        const Tensor y = ops::linear(bench.context, Linear{owned->weight, 0}, x);
        // Two or three roundings a block of the chain; twelve more inside a block of 256.
        expect_product(y, owned->weight, rounded(x, bench.context, ops::quant_block(owned->weight)),
                       3 * static_cast<double>(blocks) + 20,
                       std::string(kernels->name) + " " + std::string(info(format).name),
                       rounded_by_raising(bench.context, owned->weight, x));
      }
    }
}

TEST(Linear, FloatsAndExactAreTheProduct) {
  for (const Kernels* kernels : runnable_kernels())
    for (const FormatInfo& stored : all_formats()) {
      if (!stored.decode || stored.format == Format::f8_e5m2 || stored.format == Format::f8_e8m0) continue;
      for (const Layout layout : {Layout::source, Layout::r16k4}) {
        if (layout == Layout::r16k4 && !packs(stored.format)) continue;
        Bench bench(*kernels);
        Random random(5);
        const int64_t cols = stored.block == 1 ? 301 : 512;
        const auto owned = random_weight(stored.format, 35, cols, layout, random);
        const Tensor x = random_tensor({3, cols}, bench.arena, random), bias = random_tensor({35}, bench.arena, random);
        Tensor y = ops::linear(bench.context, Linear{owned->weight, 0}, x);
        expect_product(y, owned->weight, in_double(x), static_cast<double>(cols) + 2,
                       std::string(kernels->name) + " " + std::string(stored.name));
        const Tensor with_bias = ops::linear(bench.context, Linear{owned->weight, 0}, x, bias);
        for (int64_t i = 0; i < 3 * 35; ++i) ASSERT_EQ(with_bias.data()[i], y.data()[i] + bias.data()[i % 35]);
      }
    }
}

// One result for all sets, both thread counts, and any number of rows at once.
void expect_one_result(Format format, Layout layout, Arithmetic arithmetic, int64_t out, int64_t in) {
  const std::string what = fmt::format("{} {} {}x{}", info(format).name, static_cast<int>(layout), out, in);
  Random random(6);
  const auto owned = random_weight(format, out, in, layout, random);
  const Linear linear{owned->weight, 0};
  Arena arena;
  const Tensor x = random_tensor({40, in}, arena, random);
  std::vector<float> expected;
  for (const Kernels* kernels : runnable_kernels())
    for (const int threads : {1, 3}) {
      Bench bench(*kernels, threads);
      bench.context.arithmetic = arithmetic;
      const auto of_rows = [&](int64_t first, int64_t count) {
        Tensor part =
            Tensor::of(x.rows(first, count).all(), {count, in}, bench.arena);  // its own storage: no shared rounding
        return numbers(ops::linear(bench.context, linear, part));
      };
      if (expected.empty())
        for (int64_t i = 0; i < 40; ++i) {  // plain, one thread, row by row
          const std::vector<float> y = of_rows(i, 1);
          expected.insert(expected.end(), y.begin(), y.end());
        }
      for (int64_t count = 1; count <= 40; count += count < 17 ? 1 : 23) {
        const int64_t first = 40 - count;
        ASSERT_TRUE(same_bits(of_rows(first, count), std::span(expected).subspan(static_cast<size_t>(first * out))))
            << what << " " << kernels->name << ", " << count << " rows, " << threads << " threads";
      }
    }
}

TEST(Linear, Int8HasOneResult) {
  for (const Format format : integer_formats) {
    const int block = info(format).block;
    expect_one_result(format, Layout::r16k4, Arithmetic::int8, 16, block);
    expect_one_result(format, Layout::r16k4, Arithmetic::int8, 75, 3 * block);
    expect_one_result(format, Layout::r16k4, Arithmetic::int8, 33, block == 32 ? 1056 : 1280);  // more than two panels
  }
}
TEST(Linear, FloatsAndExactHaveOneResult) {
  for (const Format format : integer_formats) expect_one_result(format, Layout::r16k4, Arithmetic::exact, 49, 512);
  for (const Format format : float_formats) {
    expect_one_result(format, Layout::r16k4, Arithmetic::int8, 49, 333);
    expect_one_result(format, Layout::source, Arithmetic::int8, 49, 333);
  }
  for (const Format format : source_only) expect_one_result(format, Layout::source, Arithmetic::int8, 33, 512);
}

TEST(Linear, BothLayoutsGiveTheSameBitsInExactMode) {
  for (const Kernels* kernels : runnable_kernels())
    for (const FormatInfo& stored : all_formats()) {
      if (!packs(stored.format)) continue;
      Bench bench(*kernels);
      Random random(7);
      const int64_t cols = stored.block == 1 ? 259 : 512;
      const auto owned = random_weight(stored.format, 21, cols, Layout::r16k4, random);
      const Tensor x = random_tensor({4, cols}, bench.arena, random);
      EXPECT_TRUE(same_bits(ops::linear(bench.context, Linear{owned->weight, 0}, x).all(),
                            ops::linear(bench.context, Linear{owned->as_source, 0}, x).all()))
          << kernels->name << " " << stored.name;
    }
}

TEST(Linear, ManyAtOnceAreTheSameAsOneByOne) {
  for (const Kernels* kernels : runnable_kernels())
    for (const int64_t rows : {1, 7, 250}) {
      Bench bench(*kernels);
      bench.context.arithmetic = Arithmetic::int8;
      Random random(8);
      const auto q = random_weight(Format::q4_k, 96, 256, Layout::r16k4, random);
      const auto k = random_weight(Format::q8_0, 33, 256, Layout::r16k4, random);
      const auto v = random_weight(Format::f16, 5, 256, Layout::source, random);
      const Linear linears[3] = {{q->weight, 0}, {k->weight, 1}, {v->weight, 2}};
      const Tensor x = random_tensor({rows, 256}, bench.arena, random), bias = random_tensor({33}, bench.arena, random);
      const ops::LinearPart parts[3] = {{&linears[0], {}}, {&linears[1], bias}, {&linears[2], {}}};
      Tensor results[3];
      ops::linear_many(bench.context, parts, x, results);
      for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(same_bits(results[i].all(), ops::linear(bench.context, linears[i], x, parts[i].bias).all())) << i;
    }
}

// Of a head whose largest outputs are far above the others: those are as exact mode has them, to what rounding twice
// leaves; the others are linear's, to the bit. One result for all sets, and for rows alone and together.
TEST(LinearFine, IsPreciseWhereOutputsAreLarge) {
  for (const Format format : {Format::q8_0, Format::q6_k, Format::q4_k}) {
    std::vector<float> expected;
    for (const Kernels* kernels : runnable_kernels()) {
      Bench bench(*kernels, 2);
      bench.context.arithmetic = Arithmetic::int8;
      Random random(15);
      const auto owned = random_weight(format, 2100, 512, Layout::r16k4, random);
      const Linear head{owned->weight, 0};
      Tensor x = random_tensor({5, 512}, bench.arena, random);
      for (int64_t i = 0; i < 5 * 512; ++i) x.mutable_data()[i] *= 4;
      const Tensor plain = ops::linear(bench.context, head, x), fine = ops::linear_fine(bench.context, head, x);
      const Tensor exact = ops::linear_exact(bench.context, head, x);
      int near = 0, far = 0;
      double plain_error = 0, fine_error = 0;
      for (int64_t r = 0; r < 5; ++r) {
        const float largest = *std::ranges::max_element(plain.row(r));
        for (size_t i = 0; i < 2100; ++i) {
          if (plain.row(r)[i] >= largest - 6) {
            ++near;
            plain_error += std::abs(plain.row(r)[i] - exact.row(r)[i]);
            fine_error += std::abs(fine.row(r)[i] - exact.row(r)[i]);
          }
          const size_t group = i / 16 * 16;
          bool is_near = false;
          for (size_t k = group; k < std::min<size_t>(group + 16, 2100); ++k)
            is_near |= plain.row(r)[k] >= largest - 10;
          if (is_near) continue;
          ++far;
          ASSERT_EQ(fine.row(r)[i], plain.row(r)[i]) << r << ", " << i;
        }
        Tensor one = Tensor::of(x.row(r), {1, 512}, bench.arena);
        EXPECT_TRUE(same_bits(ops::linear_fine(bench.context, head, one).all(), fine.row(r)));
      }
      EXPECT_GT(near, 4);
      EXPECT_GT(far, 1000);
      EXPECT_LT(fine_error, plain_error / 50) << kernels->name << " " << info(format).name;
      if (expected.empty()) expected = numbers(fine);
      EXPECT_TRUE(same_bits(numbers(fine), expected)) << kernels->name << " " << info(format).name;
    }
  }
}

TEST(Linear, NoRowsGiveNoRows) {
  Bench bench(*runnable_kernels().front());
  bench.context.arithmetic = Arithmetic::int8;
  Random random(9);
  const auto owned = random_weight(Format::q4_0, 5, 32, Layout::r16k4, random);
  EXPECT_EQ(ops::linear(bench.context, Linear{owned->weight, 0}, Tensor::empty({0, 32}, bench.arena)).rows(), 0);
}

// ---- gradients -----------------------------------------------------------------------------------------------------

// Loss = Σ y ⊙ c for a fixed random c: dy = c, and the exact gradients are products that a double can check.
struct Backward {
  Tape tape;
  Tensor c;
  void run(Context& context, const Tensor& y, Random& random) {
    c = random_tensor(y.shape(), context.arena, random);
    Tensor loss = Tensor::zeros({1}, context.arena);
    tape.record(loss, [this, y](Tape& t) {
      for (int64_t i = 0; i < y.shape().elements(); ++i) t.grad(y)[static_cast<size_t>(i)] += c.data()[i];
    });
    tape.backward(loss);
  }
};

// grad[i][j] = Σ_n a(i, n) b(n, j), within rounding of a chain of n.
template <class A, class B>
void expect_sum(std::span<const float> grad, int64_t rows, int64_t cols, int64_t n, A a, B b, const std::string& what) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < n; ++k) {
        sum += a(i, k) * b(k, j);
        size += std::abs(a(i, k) * b(k, j));
      }
      ASSERT_LE(std::abs(grad[static_cast<size_t>(i * cols + j)] - sum), epsilon * static_cast<double>(n + 2) * size)
          << what << " at " << i << ", " << j;
    }
}

void check_gradients(const Kernels& kernels, Format format, Layout layout, int64_t rows, int64_t out, int64_t in) {
  const std::string what = fmt::format("{} {} layout {}", kernels.name, info(format).name, static_cast<int>(layout));
  Backward back;
  Bench bench(kernels, 2, &back.tape);
  Random random(10);
  const auto owned = random_weight(format, out, in, layout, random);
  const std::vector<double> w = decoded(owned->weight);
  const Linear linear{owned->weight, 3};
  back.tape.track(linear);
  const Tensor x = random_tensor({rows, in}, bench.arena, random), bias = random_tensor({out}, bench.arena, random);
  back.run(bench.context, ops::linear(bench.context, linear, x, bias), random);
  const auto dy = [&](int64_t r, int64_t o) { return double{back.c.data()[r * out + o]}; };
  expect_sum(
      back.tape.grad(x), rows, in, out, dy, [&](int64_t o, int64_t k) { return w[static_cast<size_t>(o * in + k)]; },
      what + " dx");
  expect_sum(
      back.tape.weight_grad(linear), out, in, rows, [&](int64_t o, int64_t r) { return dy(r, o); },
      [&](int64_t r, int64_t k) { return double{x.data()[r * in + k]}; }, what + " dw");
  expect_sum(
      back.tape.grad(bias), 1, out, rows, [](int64_t, int64_t) { return 1.0; }, dy, what + " db");
}

TEST(Linear, GradientsAreTheProducts) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const FormatInfo& stored : all_formats())
      if (packs(stored.format))
        check_gradients(*kernels, stored.format, Layout::r16k4, 3, 70, stored.block == 1 ? 45 : 512);
    check_gradients(*kernels, Format::f32, Layout::source, 101, 85, 301);
    check_gradients(*kernels, Format::q2_k, Layout::source, 7, 20, 256);
    check_gradients(*kernels, Format::f8_e4m3, Layout::source, 7, 20, 40);
  }
}

TEST(Linear, GradientsHaveOneResult) {
  std::vector<float> expected_x, expected_w;
  for (const Kernels* kernels : runnable_kernels())
    for (const int threads : {1, 3}) {
      Backward back;
      Bench bench(*kernels, threads, &back.tape);
      Random random(11);
      const auto owned = random_weight(Format::q4_1, 70, 576, Layout::r16k4, random);
      const Linear linear{owned->weight, 0};
      back.tape.track(linear);
      const Tensor x = random_tensor({150, 576}, bench.arena, random);
      back.run(bench.context, ops::linear(bench.context, linear, x), random);
      const auto dx = back.tape.grad(x), dw = back.tape.weight_grad(linear);
      if (expected_x.empty()) {
        expected_x.assign(dx.begin(), dx.end());
        expected_w.assign(dw.begin(), dw.end());
      }
      EXPECT_TRUE(same_bits(dx, expected_x)) << kernels->name;
      EXPECT_TRUE(same_bits(dw, expected_w)) << kernels->name;
    }
}

TEST(Matmul, IsTheProductAndBothGradientsAre) {
  for (const Kernels* kernels : runnable_kernels()) {
    Backward back;
    Bench bench(*kernels, 2, &back.tape);
    bench.context.arithmetic = Arithmetic::int8;  // changes nothing here
    Random random(12);
    const int64_t rows = 19, out = 8, in = 301;
    const Tensor x = random_tensor({rows, in}, bench.arena, random), w = random_tensor({out, in}, bench.arena, random);
    const Tensor y = ops::matmul(bench.context, x, w);
    const auto at = [](const Tensor& t, int64_t i, int64_t j) { return double{t.row(i)[static_cast<size_t>(j)]}; };
    expect_sum(
        y.all(), rows, out, in, [&](int64_t r, int64_t k) { return at(x, r, k); },
        [&](int64_t k, int64_t o) { return at(w, o, k); }, "y");
    back.run(bench.context, y, random);
    expect_sum(
        back.tape.grad(x), rows, in, out, [&](int64_t r, int64_t o) { return at(back.c, r, o); },
        [&](int64_t o, int64_t k) { return at(w, o, k); }, "dx");
    expect_sum(
        back.tape.grad(w), out, in, rows, [&](int64_t o, int64_t r) { return at(back.c, r, o); },
        [&](int64_t r, int64_t k) { return at(x, r, k); }, "dw");
  }
}

// The same derivative by central differences of the forward op, which knows nothing of the way back.
TEST(Linear, GradientsAgreeWithCentralDifferences) {
  for (const Kernels* kernels : runnable_kernels()) {
    Backward back;
    Bench bench(*kernels, 1, &back.tape);
    Random random(13);
    const auto owned = random_weight(Format::q8_0, 18, 64, Layout::r16k4, random);
    const Linear linear{owned->weight, 0};
    Tensor x = random_tensor({2, 64}, bench.arena, random);
    back.run(bench.context, ops::linear(bench.context, linear, x), random);
    const auto dx = back.tape.grad(x);
    bench.context.tape = nullptr;
    const auto loss = [&] {
      const Tensor y = ops::linear(bench.context, linear, x);
      double sum = 0;
      for (int64_t i = 0; i < y.shape().elements(); ++i) sum += double{y.data()[i]} * back.c.data()[i];
      return sum;
    };
    for (int64_t i = 0; i < 128; i += 7) {
      const float kept = x.data()[i], step = 0.5f;  // the op is linear in x: a large step loses nothing
      x.mutable_data()[i] = kept + step;
      const double up = loss(), above = x.data()[i];
      x.mutable_data()[i] = kept - step;
      const double down = loss(), below = x.data()[i];
      x.mutable_data()[i] = kept;
      EXPECT_NEAR(dx[static_cast<size_t>(i)], (up - down) / (above - below), 1e-3);
    }
  }
}

// ---- embed ---------------------------------------------------------------------------------------------------------

TEST(Embed, RowsAreTheTablesAndGradientsAddUp) {
  Tape tape;
  Bench bench(*runnable_kernels().front(), 2, &tape);
  Random random(14);
  const auto owned = random_weight(Format::q6_k, 50, 256, Layout::r16k4, random);
  const Linear table{owned->weight, 9};
  tape.track(table);
  const int32_t ids[4] = {3, 49, 3, 0};
  const Tensor y = ops::embed(bench.context, table, ids);
  std::vector<float> row(256);
  for (int i = 0; i < 4; ++i) {
    owned->as_source.decode_rows(ids[i], 1, row.data());
    EXPECT_TRUE(same_bits(y.row(i), row));
  }
  Tensor loss = Tensor::zeros({1}, bench.arena);
  tape.record(loss, [&](Tape& t) {
    for (size_t i = 0; i < 4 * 256; ++i) t.grad(y)[i] += static_cast<float>(i / 256 + 1);
  });
  tape.backward(loss);
  const auto dw = tape.weight_grad(table);
  for (int64_t r = 0; r < 50; ++r)
    for (int64_t k = 0; k < 256; ++k) {
      const float expected = r == 3 ? 4.0f : r == 49 ? 2.0f : r == 0 ? 4.0f : 0.0f;
      EXPECT_EQ(dw[static_cast<size_t>(r * 256 + k)], expected);
    }
}

}  // namespace
}  // namespace freehold
