#include "model/moe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/memory.h"
#include "tensor/weight_store.h"

namespace freehold {

const MoeNames deepseek_moe_names = {
    .router = {"model.layers.{}.mlp.gate", "blk.{}.ffn_gate_inp"},
    .selection_bias = {"model.layers.{}.mlp.gate.e_score_correction_bias", "blk.{}.exp_probs_b.bias"},
    .gate = {"model.layers.{}.mlp.experts.{}.gate_proj", "blk.{}.ffn_gate_exps"},
    .up = {"model.layers.{}.mlp.experts.{}.up_proj", "blk.{}.ffn_up_exps"},
    .down = {"model.layers.{}.mlp.experts.{}.down_proj", "blk.{}.ffn_down_exps"},
    .shared_gate = {"model.layers.{}.mlp.shared_experts.gate_proj", "blk.{}.ffn_gate_shexp"},
    .shared_up = {"model.layers.{}.mlp.shared_experts.up_proj", "blk.{}.ffn_up_shexp"},
    .shared_down = {"model.layers.{}.mlp.shared_experts.down_proj", "blk.{}.ffn_down_shexp"},
};

// ------------------------------------------------------------------------------------------------------------------
// The pass

namespace {

// silu(min(gate, limit)) ⊙ clamp(up, ±limit)
Tensor gated(Context& c, Tensor gate, Tensor up, float limit) {
  if (limit > 0) {
    gate = ops::clamp(c, gate, -std::numeric_limits<float>::infinity(), limit);
    up = ops::clamp(c, up, -limit, limit);
  }
  return ops::silu_mul(c, gate, up);
}

// The choices as an observer leaves them.
std::span<const int32_t> shown_choices(Pass& pass, const MoeConfig& config, int layer,
                                       std::span<const int32_t> chosen) {
  if (!pass.watched(Point::expert_indices, layer)) return chosen;
  Arena& arena = pass.context().arena;
  Tensor numbers = Tensor::empty({static_cast<int64_t>(pass.rows().size()), config.routing.used}, arena);
  std::copy(chosen.begin(), chosen.end(), numbers.mutable_data());
  const Tensor after = pass.at(Point::expert_indices, layer, numbers);
  if (after.storage() == numbers.storage()) return chosen;
  int32_t* replaced = arena.array<int32_t>(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    const float number = after.all()[i];
    CHECK(number >= 0 && number < static_cast<float>(config.experts) && number == std::floor(number),
          "expert {} of {} at {}", number, config.experts, text_of({Point::expert_indices, layer}));
    replaced[i] = static_cast<int32_t>(number);
  }
  return {replaced, chosen.size()};
}

// Outputs of experts [entries, hidden] as observers leave them.
Tensor shown_outputs(Pass& pass, int layer, const Tensor& values, const ops::ExpertPlan& plan) {
  if (!pass.watched(Point::expert_out, layer)) return values;
  std::vector<Row> rows(static_cast<size_t>(plan.entries()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = pass.rows()[static_cast<size_t>(plan.row[i])];
  std::vector<Tensor> replaced;
  std::vector<int32_t> entries;
  for (int e = 0; e < plan.experts; ++e) {
    const int32_t first = plan.first[static_cast<size_t>(e)];
    const auto count = static_cast<int32_t>(plan.count(e));
    if (count == 0) continue;
    const Tensor one = values.rows(first, count);  // [rows that visit it, hidden]
    const Tensor after =
        pass.at_expert(Point::expert_out, layer, e, one,
                       std::span(rows).subspan(static_cast<size_t>(first), static_cast<size_t>(count)));
    if (after.storage() == one.storage()) continue;
    replaced.push_back(after);
    for (int32_t i = first; i < first + count; ++i) entries.push_back(i);
  }
  if (replaced.empty()) return values;
  Context& c = pass.context();
  return ops::replace_rows(c, values, entries, ops::join_rows(c, replaced));
}

// Where the experts do not stay in memory: tells their store what is asked for next, in the order of multiplying, so
// that it is read while other things are computed.
void announce(const MoeLayer& w, const ops::ExpertPlan& plan) {
  WeightStore* store = w.gate[0].weight.store;
  if (!store) return;
  std::vector<int> visited;
  for (int e = 0; e < plan.experts; ++e)
    if (plan.count(e) > 0) visited.push_back(e);
  std::stable_sort(visited.begin(), visited.end(), [&](int a, int b) { return plan.count(a) > plan.count(b); });
  std::vector<const Weight*> weights;
  for (const int e : visited)
    for (const auto* stack : {&w.gate, &w.up}) weights.push_back(&(*stack)[static_cast<size_t>(e)].weight);
  for (const int e : visited) weights.push_back(&w.down[static_cast<size_t>(e)].weight);
  store->ahead(weights);
}

Tensor shared_expert(Pass& pass, const MoeConfig& config, const MoeLayer& w, const Tensor& x) {
  const ops::LinearPart parts[] = {{&w.shared_gate, {}}, {&w.shared_up, {}}};
  Tensor gate_up[2];
  pass.linear_many(parts, x, gate_up);                                                    // [rows, shared_ffn]
  const Tensor act = gated(pass.context(), gate_up[0], gate_up[1], config.swiglu_limit);  // [rows, shared_ffn]
  return pass.linear(w.shared_down, act);                                                 // [rows, hidden]
}

}  // namespace

std::optional<bool> shows_in_moe(const MoeConfig& config, bool dense, Point point) {
  switch (point) {
    case Point::mlp_act:
      return dense;
    case Point::router_logits:
    case Point::expert_indices:
    case Point::router_margin:
    case Point::expert_weights:
    case Point::expert_out:
      return !dense;
    case Point::shared_out:
      return !dense && config.shared_ffn > 0;
    default:
      return std::nullopt;
  }
}

Tensor moe_forward(Pass& pass, const MoeConfig& config, const MoeLayer& w, int layer, const Tensor& x,
                   std::span<const int32_t> chosen) {
  Context& c = pass.context();
  const ops::Routing& routing = config.routing;
  const Tensor logits = pass.at(Point::router_logits, layer, pass.linear_exact(w.router, x));  // [rows, experts]
  const Tensor scores = ops::router_scores(c, logits, routing.scoring);                        // [rows, experts]
  if (chosen.empty()) {
    chosen = ops::choose_experts(c, logits, scores, w.selection_bias, routing);
    if (pass.watched(Point::router_margin, layer))
      pass.at(Point::router_margin, layer, ops::router_margins(c, logits, scores, w.selection_bias, routing));
  }
  chosen = shown_choices(pass, config, layer, chosen);
  const Tensor weights =
      pass.at(Point::expert_weights, layer, ops::expert_weights(c, scores, chosen, routing));  // [rows, used]

  const ops::ExpertPlan plan = ops::plan_experts(c, chosen, routing.used, config.experts);
  announce(w, plan);
  Tensor shared;                                                          // [rows, hidden]
  if (config.shared_ffn > 0) shared = shared_expert(pass, config, w, x);  // meanwhile
  const std::span<const Linear> stacks[] = {w.gate, w.up};
  Tensor gate_up[2];
  pass.experts_linear_many(stacks, x, plan, gate_up);                        // [rows * used, expert_ffn] twice
  const Tensor act = gated(c, gate_up[0], gate_up[1], config.swiglu_limit);  // [rows * used, expert_ffn]
  const Tensor out = shown_outputs(pass, layer, pass.experts_linear(w.down, act, plan), plan);  // [rows * used, hidden]
  const Tensor routed = ops::combine_experts(c, out, weights, plan);                            // [rows, hidden]
  if (config.shared_ffn == 0) return routed;
  return ops::add(c, routed, pass.at(Point::shared_out, layer, shared));  // [rows, hidden]
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

namespace {

Result<ops::Scoring> read_scoring(Loader& loader, ops::Scoring absent) {
  if (loader.is_gguf()) {
    constexpr ConfigKey key{"", "expert_gating_func"};
    TRY_ASSIGN(const auto number, loader.integer_if_present(key, 0, INT32_MAX));
    switch (number.value_or(0)) {
      case 0:
        return absent;
      case 1:
        return ops::Scoring::softmax;
      case 2:
        return ops::Scoring::sigmoid;
      case 4:
        return ops::Scoring::sqrt_softplus;
      default:
        return unsupported(
            "{}: key '{}': scoring function {} is not known; known are 1 (softmax), 2 (sigmoid), 4 "
            "(sqrt of softplus)",
            loader.file(), loader.spelled(key), *number);
    }
  }
  TRY_ASSIGN(const std::string name, loader.text_or({"scoring_func", ""}, ""));
  if (name.empty()) return absent;
  if (name == "softmax") return ops::Scoring::softmax;
  if (name == "sigmoid") return ops::Scoring::sigmoid;
  if (name == "sqrtsoftplus") return ops::Scoring::sqrt_softplus;
  return unsupported("{}: scoring_func '{}' is not known; known are softmax, sigmoid, sqrtsoftplus", loader.file(),
                     printable(name));
}

// How the best are found: greedy, group_limited_greedy (both softmax), noaux_tc (selection bias).
Result<std::string> read_method(Loader& loader, ops::Scoring scoring) {
  const bool softmax = scoring == ops::Scoring::softmax;
  TRY_ASSIGN(const std::string method, loader.text_or({"topk_method", ""}, softmax ? "" : "noaux_tc"));
  if (!method.empty() && method != "greedy" && method != "group_limited_greedy" && method != "noaux_tc")
    return unsupported("{}: topk_method '{}' is not known; known are greedy, group_limited_greedy, noaux_tc",
                       loader.file(), printable(method));
  if (!method.empty() && (method == "noaux_tc") == softmax)
    return unsupported("{}: topk_method '{}' over {} scores; no known model has both", loader.file(), method,
                       softmax ? "softmax" : "sigmoid or softplus");
  return method;
}

Result<Done> read_groups(Loader& loader, MoeConfig& c, std::string_view method) {
  if (method == "greedy") return Done{};
  constexpr ConfigKey all{"n_group", "expert_group_count"}, used{"topk_group", "expert_group_used_count"};
  TRY_ASSIGN(const auto groups, loader.integer_if_present(all, 0, limits::experts));
  TRY_ASSIGN(const auto groups_used, loader.integer_if_present(used, 0, limits::experts));
  ops::Routing& r = c.routing;
  r.groups = static_cast<int>(std::max<int64_t>(1, groups.value_or(1)));
  r.groups_used = static_cast<int>(groups_used.value_or(0) > 0 ? *groups_used : r.groups);
  if (c.experts % r.groups)
    return inconsistent("{}: {} experts do not make {} equal groups", loader.file(), c.experts, r.groups);
  if (r.groups_used > r.groups) return inconsistent("{}: {} groups used of {}", loader.file(), r.groups_used, r.groups);
  if (r.used > c.experts / r.groups * r.groups_used)
    return inconsistent("{}: {} experts a token, but its {} groups hold {}", loader.file(), r.used, r.groups_used,
                        c.experts / r.groups * r.groups_used);
  if (r.groups > 1 && r.strength == ops::GroupStrength::best_two && c.experts / r.groups < 2)
    return inconsistent("{}: groups of one expert have no two best ones", loader.file());
  return Done{};
}

}  // namespace

Result<int> read_dense_layers(Loader& loader, int layers) {
  TRY_ASSIGN(const int64_t dense, loader.integer({"first_k_dense_replace", "leading_dense_block_count"}, 0, layers));
  TRY_ASSIGN(const auto every, loader.integer_if_present({"moe_layer_freq", ""}, 1, limits::layers));
  if (every.value_or(1) != 1)
    return unsupported("{}: experts in every {}th layer; known models have them in all after the first dense ones",
                       loader.file(), *every);
  return static_cast<int>(dense);
}

Result<MoeConfig> read_moe_config(Loader& loader, int hidden, ops::Scoring absent) {
  MoeConfig c;
  ops::Routing& r = c.routing;
  c.hidden = hidden;
  TRY_ASSIGN(c.experts, loader.integer({"n_routed_experts", "expert_count"}, 1, limits::experts));
  TRY_ASSIGN(r.used, loader.integer({"num_experts_per_tok", "expert_used_count"}, 1, limits::experts));
  if (r.used > c.experts) return inconsistent("{}: {} experts a token of {}", loader.file(), r.used, c.experts);
  TRY_ASSIGN(c.expert_ffn, loader.integer({"moe_intermediate_size", "expert_feed_forward_length"}, 1, limits::width));
  TRY_ASSIGN(const auto shared,
             loader.integer_if_present({"n_shared_experts", "expert_shared_count"}, 0, limits::experts));
  if (shared.value_or(0) * c.expert_ffn > limits::width)
    return malformed("{}: {} shared experts of width {} are wider than {}", loader.file(), *shared, c.expert_ffn,
                     limits::width);
  c.shared_ffn = static_cast<int>(shared.value_or(0) * c.expert_ffn);

  TRY_ASSIGN(r.scoring, read_scoring(loader, absent));
  const bool softmax = r.scoring == ops::Scoring::softmax;
  TRY_ASSIGN(const std::string method, read_method(loader, r.scoring));
  r.strength = softmax ? ops::GroupStrength::best : ops::GroupStrength::best_two;
  c.selection_bias = !softmax;
  TRY(read_groups(loader, c, method));
  TRY_ASSIGN(r.normalise, loader.flag({"norm_topk_prob", "expert_weights_norm"}, !softmax));
  TRY_ASSIGN(const double factor, loader.positive_or({"routed_scaling_factor", "expert_weights_scale"}, 1));
  r.factor = static_cast<float>(factor);
  if (softmax && r.normalise && r.factor != 1)  // the released code scales or normalises, others do both
    return unsupported("{}: softmax weights both normalised and scaled by {}; released code and copies disagree on it",
                       loader.file(), r.factor);
  TRY_ASSIGN(const double limit, loader.positive_or({"swiglu_limit", ""}, 0));
  c.swiglu_limit = static_cast<float>(limit);
  return c;
}

Result<MoeLayer> read_moe_layer(Loader& loader, const MoeConfig& c, int layer, const MoeNames& names, RouterKind kind) {
  MoeLayer w;
  TRY_ASSIGN(w.router, loader.linear(names.router, layer, c.experts, c.hidden));
  if (c.selection_bias && kind == RouterKind::learned) {
    TRY_ASSIGN(w.selection_bias, loader.vector(names.selection_bias, layer, c.experts, ""));
  }
  TRY_ASSIGN(w.gate, loader.experts(names.gate, layer, c.experts, c.expert_ffn, c.hidden));
  TRY_ASSIGN(w.up, loader.experts(names.up, layer, c.experts, c.expert_ffn, c.hidden));
  TRY_ASSIGN(w.down, loader.experts(names.down, layer, c.experts, c.hidden, c.expert_ffn));
  if (c.shared_ffn > 0) {
    TRY_ASSIGN(w.shared_gate, loader.linear(names.shared_gate, layer, c.shared_ffn, c.hidden));
    TRY_ASSIGN(w.shared_up, loader.linear(names.shared_up, layer, c.shared_ffn, c.hidden));
    TRY_ASSIGN(w.shared_down, loader.linear(names.shared_down, layer, c.hidden, c.shared_ffn));
  }
  return w;
}

void MoeLayer::each_linear(const std::function<void(Linear&)>& visit) {
  visit(router);
  for (size_t e = 0; e < gate.size(); ++e)
    for (Linear* linear : {&gate[e], &up[e], &down[e]}) visit(*linear);
  if (shared_gate.id < 0) return;
  for (Linear* linear : {&shared_gate, &shared_up, &shared_down}) visit(*linear);
}

double share_read(const MoeConfig& config, const Linear& linear) {
  return is_routed(linear.weight) ? static_cast<double>(config.routing.used) / config.experts : 1;
}

}  // namespace freehold
