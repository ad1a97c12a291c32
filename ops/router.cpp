// The router's arithmetic, on rows of E numbers.
//   scores   softmax: s = exp(z - max) / Σ        dz = s (ds - Σ s ds)
//            sigmoid: s = 1 / (1 + exp(-z))       dz = s (1 - s) ds
//            sqrt_softplus: s = sqrt(log(1 + exp z))   dz = sigmoid(z) / (2 s) ds
//   weights  w = factor s / n, n = 1 or Σ chosen s + 1e-20:  ds = factor / n (dw - Σ dw s / n)
// Choosing has no gradient. Every row is a chain of its own.
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "ops/experts.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float least_sum = 1e-20f;

void softmax_row(const RowKernels& kernels, const float* z, int64_t n, float* s) {
  const float most = kernels.maximum(z, n);
  if (most == -infinity) {  // all are masked
    std::fill_n(s, n, 0.0f);
    return;
  }
  const float sum = kernels.exp_sum(z, most, n, s);
  for (int64_t i = 0; i < n; ++i) s[i] /= sum;
}

// e = exp(-|z|) is at most 1, so that nothing overflows.
void exp_of_minus_size(const RowKernels& kernels, const float* z, int64_t n, float* e) {
  for (int64_t i = 0; i < n; ++i) e[i] = -std::abs(z[i]);
  kernels.exp_sum(e, 0, n, e);
}

float sigmoid(float z, float e) { return (z >= 0 ? 1.0f : e) / (1 + e); }

// Forced experts (+inf) count as 0.01 above the best of the others. Returns z, or `room` where that changed it.
const float* finite_row(const RowKernels& kernels, const float* z, int64_t n, float* room) {
  if (kernels.maximum(z, n) != infinity) return z;
  float most = -infinity;
  for (int64_t i = 0; i < n; ++i)
    if (z[i] != infinity) most = std::max(most, z[i]);
  if (most == -infinity) most = 0;
  for (int64_t i = 0; i < n; ++i) room[i] = z[i] == infinity ? most + 0.01f : z[i];
  return room;
}

void scores_row(const RowKernels& kernels, Scoring scoring, const float* logits, int64_t n, float* room, float* s) {
  const float* z = finite_row(kernels, logits, n, room);
  if (scoring == Scoring::softmax) return softmax_row(kernels, z, n, s);
  exp_of_minus_size(kernels, z, n, s);
  for (int64_t i = 0; i < n; ++i)
    s[i] = scoring == Scoring::sigmoid ? sigmoid(z[i], s[i]) : std::sqrt(std::max(z[i], 0.0f) + std::log1p(s[i]));
}

void scores_row_back(const RowKernels& kernels, Scoring scoring, const float* z, const float* s, const float* ds,
                     int64_t n, float* e, float* dz) {
  switch (scoring) {
    case Scoring::softmax: {
      const float mean = kernels.dot(s, ds, n);
      for (int64_t i = 0; i < n; ++i) dz[i] += s[i] * (ds[i] - mean);
      return;
    }
    case Scoring::sigmoid:
      for (int64_t i = 0; i < n; ++i) dz[i] += s[i] * (1 - s[i]) * ds[i];
      return;
    case Scoring::sqrt_softplus:
      exp_of_minus_size(kernels, z, n, e);
      for (int64_t i = 0; i < n; ++i)
        if (s[i] > 0) dz[i] += sigmoid(z[i], e[i]) / (2 * s[i]) * ds[i];
      return;
  }
}

// The best of v that is not taken; the lowest of equal ones. v of taken ones is -inf.
int32_t best_of(const RowKernels& kernels, const float* v, const uint8_t* taken, int64_t n) {
  const float most = kernels.maximum(v, n);
  int32_t first = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (taken[i]) continue;
    if (v[i] == most) return static_cast<int32_t>(i);
    if (first < 0) first = static_cast<int32_t>(i);
  }
  return first;  // numbers that are none: any choice, but a valid one
}

// Takes the `count` best of v, in their order; v and taken are used up. Returns by how much the last of them beats the
// best one left.
float take_best(const RowKernels& kernels, float* v, uint8_t* taken, int64_t n, int count, int32_t* to) {
  float last = infinity;
  for (int i = 0; i < count; ++i) {
    to[i] = best_of(kernels, v, taken, n);
    last = v[to[i]];
    taken[to[i]] = 1;
    v[to[i]] = -infinity;
  }
  const float left = kernels.maximum(v, n);
  return left == -infinity ? infinity : last == left ? 0 : last - left;
}

float strength_of(const float* v, int64_t n, GroupStrength strength) {
  float best = v[0], second = -infinity;
  for (int64_t i = 1; i < n; ++i) {
    if (v[i] > best) {
      second = best;
      best = v[i];
    } else if (v[i] > second) {
      second = v[i];
    }
  }
  return strength == GroupStrength::best || best == infinity ? best : best + second;
}

struct ChoiceRoom {  // scratch of one row
  float values[limits::experts], strengths[limits::experts];
  uint8_t taken[limits::experts], group_taken[limits::experts];
  int32_t groups[limits::experts];
};

struct Margins {
  float expert = infinity, group = infinity;
};

Margins choose_row(const RowKernels& kernels, const float* z, const float* s, const float* bias, int64_t experts,
                   const Routing& routing, ChoiceRoom& room, int32_t* to) {
  Margins margins;
  float* v = room.values;
  for (int64_t i = 0; i < experts; ++i) v[i] = std::isinf(z[i]) ? z[i] : bias ? s[i] + bias[i] : s[i];
  std::fill_n(room.taken, experts, 0);
  if (routing.groups_used < routing.groups) {
    const int64_t size = experts / routing.groups;
    std::fill_n(room.group_taken, routing.groups, 0);
    for (int64_t g = 0; g < routing.groups; ++g) room.strengths[g] = strength_of(v + g * size, size, routing.strength);
    margins.group =
        take_best(kernels, room.strengths, room.group_taken, routing.groups, routing.groups_used, room.groups);
    for (int64_t g = 0; g < routing.groups; ++g)
      if (!room.group_taken[g]) {
        std::fill_n(v + g * size, size, -infinity);
        std::fill_n(room.taken + g * size, size, 1);
      }
  }
  margins.expert = take_best(kernels, v, room.taken, experts, routing.used, to);
  return margins;
}

// The choices of rows in chunks, visit(row, its choices, its margins).
template <class Visit>
void choose_rows(Context& context, const Tensor& logits, const Tensor& scores, const Tensor& bias,
                 const Routing& routing, Visit visit) {
  const int64_t experts = scores.width(), rows = scores.rows();
  CHECK(experts <= limits::experts && experts % routing.groups == 0 && routing.groups_used <= routing.groups &&
            routing.used <= experts / routing.groups * routing.groups_used,
        "{} of {} experts in {} of {} groups", routing.used, experts, routing.groups_used, routing.groups);
  CHECK(logits.shape() == scores.shape() && (!bias || bias.shape().elements() == experts), "{} and {}",
        logits.shape().text(), scores.shape().text());
  each_rows(context.pool, rows, 16 * experts, [&](int64_t first, int64_t many) {
    ChoiceRoom room;
    int32_t chosen[limits::experts];
    for (int64_t r = first; r < first + many; ++r) {
      const Margins margins = choose_row(context.kernels.rows, logits.row(r).data(), scores.row(r).data(),
                                         bias ? bias.data() : nullptr, experts, routing, room, chosen);
      visit(r, std::span<const int32_t>(chosen, static_cast<size_t>(routing.used)), margins);
    }
  });
}

}  // namespace

Tensor router_scores(Context& context, const Tensor& logits, Scoring scoring) {
  const int64_t n = logits.width();
  Tensor s = Tensor::empty(logits.shape(), context.arena);
  float* to = s.mutable_data();
  CHECK(n <= limits::experts, "{} experts", n);
  each_rows(context.pool, logits.rows(), 16 * n, [&](int64_t first, int64_t count) {
    float room[limits::experts];
    for (int64_t i = first * n; i < (first + count) * n; i += n)
      scores_row(context.kernels.rows, scoring, logits.data() + i, n, room, to + i);
  });
  if (context.tape)
    context.tape->record(s, [logits, s, n, scoring, &kernels = context.kernels.rows](Tape& tape) {
      const float* ds = tape.grad(s).data();
      float* dz = tape.grad(logits).data();
      float room[limits::experts];
      for (int64_t i = 0; i < s.rows() * n; i += n)
        scores_row_back(kernels, scoring, logits.data() + i, s.data() + i, ds + i, n, room, dz + i);
    });
  return s;
}

std::span<const int32_t> choose_experts(Context& context, const Tensor& logits, const Tensor& scores,
                                        const Tensor& bias, const Routing& routing) {
  const auto count = static_cast<size_t>(scores.rows() * routing.used);
  int32_t* to = context.arena.array<int32_t>(count);
  choose_rows(context, logits, scores, bias, routing,
              [&](int64_t row, std::span<const int32_t> chosen, const Margins&) {
                std::copy(chosen.begin(), chosen.end(), to + row * routing.used);
              });
  return {to, count};
}

Tensor router_margins(Context& context, const Tensor& logits, const Tensor& scores, const Tensor& bias,
                      const Routing& routing) {
  Tensor margins = Tensor::empty({scores.rows(), 2}, context.arena);
  choose_rows(context, logits, scores, bias, routing,
              [&](int64_t row, std::span<const int32_t>, const Margins& of) {
                margins.mutable_row(row)[0] = of.expert;
                margins.mutable_row(row)[1] = of.group;
              });
  return margins;
}

Tensor expert_weights(Context& context, const Tensor& scores, std::span<const int32_t> chosen, const Routing& routing) {
  const int64_t k = routing.used, rows = scores.rows();
  CHECK(static_cast<int64_t>(chosen.size()) == rows * k, "{} choices of {} rows", chosen.size(), rows);
  Tensor w = Tensor::empty({rows, k}, context.arena);
  const auto sum_of = [normalise = routing.normalise, k](const float* s, const int32_t* of) {
    if (!normalise) return 1.0f;
    float sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += s[of[i]];
    return sum + least_sum;
  };
  for (int64_t r = 0; r < rows; ++r) {
    const float* s = scores.row(r).data();
    const int32_t* of = chosen.data() + r * k;
    const float sum = sum_of(s, of);
    for (int64_t i = 0; i < k; ++i) w.mutable_data()[r * k + i] = s[of[i]] / sum * routing.factor;
  }
  if (context.tape)
    context.tape->record(w, [=, normalise = routing.normalise, factor = routing.factor](Tape& tape) {
      const float* dw = tape.grad(w).data();
      float* ds = tape.grad(scores).data();
      for (int64_t r = 0; r < rows; ++r) {
        const float* s = scores.row(r).data();
        const int32_t* of = chosen.data() + r * k;
        const float sum = sum_of(s, of);
        float mean = 0;
        if (normalise)
          for (int64_t i = 0; i < k; ++i) mean = std::fma(dw[r * k + i], s[of[i]] / sum, mean);
        for (int64_t i = 0; i < k; ++i) ds[r * scores.width() + of[i]] += factor / sum * (dw[r * k + i] - mean);
      }
    });
  return w;
}

}  // namespace freehold::ops
