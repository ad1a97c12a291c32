// Encoders of the BERT kind: post-norm blocks whose attention sees a whole text both ways, learned positions, GELU
// (Devlin et al. 2018). x = LN(word + position + type 0); in each block x = LN(x + attention(x)), x = LN(x + down(
// gelu(up x))), with biases everywhere. It has no output head: what comes of a pass are its final states, of which
// vectors of texts are made (run/pooled.h). Texts are of one kind (type 0); nothing is kept between passes.
#include <cmath>

#include "model/architectures.h"
#include "model/blocks.h"
#include "model/memory.h"

namespace freehold {
namespace {

namespace name {
constexpr TensorName words{"embeddings.word_embeddings", "token_embd"};
constexpr TensorName positions{"embeddings.position_embeddings", "position_embd"};
constexpr TensorName types{"embeddings.token_type_embeddings", "token_types"};
constexpr TensorName embed_norm{"embeddings.LayerNorm", "token_embd_norm"};
constexpr TensorName q{"encoder.layer.{}.attention.self.query", "blk.{}.attn_q"};
constexpr TensorName k{"encoder.layer.{}.attention.self.key", "blk.{}.attn_k"};
constexpr TensorName v{"encoder.layer.{}.attention.self.value", "blk.{}.attn_v"};
constexpr TensorName out{"encoder.layer.{}.attention.output.dense", "blk.{}.attn_output"};
constexpr TensorName attn_norm{"encoder.layer.{}.attention.output.LayerNorm", "blk.{}.attn_output_norm"};
constexpr TensorName up{"encoder.layer.{}.intermediate.dense", "blk.{}.ffn_up"};
constexpr TensorName down{"encoder.layer.{}.output.dense", "blk.{}.ffn_down"};
constexpr TensorName mlp_norm{"encoder.layer.{}.output.LayerNorm", "blk.{}.layer_output_norm"};
}  // namespace name

struct Dense {
  TensorName name;
  Linear linear;
  Tensor bias;
};

struct Norm {
  TensorName name;
  Tensor weight, bias;
};

struct BertLayer {
  Dense q, k, v, out, up, down;  // [hidden, hidden] but [ffn, hidden] [hidden, ffn]
  Norm attention_norm, mlp_norm;
};

// A cache for who asks for one: nothing outlives a pass.
class NoCache final : public KvCache {
 public:
  explicit NoCache(int positions) : positions_(positions) {}
  int capacity() const override { return positions_; }
  KvPages* pages(int) override { return nullptr; }
  bool can_continue(int position) const override { return position == 0; }
  size_t bytes() const override { return 0; }

 private:
  int positions_;
};

class Bert final : public Model {
 public:
  Bert(const Checkpoint& checkpoint, NumericMode mode) : memory_{checkpoint, Arena(1u << 20), {}}, mode_(mode) {}
  Result<Done> load(const Architecture&, const LoadOptions&, Pool&);

  Tensor forward(Pass&) const override;
  Tensor final_logits(Pass&, std::span<const int32_t>) const override { CHECK(false, "logits of an encoder"); }
  void each_linear(const VisitLinear&) override;
  void each_tensor(const VisitTensor&) override;
  std::unique_ptr<KvCache> make_cache(int positions) const override { return std::make_unique<NoCache>(positions); }
  const ModelFacts& facts() const override { return facts_; }
  bool shows(Point point, int layer) const override {
    return point != Point::final_norm && point != Point::lm_head && Model::shows(point, layer);
  }
  const NumericMode& mode() const override { return mode_; }

 private:
  Result<Done> read_config(Loader&);
  Result<Dense> read_dense(Loader&, TensorName, int layer, int64_t rows, int64_t cols) const;
  Result<Norm> read_norm(Loader&, TensorName, int layer) const;
  Result<BertLayer> read_layer(Loader&, int layer) const;
  Tensor embed(Pass&) const;
  Tensor block(Pass&, int layer, Tensor x) const;
  Tensor attention(Pass&, int layer, const BertLayer&, const Tensor& x) const;
  Tensor normed(Pass& pass, const Norm& norm, const Tensor& x) const {
    return ops::layer_norm(pass.context(), x, norm.weight, norm.bias, eps_);
  }

  ModelMemory memory_;
  NumericMode mode_;
  ModelFacts facts_;
  float eps_ = 0;
  int types_ = 0;
  Linear words_, positions_, kinds_;  // [vocabulary, hidden] [context, hidden] [types, hidden]
  Norm embed_norm_;
  std::vector<BertLayer> layers_;
};

// ------------------------------------------------------------------------------------------------------------------
// The pass

Tensor Bert::embed(Pass& pass) const {
  Context& c = pass.context();
  const std::vector<int32_t> first_kind(pass.tokens().size(), 0);
  const Tensor words = ops::add(c, ops::embed(c, words_, pass.tokens()), ops::embed(c, kinds_, first_kind));
  return ops::add(c, words, ops::embed(c, positions_, pass.positions()));  // [rows, hidden]
}

Tensor Bert::forward(Pass& pass) const {
  CHECK(pass.logit_rows().empty(), "logits of an encoder");
  Tensor x = normed(pass, embed_norm_, pass.at(Point::embed, 0, embed(pass)));  // [rows, hidden]
  for (int i = 0; i < facts_.layers; ++i) x = pass.carry(block(pass, i, x));    // [rows, hidden]
  if (!pass.final_rows().empty()) pass.set_final_states(ops::pick_rows(pass.context(), x, pass.final_rows()));
  return {};
}

Tensor Bert::block(Pass& pass, int layer, Tensor x) const {
  Context& c = pass.context();
  const BertLayer& w = layers_[static_cast<size_t>(layer)];
  x = pass.at(Point::resid_pre, layer, x);                                    // [rows, hidden]
  Tensor out = attention(pass, layer, w, pass.at(Point::attn_in, layer, x));  // [rows, hidden]
  out = pass.at(Point::attn_out, layer, out);
  x = pass.at(Point::resid_mid, layer, ops::add(c, x, pass.at(Point::attn_out_post, layer, out)));  // [rows, hidden]
  x = normed(pass, w.attention_norm, x);                                                            // [rows, hidden]
  const Tensor in = pass.at(Point::mlp_in, layer, x);
  const Tensor act = ops::gelu(c, pass.linear(w.up.linear, in, w.up.bias));            // [rows, ffn]
  out = pass.linear(w.down.linear, pass.at(Point::mlp_act, layer, act), w.down.bias);  // [rows, hidden]
  out = pass.at(Point::mlp_out, layer, out);
  x = pass.at(Point::resid_post, layer, ops::add(c, x, pass.at(Point::mlp_out_post, layer, out)));  // [rows, hidden]
  return normed(pass, w.mlp_norm, x);                                                               // [rows, hidden]
}

Tensor Bert::attention(Pass& pass, int layer, const BertLayer& w, const Tensor& x) const {
  const int64_t rows = x.rows(), d = facts_.head_dim;
  const ops::LinearPart parts[] = {{&w.q.linear, w.q.bias}, {&w.k.linear, w.k.bias}, {&w.v.linear, w.v.bias}};
  Tensor qkv[3];
  pass.linear_many(parts, x, qkv);
  const Tensor q = pass.at(Point::q, layer, qkv[0].reshaped({rows, facts_.heads, d}));  // [rows, heads, d]
  const Tensor k = pass.at(Point::k, layer, qkv[1].reshaped({rows, facts_.heads, d}));  // [rows, heads, d]
  const Tensor v = pass.at(Point::v, layer, qkv[2].reshaped({rows, facts_.heads, d}));  // [rows, heads, d]
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  const Tensor z = pass.at(Point::z, layer, pass.attention_both_ways(layer, q, k, v, scale));  // [rows, heads, d]
  return pass.linear(w.out.linear, z.reshaped({rows, facts_.heads * d}), w.out.bias);          // [rows, hidden]
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

Result<Done> refuse_variants(const Loader& loader) {
  TRY_ASSIGN(const std::string activation, loader.text_or({"hidden_act", ""}, "gelu"));
  if (activation != "gelu")
    return unsupported("{}: hidden_act '{}'; encoders are computed with gelu", loader.file(), printable(activation));
  TRY_ASSIGN(const std::string positions, loader.text_or({"position_embedding_type", ""}, "absolute"));
  if (positions != "absolute")
    return unsupported("{}: position_embedding_type '{}'; encoders are computed with absolute positions", loader.file(),
                       printable(positions));
  for (const ConfigKey key : {ConfigKey{"is_decoder", "attention.causal"}, ConfigKey{"add_cross_attention", ""}}) {
    TRY_ASSIGN(const bool set, loader.flag(key, false));
    if (set) return unsupported("{}: {} is true; encoders see both ways", loader.file(), loader.spelled(key));
  }
  return Done{};
}

Result<Done> Bert::read_config(Loader& loader) {
  TRY(refuse_variants(loader));
  const auto count = [&](int& number, ConfigKey key, int64_t most) -> Result<Done> {
    TRY_ASSIGN(number, loader.integer(key, 1, most));
    return Done{};
  };
  TRY(count(facts_.layers, {"num_hidden_layers", "block_count"}, limits::layers));
  TRY(count(facts_.hidden, {"hidden_size", "embedding_length"}, limits::width));
  TRY(count(facts_.context, {"max_position_embeddings", "context_length"}, limits::context));
  TRY(count(facts_.heads, {"num_attention_heads", "attention.head_count"}, limits::heads));
  TRY(count(facts_.ffn, {"intermediate_size", "feed_forward_length"}, limits::width));
  if (facts_.hidden % facts_.heads)
    return inconsistent("{}: width {} is not a multiple of {} heads", loader.file(), facts_.hidden, facts_.heads);
  TRY_ASSIGN(const double eps, loader.positive({"layer_norm_eps", "attention.layer_norm_epsilon"}));
  eps_ = static_cast<float>(eps);
  TRY_ASSIGN(facts_.vocabulary, loader.vocabulary(name::words));
  TRY_ASSIGN(const auto types, loader.integer_if_present({"type_vocab_size", "token_type_count"}, 1, limits::width));
  types_ = static_cast<int>(types.value_or(2));
  facts_.kv_heads = facts_.heads;
  facts_.head_dim = facts_.hidden / facts_.heads;
  facts_.encoder = true;
  return Done{};
}

Result<Dense> Bert::read_dense(Loader& loader, TensorName name, int layer, int64_t rows, int64_t cols) const {
  Dense dense{name, {}, {}};
  TRY_ASSIGN(dense.linear, loader.linear(name, layer, rows, cols));
  TRY_ASSIGN(dense.bias, loader.vector(name, layer, rows, ".bias"));
  return dense;
}

Result<Norm> Bert::read_norm(Loader& loader, TensorName name, int layer) const {
  Norm norm{name, {}, {}};
  TRY_ASSIGN(norm.weight, loader.vector(name, layer, facts_.hidden));
  TRY_ASSIGN(norm.bias, loader.vector(name, layer, facts_.hidden, ".bias"));
  return norm;
}

Result<BertLayer> Bert::read_layer(Loader& loader, int layer) const {
  const int64_t hidden = facts_.hidden, ffn = facts_.ffn;
  BertLayer w;
  TRY_ASSIGN(w.q, read_dense(loader, name::q, layer, hidden, hidden));
  TRY_ASSIGN(w.k, read_dense(loader, name::k, layer, hidden, hidden));
  TRY_ASSIGN(w.v, read_dense(loader, name::v, layer, hidden, hidden));
  TRY_ASSIGN(w.out, read_dense(loader, name::out, layer, hidden, hidden));
  TRY_ASSIGN(w.attention_norm, read_norm(loader, name::attn_norm, layer));
  TRY_ASSIGN(w.up, read_dense(loader, name::up, layer, ffn, hidden));
  TRY_ASSIGN(w.down, read_dense(loader, name::down, layer, hidden, ffn));
  TRY_ASSIGN(w.mlp_norm, read_norm(loader, name::mlp_norm, layer));
  return w;
}

// Checkpoints of a model with a head for some task keep the encoder below `bert.`, and norms of old ones have
// TensorFlow's names.
void spell_as_stored(Loader& loader) {
  if (loader.is_gguf()) return;
  const bool below = loader.checkpoint().find("bert.embeddings.word_embeddings.weight");
  const std::string prefix = below ? "bert." : "";
  const bool old = loader.checkpoint().find(prefix + "embeddings.LayerNorm.gamma");
  loader.spell_by([prefix, old](std::string name) {
    if (old && name.find("LayerNorm.") != std::string::npos) {
      const bool bias = name.ends_with(".bias");
      name.replace(name.rfind('.'), std::string::npos, bias ? ".beta" : ".gamma");
    }
    return prefix + name;
  });
  loader.ignore(prefix + "embeddings.position_ids");
  loader.ignore_all(prefix + "pooler.");  // of BERT's own training task
  if (below) loader.ignore_all("cls.");
}

Result<Done> Bert::load(const Architecture& architecture, const LoadOptions& options, Pool& pool) {
  Loader loader(memory_.checkpoint, architecture.gguf, memory_.numbers);
  facts_.architecture = architecture.released;
  spell_as_stored(loader);
  TRY(read_config(loader));
  TRY_ASSIGN(words_, loader.linear(name::words, -1, facts_.vocabulary, facts_.hidden));
  TRY_ASSIGN(positions_, loader.linear(name::positions, -1, facts_.context, facts_.hidden));
  TRY_ASSIGN(kinds_, loader.linear(name::types, -1, types_, facts_.hidden));
  TRY_ASSIGN(embed_norm_, read_norm(loader, name::embed_norm, -1));
  for (int i = 0; i < facts_.layers; ++i) {
    TRY_ASSIGN(BertLayer layer, read_layer(loader, i));
    layers_.push_back(std::move(layer));
  }
  TRY(loader.all_used());

  std::vector<Linear*> packed;  // all but the tables, which are only looked up
  for (BertLayer& w : layers_)
    for (Dense* dense : {&w.q, &w.k, &w.v, &w.out, &w.up, &w.down}) packed.push_back(&dense->linear);
  TRY(pack_weights(packed, memory_, options, pool));
  count_weights(*this, &words_, nullptr, facts_);
  return Done{};
}

void Bert::each_linear(const VisitLinear& visit) {
  for (Linear* table : {&words_, &positions_, &kinds_}) visit(table->weight.name, *table);
  for (BertLayer& w : layers_)
    for (Dense* dense : {&w.q, &w.k, &w.v, &w.out, &w.up, &w.down}) visit(dense->linear.weight.name, dense->linear);
}

void Bert::each_tensor(const VisitTensor& visit) {
  const auto norm = [&](Norm& n, int layer) {
    visit(released_name(n.name, layer, ".weight"), n.weight);
    visit(released_name(n.name, layer, ".bias"), n.bias);
  };
  norm(embed_norm_, -1);
  for (int i = 0; i < facts_.layers; ++i) {
    BertLayer& w = layers_[static_cast<size_t>(i)];
    for (Dense* dense : {&w.q, &w.k, &w.v, &w.out, &w.up, &w.down})
      visit(released_name(dense->name, i, ".bias"), dense->bias);
    norm(w.attention_norm, i);
    norm(w.mlp_norm, i);
  }
}

}  // namespace

Result<std::unique_ptr<Model>> load_bert(const Checkpoint& checkpoint, const Architecture& architecture,
                                         const LoadOptions& options, Pool& pool) {
  auto model = std::make_unique<Bert>(checkpoint, options.mode);
  TRY(model->load(architecture, options, pool));
  return model;
}

}  // namespace freehold
