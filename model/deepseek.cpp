// DeepSeek-MoE 16B, the first of the family (Dai et al. 2024): attention as in llama, one head of keys for each of
// queries; the first layers dense, the others of experts: a greedy softmax router, many narrow experts, shared ones
// that every token visits. Released files rotate halves of a head; GGUF permutes q and k as it does for llama.
#include "model/architectures.h"
#include "model/blocks.h"
#include "model/memory.h"
#include "model/moe.h"

namespace freehold {
namespace {

struct DeepseekLayer {
  BlockNorms norms;
  GroupedAttention attention;
  GatedMlp mlp;  // of a dense layer
  MoeLayer moe;  // of the others
};

class Deepseek final : public Model {
 public:
  Deepseek(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
    return pass.final_logits(trunk_.head, rows);
  }
  void each_linear(const VisitLinear&) override;
  void each_tensor(const VisitTensor&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    return make_paged_cache(trunk_config_.layers,
                            {mode_.kv, attention_.kv_heads, attention_.head_dim, attention_.head_dim}, positions);
  }
  const ModelFacts& facts() const override { return facts_; }
  const NumericMode& mode() const override { return mode_; }
  WeightStore* store() const override { return memory_.cache.get(); }
  bool shows(Point point, int layer) const override {
    return shows_in_moe(moe_, dense(layer), point).value_or(Model::shows(point, layer));
  }

 private:
  Result<Done> read_config(Loader&);
  Result<DeepseekLayer> read_layer(Loader&, int layer) const;
  Tensor block(Pass&, int layer, const Tensor& x) const;
  bool dense(int layer) const { return layer < dense_layers_; }

  ModelMemory memory_;
  NumericMode mode_;
  TrunkConfig trunk_config_;
  GroupedConfig attention_;
  MoeConfig moe_;
  int dense_layers_ = 0, ffn_ = 0;
  ModelFacts facts_;
  Trunk trunk_;
  std::vector<DeepseekLayer> layers_;
};

Tensor Deepseek::forward(Pass& pass) const {
  Tensor x = trunk_.enter(pass);                                                     // [rows, hidden]
  for (int i = 0; i < trunk_config_.layers; ++i) x = pass.carry(block(pass, i, x));  // [rows, hidden]
  return trunk_.leave(pass, trunk_config_, x);                                       // [n, vocabulary]
}

Tensor Deepseek::block(Pass& pass, int layer, const Tensor& x) const {
  const DeepseekLayer& w = layers_[static_cast<size_t>(layer)];
  return pre_norm_block(
      pass, layer, w.norms, trunk_config_.eps, x,
      [&](const Tensor& in) { return grouped_attention(pass, attention_, w.attention, layer, in); },
      [&](const Tensor& in) {
        return dense(layer) ? gated_mlp(pass, w.mlp, layer, in) : moe_forward(pass, moe_, w.moe, layer, in);
      });
}

Result<Done> Deepseek::read_config(Loader& loader) {
  TRY(refuse_other_activations(loader));
  TRY_ASSIGN(trunk_config_, read_trunk_config(loader));
  const auto layout = loader.is_gguf() ? ops::RopeLayout::interleaved : ops::RopeLayout::half;
  TRY_ASSIGN(attention_, read_grouped_config(loader, trunk_config_, layout));
  TRY_ASSIGN(const bool bias, loader.flag({"attention_bias", ""}, false));
  attention_.qkv_bias = attention_.out_bias = bias;
  TRY_ASSIGN(ffn_, loader.integer({"intermediate_size", "feed_forward_length"}, 1, limits::width));
  TRY_ASSIGN(dense_layers_, read_dense_layers(loader, trunk_config_.layers));
  TRY_ASSIGN(moe_, read_moe_config(loader, trunk_config_.hidden, ops::Scoring::softmax));
  return Done{};
}

Result<DeepseekLayer> Deepseek::read_layer(Loader& loader, int layer) const {
  const int64_t hidden = trunk_config_.hidden;
  DeepseekLayer w;
  TRY_ASSIGN(w.norms, read_block_norms(loader, layer, hidden));
  TRY_ASSIGN(w.attention, read_grouped_attention(loader, attention_, layer, hidden));
  if (dense(layer)) {
    TRY_ASSIGN(w.mlp, read_gated_mlp(loader, layer, hidden, ffn_, Biases::none));
  } else {
    TRY_ASSIGN(w.moe, read_moe_layer(loader, moe_, layer));
  }
  return w;
}

Result<Done> Deepseek::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  TRY(read_config(loader));
  TRY(trunk_.read_embedding(loader, trunk_config_));
  for (int i = 0; i < trunk_config_.layers; ++i) {
    TRY_ASSIGN(DeepseekLayer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY(trunk_.read_head(loader, trunk_config_));
  TRY(loader.all_used());
  TRY(pack_model(*this, trunk_, memory_, options, pool));

  facts_ = trunk_facts(architecture.released, trunk_config_);
  facts_.heads = attention_.heads;
  facts_.kv_heads = attention_.kv_heads;
  facts_.head_dim = attention_.head_dim;
  facts_.ffn = ffn_;
  facts_.experts = moe_.experts;
  facts_.experts_used = moe_.routing.used;
  facts_.cache_bytes_per_position = grouped_cache_bytes(trunk_config_.layers, attention_, mode_.kv);
  count_weights(*this, &trunk_.embed, &trunk_.multiplied(), facts_,
                [this](const Linear& linear) { return share_read(moe_, linear); });
  return Done{};
}

void Deepseek::each_linear(const VisitLinear& visit) {
  trunk_.each_linear_first(visit);
  for (int i = 0; i < trunk_config_.layers; ++i) {
    DeepseekLayer& w = layers_[static_cast<size_t>(i)];
    freehold::each_linear(w.attention, visit);
    if (dense(i))
      freehold::each_linear(w.mlp, visit);
    else
      w.moe.each_linear([&](Linear& linear) { visit(linear.weight.name, linear); });
  }
  trunk_.each_linear_last(visit);
}

void Deepseek::each_tensor(const VisitTensor& visit) {
  for (int i = 0; i < trunk_config_.layers; ++i) {
    DeepseekLayer& w = layers_[static_cast<size_t>(i)];
    freehold::each_tensor(w.norms, i, visit);
    freehold::each_tensor(w.attention, i, visit);
    freehold::each_tensor(w.mlp, i, visit);
  }
  trunk_.each_tensor(visit);
}

}  // namespace

Result<std::unique_ptr<Model>> load_deepseek(const Checkpoint& checkpoint, const Architecture& architecture,
                                             const LoadOptions& options, Pool& pool) {
  auto model = std::make_unique<Deepseek>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
