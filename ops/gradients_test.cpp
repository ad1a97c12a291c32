// Each op against a formula of its own in double (gradient_check.h).
#include <limits>

#include "ops/experts.h"
#include "ops/gradient_check.h"

namespace freehold {
namespace {

using namespace testing;

// A large eps keeps the two terms of dx from cancelling in a run of one number.
TEST(Gradients, rms_norm) {
  for (const int64_t n : {1, 5, 16, 18, 63, 64, 65, 200})
    check({{{3, n}, {n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::rms_norm(c, in[0], in[1], 0.5f); },
           [n](const Inputs& in) {
             Numbers y = in[0];
             for (size_t row = 0; row < y.size(); row += static_cast<size_t>(n)) {
               double sum = 0;
               for (size_t i = 0; i < static_cast<size_t>(n); ++i) sum += y[row + i] * y[row + i];
               const double r = 1 / std::sqrt(sum / static_cast<double>(n) + 0.5f);
               for (size_t i = 0; i < static_cast<size_t>(n); ++i) y[row + i] *= r * in[1][i];
             }
             return y;
           },
           static_cast<double>(n) / 64 + 16});
}

TEST(Gradients, rms_norm_of_heads) {
  check({{{2, 3, 12}, {12}},
         [](Context& c, const std::vector<Tensor>& in) { return ops::rms_norm(c, in[0], in[1], 1e-6f); },
         [](const Inputs& in) {
           Numbers y = in[0];
           for (size_t run = 0; run < y.size(); run += 12) {
             double sum = 0;
             for (size_t i = 0; i < 12; ++i) sum += y[run + i] * y[run + i];
             for (size_t i = 0; i < 12; ++i) y[run + i] *= in[1][i] / std::sqrt(sum / 12 + 1e-6f);
           }
           return y;
         },
         20});
}

TEST(Gradients, layer_norm) {
  for (const int64_t n : {2, 5, 16, 130})
    check({{{3, n}, {n}, {n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::layer_norm(c, in[0], in[1], in[2], 0.5f); },
           [n](const Inputs& in) {
             Numbers y = in[0];
             const auto size = static_cast<size_t>(n);
             for (size_t row = 0; row < y.size(); row += size) {
               double mean = 0, square = 0;
               for (size_t i = 0; i < size; ++i) mean += y[row + i] / static_cast<double>(n);
               for (size_t i = 0; i < size; ++i) square += std::pow(y[row + i] - mean, 2) / static_cast<double>(n);
               for (size_t i = 0; i < size; ++i)
                 y[row + i] = (y[row + i] - mean) / std::sqrt(square + 0.5) * in[1][i] + in[2][i];
             }
             return y;
           },
           8});
}

TEST(Gradients, rope) {
  for (const auto layout : {ops::RopeLayout::half, ops::RopeLayout::interleaved})
    for (const size_t pairs : {1, 4, 9, 10, 16, 20}) {
      ops::Rope rope{layout, {}, 1.25f};
      for (size_t i = 0; i < pairs; ++i)
        rope.frequencies.push_back(std::pow(100.0f, -static_cast<float>(i) / static_cast<float>(pairs)));
      const std::vector<int32_t> positions{0, 7, 8, 5000};
      const size_t d = 2 * pairs + (pairs == 10 ? 4 : 0);  // once with numbers that do not rotate
      check({{{4, 2, static_cast<int64_t>(d)}},
             [=](Context& c, const std::vector<Tensor>& in) { return ops::rope(c, in[0], rope, positions); },
             [=](const Inputs& in) {
               Numbers y = in[0];
               for (size_t row = 0; row < 4; ++row)
                 for (size_t at = row * 2 * d; at < (row + 1) * 2 * d; at += d)
                   for (size_t i = 0; i < pairs; ++i) {
                     const size_t first = layout == ops::RopeLayout::half ? i : 2 * i;
                     const size_t second = layout == ops::RopeLayout::half ? i + pairs : 2 * i + 1;
                     const double angle = double(positions[row]) * double{rope.frequencies[i]};
                     const double a = in[0][at + first], b = in[0][at + second];
                     y[at + first] = 1.25 * (a * std::cos(angle) - b * std::sin(angle));
                     y[at + second] = 1.25 * (b * std::cos(angle) + a * std::sin(angle));
                   }
               return y;
             },
             4});
    }
}

TEST(Gradients, gelu) {
  for (const int64_t n : {1, 15, 16, 17, 100})
    check({{{2, n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::gelu(c, in[0]); },
           [](const Inputs& in) {
             Numbers y;
             for (const double x : in[0]) y.push_back(x * std::erfc(-x / std::sqrt(2.0)) / 2);
             return y;
           },
           12,
           3});
}

TEST(Gradients, silu_mul) {
  for (const int64_t n : {1, 15, 16, 17, 100})
    check({{{2, n}, {2, n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::silu_mul(c, in[0], in[1]); },
           [](const Inputs& in) {
             Numbers y;
             for (size_t i = 0; i < in[0].size(); ++i) y.push_back(in[0][i] / (1 + std::exp(-in[0][i])) * in[1][i]);
             return y;
           },
           10,
           3});
}

TEST(Gradients, add_and_scale) {
  check({{{3, 17}, {3, 17}},
         [](Context& c, const std::vector<Tensor>& in) { return ops::add(c, in[0], ops::scale(c, in[1], -0.75f)); },
         [](const Inputs& in) {
           Numbers y = in[0];
           for (size_t i = 0; i < y.size(); ++i) y[i] -= 0.75 * in[1][i];
           return y;
         },
         3});
}

TEST(Gradients, views_belong_to_the_whole) {
  check({{{4, 6}},
         [](Context& c, const std::vector<Tensor>& in) {
           return ops::add(c, in[0].rows(0, 3), in[0].rows(1, 3).reshaped({3, 2, 3}).reshaped({3, 6}));
         },
         [](const Inputs& in) {
           Numbers y;
           for (size_t i = 0; i < 18; ++i) y.push_back(in[0][i] + in[0][i + 6]);
           return y;
         },
         3});
}

TEST(Gradients, rows_picked_and_replaced) {
  check({{{4, 5}},
         [](Context& c, const std::vector<Tensor>& in) {
           return ops::pick_rows(c, in[0], std::vector<int32_t>{3, 0, 3});
         },
         [](const Inputs& in) {
           Numbers y;
           for (const size_t row : {3, 0, 3})
             for (size_t i = 0; i < 5; ++i) y.push_back(in[0][row * 5 + i]);
           return y;
         },
         2});
  check({{{4, 5}, {2, 5}},
         [](Context& c, const std::vector<Tensor>& in) {
           return ops::replace_rows(c, in[0], std::vector<int32_t>{2, 0}, in[1]);
         },
         [](const Inputs& in) {
           Numbers y = in[0];
           for (size_t i = 0; i < 5; ++i) y[10 + i] = in[1][i], y[i] = in[1][5 + i];
           return y;
         },
         2});
}

TEST(Gradients, columns) {
  check({{{3, 2, 7}, {3, 2, 4}, {3, 1, 5}},
         [](Context& c, const std::vector<Tensor>& in) {  // numbers 2..6 of the first, then the second, then the third
           return ops::join(c, ops::join(c, ops::part(c, in[0], 2, 5), in[1]), ops::spread_heads(c, in[2], 2));
         },
         [](const Inputs& in) {
           Numbers y;
           for (size_t run = 0; run < 6; ++run) {
             for (size_t i = 2; i < 7; ++i) y.push_back(in[0][run * 7 + i]);
             for (size_t i = 0; i < 4; ++i) y.push_back(in[1][run * 4 + i]);
             for (size_t i = 0; i < 5; ++i) y.push_back(in[2][run / 2 * 5 + i]);
           }
           return y;
         },
         2});
}

// Three heads of a [24, 5] matrix: head j's matrix is rows 8j+1 .. 8j+6.
TEST(Gradients, matrices_of_heads) {
  constexpr ops::HeadRows heads{3, 8, 1, 6};
  const auto at = [](const Numbers& w, size_t j, size_t row, size_t col) { return w[(8 * j + 1 + row) * 5 + col]; };
  check({{{4, 3, 5}, {24, 5}},
         [=](Context& c, const std::vector<Tensor>& in) {
           return ops::head_matmul(c, in[1], heads, ops::HeadUse::straight, in[0]);
         },
         [=](const Inputs& in) {
           Numbers y;
           for (size_t run = 0; run < 12; ++run)
             for (size_t o = 0; o < 6; ++o) {
               double sum = 0;
               for (size_t i = 0; i < 5; ++i) sum += at(in[1], run % 3, o, i) * in[0][run * 5 + i];
               y.push_back(sum);
             }
           return y;
         },
         7});
  check({{{4, 3, 6}, {24, 5}},
         [=](Context& c, const std::vector<Tensor>& in) {
           return ops::head_matmul(c, in[1], heads, ops::HeadUse::turned, in[0]);
         },
         [=](const Inputs& in) {
           Numbers y;
           for (size_t run = 0; run < 12; ++run)
             for (size_t i = 0; i < 5; ++i) {
               double sum = 0;
               for (size_t o = 0; o < 6; ++o) sum += at(in[1], run % 3, o, i) * in[0][run * 6 + o];
               y.push_back(sum);
             }
           return y;
         },
         8});
}

TEST(Gradients, edits_along_directions) {
  for (const int64_t n : {1, 7, 70}) {
    check({{{3, n}, {n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::add_row(c, in[0], in[1], 0.5f); },
           [n](const Inputs& in) {
             Numbers y = in[0];
             for (size_t i = 0; i < y.size(); ++i) y[i] += 0.5 * in[1][i % static_cast<size_t>(n)];
             return y;
           },
           4});
    const auto along = [n](const Inputs& in, double a, double b) {
      Numbers y = in[0];
      for (size_t row = 0; row < y.size(); row += static_cast<size_t>(n)) {
        double dot = 0;
        for (size_t i = 0; i < static_cast<size_t>(n); ++i) dot += in[0][row + i] * in[1][i];
        for (size_t i = 0; i < static_cast<size_t>(n); ++i) y[row + i] += (b - a * dot) * in[1][i];
      }
      return y;
    };
    check({{{3, n}, {n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::project_out(c, in[0], in[1], 0.8f); },
           [along](const Inputs& in) { return along(in, double{0.8f}, 0); },
           20 + 2 * std::sqrt(static_cast<double>(n))});
    check({{{3, n}, {n}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::clamp_along(c, in[0], in[1], -2); },
           [along](const Inputs& in) { return along(in, 1, -2); },
           20 + 2 * std::sqrt(static_cast<double>(n))});
  }
}

TEST(Gradients, cross_entropy) {
  for (const int64_t vocabulary : {1, 7, 1023, 1025}) {
    const auto last = static_cast<int32_t>(vocabulary - 1);
    const std::vector<int32_t> targets{0, -1, last, last / 2};
    check({{{4, vocabulary}},
           [=](Context& c, const std::vector<Tensor>& in) { return ops::cross_entropy(c, in[0], targets); },
           [=](const Inputs& in) {
             double loss = 0;
             const auto n = static_cast<size_t>(vocabulary);
             for (size_t row = 0; row < 4; ++row) {
               if (targets[row] < 0) continue;
               double sum = 0;
               for (size_t i = 0; i < n; ++i) sum += std::exp(in[0][row * n + i]);
               loss += std::log(sum) - in[0][row * n + static_cast<size_t>(targets[row])];
             }
             return Numbers{loss / 3};
           },
           40,
           3});
  }
}

TEST(Gradients, cross_entropy_per_row_and_far_logits) {
  Bench bench(best_kernels(), 1);
  const std::vector<float> logits{1000, 0, 0, -1000, 1000, 0};
  std::vector<float> nll(2);
  const Tensor loss =
      ops::cross_entropy(bench.context, Tensor::of(logits, {2, 3}, bench.arena), std::vector<int32_t>{1, 1}, nll);
  EXPECT_EQ(nll[0], 1000);
  EXPECT_EQ(nll[1], 0);
  EXPECT_EQ(loss.data()[0], 500);
  const Tensor none =
      ops::cross_entropy(bench.context, Tensor::of(logits, {2, 3}, bench.arena), std::vector<int32_t>{-1, -1}, nll);
  EXPECT_EQ(none.data()[0], 0);
}

// Attention of spans that start at 0, in double.
struct Heads {
  size_t heads, kv_heads, d, dv;
  double scale;
};

double score(const Inputs& in, const Heads& s, size_t query_row, size_t key_row, size_t head) {
  double sum = 0;
  for (size_t i = 0; i < s.d; ++i)
    sum += in[0][(query_row * s.heads + head) * s.d + i] *
           in[1][(key_row * s.kv_heads + head / (s.heads / s.kv_heads)) * s.d + i];
  return sum * s.scale;
}

void softmax(Numbers& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& e : x) sum += e = std::exp(e - most);
  for (double& e : x) e /= sum;
}

Numbers attention_formula(const Inputs& in, const Heads& s, const std::vector<size_t>& spans,
                          ops::Mask mask = ops::Mask::causal) {
  Numbers z;
  size_t first = 0;
  for (const size_t rows : spans) {
    for (size_t i = 0; i < rows; ++i)
      for (size_t head = 0; head < s.heads; ++head) {
        Numbers p;
        const size_t seen = mask == ops::Mask::causal ? i + 1 : rows;
        for (size_t j = 0; j < seen; ++j) p.push_back(score(in, s, first + i, first + j, head));
        softmax(p);
        for (size_t d = 0; d < s.dv; ++d) {
          double sum = 0;
          for (size_t j = 0; j < seen; ++j)
            sum += p[j] * in[2][((first + j) * s.kv_heads + head / (s.heads / s.kv_heads)) * s.dv + d];
          z.push_back(sum);
        }
      }
    first += rows;
  }
  return z;
}

TEST(Gradients, attention) {
  struct Sizes {
    std::vector<size_t> spans;
    Heads heads;
  };
  for (const ops::Mask mask : {ops::Mask::causal, ops::Mask::none})
    for (const Sizes& sizes : {Sizes{{1}, {1, 1, 1, 1, 1}}, Sizes{{5, 1, 9}, {4, 2, 6, 5, 0.4}},
                               Sizes{{17, 20}, {3, 1, 16, 16, 0.25}}, Sizes{{66}, {1, 1, 8, 12, 0.35}}}) {
      const Heads& s = sizes.heads;
      int64_t rows = 0;
      std::vector<ops::AttentionSpan> spans;
      for (const size_t count : sizes.spans) {
        spans.push_back({static_cast<int>(rows), static_cast<int>(count), 0, nullptr, mask});
        rows += static_cast<int64_t>(count);
      }
      const auto h = static_cast<int64_t>(s.heads), g = static_cast<int64_t>(s.kv_heads), d = static_cast<int64_t>(s.d),
                 dv = static_cast<int64_t>(s.dv);
      check({{{rows, h, d}, {rows, g, d}, {rows, g, dv}},
             [=](Context& c, const std::vector<Tensor>& in) {
               return ops::attention(c, in[0], in[1], in[2], static_cast<float>(s.scale), spans);
             },
             [=](const Inputs& in) {
               Heads exact = s;
               exact.scale = double{static_cast<float>(s.scale)};
               return attention_formula(in, exact, sizes.spans, mask);
             },
             120});
    }
}

TEST(Gradients, attention_in_parts) {
  const Heads s{4, 2, 6, 5, 0.5};
  const auto pages_of = [](const std::vector<Tensor>& in) {
    auto pages = std::make_shared<KvPages>(KvShape{KvType::f32, 2, 6, 5}, 9);
    for (int i = 0; i < 9; ++i) pages->write(i, in[1].row(i).data(), in[2].row(i).data());
    return pages;
  };
  const std::vector<Shape> shapes{{9, 4, 6}, {9, 2, 6}, {9, 2, 5}};
  for (const ops::Mask mask : {ops::Mask::causal, ops::Mask::none}) {
    const ops::AttentionSpan span{0, 9, 0, nullptr, mask};
    check({shapes,
           [=](Context& c, const std::vector<Tensor>& in) {
             return ops::attention_scores(c, in[0], in[1], *pages_of(in), 0.5f, span);
           },
           [=](const Inputs& in) {
             Numbers y;
             for (size_t i = 0; i < 9; ++i)
               for (size_t head = 0; head < 4; ++head)
                 for (size_t j = 0; j < 9; ++j)
                   y.push_back(j <= i || mask == ops::Mask::none ? score(in, s, i, j, head)
                                                                 : -std::numeric_limits<double>::infinity());
             return y;
           },
           20});
    // The chain of all three is attention; edits of scores or patterns stay differentiable.
    check({shapes,
           [=](Context& c, const std::vector<Tensor>& in) {
             const auto pages = pages_of(in);
             const Tensor scores = ops::attention_scores(c, in[0], in[1], *pages, 0.5f, span);
             return ops::attention_mix(c, ops::scale(c, ops::attention_probs(c, scores), 0.5f), in[2], *pages, span);
           },
           [=](const Inputs& in) {
             Numbers z = attention_formula(in, s, {9}, mask);
             for (double& e : z) e *= 0.5;
             return z;
           },
           80});
  }
}

TEST(GradientsDeathTest, no_gradient_through_a_past) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto attend = [] {
    Tape tape;
    Bench bench(best_kernels(), 1, &tape);
    KvPages pages({KvType::f32, 1, 4, 4}, 64);
    const Tensor x = Tensor::zeros({1, 1, 4}, bench.arena);
    const ops::AttentionSpan span{0, 1, 3, &pages};
    ops::attention(bench.context, x, x, x, 1, std::span(&span, 1));
  };
  EXPECT_EXIT(attend(), ::testing::ExitedWithCode(70), "a gradient through a past");
}

TEST(Tape, runs_each_step_once_and_only_where_a_gradient_came) {
  Tape tape;
  Bench bench(best_kernels(), 1, &tape);
  const std::vector<float> two{2, 3};
  const Tensor x = Tensor::of(two, {2}, bench.arena);
  const Tensor unused = ops::scale(bench.context, x, 5);
  const Tensor y = ops::scale(bench.context, x, 3);
  const Tensor loss = ops::add(bench.context, y.rows(0, 1), y.rows(1, 1));
  EXPECT_FALSE(tape.has_grad(x));
  tape.backward(loss);
  EXPECT_FALSE(tape.has_grad(unused));
  EXPECT_TRUE(tape.has_grad(x));
  EXPECT_EQ(tape.grad(x)[0], 3);
  EXPECT_EQ(tape.grad(x)[1], 3);
  EXPECT_EQ(tape.grad(x.rows(1, 1))[0], 3);
}

TEST(Gradients, clamp) {
  check({{{7, 9}},
         [](Context& c, const std::vector<Tensor>& in) { return ops::clamp(c, in[0], -0.5f, 0.75f); },
         [](const Inputs& in) {
           Numbers y = in[0];
           for (double& v : y) v = std::clamp(v, -0.5, 0.75);
           return y;
         },
         1});
}

TEST(Gradients, join_rows) {
  check({{{2, 5}, {1, 5}, {3, 5}},
         [](Context& c, const std::vector<Tensor>& in) {
           const Tensor parts[] = {in[1], in[2], in[0], in[2].rows(1, 2)};
           return ops::join_rows(c, parts);
         },
         [](const Inputs& in) {
           Numbers y = in[1];
           y.insert(y.end(), in[2].begin(), in[2].end());
           y.insert(y.end(), in[0].begin(), in[0].end());
           y.insert(y.end(), in[2].begin() + 5, in[2].end());
           return y;
         },
         1});
}

Numbers router_formula(const Numbers& z, size_t width, ops::Scoring scoring) {
  Numbers y;
  for (size_t row = 0; row < z.size(); row += width) {
    Numbers s(z.begin() + static_cast<int64_t>(row), z.begin() + static_cast<int64_t>(row + width));
    if (scoring == ops::Scoring::softmax) softmax(s);
    if (scoring == ops::Scoring::sigmoid)
      for (double& e : s) e = 1 / (1 + std::exp(-e));
    if (scoring == ops::Scoring::sqrt_softplus)
      for (double& e : s) e = std::sqrt(std::log1p(std::exp(e)));
    y.insert(y.end(), s.begin(), s.end());
  }
  return y;
}

TEST(Gradients, router_scores) {
  for (const ops::Scoring scoring : {ops::Scoring::softmax, ops::Scoring::sigmoid, ops::Scoring::sqrt_softplus})
    for (const int64_t experts : {1, 6, 70})
      check({{{3, experts}},
             [=](Context& c, const std::vector<Tensor>& in) { return ops::router_scores(c, in[0], scoring); },
             [=](const Inputs& in) { return router_formula(in[0], static_cast<size_t>(experts), scoring); },
             60,
             2});
}

// Scores of chosen experts, the choice fixed.
TEST(Gradients, expert_weights) {
  const std::vector<int32_t> chosen{4, 0, 2, 1, 3, 4};
  for (const bool normalise : {false, true})
    check({{{2, 5}},
           [&](Context& c, const std::vector<Tensor>& in) {
             const Tensor scores = ops::router_scores(c, in[0], ops::Scoring::sigmoid);
             return ops::expert_weights(c, scores, chosen, {.used = 3, .normalise = normalise, .factor = 2.5f});
           },
           [&](const Inputs& in) {
             const Numbers s = router_formula(in[0], 5, ops::Scoring::sigmoid);
             Numbers w;
             for (size_t row = 0; row < 2; ++row) {
               double sum = 0;
               for (size_t i = 0; i < 3; ++i) sum += s[5 * row + static_cast<size_t>(chosen[3 * row + i])];
               for (size_t i = 0; i < 3; ++i)
                 w.push_back(s[5 * row + static_cast<size_t>(chosen[3 * row + i])] / (normalise ? sum : 1) * 2.5);
             }
             return w;
           },
           60});
}

// Experts over rows, an MLP's two halves, and their weighted sum: gradients to x and to the weights.
TEST(Gradients, experts) {
  const std::vector<int32_t> chosen{2, 0, 0, 1, 1, 0, 2, 1};
  const size_t rows = 4, in_width = 6, width = 5, used = 2;
  std::vector<std::vector<float>> numbers;
  std::vector<Linear> first, second;
  Random random(8);
  for (int e = 0; e < 4; ++e)  // the last is not visited
    for (std::vector<Linear>* stack : {&first, &second}) {
      std::vector<float>& w = numbers.emplace_back(in_width * width);
      for (float& x : w) x = random.normal();
      Weight weight;
      weight.rows = static_cast<int64_t>(stack == &first ? width : in_width);
      weight.cols = static_cast<int64_t>(stack == &first ? in_width : width);
      stack->push_back({weight, static_cast<int>(numbers.size())});
    }
  for (size_t e = 0; e < 4; ++e) {
    first[e].weight.bytes = std::as_bytes(std::span(numbers[2 * e]));
    second[e].weight.bytes = std::as_bytes(std::span(numbers[2 * e + 1]));
  }
  check({{{4, 6}, {4, 2}},
         [&](Context& c, const std::vector<Tensor>& in) {
           const ops::ExpertPlan plan = ops::plan_experts(c, chosen, 2, 4);
           const std::span<const Linear> stacks[] = {first};
           Tensor y;
           ops::experts_linear_many(c, stacks, in[0], plan, std::span(&y, 1));
           return ops::combine_experts(c, ops::experts_linear(c, second, y, plan), in[1], plan);
         },
         [&](const Inputs& in) {
           Numbers y(rows * in_width);
           for (size_t i = 0; i < chosen.size(); ++i) {
             const size_t row = i / used, e = static_cast<size_t>(chosen[i]);
             Numbers inner(width);
             for (size_t o = 0; o < width; ++o)
               for (size_t k = 0; k < in_width; ++k)
                 inner[o] += double{numbers[2 * e][o * in_width + k]} * in[0][row * in_width + k];
             for (size_t o = 0; o < in_width; ++o)
               for (size_t k = 0; k < width; ++k)
                 y[row * in_width + o] += in[1][i] * double{numbers[2 * e + 1][o * width + k]} * inner[k];
           }
           return y;
         },
         60});
}

}  // namespace
}  // namespace freehold
