// Mixture of experts (docs/architecture.md): which experts a row of activations visits, and many small matrices over
// the rows that visit them.
//   scores  = softmax, sigmoid or sqrt(softplus) of the router's logits     [R, E]
//   chosen  = the `used` best of scores (+ selection bias), groups of experts first                     [R, used]
//   weights = scores at the chosen (without the bias), divided by their sum when normalised, times a factor [R, used]
//   output  = sum over a row's choices, in their order, of weight * expert(x)                               [R, H]
// A row's bits depend on the row alone: which other rows visit an expert, and in how many, changes nothing.
#pragma once

#include <span>

#include "ops/ops.h"

namespace freehold::ops {

enum class Scoring : uint8_t { softmax, sigmoid, sqrt_softplus };
// How strong a group of experts is: its best score, or the sum of its two best.
enum class GroupStrength : uint8_t { best, best_two };

struct Routing {
  Scoring scoring = Scoring::softmax;
  int used = 1;                     // experts a row visits
  int groups = 1, groups_used = 1;  // equal runs of experts; only those of the strongest groups can be chosen
  GroupStrength strength = GroupStrength::best;
  bool normalise = false;  // weights divided by (their sum + 1e-20)
  float factor = 1;        // on weights
};

// [R, E] -> [R, E], in float32 throughout. For edits: a logit of -inf masks an expert, its score is 0; one of +inf
// forces it, its score is that of 0.01 above the best of the others.
Tensor router_scores(Context&, const Tensor& logits, Scoring);

// The choice of every row, best first, equal ones by the lower number; [R * used] in the arena. No gradient. Forced
// experts come first and masked ones last, whatever bias and groups say. bias: [E] or empty.
std::span<const int32_t> choose_experts(Context&, const Tensor& logits, const Tensor& scores, const Tensor& bias,
                                        const Routing&);

// How clear the choice of every row was, [R, 2]: by how much the last chosen expert beats the best one left, score +
// bias, and the last chosen group the best group left; infinity where none is left. No gradient.
Tensor router_margins(Context&, const Tensor& logits, const Tensor& scores, const Tensor& bias, const Routing&);

// [R, used]. Gradient to the chosen scores, through the sum when normalised.
Tensor expert_weights(Context&, const Tensor& scores, std::span<const int32_t> chosen, const Routing&);

// Choices sorted by expert (one counting sort; rows ascending within an expert). An entry is one (row, choice).
struct ExpertPlan {
  int64_t rows = 0;
  int used = 0, experts = 0;
  std::span<const int32_t> first;  // [E + 1] an expert's entries are first[e]..first[e + 1]
  std::span<const int32_t> row;    // [R * used] whose row an entry is
  std::span<const int32_t> entry;  // [R * used] the entry of choice i of row r is entry[r * used + i]
  int64_t entries() const { return rows * used; }
  int64_t count(int expert) const {
    return first[static_cast<size_t>(expert) + 1] - first[static_cast<size_t>(expert)];
  }
};
ExpertPlan plan_experts(Context&, std::span<const int32_t> chosen, int used, int experts);

// Row i of the result is x[row of entry i] times the matrix of its expert, transposed. One region for all the matrices
// of all the stacks (gate and up); a matrix that nobody visits is not read. x: [R, in] -> [entries, out] each.
inline constexpr int most_stacks = 2;
void experts_linear_many(Context&, std::span<const std::span<const Linear>> stacks, const Tensor& x, const ExpertPlan&,
                         std::span<Tensor> results);
// The same with a row of x for each entry: [entries, in] -> [entries, out].
Tensor experts_linear(Context&, std::span<const Linear> stack, const Tensor& x, const ExpertPlan&);

// y[r] = Σ over choices i, ascending, of weights[r, i] * values[entry of (r, i)]: [entries, H] -> [R, H].
Tensor combine_experts(Context&, const Tensor& values, const Tensor& weights, const ExpertPlan&);

}  // namespace freehold::ops
