// DeepSeek-V2, V2-Lite, V3, R1, V3.1, V3.2: latent attention (model/mla.h) and experts (model/moe.h) behind some dense
// layers (DeepSeek-V2 report, section 2; DeepSeek-V3 report, section 2). V2 scores experts by softmax, V3 by sigmoid
// with a bias for choosing; V3's weights may be FP8 with a scale for each 128 x 128 tile. V3.2 adds an indexer, which
// says what attention reads (model/deepseek32.h). GGUF calls it deepseek32, all others deepseek2.
//
// The layer behind the last one (num_nextn_predict_layers) predicts the token after next (DeepSeek-V3 report, 2.2); it
// is read where asked for. z = layer(eh_proj(enorm(embedding of the next token) ‖ hnorm(state))), logits = head(norm
// z), where the state is the stream after the final norm. Releases have one such layer; more are passed over.
#include <nlohmann/json.hpp>
#include <optional>

#include "model/architectures.h"
#include "model/blocks.h"
#include "model/memory.h"
#include "model/mla.h"
#include "model/moe.h"

namespace freehold {
namespace {

struct DeepseekConfig {
  TrunkConfig trunk;
  MlaConfig attention;
  MoeConfig experts;
  int dense_layers = 0;  // the first ones
  int ffn = 0;           // of those
  int extra_layers = 0;  // behind the last one
};

struct DeepseekLayer {
  BlockNorms norms;
  MlaLayer attention;
  GatedMlp mlp;      // a dense layer's
  MoeLayer experts;  // any other's
};

// The layer that predicts, without its embedding and head: they are the model's own, released once more.
struct PredictLayer {
  Tensor embed_norm, state_norm, norm;  // [hidden]
  Linear joined;                        // [hidden, 2 hidden]
  DeepseekLayer layer;
};

namespace name {
constexpr TensorName embed_norm{"model.layers.{}.enorm", "blk.{}.nextn.enorm"},
    state_norm{"model.layers.{}.hnorm", "blk.{}.nextn.hnorm"},
    joined{"model.layers.{}.eh_proj", "blk.{}.nextn.eh_proj"},
    head_norm{"model.layers.{}.shared_head.norm", "blk.{}.nextn.shared_head_norm"};
}  // namespace name

class Deepseek2 final : public Model {
 public:
  Deepseek2(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
    return pass.final_logits(trunk_.head, rows);
  }
  int64_t state_numbers() const override { return predict_ ? config_.trunk.hidden : 0; }
  Tensor predict(Pass&, const Tensor& states) const override;
  void each_linear(const VisitLinear&) override;
  void each_tensor(const VisitTensor&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    return make_paged_cache(config_.trunk.layers + (predict_ ? 1 : 0), config_.attention.cache_shape(mode_.kv),
                            positions);
  }
  const ModelFacts& facts() const override { return facts_; }
  bool shows(Point, int layer) const override;
  std::optional<int64_t> width(Point) const override;
  const NumericMode& mode() const override { return mode_; }
  WeightStore* store() const override { return memory_.cache.get(); }

 private:
  Result<Done> read_config(Loader&, const Architecture&);
  Result<DeepseekLayer> read_layer(Loader&, int layer);
  Result<Done> read_predict_layer(Loader&);
  Tensor block(Pass&, int layer, const DeepseekLayer&, const Tensor& x) const;
  void count();
  bool dense(int layer) const { return layer < config_.dense_layers; }

  ModelMemory memory_;
  NumericMode mode_;
  DeepseekConfig config_;
  ModelFacts facts_;
  Trunk trunk_;
  std::vector<DeepseekLayer> layers_;
  std::optional<PredictLayer> predict_;
};

Tensor Deepseek2::block(Pass& pass, int i, const DeepseekLayer& w, const Tensor& x) const {
  const DeepseekConfig& c = config_;
  const auto attention = [&](const Tensor& in) { return mla_attention(pass, c.attention, w.attention, i, in); };
  const auto mlp = [&](const Tensor& in) {
    return dense(i) ? gated_mlp(pass, w.mlp, i, in) : moe_forward(pass, c.experts, w.experts, i, in);
  };
  return pre_norm_block(pass, i, w.norms, c.trunk.eps, x, attention, mlp);  // [rows, hidden]
}

Tensor Deepseek2::forward(Pass& pass) const {
  const DeepseekConfig& c = config_;
  Tensor x = trunk_.enter(pass);  // [rows, hidden]
  for (int i = 0; i < c.trunk.layers; ++i)
    x = pass.carry(block(pass, i, layers_[static_cast<size_t>(i)], x));  // [rows, hidden]
  if (pass.keeps_states()) pass.set_states(ops::rms_norm(pass.context(), x, trunk_.norm, c.trunk.eps));
  return trunk_.leave(pass, c.trunk, x);  // [n, vocabulary]
}

Tensor Deepseek2::predict(Pass& pass, const Tensor& states) const {
  CHECK(predict_, "the layer that predicts is not loaded");
  const PredictLayer& w = *predict_;
  const float eps = config_.trunk.eps;
  Context& c = pass.context();
  const Tensor next = ops::rms_norm(c, ops::embed(c, trunk_.embed, pass.tokens()), w.embed_norm, eps);
  const Tensor state = ops::rms_norm(c, states, w.state_norm, eps);    // [rows, hidden]
  const Tensor in = pass.linear(w.joined, ops::join(c, next, state));  // [rows, hidden]
  const Tensor x = block(pass, config_.trunk.layers, w.layer, in);     // [rows, hidden]
  if (pass.keeps_states()) pass.set_states(ops::rms_norm(c, x, w.norm, eps));
  if (pass.logit_rows().empty()) return {};
  Tensor out = ops::rms_norm(c, ops::pick_rows(c, x, pass.logit_rows()), w.norm, eps);  // [n, hidden]
  out = pass.at(Point::final_norm, 0, out, pass.logit_sites());                         // [n, hidden]
  return pass.at(Point::lm_head, 0, pass.head(trunk_.head, out), pass.logit_sites());   // [n, vocabulary]
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

// What config.json says of stored FP8 weights must be what files/checkpoint.h reads.
Result<Done> check_quantization(const Loader& loader) {
  const Json* stated = loader.value({"quantization_config", ""});
  if (!stated) return Done{};
  const auto is = [&](const char* key, const Json& expected) {
    const auto found = stated->find(key);
    return found == stated->end() || *found == expected;
  };
  if (!stated->is_object() || !stated->contains("quant_method") || !is("quant_method", "fp8") || !is("fmt", "e4m3") ||
      !is("weight_block_size", Json::array({128, 128})))
    return unsupported("{}: quantization_config {}; supported is fp8, e4m3, in blocks of 128 x 128", loader.file(),
                       printable(stated->dump(), 120));
  return Done{};
}

Result<Done> Deepseek2::read_config(Loader& loader, const Architecture& architecture) {
  TRY(refuse_other_activations(loader));
  TRY(check_quantization(loader));
  DeepseekConfig& c = config_;
  TRY_ASSIGN(c.trunk, read_trunk_config(loader));
  TRY_ASSIGN(c.extra_layers, read_extra_layers(loader, c.trunk.layers));
  TRY_ASSIGN(c.attention, read_mla_config(loader, c.trunk.hidden, mode_.mla));
  if (architecture.released == "deepseek_v32") {
    TRY_ASSIGN(c.attention.indexer,
               read_indexer_config(loader, c.trunk.hidden, c.attention.query_rank, c.attention.rope));
  }
  TRY_ASSIGN(c.dense_layers, read_dense_layers(loader, c.trunk.layers));
  if (c.dense_layers > 0) {
    TRY_ASSIGN(c.ffn, loader.integer({"intermediate_size", "feed_forward_length"}, 1, limits::width));
  }
  if (c.dense_layers < c.trunk.layers) {
    const auto absent = architecture.released == "deepseek_v2" ? ops::Scoring::softmax : ops::Scoring::sigmoid;
    TRY_ASSIGN(c.experts, read_moe_config(loader, c.trunk.hidden, absent));
  }
  return Done{};
}

Result<DeepseekLayer> Deepseek2::read_layer(Loader& loader, int i) {
  DeepseekLayer w;
  TRY_ASSIGN(w.norms, read_block_norms(loader, i, config_.trunk.hidden));
  TRY_ASSIGN(w.attention, read_mla_layer(loader, config_.attention, i));
  if (dense(i)) {
    TRY_ASSIGN(w.mlp, read_gated_mlp(loader, i, config_.trunk.hidden, config_.ffn, Biases::none));
  } else {
    TRY_ASSIGN(w.experts, read_moe_layer(loader, config_.experts, i));
  }
  return w;
}

Result<Done> Deepseek2::read_predict_layer(Loader& loader) {
  const int at = config_.trunk.layers;
  const int64_t hidden = config_.trunk.hidden;
  if (config_.extra_layers == 0 || config_.dense_layers == at)
    return unsupported("{}: has no layer that predicts the token after next", loader.file());
  PredictLayer w;
  TRY_ASSIGN(w.embed_norm, loader.vector(name::embed_norm, at, hidden));
  TRY_ASSIGN(w.state_norm, loader.vector(name::state_norm, at, hidden));
  TRY_ASSIGN(w.joined, loader.linear(name::joined, at, hidden, 2 * hidden));
  TRY_ASSIGN(w.layer, read_layer(loader, at));
  w.norm = trunk_.norm;  // some converters leave it to the model's own
  if (!loader.is_gguf() || loader.has(name::head_norm, at)) {
    TRY_ASSIGN(w.norm, loader.vector(name::head_norm, at, hidden));
  }
  predict_ = std::move(w);
  return Done{};
}

Result<Done> Deepseek2::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  TRY(read_config(loader, architecture));
  TRY(trunk_.read_embedding(loader, config_.trunk));
  for (int i = 0; i < config_.trunk.layers; ++i) {
    TRY_ASSIGN(DeepseekLayer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY(trunk_.read_head(loader, config_.trunk));
  if (options.predict) {
    TRY(read_predict_layer(loader));
  }
  for (int i = 0; i < config_.extra_layers; ++i) {
    const int at = config_.trunk.layers + i;
    loader.ignore_all(loader.is_gguf() ? fmt::format("blk.{}.", at) : fmt::format("model.layers.{}.", at));
  }
  TRY(loader.all_used());
  TRY(pack_model(*this, trunk_, memory_, options, pool));
  count();
  return Done{};
}

void Deepseek2::count() {
  const DeepseekConfig& c = config_;
  const KvShape shape = c.attention.cache_shape(mode_.kv);
  const std::string_view of_v3 = c.attention.indexer.heads ? "deepseek_v32" : "deepseek_v3";
  facts_ = trunk_facts(c.experts.selection_bias ? of_v3 : "deepseek_v2", c.trunk);
  facts_.heads = c.attention.heads;
  facts_.kv_heads = shape.kv_heads;
  facts_.head_dim = shape.head_dim;
  facts_.ffn = c.dense_layers ? c.ffn : c.experts.expert_ffn;
  const auto layers = static_cast<uint64_t>(c.trunk.layers + (predict_ ? 1 : 0));  // with keys
  facts_.cache_bytes_per_position = layers * shape.position_bytes();
  facts_.blocks = c.attention.blocks(mode_.kv);
  if (facts_.blocks > 0) facts_.block_bytes_per_position = c.attention.expanded_shape(mode_.kv).position_bytes();
  facts_.positions_read = c.attention.indexer.most;
  facts_.index_bytes_per_position = layers * shape.index_row_bytes();
  facts_.experts = c.experts.experts;
  facts_.experts_used = c.experts.experts ? c.experts.routing.used : 0;
  count_weights(*this, &trunk_.embed, &trunk_.multiplied(), facts_,
                [&c](const Linear& linear) { return share_read(c.experts, linear); });
}

bool Deepseek2::shows(Point point, int layer) const {
  switch (point) {
    case Point::q:
    case Point::k:
    case Point::v:
      return false;
    case Point::q_latent:
      return config_.attention.query_rank > 0;
    case Point::kv_latent:
      return true;
    case Point::index_selected:
      return config_.attention.indexer.heads > 0;
    default:
      return shows_in_moe(config_.experts, dense(layer), point).value_or(Model::shows(point, layer));
  }
}

std::optional<int64_t> Deepseek2::width(Point point) const {
  const MlaConfig& attention = config_.attention;
  switch (point) {
    case Point::q_latent:
      return attention.query_rank;
    case Point::kv_latent:
      return attention.latent;
    case Point::z:
      return int64_t{attention.heads} * attention.value;
    default:
      return Model::width(point);
  }
}

void Deepseek2::each_linear(const VisitLinear& visit) {
  const auto of_layer = [&](int i, DeepseekLayer& w) {
    freehold::each_linear(config_.attention, w.attention, visit);
    if (dense(i))
      freehold::each_linear(w.mlp, visit);
    else
      w.experts.each_linear([&](Linear& linear) { visit(linear.weight.name, linear); });
  };
  trunk_.each_linear_first(visit);
  for (int i = 0; i < config_.trunk.layers; ++i) of_layer(i, layers_[static_cast<size_t>(i)]);
  if (predict_) {
    visit(predict_->joined.weight.name, predict_->joined);
    of_layer(config_.trunk.layers, predict_->layer);
  }
  trunk_.each_linear_last(visit);
}

void Deepseek2::each_tensor(const VisitTensor& visit) {
  const auto of_layer = [&](int i, DeepseekLayer& w) {
    freehold::each_tensor(w.norms, i, visit);
    freehold::each_tensor(w.attention, i, visit);
  };
  const int layers = config_.trunk.layers;
  for (int i = 0; i < layers; ++i) of_layer(i, layers_[static_cast<size_t>(i)]);
  if (predict_) {
    visit(released_name(name::embed_norm, layers, ".weight"), predict_->embed_norm);
    visit(released_name(name::state_norm, layers, ".weight"), predict_->state_norm);
    of_layer(layers, predict_->layer);
    if (predict_->norm.storage() != trunk_.norm.storage())
      visit(released_name(name::head_norm, layers, ".weight"), predict_->norm);
  }
  trunk_.each_tensor(visit);
}

}  // namespace

Result<std::unique_ptr<Model>> load_deepseek2(const Checkpoint& checkpoint, const Architecture& architecture,
                                              const LoadOptions& options, Pool& pool) {
  auto model = std::make_unique<Deepseek2>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
