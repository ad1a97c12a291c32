// Matrices of experts over the rows that visit them. Rows are put into the order of the plan once, so that those of one
// expert stand together; then one region multiplies all of them (ops/linear.h). Int8: rounded activations are put in
// order, not rounded again. Outputs of a row are its own chains, so company changes no bit.
// Back, with x_e and dy_e the rows of expert e:  dx[row] += dy_e W_e, entries ascending;  dW_e += dy_eᵀ x_e;
//   combine: dvalues = w dy,  dw = dy · values.
#include "ops/experts.h"

#include <algorithm>
#include <cstring>

#include "ops/linear.h"
#include "ops/linear_back.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"
#include "ops/weight_rows.h"
#include "tensor/weight_store.h"

namespace freehold::ops {
namespace {

enum class RowsOf : uint8_t { batch, entries };  // what a row of x belongs to

QuantView ordered(Context& context, const QuantView& x, const ExpertPlan& plan) {
  const QuantRows* const to = room_for_quant(context.arena, plan.entries(), x.rows->width, x.rows->block);
  each_rows(context.pool, plan.entries(), to->width, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      copy_quant_row(*x.rows, x.first + plan.row[static_cast<size_t>(i)], *to, i);
  });
  return {to, 0};
}

void order_rows(Pool& pool, const float* x, int64_t width, const ExpertPlan& plan, float* to) {
  each_rows(pool, plan.entries(), 2 * width, [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i)
      std::memcpy(to + i * width, x + plan.row[static_cast<size_t>(i)] * width, static_cast<size_t>(width) * 4);
  });
}

// Rows of x as the products of experts read them: those of expert e from first_of(e) on.
struct Ordered {
  const float* floats = nullptr;
  QuantView quant[2] = {};  // in blocks of 32 and of 256
  bool one_row = false;  // a single row of the batch serves every expert
};

Ordered order(Context& context, std::span<const std::span<const Linear>> stacks, const Tensor& x, RowsOf rows,
              const ExpertPlan& plan) {
  bool int8[2] = {}, exact = false;
  for (const auto& stack : stacks)
    for (const Linear& linear : stack)
      (multiplies_int8(context, linear.weight) ? int8[quant_block(linear.weight) == 256] : exact) = true;
  Ordered o;
  o.one_row = rows == RowsOf::batch && plan.rows == 1;
  const bool in_order = rows == RowsOf::entries || o.one_row;
  for (const int large : {0, 1})
    if (int8[large]) {
      const QuantView quant = quantized(context, x, large ? 256 : 32);
      o.quant[large] = in_order ? quant : ordered(context, quant, plan);
    }
  if (exact && in_order) o.floats = x.data();
  if (exact && !in_order) {
    float* copied = context.arena.array<float>(static_cast<size_t>(plan.entries() * x.width()));
    order_rows(context.pool, x.data(), x.width(), plan, copied);
    o.floats = copied;
  }
  return o;
}

// Products of weights that a store brings: of those that are there first, then of the others as they come.
void multiply_from(WeightStore& store, Context& context, std::span<Product> products) {
  std::stable_partition(products.begin(), products.end(), [&](const Product& p) { return store.present(*p.weight); });
  std::vector<const Weight*> weights;
  weights.reserve(products.size());
  for (const Product& p : products) weights.push_back(p.weight);
  for (size_t done = 0; done < products.size();) {
    const size_t held = store.hold(std::span(weights).subspan(done));
    multiply(context, products.subspan(done, held));
    done += held;
  }
}

// The way back of one stack.
void record_stack(Context& context, std::span<const Linear> stack, const Tensor& x, RowsOf rows, const ExpertPlan& plan,
                  const Tensor& y) {
  if (!context.tape) return;
  CHECK(!stack[0].weight.store, "gradients through weights that do not stay in memory");
  context.tape->record(y, [stack, x, rows, plan, y, &kernels = context.kernels, &pool = context.pool](Tape& tape) {
    const float* dy = tape.grad(y).data();
    float* dx = tape.grad(x).data();
    const int64_t in = x.width(), out = y.width();
    std::vector<float> ordered_x, ordered_dx;
    const float* from = x.data();
    float* to = dx;
    if (rows == RowsOf::batch) {
      ordered_x.resize(static_cast<size_t>(plan.entries() * in));
      ordered_dx.assign(ordered_x.size(), 0.0f);
      order_rows(pool, x.data(), in, plan, ordered_x.data());
      from = ordered_x.data();
      to = ordered_dx.data();
    }
    for (int e = 0; e < plan.experts; ++e) {
      const int64_t first = plan.first[static_cast<size_t>(e)], count = plan.count(e);
      if (count == 0) continue;
      const Linear& linear = stack[static_cast<size_t>(e)];
      add_input_gradient(kernels.linear, pool, linear.weight, dy + first * out, count, to + first * in);
      if (tape.tracks(linear))
        add_weight_gradient(kernels.linear, pool, dy + first * out, from + first * in, count, out, in,
                            tape.weight_grad(linear).data());
    }
    if (rows == RowsOf::batch)
      for (int64_t i = 0; i < plan.entries(); ++i) {
        float* sum = dx + plan.row[static_cast<size_t>(i)] * in;
        kernels.rows.add(sum, ordered_dx.data() + i * in, in, sum);
      }
  });
}

void multiply_stacks(Context& context, std::span<const std::span<const Linear>> stacks, const Tensor& x, RowsOf rows,
                     const ExpertPlan& plan, std::span<Tensor> results) {
  CHECK(!stacks.empty() && stacks.size() <= most_stacks && results.size() == stacks.size(), "{} stacks", stacks.size());
  CHECK(x.rows() == (rows == RowsOf::batch ? plan.rows : plan.entries()), "{} of {} rows", x.shape().text(), plan.rows);
  for (size_t s = 0; s < stacks.size(); ++s) {
    CHECK(static_cast<int>(stacks[s].size()) == plan.experts, "{} of {} experts", stacks[s].size(), plan.experts);
    results[s] = Tensor::empty({plan.entries(), stacks[s][0].weight.rows}, context.arena);
  }
  if (plan.rows == 0) return;
  const Ordered from = order(context, stacks, x, rows, plan);
  Product* const room = context.arena.array<Product>(stacks.size() * static_cast<size_t>(plan.experts));
  size_t found = 0;
  for (int e = 0; e < plan.experts; ++e) {
    const int64_t first = plan.first[static_cast<size_t>(e)], count = plan.count(e);
    if (count == 0) continue;
    const int64_t row = from.one_row ? 0 : first;
    for (size_t s = 0; s < stacks.size(); ++s) {
      const Weight& weight = stacks[s][static_cast<size_t>(e)].weight;
      CHECK(weight.cols == x.width() && weight.rows == results[s].width(), "{} [{}, {}] by {}", weight.name,
            weight.rows, weight.cols, x.shape().text());
      const QuantView& quant = from.quant[quant_block(weight) == 256];
      room[found++] = {&weight,
                       nullptr,
                       from.floats ? from.floats + row * x.width() : nullptr,
                       {quant.rows, quant.first + row},
                       count,
                       results[s].mutable_data() + first * weight.rows};
    }
  }
  // Much work first, so that no worker is left with it at the end. A token alone gives all the same.
  const std::span<Product> products(room, found);
  const auto more = [](const Product& a, const Product& b) { return a.rows > b.rows; };
  if (!std::is_sorted(products.begin(), products.end(), more)) std::stable_sort(products.begin(), products.end(), more);
  if (WeightStore* store = stacks[0][0].weight.store)
    multiply_from(*store, context, products);
  else
    multiply(context, products);
  for (size_t s = 0; s < stacks.size(); ++s) record_stack(context, stacks[s], x, rows, plan, results[s]);
}

}  // namespace

ExpertPlan plan_experts(Context& context, std::span<const int32_t> chosen, int used, int experts) {
  const auto entries = chosen.size();
  const auto many = static_cast<size_t>(experts);
  int32_t* first = context.arena.array<int32_t>(many + 1);
  int32_t* row = context.arena.array<int32_t>(entries);
  int32_t* entry = context.arena.array<int32_t>(entries);
  std::fill_n(first, many + 1, 0);
  for (const int32_t e : chosen) {
    CHECK(e >= 0 && e < experts, "expert {} of {}", e, experts);
    ++first[e + 1];
  }
  for (size_t e = 0; e < many; ++e) first[e + 1] += first[e];
  int32_t* next = context.arena.array<int32_t>(many);
  std::copy_n(first, many, next);
  for (size_t i = 0; i < entries; ++i) {
    entry[i] = next[chosen[i]]++;
    row[entry[i]] = static_cast<int32_t>(i / static_cast<size_t>(used));
  }
  return {static_cast<int64_t>(entries) / used, used, experts, {first, many + 1}, {row, entries}, {entry, entries}};
}

void experts_linear_many(Context& context, std::span<const std::span<const Linear>> stacks, const Tensor& x,
                         const ExpertPlan& plan, std::span<Tensor> results) {
  multiply_stacks(context, stacks, x, RowsOf::batch, plan, results);
}

Tensor experts_linear(Context& context, std::span<const Linear> stack, const Tensor& x, const ExpertPlan& plan) {
  Tensor y;
  multiply_stacks(context, std::span(&stack, 1), x, RowsOf::entries, plan, std::span(&y, 1));
  return y;
}

Tensor combine_experts(Context& context, const Tensor& values, const Tensor& weights, const ExpertPlan& plan) {
  const int64_t n = values.width(), k = plan.used;
  CHECK(values.rows() == plan.entries() && weights.rows() == plan.rows && weights.width() == k, "{} by {}",
        values.shape().text(), weights.shape().text());
  const auto entry = [plan, k](int64_t r, int64_t i) -> int64_t { return plan.entry[static_cast<size_t>(r * k + i)]; };
  Tensor y = Tensor::empty({plan.rows, n}, context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, plan.rows, k * n, [&](int64_t first, int64_t count) {
    const RowKernels& kernels = context.kernels.rows;
    for (int64_t r = first; r < first + count; ++r) {
      const float* w = weights.row(r).data();
      kernels.scale(values.row(entry(r, 0)).data(), w[0], n, to + r * n);
      for (int64_t i = 1; i < k; ++i)
        kernels.add_scaled(to + r * n, w[i], values.row(entry(r, i)).data(), n, to + r * n);
    }
  });
  if (context.tape)
    context.tape->record(y, [=, rows = plan.rows, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* d_values = tape.grad(values).data();
      float* d_weights = tape.grad(weights).data();
      each_rows(pool, rows, 2 * k * n, [&](int64_t first, int64_t count) {
        for (int64_t r = first; r < first + count; ++r)
          for (int64_t i = 0; i < k; ++i) {
            float* d = d_values + entry(r, i) * n;
            kernels.add_scaled(d, weights.row(r)[static_cast<size_t>(i)], dy + r * n, n, d);
            d_weights[r * k + i] += kernels.dot(dy + r * n, values.row(entry(r, i)).data(), n);
          }
      });
    });
  return y;
}

}  // namespace freehold::ops
