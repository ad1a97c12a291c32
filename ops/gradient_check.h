// Checks an op against a formula of its own in double: results, and gradients against central differences of that
// formula. The loss is a fixed random weighting of the op's results. Results and gradients have equal bits for every
// kernel set and number of threads.
#pragma once

#include <functional>

#include "ops/ops_fixture.h"

namespace freehold::testing {

using Numbers = std::vector<double>;
using Inputs = std::vector<Numbers>;

struct Case {
  std::vector<Shape> shapes;  // of the inputs
  std::function<Tensor(Context&, const std::vector<Tensor>&)> op;
  std::function<Numbers(const Inputs&)> formula;
  double roundings;  // on the way of one term of a result; gradients get three times as many
  double size = 1;   // of the inputs
};

// Weights of the loss; hidden results (-inf: masked scores) have none.
inline Numbers loss_weights(const Numbers& results) {
  Random random(77);
  Numbers weights;
  for (const double y : results) weights.push_back(std::isfinite(y) ? random.normal() : 0);
  return weights;
}

inline double loss_of(const Case& c, const Inputs& inputs, const Numbers& weights) {
  const Numbers y = c.formula(inputs);
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i)
    if (weights[i] != 0) sum += weights[i] * y[i];
  return sum;
}

struct Outcome {
  std::vector<float> results;
  std::vector<std::vector<float>> gradients;
};

inline Outcome run(const Case& c, const Inputs& inputs, const Numbers& weights, const Kernels& kernels, int threads) {
  Tape tape;
  Bench bench(kernels, threads, &tape);
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<float> floats(inputs[i].begin(), inputs[i].end());
    tensors.push_back(Tensor::of(floats, c.shapes[i], bench.arena));
  }
  const Tensor y = c.op(bench.context, tensors);
  const Tensor loss = Tensor::zeros({1}, bench.arena);
  tape.record(loss, [&](Tape& t) {
    const std::span<float> dy = t.grad(y);
    for (size_t i = 0; i < weights.size(); ++i) dy[i] += static_cast<float>(weights[i]) * t.grad(loss)[0];
  });
  tape.backward(loss);
  Outcome outcome{numbers(y), {}};
  for (const Tensor& t : tensors) {
    const std::span<float> g = tape.grad(t);
    outcome.gradients.emplace_back(g.begin(), g.end());
  }
  return outcome;
}

inline double largest(const Numbers& x) {
  double most = 0;
  for (const double e : x)
    if (std::isfinite(e)) most = std::max(most, std::abs(e));
  return most;
}

inline void check(const Case& c) {
  Random random(5);
  Inputs inputs;
  for (const Shape& shape : c.shapes) {
    inputs.emplace_back();
    for (int64_t i = 0; i < shape.elements(); ++i)
      inputs.back().push_back(double{static_cast<float>(c.size) * random.normal()});
  }
  const Numbers exact = c.formula(inputs);
  Numbers weights = loss_weights(exact);
  for (double& w : weights) w = double{static_cast<float>(w)};
  const Outcome outcome = run(c, inputs, weights, best_kernels(), 2);

  ASSERT_EQ(outcome.results.size(), exact.size());
  const double tolerance = c.roundings * epsilon * largest(exact);
  for (size_t i = 0; i < exact.size(); ++i) {
    if (std::isfinite(exact[i]))
      ASSERT_NEAR(outcome.results[i], exact[i], tolerance) << "result " << i;
    else
      ASSERT_EQ(outcome.results[i], static_cast<float>(exact[i])) << "result " << i;
  }

  for (size_t input = 0; input < inputs.size(); ++input) {
    Numbers differences;
    for (double& x : inputs[input]) {
      const double kept = x, step = 1e-5;
      x = kept + step;
      const double up = loss_of(c, inputs, weights);
      x = kept - step;
      const double down = loss_of(c, inputs, weights);
      x = kept;
      differences.push_back((up - down) / (2 * step));
    }
    const double most = largest(differences);  // the differences themselves are good to about 1e-9 of it
    for (size_t i = 0; i < differences.size(); ++i)
      ASSERT_NEAR(outcome.gradients[input][i], differences[i], (3 * c.roundings * epsilon + 2e-9) * most)
          << "input " << input << " number " << i;
  }

  for (const Kernels* kernels : runnable_kernels())
    for (const int threads : {1, 3}) {
      const Outcome other = run(c, inputs, weights, *kernels, threads);
      EXPECT_TRUE(same_bits(other.results, outcome.results)) << kernels->name << " " << threads;
      for (size_t i = 0; i < inputs.size(); ++i)
        EXPECT_TRUE(same_bits(other.gradients[i], outcome.gradients[i])) << kernels->name << " " << threads;
    }
}

}  // namespace freehold::testing
