#include "model/blocks.h"

#include <cmath>

#include "model/rope_scaling.h"

namespace freehold {

namespace name {
namespace {
constexpr TensorName embed{"model.embed_tokens", "token_embd"}, norm{"model.norm", "output_norm"},
    head{"lm_head", "output"};
constexpr TensorName attn_norm{"model.layers.{}.input_layernorm", "blk.{}.attn_norm"};
constexpr TensorName mlp_norm{"model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"};
constexpr TensorName k{"model.layers.{}.self_attn.k_proj", "blk.{}.attn_k"},
    v{"model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"};
constexpr TensorName q_norm{"model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm"};
constexpr TensorName k_norm{"model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm"};
constexpr TensorName up{"model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"};
constexpr TensorName down{"model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"};
}  // namespace
}  // namespace name

namespace {

void show(const VisitTensor& visit, TensorName name, int layer, std::string_view suffix, Tensor& tensor) {
  if (tensor) visit(released_name(name, layer, suffix), tensor);
}

}  // namespace

// ---- trunk ---------------------------------------------------------------------------------------------------------

Result<Done> refuse_other_activations(const Loader& loader) {
  TRY_ASSIGN(const std::string activation, loader.text_or({"hidden_act", ""}, "silu"));
  if (activation != "silu")
    return unsupported("{}: hidden_act '{}'; this architecture is computed with silu", loader.file(),
                       printable(activation));
  TRY_ASSIGN(const bool window, loader.flag({"use_sliding_window", ""}, false));
  if (window) return unsupported("{}: use_sliding_window is true; windows are not computed", loader.file());
  return Done{};
}

Result<TrunkConfig> read_trunk_config(Loader& loader) {
  TrunkConfig c;
  TRY_ASSIGN(c.layers, loader.integer({"num_hidden_layers", "block_count"}, 1, limits::layers));
  TRY_ASSIGN(c.hidden, loader.integer({"hidden_size", "embedding_length"}, 1, limits::width));
  TRY_ASSIGN(c.context, loader.integer({"max_position_embeddings", "context_length"}, 1, limits::context));
  TRY_ASSIGN(const double eps, loader.positive({"rms_norm_eps", "attention.layer_norm_rms_epsilon"}));
  c.eps = static_cast<float>(eps);
  TRY_ASSIGN(c.vocabulary, loader.vocabulary(name::embed));
  TRY_ASSIGN(c.tied, loader.flag({"tie_word_embeddings", ""}, !loader.has(name::head)));
  return c;
}

Result<Done> Trunk::read_embedding(Loader& loader, const TrunkConfig& c) {
  tied = c.tied;
  TRY_ASSIGN(embed, loader.linear(name::embed, -1, c.vocabulary, c.hidden));
  return Done{};
}

Result<Done> Trunk::read_head(Loader& loader, const TrunkConfig& c) {
  TRY_ASSIGN(norm, loader.vector(name::norm, -1, c.hidden));
  if (tied) {
    loader.ignore(loader.is_gguf() ? "output.weight" : "lm_head.weight");  // some files keep a copy of the table
  } else {
    TRY_ASSIGN(head, loader.linear(name::head, -1, c.vocabulary, c.hidden));
  }
  return Done{};
}

Tensor Trunk::enter(Pass& pass) const {
  return pass.at(Point::embed, 0, ops::embed(pass.context(), embed, pass.tokens()));  // [rows, hidden]
}

Tensor Trunk::leave(Pass& pass, const TrunkConfig& config, const Tensor& x) const {
  Context& c = pass.context();
  if (!pass.final_rows().empty())
    pass.set_final_states(ops::rms_norm(c, ops::pick_rows(c, x, pass.final_rows()), norm, config.eps));  // [m, hidden]
  if (pass.logit_rows().empty()) return {};
  const Tensor last = ops::pick_rows(c, x, pass.logit_rows());  // [n, hidden]
  const Tensor in =
      pass.at(Point::final_norm, 0, ops::rms_norm(c, last, norm, config.eps), pass.logit_sites());  // [n, hidden]
  return pass.at(Point::lm_head, 0, pass.head(head, in), pass.logit_sites());                // [n, vocabulary]
}

void Trunk::share() {
  if (tied) head = embed;
}

void Trunk::each_linear_first(const VisitLinear& visit) {
  visit(embed.weight.name, embed);
  share();  // a visitor may have replaced the weight
}

void Trunk::each_linear_last(const VisitLinear& visit) {
  if (!tied) visit(head.weight.name, head);
}

void Trunk::each_tensor(const VisitTensor& visit) { show(visit, name::norm, -1, ".weight", norm); }

Result<Done> pack_model(Model& model, Trunk& trunk, ModelMemory& memory, const LoadOptions& options, Pool& pool) {
  std::vector<Linear*> packed;
  model.each_linear([&](std::string_view, Linear& linear) {
    if (&linear != &trunk.embed || trunk.tied) packed.push_back(&linear);
  });
  TRY(pack_weights(packed, memory, options, pool));
  trunk.share();
  return Done{};
}

ModelFacts trunk_facts(std::string_view architecture, const TrunkConfig& c) {
  return {.architecture = std::string(architecture),
          .layers = c.layers,
          .hidden = c.hidden,
          .vocabulary = c.vocabulary,
          .context = c.context,
          .tied = c.tied};
}

// ---- block ---------------------------------------------------------------------------------------------------------

Result<BlockNorms> read_block_norms(Loader& loader, int layer, int64_t hidden) {
  BlockNorms norms;
  TRY_ASSIGN(norms.attention, loader.vector(name::attn_norm, layer, hidden));
  TRY_ASSIGN(norms.mlp, loader.vector(name::mlp_norm, layer, hidden));
  return norms;
}

void each_tensor(BlockNorms& norms, int layer, const VisitTensor& visit) {
  show(visit, name::attn_norm, layer, ".weight", norms.attention);
  show(visit, name::mlp_norm, layer, ".weight", norms.mlp);
}

// ---- attention with grouped keys -----------------------------------------------------------------------------------

Result<GroupedConfig> read_grouped_config(Loader& loader, const TrunkConfig& trunk, ops::RopeLayout layout) {
  GroupedConfig c;
  c.eps = trunk.eps;
  TRY_ASSIGN(c.heads, loader.integer({"num_attention_heads", "attention.head_count"}, 1, limits::heads));
  TRY_ASSIGN(const auto kv_heads,
             loader.integer_if_present({"num_key_value_heads", "attention.head_count_kv"}, 1, limits::heads));
  c.kv_heads = static_cast<int>(kv_heads.value_or(c.heads));
  if (c.heads % c.kv_heads)
    return inconsistent("{}: {} query heads cannot share {} key heads", loader.file(), c.heads, c.kv_heads);
  TRY_ASSIGN(const auto head_dim, loader.integer_if_present({"head_dim", "attention.key_length"}, 2, limits::width));
  if (!head_dim && trunk.hidden % c.heads)
    return inconsistent("{}: width {} is not a multiple of {} heads, and no head size is given", loader.file(),
                        trunk.hidden, c.heads);
  c.head_dim = static_cast<int>(head_dim.value_or(trunk.hidden / c.heads));
  if (c.head_dim % 2) return inconsistent("{}: head size {} is odd; rotation needs pairs", loader.file(), c.head_dim);
  TRY_ASSIGN(const auto value_dim, loader.integer_if_present({"", "attention.value_length"}, 1, limits::width));
  if (value_dim.value_or(c.head_dim) != c.head_dim)
    return unsupported("{}: values of {} numbers beside keys of {}", loader.file(), *value_dim, c.head_dim);
  TRY_ASSIGN(const auto rotated, loader.integer_if_present({"", "rope.dimension_count"}, 2, limits::width));
  if (rotated.value_or(c.head_dim) != c.head_dim)
    return unsupported("{}: rotation of {} of {} numbers of a head", loader.file(), *rotated, c.head_dim);
  TRY_ASSIGN(c.rope, load_rope(loader, layout, c.head_dim, 10000));
  return c;
}

Result<GroupedAttention> read_grouped_attention(Loader& loader, const GroupedConfig& c, int layer, int64_t hidden) {
  const int64_t q_width = int64_t{c.heads} * c.head_dim, kv_width = int64_t{c.kv_heads} * c.head_dim;
  GroupedAttention w;
  TRY_ASSIGN(w.q, loader.linear(name::q, layer, q_width, hidden));
  TRY_ASSIGN(w.k, loader.linear(name::k, layer, kv_width, hidden));
  TRY_ASSIGN(w.v, loader.linear(name::v, layer, kv_width, hidden));
  TRY_ASSIGN(w.out, loader.linear(name::out, layer, hidden, q_width));
  TRY_ASSIGN(w.q_bias, loader.bias(name::q, layer, q_width, c.qkv_bias));
  TRY_ASSIGN(w.k_bias, loader.bias(name::k, layer, kv_width, c.qkv_bias));
  TRY_ASSIGN(w.v_bias, loader.bias(name::v, layer, kv_width, c.qkv_bias));
  TRY_ASSIGN(w.out_bias, loader.bias(name::out, layer, hidden, c.out_bias));
  if (c.head_norms) {
    TRY_ASSIGN(w.q_norm, loader.vector(name::q_norm, layer, c.head_dim));
    TRY_ASSIGN(w.k_norm, loader.vector(name::k_norm, layer, c.head_dim));
  }
  return w;
}

Tensor grouped_attention(Pass& pass, const GroupedConfig& config, const GroupedAttention& w, int layer,
                         const Tensor& x) {
  Context& c = pass.context();
  const int64_t rows = x.rows(), d = config.head_dim;
  const ops::LinearPart parts[] = {{&w.q, w.q_bias}, {&w.k, w.k_bias}, {&w.v, w.v_bias}};
  Tensor qkv[3];
  pass.linear_many(parts, x, qkv);
  Tensor q = qkv[0].reshaped({rows, config.heads, d});     // [rows, heads, d]
  Tensor k = qkv[1].reshaped({rows, config.kv_heads, d});  // [rows, kv_heads, d]
  Tensor v = qkv[2].reshaped({rows, config.kv_heads, d});  // [rows, kv_heads, d]
  if (config.head_norms) {
    q = ops::rms_norm(c, q, w.q_norm, config.eps);  // [rows, heads, d]
    k = ops::rms_norm(c, k, w.k_norm, config.eps);  // [rows, kv_heads, d]
  }
  q = ops::rope(c, pass.at(Point::q, layer, q), config.rope, pass.positions());  // [rows, heads, d]
  k = ops::rope(c, pass.at(Point::k, layer, k), config.rope, pass.positions());  // [rows, kv_heads, d]
  v = pass.at(Point::v, layer, v);
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  const Tensor z = pass.at(Point::z, layer, pass.attention(layer, q, k, v, scale));  // [rows, heads, d]
  return pass.linear(w.out, z.reshaped({rows, config.heads * d}), w.out_bias);       // [rows, hidden]
}

uint64_t grouped_cache_bytes(int layers, const GroupedConfig& c, KvType type) {
  const KvShape kept{type, c.kv_heads, c.head_dim, c.head_dim};
  return static_cast<uint64_t>(layers) * (kept.key_row_bytes() + kept.value_row_bytes());
}

void each_linear(GroupedAttention& w, const VisitLinear& visit) {
  for (Linear* linear : {&w.q, &w.k, &w.v, &w.out}) visit(linear->weight.name, *linear);
}

void each_tensor(GroupedAttention& w, int layer, const VisitTensor& visit) {
  show(visit, name::q, layer, ".bias", w.q_bias);
  show(visit, name::k, layer, ".bias", w.k_bias);
  show(visit, name::v, layer, ".bias", w.v_bias);
  show(visit, name::out, layer, ".bias", w.out_bias);
  show(visit, name::q_norm, layer, ".weight", w.q_norm);
  show(visit, name::k_norm, layer, ".weight", w.k_norm);
}

// ---- gated MLP -----------------------------------------------------------------------------------------------------

Result<GatedMlp> read_gated_mlp(Loader& loader, int layer, int64_t hidden, int64_t ffn, Biases biases) {
  const bool biased = biases == Biases::all;
  GatedMlp w;
  TRY_ASSIGN(w.gate, loader.linear(name::mlp_gate, layer, ffn, hidden));
  TRY_ASSIGN(w.up, loader.linear(name::up, layer, ffn, hidden));
  TRY_ASSIGN(w.down, loader.linear(name::down, layer, hidden, ffn));
  TRY_ASSIGN(w.gate_bias, loader.bias(name::mlp_gate, layer, ffn, biased));
  TRY_ASSIGN(w.up_bias, loader.bias(name::up, layer, ffn, biased));
  TRY_ASSIGN(w.down_bias, loader.bias(name::down, layer, hidden, biased));
  return w;
}

Tensor gated_mlp(Pass& pass, const GatedMlp& w, int layer, const Tensor& x) {
  const ops::LinearPart parts[] = {{&w.gate, w.gate_bias}, {&w.up, w.up_bias}};
  Tensor gate_up[2];
  pass.linear_many(parts, x, gate_up);  // [rows, ffn] twice
  const Tensor act = pass.at(Point::mlp_act, layer, ops::silu_mul(pass.context(), gate_up[0], gate_up[1]));
  return pass.linear(w.down, act, w.down_bias);  // [rows, hidden]
}

void each_linear(GatedMlp& w, const VisitLinear& visit) {
  for (Linear* linear : {&w.gate, &w.up, &w.down}) visit(linear->weight.name, *linear);
}

void each_tensor(GatedMlp& w, int layer, const VisitTensor& visit) {
  show(visit, name::mlp_gate, layer, ".bias", w.gate_bias);
  show(visit, name::up, layer, ".bias", w.up_bias);
  show(visit, name::down, layer, ".bias", w.down_bias);
}

}  // namespace freehold
