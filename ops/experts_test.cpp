// Routers and experts: choices against a plain sort, experts against the linear op row by row, to the bit and in every
// arithmetic; gradients of weights against products in double. (Gradients of the rest: gradients_test.cpp.)
#include "ops/experts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "ops/linear.h"
#include "ops/ops_fixture.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

using namespace testing;
using ops::GroupStrength;
using ops::Routing;
using ops::Scoring;

// ---- choosing ------------------------------------------------------------------------------------------------------

double score_of(Scoring scoring, std::span<const float> z, size_t i) {
  if (scoring == Scoring::sigmoid) return 1 / (1 + std::exp(-double{z[i]}));
  if (scoring == Scoring::sqrt_softplus) return std::sqrt(std::log1p(std::exp(double{z[i]})));
  double sum = 0;
  for (const float other : z) sum += std::exp(double{other} - double{z[i]});
  return 1 / sum;
}

// By sorting pairs, on the op's own scores: which are compared with formulas apart from this.
std::vector<int32_t> sorted_choice(std::span<const float> scores, std::span<const float> bias, const Routing& r) {
  std::vector<float> value(scores.begin(), scores.end());
  for (size_t i = 0; i < bias.size(); ++i) value[i] += bias[i];
  const size_t size = value.size() / static_cast<size_t>(r.groups);
  std::vector<std::pair<float, int>> strengths;
  for (int g = 0; g < r.groups; ++g) {
    std::vector<float> group(value.begin() + static_cast<int64_t>(size) * g,
                             value.begin() + static_cast<int64_t>(size) * (g + 1));
    std::sort(group.rbegin(), group.rend());
    strengths.emplace_back(r.strength == GroupStrength::best ? -group[0] : -(group[0] + group[1]), g);
  }
  std::sort(strengths.begin(), strengths.end());
  std::vector<std::pair<float, int32_t>> order;
  for (int used = 0; used < r.groups_used; ++used)
    for (size_t i = 0; i < size; ++i) {
      const size_t e = static_cast<size_t>(strengths[static_cast<size_t>(used)].second) * size + i;
      order.emplace_back(-value[e], static_cast<int32_t>(e));
    }
  std::sort(order.begin(), order.end());
  std::vector<int32_t> chosen;
  for (int i = 0; i < r.used; ++i) chosen.push_back(order[static_cast<size_t>(i)].second);
  return chosen;
}

std::vector<int32_t> vector_of(std::span<const int32_t> x) { return {x.begin(), x.end()}; }

TEST(Router, ScoresAndChoicesAreThoseOfTheFormulas) {
  struct Case {
    Routing routing;
    int64_t experts;
    bool bias;
  };
  const Case cases[] = {
      {{.scoring = Scoring::softmax, .used = 6}, 64, false},
      {{.scoring = Scoring::softmax, .used = 6, .groups = 8, .groups_used = 3}, 160, false},
      {{.scoring = Scoring::sigmoid, .used = 8, .groups = 8, .groups_used = 4, .strength = GroupStrength::best_two},
       256,
       true},
      {{.scoring = Scoring::sqrt_softplus, .used = 6}, 256, true},
      {{.scoring = Scoring::sigmoid, .used = 1}, 1, true},
      {{.scoring = Scoring::softmax, .used = 5, .groups = 5, .groups_used = 5}, 5, false},
  };
  for (const Kernels* kernels : runnable_kernels())
    for (const Case& c : cases)
      for (const int64_t rows : {1, 3, 200}) {
        Bench bench(*kernels);
        Random random(3);
        const Tensor logits = random_tensor({rows, c.experts}, bench.arena, random, 2);
        const Tensor bias = c.bias ? random_tensor({c.experts}, bench.arena, random, 0.2f) : Tensor();
        const Tensor scores = ops::router_scores(bench.context, logits, c.routing.scoring);
        const auto chosen = ops::choose_experts(bench.context, logits, scores, bias, c.routing);
        for (int64_t r = 0; r < rows; ++r) {
          const std::span<const float> z = logits.row(r);
          const double most = *std::max_element(z.begin(), z.end());
          for (size_t i = 0; i < static_cast<size_t>(c.experts); ++i) {
            const double exact = score_of(c.routing.scoring, z, i);
            // softmax's exponent is a difference, rounded in proportion to itself
            const double roundings = 10 + (c.routing.scoring == Scoring::softmax ? most - double{z[i]} : 0);
            EXPECT_NEAR(scores.row(r)[i], exact, roundings * epsilon * exact);
          }
          const auto used = static_cast<size_t>(c.routing.used);
          EXPECT_EQ(vector_of(chosen.subspan(static_cast<size_t>(r) * used, used)),
                    sorted_choice(scores.row(r), c.bias ? bias.all() : std::span<const float>(), c.routing));
        }
      }
}

TEST(Router, EqualOnesByTheLowerNumber) {
  Bench bench(best_kernels());
  const std::vector<float> numbers{1, 3, 3, 2, 3, 2, 1, 1};
  const Tensor logits = Tensor::of(numbers, {1, 8}, bench.arena);
  for (const Scoring scoring : {Scoring::softmax, Scoring::sigmoid, Scoring::sqrt_softplus}) {
    const Tensor scores = ops::router_scores(bench.context, logits, scoring);
    EXPECT_EQ(vector_of(ops::choose_experts(bench.context, logits, scores, {}, {.used = 4})),
              (std::vector<int32_t>{1, 2, 4, 3}));
    EXPECT_EQ(
        vector_of(ops::choose_experts(bench.context, logits, scores, {}, {.used = 3, .groups = 4, .groups_used = 2})),
        (std::vector<int32_t>{1, 2, 3}));  // groups (1,3) (3,2) (3,2) (1,1): the first two
  }
}

TEST(Router, MarginsAreDistancesToTheBestOnesLeft) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  Bench bench(best_kernels());
  const std::vector<float> numbers{1, 4, 2, 3, 0, -1, 2, 2, -inf, 0, 0, 0, 0, 0, 0, 0}, biases{0, 0, 1, 0, 0, 0, 0, 0};
  const Tensor logits = Tensor::of(numbers, {2, 8}, bench.arena), bias = Tensor::of(biases, {8}, bench.arena);
  const Tensor scores = ops::router_scores(bench.context, logits, Scoring::sigmoid);
  const auto margins = [&](const Routing& routing) {
    const Tensor found = ops::router_margins(bench.context, logits, scores, bias, routing);
    return std::vector<float>(found.row(0).begin(), found.row(0).end());
  };
  const float s0 = scores.all()[0], s1 = scores.all()[1], s2 = scores.all()[2], s3 = scores.all()[3],
              s6 = scores.all()[6];
  EXPECT_EQ(margins({.scoring = Scoring::sigmoid, .used = 2}), (std::vector<float>{s1 - s3, inf}));
  EXPECT_EQ(margins({.scoring = Scoring::sigmoid, .used = 8}), (std::vector<float>{inf, inf}));
  // Groups (0,1) (2,3) (4,5) (6,7); the second and first stay, by their best with the bias.
  EXPECT_EQ(margins({.scoring = Scoring::sigmoid, .used = 3, .groups = 4, .groups_used = 2}),
            (std::vector<float>{s3 - s0, s1 - s6}));
  EXPECT_EQ(margins({.scoring = Scoring::sigmoid, .used = 1, .groups = 4, .groups_used = 1}),
            (std::vector<float>{s2 + 1 - s3, s2 + 1 - s1}));
  const Tensor second = ops::router_margins(bench.context, logits, scores, {}, {.scoring = Scoring::sigmoid, .used = 2});
  EXPECT_EQ(second.row(1)[0], 0);  // equal ones
}

TEST(Router, MaskedAndForcedWhateverBiasAndGroupsSay) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  Bench bench(best_kernels());
  const std::vector<float> numbers{-inf, 1, 0, -1, -2, -3, inf, -4}, biases{9, 0, 0, 0, 0, 0, -9, 0};
  const Tensor logits = Tensor::of(numbers, {1, 8}, bench.arena), bias = Tensor::of(biases, {8}, bench.arena);
  for (const Scoring scoring : {Scoring::softmax, Scoring::sigmoid, Scoring::sqrt_softplus}) {
    const Routing routing{.scoring = scoring,
                          .used = 3,
                          .groups = 4,
                          .groups_used = 2,
                          .strength = GroupStrength::best_two,
                          .normalise = true,
                          .factor = 2};
    const Tensor scores = ops::router_scores(bench.context, logits, scoring);
    EXPECT_EQ(scores.all()[0], 0);
    EXPECT_GT(scores.all()[6], scores.all()[1]);
    const auto chosen = ops::choose_experts(bench.context, logits, scores, bias, routing);
    EXPECT_EQ(vector_of(chosen), (std::vector<int32_t>{6, 2, 3}));  // its group, and of the others the second
    const Tensor weights = ops::expert_weights(bench.context, scores, chosen, routing);
    EXPECT_NEAR(weights.all()[0] + weights.all()[1] + weights.all()[2], 2, 1e-5);
  }
  const std::vector<float> none(8, -inf);
  const Tensor masked = Tensor::of(none, {1, 8}, bench.arena);
  const Tensor scores = ops::router_scores(bench.context, masked, Scoring::softmax);
  const auto chosen = ops::choose_experts(bench.context, masked, scores, {}, {.used = 2});
  EXPECT_EQ(vector_of(chosen), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(ops::expert_weights(bench.context, scores, chosen, {.used = 2}).all()[0], 0);
}

TEST(Router, NumbersThatAreNoneStillGiveDistinctExperts) {
  Bench bench(best_kernels());
  const std::vector<float> numbers(8, std::nanf(""));
  const Tensor logits = Tensor::of(numbers, {1, 8}, bench.arena);
  const Tensor scores = ops::router_scores(bench.context, logits, Scoring::sigmoid);
  const auto chosen =
      ops::choose_experts(bench.context, logits, scores, {}, {.used = 4, .groups = 2, .groups_used = 1});
  EXPECT_EQ(std::set<int32_t>(chosen.begin(), chosen.end()).size(), 4u);
}

// ---- experts -------------------------------------------------------------------------------------------------------

struct Stack {
  std::vector<std::unique_ptr<OwnedWeight>> owned;
  std::vector<Linear> linears;
};

Stack random_stack(const std::vector<Format>& formats, int64_t rows, int64_t cols, Layout layout, Random& random) {
  Stack stack;
  for (const Format format : formats) {
    auto one = random_weight(format, rows, cols, layout, random);
    stack.linears.push_back({one->weight, static_cast<int>(stack.linears.size())});
    stack.owned.push_back(std::move(one));
  }
  return stack;
}

// Choices that leave the last expert out.
std::vector<int32_t> random_choices(int64_t rows, int used, int experts, Random& random) {
  std::vector<int32_t> chosen;
  for (int64_t r = 0; r < rows; ++r) {
    std::set<int32_t> row;
    while (static_cast<int>(row.size()) < used) row.insert(random.below(experts - 1));
    std::vector<int32_t> order(row.begin(), row.end());
    if (random.below(2)) std::reverse(order.begin(), order.end());
    chosen.insert(chosen.end(), order.begin(), order.end());
  }
  return chosen;
}

TEST(Experts, APlanSortsChoicesByExpert) {
  Bench bench(best_kernels());
  const std::vector<int32_t> chosen{4, 0, 1, 4, 0, 3};
  const ops::ExpertPlan plan = ops::plan_experts(bench.context, chosen, 2, 5);
  EXPECT_EQ(vector_of(plan.first), (std::vector<int32_t>{0, 2, 3, 3, 4, 6}));
  EXPECT_EQ(vector_of(plan.row), (std::vector<int32_t>{0, 2, 1, 2, 0, 1}));
  EXPECT_EQ(vector_of(plan.entry), (std::vector<int32_t>{4, 0, 2, 5, 1, 3}));
}

// Each row of each expert is what linear gives for that row alone; a matrix that nobody visits is not even looked at.
TEST(Experts, RowsAreThoseOfLinearWhateverTheCompany) {
  const std::vector<Format> many{Format::q4_k, Format::q8_0, Format::q6_k, Format::f32, Format::bf16, Format::q4_0};
  for (const Kernels* kernels : runnable_kernels())
    for (const Arithmetic arithmetic : {Arithmetic::int8, Arithmetic::exact})
      for (const int64_t rows : {1, 2, 9, 70}) {
        Bench bench(*kernels, rows % 2 ? 2 : 3);
        bench.context.arithmetic = arithmetic;
        Random random(11);
        Stack gate = random_stack(many, 50, 256, Layout::r16k4, random),
              up = random_stack(many, 50, 256, rows == 9 ? Layout::source : Layout::r16k4, random);
        const Tensor x = random_tensor({rows, 256}, bench.arena, random);
        const std::vector<int32_t> chosen = random_choices(rows, 3, 6, random);
        const ops::ExpertPlan plan = ops::plan_experts(bench.context, chosen, 3, 6);
        gate.linears[5].weight.bytes = up.linears[5].weight.bytes = {};
        const std::span<const Linear> stacks[] = {gate.linears, up.linears};
        Tensor results[2];
        ops::experts_linear_many(bench.context, stacks, x, plan, results);
        for (size_t s = 0; s < 2; ++s)
          for (size_t i = 0; i < chosen.size(); ++i) {
            const int64_t row = static_cast<int64_t>(i) / 3, entry = plan.entry[i];
            const Tensor alone = ops::linear(bench.context, stacks[s][static_cast<size_t>(chosen[i])],
                                             Tensor::of(x.row(row), {1, 256}, bench.arena));
            ASSERT_TRUE(same_bits(results[s].row(entry), alone.row(0)))
                << kernels->name << " rows " << rows << " row " << row << " expert " << chosen[i];
          }
        const Stack down = random_stack(std::vector<Format>(6, Format::f16), 30, 50, Layout::r16k4, random);
        const Tensor out = ops::experts_linear(bench.context, down.linears, results[0], plan);
        for (size_t i = 0; i < chosen.size(); ++i) {
          const int64_t entry = plan.entry[i];
          const Tensor alone = ops::linear(bench.context, down.linears[static_cast<size_t>(chosen[i])],
                                           Tensor::of(results[0].row(entry), {1, 50}, bench.arena));
          ASSERT_TRUE(same_bits(out.row(entry), alone.row(0)));
        }
      }
}

TEST(Experts, NoRowsGiveNoRows) {
  Bench bench(best_kernels());
  Random random(2);
  const Stack stack = random_stack({Format::q8_0, Format::q8_0}, 5, 32, Layout::r16k4, random);
  bench.context.arithmetic = Arithmetic::int8;
  const ops::ExpertPlan plan = ops::plan_experts(bench.context, {}, 1, 2);
  EXPECT_EQ(ops::experts_linear(bench.context, stack.linears, Tensor::empty({0, 32}, bench.arena), plan).rows(), 0);
}

TEST(Experts, GradientsOfWeightsAreTheProductsAndZeroWhereNobodyCame) {
  for (const Kernels* kernels : runnable_kernels()) {
    Tape tape;
    Bench bench(*kernels, 2, &tape);
    Random random(6);
    const int64_t rows = 20, out = 18, in = 64;
    const Stack stack = random_stack(std::vector<Format>(4, Format::q8_0), out, in, Layout::r16k4, random);
    for (const Linear& linear : stack.linears) tape.track(linear);
    const Tensor x = random_tensor({rows, in}, bench.arena, random);
    const std::vector<int32_t> chosen = random_choices(rows, 2, 4, random);
    const ops::ExpertPlan plan = ops::plan_experts(bench.context, chosen, 2, 4);
    const std::span<const Linear> stacks[] = {stack.linears};
    Tensor y;
    ops::experts_linear_many(bench.context, stacks, x, plan, std::span(&y, 1));
    const Tensor c = random_tensor(y.shape(), bench.arena, random);
    const Tensor loss = Tensor::zeros({1}, bench.arena);
    tape.record(loss, [&](Tape& t) {
      for (int64_t i = 0; i < y.shape().elements(); ++i) t.grad(y)[static_cast<size_t>(i)] += c.data()[i];
    });
    tape.backward(loss);
    std::vector<double> dx(static_cast<size_t>(rows * in));
    for (int32_t e = 0; e < 4; ++e) {
      std::vector<float> w(static_cast<size_t>(out * in));
      stack.linears[static_cast<size_t>(e)].weight.decode_rows(0, out, w.data());
      std::vector<double> dw(w.size()), size(w.size());
      for (size_t i = 0; i < chosen.size(); ++i) {
        if (chosen[i] != e) continue;
        const int64_t row = static_cast<int64_t>(i) / 2;
        for (int64_t o = 0; o < out; ++o)
          for (int64_t k = 0; k < in; ++k) {
            const auto at = static_cast<size_t>(o * in + k);
            const double dy = c.row(plan.entry[i])[static_cast<size_t>(o)];
            dw[at] += dy * x.row(row)[static_cast<size_t>(k)];
            size[at] += std::abs(dy * x.row(row)[static_cast<size_t>(k)]);
            dx[static_cast<size_t>(row * in + k)] += dy * double{w[at]};
          }
      }
      const auto found = tape.weight_grad(stack.linears[static_cast<size_t>(e)]);
      for (size_t i = 0; i < dw.size(); ++i) ASSERT_NEAR(found[i], dw[i], 22 * epsilon * size[i]) << "expert " << e;
      if (e == 3) {
        EXPECT_TRUE(std::all_of(found.begin(), found.end(), [](float g) { return g == 0; }));
      }
    }
    for (size_t i = 0; i < dx.size(); ++i) ASSERT_NEAR(tape.grad(x)[i], dx[i], 1e-4);
  }
}

}  // namespace
}  // namespace freehold
