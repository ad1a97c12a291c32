// The parts of a transformer that several architectures of this house are made of: the trunk (embedding, final norm,
// head), a pre-norm block around any attention and any MLP, attention with grouped keys, the gated MLP. An architecture
// file puts them together; what only one architecture does stays in its file.
#pragma once

#include <functional>
#include <string_view>

#include "model/loader.h"
#include "model/memory.h"
#include "model/pass.h"

namespace freehold {

using VisitLinear = std::function<void(std::string_view name, Linear&)>;
using VisitTensor = std::function<void(std::string_view name, Tensor&)>;

// ---- trunk ---------------------------------------------------------------------------------------------------------

struct TrunkConfig {
  int layers = 0, hidden = 0, vocabulary = 0, context = 0;
  float eps = 0;  // of every norm on the stream
  bool tied = false;
};
Result<TrunkConfig> read_trunk_config(Loader&);
// Settings that would change the mathematics and that no file here computes: another activation, windows.
Result<Done> refuse_other_activations(const Loader&);

struct Trunk {
  Linear embed, head;  // tied: head is a copy of embed with the same id
  Tensor norm;         // [hidden]
  bool tied = false;

  Result<Done> read_embedding(Loader&, const TrunkConfig&);
  Result<Done> read_head(Loader&, const TrunkConfig&);  // after the layers, so that ids go with the pass
  Linear& multiplied() {
    return tied ? embed : head;
  }              // the one to pack; a table that is only looked up stays as it is
  void share();  // tied: head is embed again; after packing

  void each_linear_first(const VisitLinear&);  // before those of the layers
  void each_linear_last(const VisitLinear&);   // after them
  void each_tensor(const VisitTensor&);

  Tensor enter(Pass&) const;                                       // [rows, hidden]
  Tensor leave(Pass&, const TrunkConfig&, const Tensor& x) const;  // logits [n, vocabulary]; empty when nobody asks
};

// Packs every matrix of the model but a table that is only looked up, in the order of each_linear.
Result<Done> pack_model(Model&, Trunk&, ModelMemory&, const LoadOptions&, Pool&);

// The facts that follow from the trunk alone.
ModelFacts trunk_facts(std::string_view architecture, const TrunkConfig&);

// ---- block ---------------------------------------------------------------------------------------------------------

struct BlockNorms {
  Tensor attention, mlp;  // [hidden]
};
Result<BlockNorms> read_block_norms(Loader&, int layer, int64_t hidden);
void each_tensor(BlockNorms&, int layer, const VisitTensor&);

// x += attention(norm x); x += mlp(norm x), with its points. attention and mlp: [rows, hidden] -> [rows, hidden].
template <class Attention, class Mlp>
Tensor pre_norm_block(Pass& pass, int layer, const BlockNorms& norms, float eps, Tensor x, Attention attention,
                      Mlp mlp) {
  Context& c = pass.context();
  x = pass.at(Point::resid_pre, layer, x);                                                          // [rows, hidden]
  Tensor in = pass.at(Point::attn_in, layer, ops::rms_norm(c, x, norms.attention, eps));            // [rows, hidden]
  Tensor out = pass.at(Point::attn_out, layer, attention(in));                                      // [rows, hidden]
  x = pass.at(Point::resid_mid, layer, ops::add(c, x, pass.at(Point::attn_out_post, layer, out)));  // [rows, hidden]
  in = pass.at(Point::mlp_in, layer, ops::rms_norm(c, x, norms.mlp, eps));                          // [rows, hidden]
  out = pass.at(Point::mlp_out, layer, mlp(in));                                                    // [rows, hidden]
  return pass.at(Point::resid_post, layer, ops::add(c, x, pass.at(Point::mlp_out_post, layer, out)));
}

// ---- attention with grouped keys -----------------------------------------------------------------------------------

struct GroupedConfig {
  int heads = 0, kv_heads = 0, head_dim = 0;
  float eps = 0;
  bool qkv_bias = false, out_bias = false;
  bool head_norms = false;  // RMSNorm of each q and k head before rotation
  ops::Rope rope;
};
Result<GroupedConfig> read_grouped_config(Loader&, const TrunkConfig&, ops::RopeLayout);  // heads and rotation

struct GroupedAttention {
  Linear q, k, v, out;                      // [heads*d, hidden] [kv*d, hidden] [kv*d, hidden] [hidden, heads*d]
  Tensor q_bias, k_bias, v_bias, out_bias;  // empty where the architecture has none
  Tensor q_norm, k_norm;                    // [d], with head norms
};
Result<GroupedAttention> read_grouped_attention(Loader&, const GroupedConfig&, int layer, int64_t hidden);
Tensor grouped_attention(Pass&, const GroupedConfig&, const GroupedAttention&, int layer, const Tensor& x);
uint64_t grouped_cache_bytes(int layers, const GroupedConfig&, KvType);  // of one position
void each_linear(GroupedAttention&, const VisitLinear&);
void each_tensor(GroupedAttention&, int layer, const VisitTensor&);

// ---- gated MLP -----------------------------------------------------------------------------------------------------

enum class Biases : uint8_t { none, all };
struct GatedMlp {
  Linear gate, up, down;  // [ffn, hidden] [ffn, hidden] [hidden, ffn]
  Tensor gate_bias, up_bias, down_bias;
};
Result<GatedMlp> read_gated_mlp(Loader&, int layer, int64_t hidden, int64_t ffn, Biases);
Tensor gated_mlp(Pass&, const GatedMlp&, int layer, const Tensor& x);  // down(silu(gate x) ⊙ up x); shows mlp_act
void each_linear(GatedMlp&, const VisitLinear&);
void each_tensor(GatedMlp&, int layer, const VisitTensor&);

// Names that files of other architectures ask for too.
namespace name {
inline constexpr TensorName q{"model.layers.{}.self_attn.q_proj", "blk.{}.attn_q"},
    out{"model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"};
inline constexpr TensorName mlp_gate{"model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"};
}  // namespace name

}  // namespace freehold
