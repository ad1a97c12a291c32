// The experts of a layer: router, routed experts, shared expert (DeepSeek-MoE: Dai et al. 2024, eq. 3-11; V2: 2.1.2 of
// its report; V3: eq. 12-16 of its report). ops/experts.h has the formulas; here is how checkpoints spell them and how
// a pass runs them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/loader.h"
#include "model/pass.h"
#include "ops/experts.h"

namespace freehold {

struct MoeConfig {
  int hidden = 0, experts = 0;
  int expert_ffn = 0;
  int shared_ffn = 0;           // width of the shared expert; 0: there is none
  ops::Routing routing;         // with `used`
  bool selection_bias = false;  // added to scores for choosing only
  float swiglu_limit = 0;       // gate at most this, up within +-this, before silu(gate) * up; 0: no limit
};

// Tensor names; a second "{}" of a released name stands for the expert. GGUF stacks all experts in one tensor.
struct MoeNames {
  TensorName router, selection_bias;  // the latter with its suffix
  TensorName gate, up, down;
  TensorName shared_gate, shared_up, shared_down;
};
extern const MoeNames
    deepseek_moe_names;  // deepseek, deepseek_v2, deepseek_v3: model.layers.{}.mlp.experts.{}.gate_proj

// Reads counts and the router's rules. `absent`: how scores are made when the checkpoint does not say (configurations
// saved by some versions of transformers leave it out). Refuses what contradicts itself or is not computed here.
Result<MoeConfig> read_moe_config(Loader&, int hidden, ops::Scoring absent);
Result<int> read_dense_layers(Loader&, int layers);  // how many layers come before the first with experts

struct MoeLayer {
  Linear router;                               // [experts, hidden]
  Tensor selection_bias;                       // [experts] or empty; no gradient, so no part of each_tensor
  std::vector<Linear> gate, up, down;          // of each expert: [expert_ffn, hidden] twice, [hidden, expert_ffn]
  Linear shared_gate, shared_up, shared_down;  // ids of -1 where there is no shared expert
  void each_linear(const std::function<void(Linear&)>& visit);
};
enum class RouterKind : uint8_t {
  learned,
  table
};  // table: choices come from elsewhere, so there is no selection bias
Result<MoeLayer> read_moe_layer(Loader&, const MoeConfig&, int layer, const MoeNames& = deepseek_moe_names,
                                RouterKind = RouterKind::learned);

// The part of a weight that one token reads, on average: used / experts of a routed expert's, all of others.
double share_read(const MoeConfig&, const Linear&);

// Whether a layer, dense or of experts, shows a point of the MLP; nothing about other points.
std::optional<bool> shows_in_moe(const MoeConfig&, bool dense, Point);

// [rows, hidden] -> [rows, hidden]: Σ weight * expert(x) + shared(x). Shows router_logits, expert_indices,
// expert_weights, expert_out (once for each visited expert), shared_out; edits of the first three act on what follows.
// `chosen`, when given, are the experts of each row, [rows * used] (layers that choose by a table of tokens); else
// router_margin is shown too.
Tensor moe_forward(Pass&, const MoeConfig&, const MoeLayer&, int layer, const Tensor& x,
                   std::span<const int32_t> chosen = {});

}  // namespace freehold
