// The llama family: llama, qwen2, qwen3. A pre-norm transformer with grouped keys, rotary positions and SwiGLU
// (docs/architecture.md; formulas: Touvron et al. 2023, section 2.2). The three differ in biases on q, k and v (qwen2),
// in norms of q and k per head (qwen3), and in how the rows of q and k are stored (GGUF permutes those of llama).
#include "model/architectures.h"
#include "model/blocks.h"
#include "model/memory.h"

namespace freehold {
namespace {

struct LlamaConfig {
  TrunkConfig trunk;
  GroupedConfig attention;
  int ffn = 0;
  Biases mlp_biases = Biases::none;
};

struct LlamaLayer {
  BlockNorms norms;
  GroupedAttention attention;
  GatedMlp mlp;
};

class Llama final : public Model {
 public:
  Llama(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
    return pass.final_logits(trunk_.head, rows);
  }
  void each_linear(const VisitLinear&) override;
  void each_tensor(const VisitTensor&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    const GroupedConfig& a = config_.attention;
    return make_paged_cache(config_.trunk.layers, {mode_.kv, a.kv_heads, a.head_dim, a.head_dim}, positions);
  }
  const ModelFacts& facts() const override { return facts_; }
  const NumericMode& mode() const override { return mode_; }

 private:
  Result<Done> read_config(Loader&, const Architecture&);
  Result<LlamaLayer> read_layer(Loader&, int layer) const;
  Tensor block(Pass&, int layer, const Tensor& x) const;

  ModelMemory memory_;
  NumericMode mode_;
  LlamaConfig config_;
  ModelFacts facts_;
  Trunk trunk_;
  std::vector<LlamaLayer> layers_;
};

// ------------------------------------------------------------------------------------------------------------------
// The pass

Tensor Llama::forward(Pass& pass) const {
  Tensor x = trunk_.enter(pass);                                                     // [rows, hidden]
  for (int i = 0; i < config_.trunk.layers; ++i) x = pass.carry(block(pass, i, x));  // [rows, hidden]
  return trunk_.leave(pass, config_.trunk, x);                                       // [n, vocabulary]
}

Tensor Llama::block(Pass& pass, int layer, const Tensor& x) const {
  const LlamaLayer& w = layers_[static_cast<size_t>(layer)];
  return pre_norm_block(
      pass, layer, w.norms, config_.trunk.eps, x,
      [&](const Tensor& in) { return grouped_attention(pass, config_.attention, w.attention, layer, in); },
      [&](const Tensor& in) { return gated_mlp(pass, w.mlp, layer, in); });
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

// Settings that would change the mathematics and that this file does not compute.
Result<Done> refuse_variants(const Loader& loader, std::string_view kind) {
  TRY(refuse_other_activations(loader));
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
  TRY_ASSIGN(c.trunk, read_trunk_config(loader));
  TRY_ASSIGN(c.ffn, loader.integer({"intermediate_size", "feed_forward_length"}, 1, limits::width));
  const bool permuted = loader.is_gguf() && kind == "llama";
  TRY_ASSIGN(c.attention,
             read_grouped_config(loader, c.trunk, permuted ? ops::RopeLayout::interleaved : ops::RopeLayout::half));
  c.attention.head_norms = kind == "qwen3";
  bool mlp_bias = false;
  if (loader.is_gguf()) {  // presence is the only statement that GGUF makes about biases
    c.attention.qkv_bias = loader.has(name::q, 0, ".bias");
    c.attention.out_bias = loader.has(name::out, 0, ".bias");
    mlp_bias = loader.has(name::mlp_gate, 0, ".bias");
  } else {
    TRY_ASSIGN(const bool attention_bias, loader.flag({"attention_bias", ""}, false));
    c.attention.qkv_bias = attention_bias || kind == "qwen2";
    c.attention.out_bias = attention_bias && kind != "qwen2";
    TRY_ASSIGN(mlp_bias, loader.flag({"mlp_bias", ""}, false));
  }
  c.mlp_biases = mlp_bias ? Biases::all : Biases::none;
  return Done{};
}

Result<LlamaLayer> Llama::read_layer(Loader& loader, int layer) const {
  const int64_t hidden = config_.trunk.hidden;
  LlamaLayer w;
  TRY_ASSIGN(w.norms, read_block_norms(loader, layer, hidden));
  TRY_ASSIGN(w.attention, read_grouped_attention(loader, config_.attention, layer, hidden));
  TRY_ASSIGN(w.mlp, read_gated_mlp(loader, layer, hidden, config_.ffn, config_.mlp_biases));
  return w;
}

Result<Done> Llama::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  TRY(read_config(loader, architecture));
  TRY(trunk_.read_embedding(loader, config_.trunk));
  for (int i = 0; i < config_.trunk.layers; ++i) {
    TRY_ASSIGN(LlamaLayer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY(trunk_.read_head(loader, config_.trunk));
  TRY(loader.all_used());

  TRY(pack_model(*this, trunk_, memory_, options, pool));

  const GroupedConfig& a = config_.attention;
  facts_ = trunk_facts(architecture.released, config_.trunk);
  facts_.heads = a.heads;
  facts_.kv_heads = a.kv_heads;
  facts_.head_dim = a.head_dim;
  facts_.ffn = config_.ffn;
  facts_.cache_bytes_per_position = grouped_cache_bytes(config_.trunk.layers, a, mode_.kv);
  count_weights(*this, &trunk_.embed, &trunk_.multiplied(), facts_);
  return Done{};
}

void Llama::each_linear(const VisitLinear& visit) {
  trunk_.each_linear_first(visit);
  for (LlamaLayer& w : layers_) {
    freehold::each_linear(w.attention, visit);
    freehold::each_linear(w.mlp, visit);
  }
  trunk_.each_linear_last(visit);
}

void Llama::each_tensor(const VisitTensor& visit) {
  for (int i = 0; i < config_.trunk.layers; ++i) {
    LlamaLayer& w = layers_[static_cast<size_t>(i)];
    freehold::each_tensor(w.norms, i, visit);
    freehold::each_tensor(w.attention, i, visit);
    freehold::each_tensor(w.mlp, i, visit);
  }
  trunk_.each_tensor(visit);
}

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const Checkpoint& checkpoint, const Architecture& architecture,
                                          const LoadOptions& options, Pool& pool) {
  auto model = std::make_unique<Llama>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
