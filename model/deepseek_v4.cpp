// DeepSeek-V4: hyper-connections (several residual streams), attention over a window and compressed entries, experts in
// every layer. Formulas: docs/architecture.md; configuration: deepseek_v4_config.h; the ops: ops/streams.h and
// ops/window_attention.h.
//
// The block behind the last layer (`mtp.0.` of releases) predicts the token after next; it is read where asked for. Each
// stream of a token is joined with the token that came next: X_k = h_proj hnorm(X_k) + e_proj enorm(embedding); the
// block, streams of its own at the end, a norm of its own, the model's head. The state of a row is all its streams,
// before they are summed for the head. Releases have one such block; more are passed over.
#include <algorithm>
#include <optional>

#include "model/architectures.h"
#include "model/deepseek_v4_attention.h"
#include "model/deepseek_v4_config.h"
#include "model/deepseek_v4_streams.h"
#include "model/memory.h"
#include "model/window_cache.h"
#include "ops/streams.h"

namespace freehold {
namespace {

struct V4Layer {
  StreamGates attn_streams, ffn_streams;
  Tensor attn_norm, ffn_norm;  // [hidden]
  V4Attention attention;
  MoeLayer moe;
  std::vector<int32_t> expert_table;  // [vocabulary, used] of layers that choose experts by token; else empty
};

// The block that predicts; embedding and head are the model's own.
struct V4PredictBlock {
  Tensor embed_norm, state_norm;  // [hidden]
  Linear embed, state;            // [hidden, hidden]: e_proj, h_proj; or, of GGUF,
  Linear joined;                  // [hidden, 2 hidden]: both side by side, else without an id
  V4Layer layer;
  StreamGates head_streams;
  Tensor norm;  // [hidden]
};

namespace v4_name {
constexpr TensorName embed{"embed", "token_embd"}, norm{"norm", "output_norm"}, head{"head", "output"};
constexpr TensorName attn_norm{"layers.{}.attn_norm", "blk.{}.attn_norm"};
constexpr TensorName ffn_norm{"layers.{}.ffn_norm", "blk.{}.ffn_norm"};
constexpr TensorName expert_table{"layers.{}.ffn.gate.tid2eid", "blk.{}.ffn_gate_tid2eid"};
constexpr StreamNames head_streams{"hc_head_", "output_hc_"}, attn_streams{"layers.{}.hc_attn_", "blk.{}.hc_attn_"},
    ffn_streams{"layers.{}.hc_ffn_", "blk.{}.hc_ffn_"};
// Of the block that predicts, which is layer `layers` here and in GGUF.
constexpr TensorName embed_norm{"layers.{}.enorm", "blk.{}.nextn.enorm"},
    state_norm{"layers.{}.hnorm", "blk.{}.nextn.hnorm"}, block_norm{"layers.{}.norm", "blk.{}.nextn.shared_head_norm"};
constexpr TensorName embed_proj{"layers.{}.e_proj", ""}, state_proj{"layers.{}.h_proj", ""},
    joined_proj{"layers.{}.eh_proj", "blk.{}.nextn.eh_proj"};
constexpr StreamNames block_streams{"layers.{}.hc_head_", "blk.{}.nextn.hc_head_"};
constexpr MoeNames moe{.router = {"layers.{}.ffn.gate", "blk.{}.ffn_gate_inp"},
                       .selection_bias = {"layers.{}.ffn.gate.bias", "blk.{}.exp_probs_b.bias"},
                       .gate = {"layers.{}.ffn.experts.{}.w1", "blk.{}.ffn_gate_exps"},
                       .up = {"layers.{}.ffn.experts.{}.w3", "blk.{}.ffn_up_exps"},
                       .down = {"layers.{}.ffn.experts.{}.w2", "blk.{}.ffn_down_exps"},
                       .shared_gate = {"layers.{}.ffn.shared_experts.w1", "blk.{}.ffn_gate_shexp"},
                       .shared_up = {"layers.{}.ffn.shared_experts.w3", "blk.{}.ffn_up_shexp"},
                       .shared_down = {"layers.{}.ffn.shared_experts.w2", "blk.{}.ffn_down_shexp"}};
}  // namespace v4_name

class DeepseekV4 final : public Model {
 public:
  DeepseekV4(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
    return pass.final_logits(head_, rows);
  }
  int64_t state_numbers() const override { return predict_ ? int64_t{config_.streams} * config_.hidden : 0; }
  Tensor predict(Pass&, const Tensor& states) const override;
  void each_linear(const std::function<void(std::string_view, Linear&)>&) override;
  void each_tensor(const std::function<void(std::string_view, Tensor&)>&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override { return new_cache(positions, mode_.kv); }
  const ModelFacts& facts() const override { return facts_; }
  bool shows(Point, int layer) const override;
  std::optional<int64_t> width(Point) const override;
  const NumericMode& mode() const override { return mode_; }
  WeightStore* store() const override { return memory_.cache.get(); }

 private:
  std::vector<WindowKvShape> kv_shapes(KvType type) const {
    std::vector<WindowKvShape> shapes;
    for (int i = 0; i < config_.layers + (predict_ ? 1 : 0); ++i) shapes.push_back(config_.kv_shape(i, type));
    return shapes;
  }
  std::unique_ptr<WindowCache> new_cache(int positions, KvType type) const {
    return std::make_unique<WindowCache>(kv_shapes(type), positions, predict_.has_value());
  }
  Result<V4Layer> read_layer(Loader&, int layer) const;
  Result<Done> read_predict_block(Loader&);
  std::string as_released(std::string_view name) const;

  // What all layers of a pass share.
  struct Shared {
    V4Turns turns;
    std::vector<std::unique_ptr<KvCache>> own;  // of sequences without a cache: this batch only, in exact numbers
    std::vector<KvCache*> caches;
  };
  Shared shared(Pass&) const;
  Tensor block(Pass&, int layer, const V4Layer&, const Tensor& streams, const Shared&) const;
  Tensor experts(Pass&, int layer, const V4Layer&, const Tensor& x) const;
  // Logits of the rows that want them: [rows, S, hidden] -> [n, vocabulary].
  Tensor leave(Pass&, const Tensor& streams, const StreamGates&, const Tensor& norm) const;

  ModelMemory memory_;
  NumericMode mode_;
  DeepseekV4Config config_;
  ModelFacts facts_;
  Linear embed_, head_;
  std::vector<V4Layer> layers_;
  StreamGates head_streams_;
  Tensor norm_;  // [hidden]
  std::optional<V4PredictBlock> predict_;
};

// ------------------------------------------------------------------------------------------------------------------
// The pass

DeepseekV4::Shared DeepseekV4::shared(Pass& pass) const {
  Shared shared{{ops::rotation(pass.context(), config_.main_rope, pass.positions()),
                 ops::rotation(pass.context(), config_.compress_rope, pass.positions())},
                {},
                {}};
  for (const Batch::Sequence& sequence : pass.batch().sequences) {
    if (!sequence.cache) shared.own.push_back(new_cache(static_cast<int>(sequence.tokens.size()), KvType::f32));
    shared.caches.push_back(sequence.cache ? sequence.cache : shared.own.back().get());
  }
  return shared;
}

Tensor DeepseekV4::forward(Pass& pass) const {
  Context& c = pass.context();
  const Shared all = shared(pass);
  const Tensor x = pass.at(Point::embed, 0, ops::embed(c, embed_, pass.tokens()));  // [rows, hidden]
  Tensor streams = ops::copy_to_streams(c, x, config_.streams);                     // [rows, S, hidden]
  for (int i = 0; i < config_.layers; ++i)
    streams = pass.carry(block(pass, i, layers_[static_cast<size_t>(i)], streams, all));
  if (pass.keeps_states()) pass.set_states(streams.reshaped({streams.rows(), streams.width()}));
  return leave(pass, streams, head_streams_, norm_);
}

Tensor DeepseekV4::leave(Pass& pass, const Tensor& streams, const StreamGates& gates, const Tensor& norm) const {
  Context& c = pass.context();
  const auto normed = [&](std::span<const int32_t> rows) {
    const Tensor picked = ops::pick_rows(c, streams, rows);                                        // [n, S, hidden]
    return ops::rms_norm(c, collapse_at_end(c, config_, gates, picked), norm, config_.eps);        // [n, hidden]
  };
  if (!pass.final_rows().empty()) pass.set_final_states(normed(pass.final_rows()));
  if (pass.logit_rows().empty()) return {};
  const Tensor x = pass.at(Point::final_norm, 0, normed(pass.logit_rows()), pass.logit_sites());  // [n, hidden]
  return pass.at(Point::lm_head, 0, pass.head(head_, x), pass.logit_sites());              // [n, vocabulary]
}

Tensor DeepseekV4::predict(Pass& pass, const Tensor& states) const {
  CHECK(predict_, "the block that predicts is not loaded");
  const V4PredictBlock& w = *predict_;
  Context& c = pass.context();
  const int64_t hidden = config_.hidden;
  const int s = config_.streams;
  const Shared all = shared(pass);
  const Tensor next = ops::rms_norm(c, ops::embed(c, embed_, pass.tokens()), w.embed_norm, config_.eps);
  const Tensor state =
      ops::rms_norm(c, states.reshaped({states.rows(), s, hidden}), w.state_norm, config_.eps);  // [rows, S, hidden]
  const auto each_stream = [&](const Linear& weight, const Tensor& x) {  // one matrix for all of them
    return pass.head_linear(weight, {s, 0, 0, hidden}, ops::HeadUse::straight, x);
  };
  Tensor streams = w.joined.id >= 0
                       ? each_stream(w.joined, ops::join(c, ops::copy_to_streams(c, next, s), state))
                       : ops::add(c, ops::copy_to_streams(c, pass.linear(w.embed, next), s),
                                  each_stream(w.state, state));              // [rows, S, hidden]
  streams = block(pass, config_.layers, w.layer, streams, all);              // [rows, S, hidden]
  if (pass.keeps_states()) pass.set_states(streams.reshaped({streams.rows(), streams.width()}));
  return leave(pass, streams, w.head_streams, w.norm);
}

Tensor DeepseekV4::block(Pass& pass, int layer, const V4Layer& w, const Tensor& streams, const Shared& all) const {
  Context& c = pass.context();
  constexpr StreamPoints attn_points{Point::attn_stream_collapse, Point::attn_stream_write, Point::attn_stream_mix};
  constexpr StreamPoints mlp_points{Point::mlp_stream_collapse, Point::mlp_stream_write, Point::mlp_stream_mix};

  OpenStreams open = open_streams(pass, config_, w.attn_streams, attn_points, layer, streams);
  Tensor in = pass.at(Point::attn_in, layer, ops::rms_norm(c, open.collapse, w.attn_norm, config_.eps));
  Tensor out = pass.at(Point::attn_out, layer, v4_attention(pass, config_, w.attention, layer, in, all.turns, all.caches));
  out = pass.at(Point::attn_out_post, layer, out);                               // [rows, hidden]
  const Tensor mid = ops::write_streams(c, streams, out, open.write, open.mix);  // [rows, S, hidden]

  open = open_streams(pass, config_, w.ffn_streams, mlp_points, layer, mid);
  in = pass.at(Point::mlp_in, layer, ops::rms_norm(c, open.collapse, w.ffn_norm, config_.eps));
  out = pass.at(Point::mlp_out, layer, experts(pass, layer, w, in));
  out = pass.at(Point::mlp_out_post, layer, out);  // [rows, hidden]
  return pass.at(Point::resid_streams, layer, ops::write_streams(c, mid, out, open.write, open.mix));
}

Tensor DeepseekV4::experts(Pass& pass, int layer, const V4Layer& w, const Tensor& x) const {
  if (w.expert_table.empty()) return moe_forward(pass, config_.moe, w.moe, layer, x);
  const auto used = static_cast<size_t>(config_.moe.routing.used);
  const std::span<int32_t> chosen(pass.context().arena.array<int32_t>(pass.tokens().size() * used),
                                  pass.tokens().size() * used);
  for (size_t i = 0; i < pass.tokens().size(); ++i)
    std::copy_n(w.expert_table.data() + static_cast<size_t>(pass.tokens()[i]) * used, used, chosen.data() + i * used);
  return moe_forward(pass, config_.moe, w.moe, layer, x, chosen);
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

// The experts of each token, [vocabulary, used] as I64 or I32, each in range and none twice for a token.
Result<std::vector<int32_t>> read_expert_table(Loader& loader, const DeepseekV4Config& c, int layer) {
  const auto used = static_cast<size_t>(c.moe.routing.used);
  TRY_ASSIGN(const std::vector<int64_t> ids,
             loader.integers(v4_name::expert_table, layer, {c.vocabulary, c.moe.routing.used}));
  std::vector<int32_t> table;
  table.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= c.moe.experts)
      return malformed("{}: table of experts of layer {}: token {} goes to expert {} of {}", loader.file(), layer,
                       i / used, ids[i], c.moe.experts);
    const auto id = static_cast<int32_t>(ids[i]);
    if (std::find(table.end() - static_cast<int64_t>(i % used), table.end(), id) != table.end())
      return malformed("{}: table of experts of layer {}: token {} goes to expert {} twice", loader.file(), layer,
                       i / used, id);
    table.push_back(id);
  }
  return table;
}

Result<V4Layer> DeepseekV4::read_layer(Loader& loader, int i) const {
  const DeepseekV4Config& c = config_;
  V4Layer w;
  const int64_t gates = int64_t{c.streams} * (2 + c.streams);
  TRY_ASSIGN(w.attn_streams, read_stream_gates(loader, v4_name::attn_streams, i, c, gates, 3));
  TRY_ASSIGN(w.attn_norm, loader.vector(v4_name::attn_norm, i, c.hidden));
  TRY_ASSIGN(w.attention, read_v4_attention(loader, c, i));
  TRY_ASSIGN(w.ffn_streams, read_stream_gates(loader, v4_name::ffn_streams, i, c, gates, 3));
  TRY_ASSIGN(w.ffn_norm, loader.vector(v4_name::ffn_norm, i, c.hidden));
  const bool hashed = c.hashed[static_cast<size_t>(i)] != 0;
  TRY_ASSIGN(w.moe, read_moe_layer(loader, c.moe, i, v4_name::moe, hashed ? RouterKind::table : RouterKind::learned));
  if (hashed) {
    TRY_ASSIGN(w.expert_table, read_expert_table(loader, c, i));
  }
  return w;
}

// Releases number the blocks that predict on their own; here, as in GGUF, the first is the layer behind the last.
std::string DeepseekV4::as_released(std::string_view name) const {
  const std::string here = fmt::format("layers.{}.", config_.layers);
  return name.starts_with(here) ? fmt::format("mtp.0.{}", name.substr(here.size())) : std::string(name);
}

Result<Done> DeepseekV4::read_predict_block(Loader& loader) {
  const int at = config_.layers;
  const int64_t hidden = config_.hidden;
  if (config_.extra_layers == 0)
    return unsupported("{}: has no layer that predicts the token after next", loader.file());
  V4PredictBlock w;
  TRY_ASSIGN(w.embed_norm, loader.vector(v4_name::embed_norm, at, hidden));
  TRY_ASSIGN(w.state_norm, loader.vector(v4_name::state_norm, at, hidden));
  w.joined.id = -1;
  if (loader.is_gguf()) {
    TRY_ASSIGN(w.joined, loader.linear(v4_name::joined_proj, at, hidden, 2 * hidden));
  } else {
    TRY_ASSIGN(w.embed, loader.linear(v4_name::embed_proj, at, hidden, hidden));
    TRY_ASSIGN(w.state, loader.linear(v4_name::state_proj, at, hidden, hidden));
  }
  TRY_ASSIGN(w.layer, read_layer(loader, at));
  w.head_streams = head_streams_, w.norm = norm_;
  // Some converters leave these two to the model's own.
  if (!loader.is_gguf() || loader.has({"", "blk.{}.nextn.hc_head_fn"}, at)) {
    TRY_ASSIGN(w.head_streams,
               read_stream_gates(loader, v4_name::block_streams, at, config_, config_.streams, 1));
  }
  if (!loader.is_gguf() || loader.has(v4_name::block_norm, at)) {
    TRY_ASSIGN(w.norm, loader.vector(v4_name::block_norm, at, hidden));
  }
  predict_ = std::move(w);
  return Done{};
}

// transformers 5.23 saves `model.` before most names and `norm` for `kv_norm`; files differ in what they call the
// embedding, the head and the last streams.
std::string as_saved(const Checkpoint& checkpoint, std::string name) {
  if (checkpoint.find(name)) return name;
  const auto respelled = [](std::string text, std::string_view from, std::string_view to) {
    if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
    return text;
  };
  std::string saved = respelled("model." + name, ".attn.kv_norm.", ".attn.norm.");
  if (name == "head.weight") saved = "lm_head.weight";
  if (checkpoint.find(saved)) return saved;
  std::string other = saved;
  if (name == "embed.weight") other = "model.embed_tokens.weight";
  if (name.starts_with("hc_head_")) other = respelled(saved, "hc_head_", "hc_head.hc_");
  return checkpoint.find(other) ? other : name;
}

void pass_over_extra_blocks(Loader& loader, const DeepseekV4Config& c) {
  for (int i = 0; i < c.extra_layers; ++i) {
    if (loader.is_gguf()) {
      loader.ignore_all(fmt::format("blk.{}.", c.layers + i));
    } else {
      loader.ignore_all(fmt::format("mtp.{}.", i));
      loader.ignore_all(fmt::format("model.mtp.{}.", i));
    }
  }
}

Result<Done> DeepseekV4::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  if (!loader.is_gguf())
    loader.spell_by([this](std::string name) { return as_saved(memory_.checkpoint, as_released(name)); });
  TRY_ASSIGN(config_, read_deepseek_v4_config(loader));
  const DeepseekV4Config& c = config_;
  TRY_ASSIGN(embed_, loader.linear(v4_name::embed, -1, c.vocabulary, c.hidden));
  for (int i = 0; i < c.layers; ++i) {
    TRY_ASSIGN(V4Layer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY_ASSIGN(head_streams_, read_stream_gates(loader, v4_name::head_streams, -1, c, c.streams, 1));
  TRY_ASSIGN(norm_, loader.vector(v4_name::norm, -1, c.hidden));
  TRY_ASSIGN(head_, loader.linear(v4_name::head, -1, c.vocabulary, c.hidden));
  if (options.predict) {
    TRY(read_predict_block(loader));
  }
  pass_over_extra_blocks(loader, c);
  TRY(loader.all_used());

  std::vector<Linear*> packed;  // all but the table that is looked up
  each_linear([&](std::string_view, Linear& linear) {
    if (linear.id != embed_.id) packed.push_back(&linear);
  });
  TRY(pack_weights(packed, memory_, options, pool));

  facts_ = {.architecture = std::string(architecture.released),
            .layers = c.layers,
            .hidden = c.hidden,
            .vocabulary = c.vocabulary,
            .context = c.context,
            .heads = c.heads,
            .kv_heads = 1,
            .head_dim = c.head_dim,
            .ffn = c.moe.expert_ffn,
            .experts = c.moe.experts,
            .experts_used = c.moe.routing.used};
  facts_.cache_bytes_per_position = window_bytes_per_position(kv_shapes(mode_.kv));
  count_weights(*this, &embed_, &head_, facts_, [&](const Linear& linear) { return share_read(c.moe, linear); });
  return Done{};
}

bool DeepseekV4::shows(Point point, int layer) const {
  switch (point) {
    case Point::resid_pre:
    case Point::resid_mid:
    case Point::resid_post:
    case Point::v:  // keys are values
      return false;
    case Point::q_latent:
    case Point::resid_streams:
    case Point::attn_stream_collapse:
    case Point::attn_stream_write:
    case Point::attn_stream_mix:
    case Point::mlp_stream_collapse:
    case Point::mlp_stream_write:
    case Point::mlp_stream_mix:
      return true;
    case Point::router_margin:
      return config_.hashed[static_cast<size_t>(layer)] == 0;
    case Point::compressed_kv:
      return config_.ratios[static_cast<size_t>(layer)] > 0;
    case Point::index_selected:
      return config_.selective[static_cast<size_t>(layer)] != 0;
    default:
      return shows_in_moe(config_.moe, false, point).value_or(Model::shows(point, layer));
  }
}

std::optional<int64_t> DeepseekV4::width(Point point) const {
  const int64_t streams = config_.streams;
  switch (point) {
    case Point::q_latent:
      return config_.q_rank;
    case Point::compressed_kv:
      return config_.head_dim;
    case Point::resid_streams:
      return streams * config_.hidden;
    case Point::attn_stream_write:
    case Point::mlp_stream_write:
      return streams;
    case Point::attn_stream_mix:
    case Point::mlp_stream_mix:
      return streams * streams;
    default:
      return Model::width(point);
  }
}

void DeepseekV4::each_linear(const std::function<void(std::string_view, Linear&)>& visit) {
  const auto named = [&](Linear& linear) { visit(as_released(linear.weight.name), linear); };
  const auto of_layer = [&](V4Layer& w) {
    freehold::each_linear(w.attention, named);
    w.moe.each_linear(named);
  };
  named(embed_);
  for (V4Layer& w : layers_) of_layer(w);
  if (predict_) {
    if (predict_->joined.id >= 0)
      named(predict_->joined);
    else
      for (Linear* linear : {&predict_->embed, &predict_->state}) named(*linear);
    of_layer(predict_->layer);
  }
  named(head_);
}

void DeepseekV4::each_tensor(const std::function<void(std::string_view, Tensor&)>& visit) {
  const auto named = [&](std::string_view name, Tensor& tensor) { visit(as_released(name), tensor); };
  const auto of_layer = [&](int i, V4Layer& w) {
    freehold::each_tensor(w.attn_streams, v4_name::attn_streams, i, named);
    named(released_name(v4_name::attn_norm, i, ".weight"), w.attn_norm);
    freehold::each_tensor(w.attention, i, named);
    freehold::each_tensor(w.ffn_streams, v4_name::ffn_streams, i, named);
    named(released_name(v4_name::ffn_norm, i, ".weight"), w.ffn_norm);
  };
  const int layers = config_.layers;
  for (int i = 0; i < layers; ++i) of_layer(i, layers_[static_cast<size_t>(i)]);
  if (predict_) {
    named(released_name(v4_name::embed_norm, layers, ".weight"), predict_->embed_norm);
    named(released_name(v4_name::state_norm, layers, ".weight"), predict_->state_norm);
    of_layer(layers, predict_->layer);
    if (predict_->head_streams.fn.storage() != head_streams_.fn.storage())
      freehold::each_tensor(predict_->head_streams, v4_name::block_streams, layers, named);
    if (predict_->norm.storage() != norm_.storage())
      named(released_name(v4_name::block_norm, layers, ".weight"), predict_->norm);
  }
  freehold::each_tensor(head_streams_, v4_name::head_streams, -1, visit);
  visit(released_name(v4_name::norm, -1, ".weight"), norm_);
}

}  // namespace

Result<std::unique_ptr<Model>> load_deepseek_v4(const Checkpoint& checkpoint, const Architecture& architecture,
                                                const LoadOptions& options, Pool& pool) {
  if (options.mode.kv == KvType::q8)
    return unsupported("{}: a q8 cache is for keys and values in pages; this architecture keeps windows: f16 or f32",
                       checkpoint.name());
  auto model = std::make_unique<DeepseekV4>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
