// The llama family: llama, qwen2, qwen3. A pre-norm transformer with grouped keys, rotary positions and SwiGLU
// (docs/architecture.md; formulas: Touvron et al. 2023, section 2.2). The three differ in biases on q, k and v (qwen2),
// in norms of q and k per head (qwen3), and in how the rows of q and k are stored (GGUF permutes those of llama).
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/architectures.h"
#include "model/loader.h"
#include "model/memory.h"
#include "model/rope_scaling.h"

namespace freehold {
namespace {

struct LlamaConfig {
  int layers = 0, hidden = 0, ffn = 0, vocabulary = 0, context = 0;
  int heads = 0, kv_heads = 0, head_dim = 0;
  float eps = 0;
  bool tied = false;
  bool qkv_bias = false, out_bias = false, mlp_bias = false;
  bool head_norms = false;  // RMSNorm of each q and k head before rotation
  ops::Rope rope;
};

struct LlamaLayer {
  Tensor attn_norm, mlp_norm;               // [hidden]
  Linear q, k, v, out;                      // [heads*d, hidden] [kv*d, hidden] [kv*d, hidden] [hidden, heads*d]
  Tensor q_bias, k_bias, v_bias, out_bias;  // empty where the architecture has none
  Tensor q_norm, k_norm;                    // [d], qwen3
  Linear gate, up, down;                    // [ffn, hidden] [ffn, hidden] [hidden, ffn]
  Tensor gate_bias, up_bias, down_bias;
};

class Llama final : public Model {
 public:
  Llama(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  void each_linear(const std::function<void(std::string_view, Linear&)>&) override;
  void each_tensor(const std::function<void(std::string_view, Tensor&)>&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    return make_paged_cache(config_.layers, {mode_.kv, config_.kv_heads, config_.head_dim, config_.head_dim},
                            positions);
  }
  const ModelFacts& facts() const override { return facts_; }
  const NumericMode& mode() const override { return mode_; }

 private:
  Result<Done> read_config(Loader&, const Architecture&);
  Result<LlamaLayer> read_layer(Loader&, int layer);
  Tensor block(Pass&, int layer, Tensor x) const;
  Tensor attention(Pass&, int layer, const Tensor& x) const;
  Tensor mlp(Pass&, int layer, const Tensor& x) const;

  ModelMemory memory_;
  NumericMode mode_;
  LlamaConfig config_;
  ModelFacts facts_;
  Linear embed_, head_;  // tied: head_ is a copy of embed_ with the same id
  std::vector<LlamaLayer> layers_;
  Tensor norm_;  // [hidden]
};

// ------------------------------------------------------------------------------------------------------------------
// The pass

Tensor Llama::forward(Pass& pass) const {
  Context& c = pass.context();
  Tensor x = pass.at(Point::embed, 0, ops::embed(c, embed_, pass.tokens()));  // [rows, hidden]
  for (int layer = 0; layer < config_.layers; ++layer) x = pass.carry(block(pass, layer, x));
  if (pass.logit_rows().empty()) return {};
  x = ops::pick_rows(c, x, pass.logit_rows());                                                     // [n, hidden]
  x = pass.at(Point::final_norm, 0, ops::rms_norm(c, x, norm_, config_.eps), pass.logit_sites());  // [n, hidden]
  return pass.at(Point::lm_head, 0, pass.linear_fine(head_, x), pass.logit_sites());               // [n, vocabulary]
}

Tensor Llama::block(Pass& pass, int layer, Tensor x) const {
  Context& c = pass.context();
  const LlamaLayer& w = layers_[static_cast<size_t>(layer)];
  x = pass.at(Point::resid_pre, layer, x);                                                          // [rows, hidden]
  Tensor in = pass.at(Point::attn_in, layer, ops::rms_norm(c, x, w.attn_norm, config_.eps));        // [rows, hidden]
  Tensor out = pass.at(Point::attn_out, layer, attention(pass, layer, in));                         // [rows, hidden]
  x = pass.at(Point::resid_mid, layer, ops::add(c, x, pass.at(Point::attn_out_post, layer, out)));  // [rows, hidden]
  in = pass.at(Point::mlp_in, layer, ops::rms_norm(c, x, w.mlp_norm, config_.eps));                 // [rows, hidden]
  out = pass.at(Point::mlp_out, layer, mlp(pass, layer, in));                                       // [rows, hidden]
  return pass.at(Point::resid_post, layer, ops::add(c, x, pass.at(Point::mlp_out_post, layer, out)));
}

Tensor Llama::attention(Pass& pass, int layer, const Tensor& x) const {
  Context& c = pass.context();
  const LlamaLayer& w = layers_[static_cast<size_t>(layer)];
  const int64_t rows = x.rows(), d = config_.head_dim;
  const ops::LinearPart parts[] = {{&w.q, w.q_bias}, {&w.k, w.k_bias}, {&w.v, w.v_bias}};
  Tensor qkv[3];
  pass.linear_many(parts, x, qkv);
  Tensor q = qkv[0].reshaped({rows, config_.heads, d});     // [rows, heads, d]
  Tensor k = qkv[1].reshaped({rows, config_.kv_heads, d});  // [rows, kv_heads, d]
  Tensor v = qkv[2].reshaped({rows, config_.kv_heads, d});  // [rows, kv_heads, d]
  if (config_.head_norms) {
    q = ops::rms_norm(c, q, w.q_norm, config_.eps);  // [rows, heads, d]
    k = ops::rms_norm(c, k, w.k_norm, config_.eps);  // [rows, kv_heads, d]
  }
  q = ops::rope(c, pass.at(Point::q, layer, q), config_.rope, pass.positions());  // [rows, heads, d]
  k = ops::rope(c, pass.at(Point::k, layer, k), config_.rope, pass.positions());  // [rows, kv_heads, d]
  v = pass.at(Point::v, layer, v);
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  const Tensor z = pass.at(Point::z, layer, pass.attention(layer, q, k, v, scale));  // [rows, heads, d]
  return pass.linear(w.out, z.reshaped({rows, config_.heads * d}), w.out_bias);      // [rows, hidden]
}

Tensor Llama::mlp(Pass& pass, int layer, const Tensor& x) const {
  const LlamaLayer& w = layers_[static_cast<size_t>(layer)];
  const ops::LinearPart parts[] = {{&w.gate, w.gate_bias}, {&w.up, w.up_bias}};
  Tensor gate_up[2];
  pass.linear_many(parts, x, gate_up);  // [rows, ffn] twice
  const Tensor act = pass.at(Point::mlp_act, layer, ops::silu_mul(pass.context(), gate_up[0], gate_up[1]));
  return pass.linear(w.down, act, w.down_bias);  // [rows, hidden]
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

namespace name {
constexpr TensorName embed{"model.embed_tokens", "token_embd"}, norm{"model.norm", "output_norm"},
    head{"lm_head", "output"};
constexpr TensorName attn_norm{"model.layers.{}.input_layernorm", "blk.{}.attn_norm"};
constexpr TensorName mlp_norm{"model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"};
constexpr TensorName q{"model.layers.{}.self_attn.q_proj", "blk.{}.attn_q"},
    k{"model.layers.{}.self_attn.k_proj", "blk.{}.attn_k"};
constexpr TensorName v{"model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"},
    out{"model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"};
constexpr TensorName q_norm{"model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm"};
constexpr TensorName k_norm{"model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm"};
constexpr TensorName gate{"model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"},
    up{"model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"};
constexpr TensorName down{"model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"};
}  // namespace name

// Settings that would change the mathematics and that this file does not compute.
Result<Done> refuse_variants(const Loader& loader, std::string_view kind) {
  TRY_ASSIGN(const std::string activation, loader.text_or({"hidden_act", ""}, "silu"));
  if (activation != "silu")
    return unsupported("{}: hidden_act '{}'; this architecture is computed with silu", loader.file(),
                       printable(activation));
  TRY_ASSIGN(const bool window, loader.flag({"use_sliding_window", ""}, false));
  if (window) return unsupported("{}: use_sliding_window is true; windows are not computed", loader.file());
  if (kind == "mistral") {  // states a window instead of a switch; null, or as long as the context, is none
    TRY_ASSIGN(const auto size, loader.integer_if_present({"sliding_window", ""}, 1, limits::context));
    TRY_ASSIGN(const int64_t context, loader.integer({"max_position_embeddings", ""}, 1, limits::context));
    if (size && *size < context)
      return unsupported("{}: sliding_window of {} positions; windows are not computed", loader.file(), *size);
  }
  TRY_ASSIGN(const auto experts, loader.integer_if_present({"num_local_experts", "expert_count"}, 0, limits::experts));
  if (experts.value_or(0) > 0)
    return unsupported("{}: {} experts; this architecture is dense", loader.file(), *experts);
  return Done{};
}

Result<Done> Llama::read_config(Loader& loader, const Architecture& architecture) {
  const std::string_view kind = architecture.released;
  TRY(refuse_variants(loader, kind));
  LlamaConfig& c = config_;
  TRY_ASSIGN(c.layers, loader.integer({"num_hidden_layers", "block_count"}, 1, limits::layers));
  TRY_ASSIGN(c.hidden, loader.integer({"hidden_size", "embedding_length"}, 1, limits::width));
  TRY_ASSIGN(c.ffn, loader.integer({"intermediate_size", "feed_forward_length"}, 1, limits::width));
  TRY_ASSIGN(c.context, loader.integer({"max_position_embeddings", "context_length"}, 1, limits::context));
  TRY_ASSIGN(c.heads, loader.integer({"num_attention_heads", "attention.head_count"}, 1, limits::heads));
  TRY_ASSIGN(const auto kv_heads,
             loader.integer_if_present({"num_key_value_heads", "attention.head_count_kv"}, 1, limits::heads));
  c.kv_heads = static_cast<int>(kv_heads.value_or(c.heads));
  if (c.heads % c.kv_heads)
    return inconsistent("{}: {} query heads cannot share {} key heads", loader.file(), c.heads, c.kv_heads);
  TRY_ASSIGN(const auto head_dim, loader.integer_if_present({"head_dim", "attention.key_length"}, 2, limits::width));
  if (!head_dim && c.hidden % c.heads)
    return inconsistent("{}: width {} is not a multiple of {} heads, and no head size is given", loader.file(),
                        c.hidden, c.heads);
  c.head_dim = static_cast<int>(head_dim.value_or(c.hidden / c.heads));
  if (c.head_dim % 2) return inconsistent("{}: head size {} is odd; rotation needs pairs", loader.file(), c.head_dim);
  TRY_ASSIGN(const auto value_dim, loader.integer_if_present({"", "attention.value_length"}, 1, limits::width));
  if (value_dim.value_or(c.head_dim) != c.head_dim)
    return unsupported("{}: values of {} numbers beside keys of {}", loader.file(), *value_dim, c.head_dim);
  TRY_ASSIGN(const auto rotated, loader.integer_if_present({"", "rope.dimension_count"}, 2, limits::width));
  if (rotated.value_or(c.head_dim) != c.head_dim)
    return unsupported("{}: rotation of {} of {} numbers of a head", loader.file(), *rotated, c.head_dim);
  TRY_ASSIGN(const double eps, loader.positive({"rms_norm_eps", "attention.layer_norm_rms_epsilon"}));
  c.eps = static_cast<float>(eps);

  const StoredTensor* table =
      loader.checkpoint().find(std::string(loader.is_gguf() ? name::embed.gguf : name::embed.released) + ".weight");
  if (!table || table->shape.rank() != 2)
    return malformed("{}: the embedding table is missing or no matrix", loader.file());
  TRY_ASSIGN(const auto vocabulary, loader.integer_if_present({"vocab_size", "vocab_size"}, 1, limits::vocabulary));
  if (table->shape[0] < 1 || table->shape[0] > limits::vocabulary ||
      table->shape[0] != vocabulary.value_or(table->shape[0]))
    return inconsistent("{}: the embedding table has {} rows, vocab_size is {}", loader.file(), table->shape[0],
                        vocabulary.value_or(0));
  c.vocabulary = static_cast<int>(table->shape[0]);
  TRY_ASSIGN(c.tied, loader.flag({"tie_word_embeddings", ""}, !loader.has(name::head)));

  if (loader.is_gguf()) {  // presence is the only statement that GGUF makes about biases
    c.qkv_bias = loader.has(name::q, 0, ".bias");
    c.out_bias = loader.has(name::out, 0, ".bias");
    c.mlp_bias = loader.has(name::gate, 0, ".bias");
  } else {
    TRY_ASSIGN(const bool attention_bias, loader.flag({"attention_bias", ""}, false));
    c.qkv_bias = attention_bias || kind == "qwen2";
    c.out_bias = attention_bias && kind != "qwen2";
    TRY_ASSIGN(c.mlp_bias, loader.flag({"mlp_bias", ""}, false));
  }
  c.head_norms = kind == "qwen3";
  const bool permuted = loader.is_gguf() && kind == "llama";
  TRY_ASSIGN(c.rope,
             load_rope(loader, permuted ? ops::RopeLayout::interleaved : ops::RopeLayout::half, c.head_dim, 10000));
  return Done{};
}

Result<LlamaLayer> Llama::read_layer(Loader& loader, int i) {
  const LlamaConfig& c = config_;
  const int64_t q_width = int64_t{c.heads} * c.head_dim, kv_width = int64_t{c.kv_heads} * c.head_dim;
  LlamaLayer w;
  TRY_ASSIGN(w.attn_norm, loader.vector(name::attn_norm, i, c.hidden));
  TRY_ASSIGN(w.q, loader.linear(name::q, i, q_width, c.hidden));
  TRY_ASSIGN(w.k, loader.linear(name::k, i, kv_width, c.hidden));
  TRY_ASSIGN(w.v, loader.linear(name::v, i, kv_width, c.hidden));
  TRY_ASSIGN(w.out, loader.linear(name::out, i, c.hidden, q_width));
  TRY_ASSIGN(w.q_bias, loader.bias(name::q, i, q_width, c.qkv_bias));
  TRY_ASSIGN(w.k_bias, loader.bias(name::k, i, kv_width, c.qkv_bias));
  TRY_ASSIGN(w.v_bias, loader.bias(name::v, i, kv_width, c.qkv_bias));
  TRY_ASSIGN(w.out_bias, loader.bias(name::out, i, c.hidden, c.out_bias));
  if (c.head_norms) {
    TRY_ASSIGN(w.q_norm, loader.vector(name::q_norm, i, c.head_dim));
    TRY_ASSIGN(w.k_norm, loader.vector(name::k_norm, i, c.head_dim));
  }
  TRY_ASSIGN(w.mlp_norm, loader.vector(name::mlp_norm, i, c.hidden));
  TRY_ASSIGN(w.gate, loader.linear(name::gate, i, c.ffn, c.hidden));
  TRY_ASSIGN(w.up, loader.linear(name::up, i, c.ffn, c.hidden));
  TRY_ASSIGN(w.down, loader.linear(name::down, i, c.hidden, c.ffn));
  TRY_ASSIGN(w.gate_bias, loader.bias(name::gate, i, c.ffn, c.mlp_bias));
  TRY_ASSIGN(w.up_bias, loader.bias(name::up, i, c.ffn, c.mlp_bias));
  TRY_ASSIGN(w.down_bias, loader.bias(name::down, i, c.hidden, c.mlp_bias));
  return w;
}

Result<Done> Llama::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  TRY(read_config(loader, architecture));
  TRY_ASSIGN(embed_, loader.linear(name::embed, -1, config_.vocabulary, config_.hidden));
  for (int i = 0; i < config_.layers; ++i) {
    TRY_ASSIGN(LlamaLayer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY_ASSIGN(norm_, loader.vector(name::norm, -1, config_.hidden));
  if (config_.tied) {
    loader.ignore(loader.is_gguf() ? "output.weight" : "lm_head.weight");  // some files keep a copy of the table
  } else {
    TRY_ASSIGN(head_, loader.linear(name::head, -1, config_.vocabulary, config_.hidden));
  }
  TRY(loader.all_used());

  std::vector<Linear*> packed;  // in the order of reading; a table that is only looked up by rows stays as it is
  for (LlamaLayer& w : layers_)
    for (Linear* linear : {&w.q, &w.k, &w.v, &w.out, &w.gate, &w.up, &w.down}) packed.push_back(linear);
  packed.push_back(config_.tied ? &embed_ : &head_);
  TRY(pack_weights(packed, memory_, options, pool));
  if (config_.tied) head_ = embed_;

  const LlamaConfig& c = config_;
  facts_ = {.architecture = std::string(architecture.released),
            .layers = c.layers,
            .hidden = c.hidden,
            .vocabulary = c.vocabulary,
            .context = c.context,
            .heads = c.heads,
            .kv_heads = c.kv_heads,
            .head_dim = c.head_dim,
            .ffn = c.ffn,
            .tied = c.tied};
  facts_.cache_bytes_per_position =
      uint64_t{2} * static_cast<uint64_t>(c.layers * c.kv_heads * c.head_dim) * (mode_.kv == KvType::f16 ? 2 : 4);
  count_weights(*this, &embed_, c.tied ? &embed_ : &head_, facts_);
  return Done{};
}

void Llama::each_linear(const std::function<void(std::string_view, Linear&)>& visit) {
  visit(embed_.weight.name, embed_);
  if (config_.tied) head_ = embed_;  // a visitor may have replaced the weight
  for (LlamaLayer& w : layers_)
    for (Linear* linear : {&w.q, &w.k, &w.v, &w.out, &w.gate, &w.up, &w.down}) visit(linear->weight.name, *linear);
  if (!config_.tied) visit(head_.weight.name, head_);
}

void Llama::each_tensor(const std::function<void(std::string_view, Tensor&)>& visit) {
  const auto show = [&](TensorName n, int layer, std::string_view suffix, Tensor& tensor) {
    if (!tensor) return;
    std::string full = std::string(n.released) + std::string(suffix);
    if (const size_t hole = full.find("{}"); hole != std::string::npos) full.replace(hole, 2, std::to_string(layer));
    visit(full, tensor);
  };
  for (int i = 0; i < config_.layers; ++i) {
    LlamaLayer& w = layers_[static_cast<size_t>(i)];
    show(name::attn_norm, i, ".weight", w.attn_norm);
    show(name::q, i, ".bias", w.q_bias);
    show(name::k, i, ".bias", w.k_bias);
    show(name::v, i, ".bias", w.v_bias);
    show(name::out, i, ".bias", w.out_bias);
    show(name::q_norm, i, ".weight", w.q_norm);
    show(name::k_norm, i, ".weight", w.k_norm);
    show(name::mlp_norm, i, ".weight", w.mlp_norm);
    show(name::gate, i, ".bias", w.gate_bias);
    show(name::up, i, ".bias", w.up_bias);
    show(name::down, i, ".bias", w.down_bias);
  }
  show(name::norm, -1, ".weight", norm_);
}

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const Checkpoint& checkpoint, const Architecture& architecture,
                                          const LoadOptions& options, Pool& pool) {
  auto model = std::make_unique<Llama>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
