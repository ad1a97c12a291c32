#include "model/mla.h"

#include <cmath>

#include "model/rope_scaling.h"

namespace freehold {
namespace {

constexpr float latent_eps = 1e-6f;

namespace name {
constexpr TensorName q{"model.layers.{}.self_attn.q_proj", "blk.{}.attn_q"};
constexpr TensorName q_a{"model.layers.{}.self_attn.q_a_proj", "blk.{}.attn_q_a"};
constexpr TensorName q_norm{"model.layers.{}.self_attn.q_a_layernorm", "blk.{}.attn_q_a_norm"};
constexpr TensorName q_b{"model.layers.{}.self_attn.q_b_proj", "blk.{}.attn_q_b"};
constexpr TensorName kv_a{"model.layers.{}.self_attn.kv_a_proj_with_mqa", "blk.{}.attn_kv_a_mqa"};
constexpr TensorName kv_norm{"model.layers.{}.self_attn.kv_a_layernorm", "blk.{}.attn_kv_a_norm"};
constexpr TensorName kv_b{"model.layers.{}.self_attn.kv_b_proj", "blk.{}.attn_kv_b"};
constexpr TensorName k_b{"model.layers.{}.self_attn.k_b_proj", "blk.{}.attn_k_b"};  // the released names of these two
constexpr TensorName v_b{"model.layers.{}.self_attn.v_b_proj", "blk.{}.attn_v_b"};  // are ours: no release splits
constexpr TensorName out{"model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"};
}  // namespace name

// Where kv_b, k_b and v_b keep the matrix of a head.
ops::HeadRows keys_of(const MlaConfig& c) {
  if (c.split) return {c.heads, c.latent, 0, c.latent};
  return {c.heads, c.plain_key + c.value, 0, c.plain_key};
}
ops::HeadRows values_of(const MlaConfig& c) {
  if (c.split) return {c.heads, c.value, 0, c.value};
  return {c.heads, c.plain_key + c.value, c.plain_key, c.value};
}

struct Latents {
  Tensor q;       // [rows, h, n+r], not rotated
  Tensor query;   // [rows, query_rank], where queries have a latent
  Tensor latent;  // [rows, c], normed
  Tensor kr;      // [rows, 1, r], rotated
};

Latents down(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Tensor& x) {
  Context& c = pass.context();
  const int64_t rows = x.rows();
  const ops::LinearPart parts[] = {{config.query_rank ? &w.q_a : &w.q, {}}, {&w.kv_a, {}}};
  Tensor made[2];
  pass.linear_many(parts, x, made);
  Tensor q = made[0], query;  // [rows, h(n+r)] or [rows, query_rank]
  if (config.query_rank) {
    query = pass.at(Point::q_latent, layer, ops::rms_norm(c, q, w.q_norm, latent_eps));  // [rows, query_rank]
    q = pass.linear(w.q_b, query);                                                       // [rows, h(n+r)]
  }
  const Tensor latent = ops::rms_norm(c, ops::part(c, made[1], 0, config.latent), w.kv_norm, latent_eps);
  const Tensor kr = ops::part(c, made[1], config.latent, config.rotated).reshaped({rows, 1, config.rotated});
  return {q.reshaped({rows, config.heads, config.key()}), query, pass.at(Point::kv_latent, layer, latent),
          ops::rope(c, kr, config.rope, pass.positions())};
}

// [rows, h, v] either way.
Tensor absorbed(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Latents& in, const Tensor& qn,
                const Tensor& qr, const ops::Selection& selection) {
  Context& c = pass.context();
  const auto keys = config.split ? ops::HeadUse::straight : ops::HeadUse::turned;
  const Tensor qa = pass.head_linear(config.split ? w.k_b : w.kv_b, keys_of(config), keys, qn);  // [rows, h, c]
  const Tensor q = ops::join(c, qa, qr);                                                         // [rows, h, c+r]
  const Tensor v = in.latent.reshaped({qn.rows(), 1, config.latent});                            // [rows, 1, c]
  const Tensor k = ops::join(c, v, in.kr);                                                       // [rows, 1, c+r]
  const Tensor mixed = pass.attention(layer, q, k, v, config.scale, selection);                  // [rows, h, c]
  return pass.head_linear(config.split ? w.v_b : w.kv_b, values_of(config), ops::HeadUse::straight, mixed);
}

Tensor expanded(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Latents& in, const Tensor& qn,
                const Tensor& qr, const ops::Selection& selection) {
  Context& c = pass.context();
  const int64_t rows = qn.rows(), h = config.heads, n = config.plain_key;
  Tensor kn, v;
  if (config.split) {
    const Tensor each = ops::spread_heads(c, in.latent.reshaped({rows, 1, config.latent}), h);  // [rows, h, c]
    kn = pass.head_linear(w.k_b, keys_of(config), ops::HeadUse::turned, each);                  // [rows, h, n]
    v = pass.linear(w.v_b, in.latent).reshaped({rows, h, config.value});                        // [rows, h, v]
  } else {
    const Tensor kv = pass.linear(w.kv_b, in.latent).reshaped({rows, h, n + config.value});  // [rows, h, n+v]
    kn = ops::part(c, kv, 0, n);                                                             // [rows, h, n]
    v = ops::part(c, kv, n, config.value);                                                   // [rows, h, v]
  }
  const Tensor k = ops::join(c, kn, ops::spread_heads(c, in.kr, h));  // [rows, h, n+r]
  const Tensor q = ops::join(c, qn, qr);                              // [rows, h, n+r]
  return pass.attention(layer, q, k, v, config.scale, selection);
}

}  // namespace

KvShape MlaConfig::cache_shape(KvType type) const {
  if (form == MlaForm::absorbed) {  // in q8 a block of 32 must not hold numbers of the latent and of the rotated key
    const bool once = type != KvType::q8 || latent % kv_block == 0;
    return {type, 1, latent + rotated, latent, once, indexer.dim};
  }
  return {type, heads, key(), value, false, indexer.dim};
}

Tensor mla_attention(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Tensor& x) {
  Context& c = pass.context();
  const Latents in = down(pass, config, w, layer, x);
  const Tensor qn = ops::part(c, in.q, 0, config.plain_key);         // [rows, h, n]
  Tensor qr = ops::part(c, in.q, config.plain_key, config.rotated);  // [rows, h, r]
  qr = ops::rope(c, qr, config.rope, pass.positions());              // [rows, h, r]
  ops::Selection selection;
  if (config.indexer.heads)
    selection = select_positions(pass, config.indexer, w.indexer, layer, x, in.query,
                                 pass.spans(layer, config.cache_shape(KvType::f32)));
  const auto mix = config.form == MlaForm::absorbed ? absorbed : expanded;
  const Tensor z = pass.at(Point::z, layer, mix(pass, config, w, layer, in, qn, qr, selection));  // [rows, h, v]
  return pass.linear(w.out, z.reshaped({x.rows(), int64_t{config.heads} * config.value}));        // [rows, hidden]
}

// ------------------------------------------------------------------------------------------------------------------
// Loading

namespace {

// GGUF states the sizes of a cache of latents under the common keys (one key head of c + r, values of c) and the true
// ones under "_mla"; older files, whose kv_b is whole, state the true ones under the common keys.
Result<Done> read_gguf_sizes(Loader& loader, MlaConfig& c) {
  TRY_ASSIGN(c.rotated, loader.integer({"", "rope.dimension_count"}, 2, limits::width));
  TRY_ASSIGN(const int64_t key, loader.integer({"", "attention.key_length"}, 2, limits::width));
  TRY_ASSIGN(const int64_t value, loader.integer({"", "attention.value_length"}, 1, limits::width));
  TRY_ASSIGN(const auto key_mla, loader.integer_if_present({"", "attention.key_length_mla"}, 2, limits::width));
  TRY_ASSIGN(const auto value_mla, loader.integer_if_present({"", "attention.value_length_mla"}, 1, limits::width));
  if (key_mla.has_value() != value_mla.has_value())
    return inconsistent("{}: only one of attention.key_length_mla and attention.value_length_mla is given",
                        loader.file());
  if (key_mla && (key != c.latent + c.rotated || value != c.latent))
    return inconsistent(
        "{}: latent attention of keys {} and values {}; expected kv_lora_rank {} with {} rotated "
        "numbers, and kv_lora_rank",
        loader.file(), key, value, c.latent, c.rotated);
  c.plain_key = static_cast<int>(key_mla.value_or(key)) - c.rotated;
  c.value = static_cast<int>(value_mla.value_or(value));
  c.split = loader.has(name::k_b, 0);
  return Done{};
}

}  // namespace

Result<MlaConfig> read_mla_config(Loader& loader, int hidden, MlaForm form) {
  MlaConfig c;
  c.hidden = hidden;
  c.form = form;
  TRY_ASSIGN(c.heads, loader.integer({"num_attention_heads", "attention.head_count"}, 1, limits::heads));
  TRY_ASSIGN(const auto query_rank,
             loader.integer_if_present({"q_lora_rank", "attention.q_lora_rank"}, 0, limits::width));
  c.query_rank = static_cast<int>(query_rank.value_or(0));
  TRY_ASSIGN(c.latent, loader.integer({"kv_lora_rank", "attention.kv_lora_rank"}, 1, limits::width));
  TRY_ASSIGN(const auto kv_heads,
             loader.integer_if_present({"num_key_value_heads", "attention.head_count_kv"}, 1, limits::heads));
  if (kv_heads && *kv_heads != c.heads && !(loader.is_gguf() && *kv_heads == 1))
    return inconsistent("{}: {} key heads beside {} query heads; latent attention has as many of both", loader.file(),
                        *kv_heads, c.heads);
  if (loader.is_gguf()) {
    TRY(read_gguf_sizes(loader, c));
  } else {
    TRY_ASSIGN(c.plain_key, loader.integer({"qk_nope_head_dim", ""}, 1, limits::width));
    TRY_ASSIGN(c.rotated, loader.integer({"qk_rope_head_dim", ""}, 2, limits::width));
    TRY_ASSIGN(c.value, loader.integer({"v_head_dim", ""}, 1, limits::width));
    TRY_ASSIGN(const bool biases, loader.flag({"attention_bias", ""}, false));
    if (biases) return unsupported("{}: attention_bias is true; no release of this architecture has it", loader.file());
    TRY_ASSIGN(const bool interleaved, loader.flag({"rope_interleave", ""}, true));
    if (!interleaved)
      return unsupported("{}: rope_interleave is false; no release of this architecture has it", loader.file());
  }
  if (c.plain_key < 1)
    return inconsistent("{}: keys of {} numbers leave none beside the {} rotated", loader.file(), c.key(), c.rotated);
  if (c.rotated % 2)
    return inconsistent("{}: {} rotated numbers of a key; rotation needs pairs", loader.file(), c.rotated);
  TRY_ASSIGN(const RotaryConfig rotary, read_rotary(loader, 10000, GgufYarn::deepseek2));
  c.rope = make_rope(ops::RopeLayout::interleaved, c.rotated, rotary.theta, rotary.scaling);
  c.scale = static_cast<float>(softmax_factor(rotary.scaling) / std::sqrt(static_cast<double>(c.key())));
  return c;
}

Result<MlaLayer> read_mla_layer(Loader& loader, const MlaConfig& c, int i) {
  const int64_t heads = c.heads, queries = heads * c.key();
  MlaLayer w;
  if (c.query_rank) {
    TRY_ASSIGN(w.q_a, loader.linear(name::q_a, i, c.query_rank, c.hidden));
    TRY_ASSIGN(w.q_norm, loader.vector(name::q_norm, i, c.query_rank));
    TRY_ASSIGN(w.q_b, loader.linear(name::q_b, i, queries, c.query_rank));
  } else {
    TRY_ASSIGN(w.q, loader.linear(name::q, i, queries, c.hidden));
  }
  TRY_ASSIGN(w.kv_a, loader.linear(name::kv_a, i, c.latent + c.rotated, c.hidden));
  TRY_ASSIGN(w.kv_norm, loader.vector(name::kv_norm, i, c.latent));
  if (c.split) {
    TRY_ASSIGN(w.k_b, loader.stack(name::k_b, i, heads, c.latent, c.plain_key));
    TRY_ASSIGN(w.v_b, loader.stack(name::v_b, i, heads, c.value, c.latent));
  } else {
    TRY_ASSIGN(w.kv_b, loader.linear(name::kv_b, i, heads * (c.plain_key + c.value), c.latent));
  }
  TRY_ASSIGN(w.out, loader.linear(name::out, i, c.hidden, heads * c.value));
  if (c.indexer.heads) {
    TRY_ASSIGN(w.indexer, read_indexer(loader, c.indexer, i));
  }
  return w;
}

void each_linear(const MlaConfig& c, MlaLayer& w, const std::function<void(std::string_view, Linear&)>& visit) {
  const auto show = [&](Linear& linear, bool there) {
    if (there) visit(linear.weight.name, linear);
  };
  show(w.q, !c.query_rank);
  show(w.q_a, c.query_rank > 0);
  show(w.q_b, c.query_rank > 0);
  show(w.kv_a, true);
  show(w.kv_b, !c.split);
  show(w.k_b, c.split);
  show(w.v_b, c.split);
  show(w.out, true);
  if (c.indexer.heads) each_linear(w.indexer, visit);
}

void each_tensor(MlaLayer& w, int layer, const std::function<void(std::string_view, Tensor&)>& visit) {
  if (w.q_norm) visit(released_name(name::q_norm, layer, ".weight"), w.q_norm);
  visit(released_name(name::kv_norm, layer, ".weight"), w.kv_norm);
  if (w.indexer.k_norm) each_tensor(w.indexer, layer, visit);
}

}  // namespace freehold
