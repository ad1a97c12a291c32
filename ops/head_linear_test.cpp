// The matrices of heads over every format and layout: to the bit what linear gives head by head where it is used
// straight, against products in double where it is turned; alone = in a batch, any kernel set, any threads.
#include <gtest/gtest.h>

#include "ops/ops_fixture.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

using namespace testing;
using ops::HeadRows;
using ops::HeadUse;

constexpr Format packed_formats[] = {Format::q4_0, Format::q8_0, Format::q4_k, Format::q6_k,
                                     Format::f32,  Format::f16,  Format::bf16};

// Head j of x [R, heads, n] as [R, n].
Tensor head_of(const Tensor& x, int64_t head, Arena& arena) {
  const int64_t heads = x.shape()[1], n = x.shape()[2];
  Tensor y = Tensor::empty({x.rows(), n}, arena);
  for (int64_t r = 0; r < x.rows(); ++r) std::copy_n(x.data() + (r * heads + head) * n, n, y.mutable_row(r).data());
  return y;
}

void straight_is_linear(const Kernels& kernels, Format format, Layout layout, Arithmetic arithmetic, int64_t rows,
                        HeadRows part, int64_t cols) {
  Bench bench(kernels, 2);
  bench.context.arithmetic = arithmetic;
  Random random(21);
  const auto owned = random_weight(format, part.heads * part.stride, cols, layout, random);
  const Linear linear{owned->weight, 0};
  const Tensor x = random_tensor({rows, part.heads, cols}, bench.arena, random);
  const Tensor y = ops::head_linear(bench.context, linear, part, HeadUse::straight, x);
  for (int64_t head = 0; head < part.heads; ++head) {
    const Tensor whole = ops::linear(bench.context, linear, head_of(x, head, bench.arena));
    const Tensor ours = head_of(y, head, bench.arena);
    for (int64_t r = 0; r < rows; ++r)
      ASSERT_TRUE(same_bits(ours.row(r), whole.row(r).subspan(static_cast<size_t>(head * part.stride + part.first),
                                                              static_cast<size_t>(part.rows))))
          << kernels.name << " " << info(format).name << " head " << head << " row " << r;
  }
}

TEST(HeadLinear, StraightIsLinearHeadByHead) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const Arithmetic arithmetic : {Arithmetic::int8, Arithmetic::exact})
      for (const Format format : packed_formats) {
        straight_is_linear(*kernels, format, Layout::r16k4, arithmetic, 1, {3, 64, 16, 48}, 256);
        straight_is_linear(*kernels, format, Layout::r16k4, arithmetic, 130, {2, 160, 0, 160}, 512);
      }
    straight_is_linear(*kernels, Format::f32, Layout::source, Arithmetic::int8, 5, {4, 28, 16, 12}, 24);
    straight_is_linear(*kernels, Format::bf16, Layout::r16k4, Arithmetic::int8, 5, {4, 28, 16, 12}, 24);
    straight_is_linear(*kernels, Format::q8_0, Layout::r16k4, Arithmetic::exact, 5, {3, 49, 16, 33}, 288);
    straight_is_linear(*kernels, Format::f8_e4m3, Layout::source, Arithmetic::exact, 5, {4, 49, 16, 33}, 130);
  }
}

void turned_is_the_product(const Kernels& kernels, Format format, Layout layout, int64_t rows, HeadRows part,
                           int64_t cols) {
  Bench bench(kernels, 2);
  bench.context.arithmetic = Arithmetic::int8;  // floats all the same
  Random random(22);
  const auto owned = random_weight(format, part.heads * part.stride, cols, layout, random);
  std::vector<float> w(static_cast<size_t>(owned->weight.rows * cols));
  owned->weight.decode_rows(0, owned->weight.rows, w.data());
  const Linear linear{owned->weight, 0};
  const Tensor x = random_tensor({rows, part.heads, part.rows}, bench.arena, random);
  const Tensor y = ops::head_linear(bench.context, linear, part, HeadUse::turned, x);
  ASSERT_EQ(y.shape(), (Shape{rows, part.heads, cols}));
  for (int64_t run = 0; run < rows * part.heads; ++run)
    for (int64_t c = 0; c < cols; ++c) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < part.rows; ++k) {
        const double term =
            double{w[static_cast<size_t>((run % part.heads * part.stride + part.first + k) * cols + c)]} *
            double{x.data()[run * part.rows + k]};
        sum += term;
        size += std::abs(term);
      }
      ASSERT_LE(std::abs(y.data()[run * cols + c] - sum), epsilon * static_cast<double>(part.rows + 2) * size)
          << kernels.name << " " << info(format).name << " " << run << " " << c;
    }
  for (int64_t r = 0; r < rows; ++r) {  // alone as in the batch
    const Tensor alone = ops::head_linear(bench.context, linear, part, HeadUse::turned, x.rows(r, 1));
    ASSERT_TRUE(same_bits(alone.all(), y.row(r)));
  }
}

TEST(HeadLinear, TurnedIsTheProduct) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const Format format : packed_formats)
      turned_is_the_product(*kernels, format, Layout::r16k4, 3, {2, 96, 16, 80}, 512);
    turned_is_the_product(*kernels, Format::f32, Layout::source, 100, {4, 28, 0, 16}, 24);
    turned_is_the_product(*kernels, Format::bf16, Layout::r16k4, 2, {4, 28, 0, 16}, 24);
    turned_is_the_product(*kernels, Format::q8_0, Layout::r16k4, 2, {3, 49, 1, 33}, 288);
    turned_is_the_product(*kernels, Format::q8_0, Layout::source, 2, {3, 27, 1, 26}, 160);
    turned_is_the_product(*kernels, Format::q2_k, Layout::source, 2, {3, 27, 1, 26}, 512);
    turned_is_the_product(*kernels, Format::f8_e4m3, Layout::source, 2, {4, 49, 0, 16}, 130);
  }
}

TEST(HeadLinear, OneResultForAllSetsAndThreads) {
  for (const HeadUse use : {HeadUse::straight, HeadUse::turned})
    for (const Arithmetic arithmetic : {Arithmetic::int8, Arithmetic::exact}) {
      std::vector<float> first;
      for (const Kernels* kernels : runnable_kernels())
        for (const int threads : {1, 3}) {
          Bench bench(*kernels, threads);
          bench.context.arithmetic = arithmetic;
          Random random(23);
          const auto owned = random_weight(Format::q8_0, 4 * 128, 128, Layout::r16k4, random);
          const Linear linear{owned->weight, 0};
          const Tensor x = random_tensor({7, 4, 128}, bench.arena, random);
          const auto y = numbers(ops::head_linear(bench.context, linear, {4, 128, 0, 128}, use, x));
          if (first.empty()) first = y;
          EXPECT_TRUE(same_bits(first, y)) << kernels->name << " " << threads;
        }
    }
}

// Gradients with respect to x and to the stored matrix, which only some rows of take part.
TEST(HeadLinear, GradientsAreTheProducts) {
  constexpr HeadRows part{3, 48, 16, 32};
  constexpr int64_t rows = 5, cols = 64;
  for (const HeadUse use : {HeadUse::straight, HeadUse::turned})
    for (const Kernels* kernels : runnable_kernels()) {
      Tape tape;
      Bench bench(*kernels, 2, &tape);
      Random random(24);
      const auto owned = random_weight(Format::q8_0, part.heads * part.stride, cols, Layout::r16k4, random);
      std::vector<float> w(static_cast<size_t>(owned->weight.rows * cols));
      owned->weight.decode_rows(0, owned->weight.rows, w.data());
      const Linear linear{owned->weight, 7};
      tape.track(linear);
      const int64_t in = use == HeadUse::straight ? cols : part.rows, out = use == HeadUse::straight ? part.rows : cols;
      const Tensor x = random_tensor({rows, part.heads, in}, bench.arena, random);
      const Tensor y = ops::head_linear(bench.context, linear, part, use, x);
      const Tensor dy = random_tensor(y.shape(), bench.arena, random);
      const Tensor loss = Tensor::zeros({1}, bench.arena);
      tape.record(loss, [&](Tape& t) { std::copy_n(dy.data(), dy.shape().elements(), t.grad(y).data()); });
      tape.backward(loss);
      std::vector<double> dx(static_cast<size_t>(x.shape().elements())), dw(w.size());
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < part.heads; ++j)
          for (int64_t o = 0; o < out; ++o)
            for (int64_t i = 0; i < in; ++i) {
              const int64_t row = j * part.stride + part.first + (use == HeadUse::straight ? o : i);
              const auto at = static_cast<size_t>(row * cols + (use == HeadUse::straight ? i : o));
              const auto from = static_cast<size_t>((r * part.heads + j) * in + i);
              const double d = dy.data()[(r * part.heads + j) * out + o];
              dx[from] += d * double{w[at]};
              dw[at] += d * double{x.data()[from]};
            }
      const auto near = [](std::span<const float> ours, const std::vector<double>& expected, double roundings) {
        double most = 0;
        for (const double e : expected) most = std::max(most, std::abs(e));
        for (size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(ours[i], expected[i], roundings * epsilon * most * 4) << i;
      };
      near(tape.grad(x), dx, static_cast<double>(out));
      near(tape.weight_grad(linear), dw, rows);
    }
}

}  // namespace
}  // namespace freehold
