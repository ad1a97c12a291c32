#include "model/mla.h"

#include <algorithm>
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

Tensor absorbed_query(Pass& pass, const MlaConfig& config, const MlaLayer& w, const Tensor& qn, const Tensor& qr,
                      std::span<const Row> owners) {
  const auto use = config.split ? ops::HeadUse::straight : ops::HeadUse::turned;
  const Tensor qa = pass.head_linear(config.split ? w.k_b : w.kv_b, keys_of(config), use, qn, owners);  // [rows, h, c]
  return ops::join(pass.context(), qa, qr);  // [rows, h, c+r]
}

Tensor values_of_latents(Pass& pass, const MlaConfig& config, const MlaLayer& w, const Tensor& mixed,
                         std::span<const Row> owners) {
  return pass.head_linear(config.split ? w.v_b : w.kv_b, values_of(config), ops::HeadUse::straight, mixed, owners);
}

struct KeysAndValues {
  Tensor k, v;  // [rows, heads, ..]
};

KeysAndValues of_latents(Context& c, const Tensor& latent, const Tensor& kr) {
  const Tensor v = latent.reshaped({latent.rows(), 1, latent.width()});  // [rows, 1, c]
  return {ops::join(c, v, kr), v};                                       // [rows, 1, c+r]
}

// latent [rows, c], kr [rows, 1, r] -> k [rows, h, n+r], v [rows, h, v]. `owners` is empty where no adapter counts.
KeysAndValues expand(Pass& pass, const MlaConfig& config, const MlaLayer& w, const Tensor& latent, const Tensor& kr,
                     std::span<const Row> owners) {
  Context& c = pass.context();
  const int64_t rows = latent.rows(), h = config.heads, n = config.plain_key;
  Tensor kn, v;
  if (config.split) {
    Tensor each = latent.reshaped({rows, 1, config.latent});
    if (c.tape) each = ops::spread_heads(c, each, h);                                   // [rows, h, c]
    kn = pass.head_linear(w.k_b, keys_of(config), ops::HeadUse::turned, each, owners);  // [rows, h, n]
    v = pass.linear(w.v_b, latent, owners).reshaped({rows, h, config.value});           // [rows, h, v]
  } else {
    const Tensor kv = pass.linear(w.kv_b, latent, owners).reshaped({rows, h, n + config.value});  // [rows, h, n+v]
    kn = ops::part(c, kv, 0, n);                                                                  // [rows, h, n]
    v = ops::part(c, kv, n, config.value);                                                        // [rows, h, v]
  }
  return {ops::join(c, kn, ops::spread_heads(c, kr, h)), v};
}

// Rows of a pass over caches, by the form they are computed in.
struct Forms {
  std::span<const ops::AttentionSpan> expanded, absorbed;  // rows of either are counted in the pass
};

Forms forms_of(Pass& pass, const MlaConfig& config, int layer) {
  const auto spans = pass.spans(layer, config.own_shape());
  auto* expanded = pass.context().arena.array<ops::AttentionSpan>(spans.size());
  auto* absorbed = pass.context().arena.array<ops::AttentionSpan>(spans.size());
  size_t in_blocks = 0, others = 0;
  for (const ops::AttentionSpan& span : spans) {
    const auto sequence = static_cast<size_t>(pass.rows()[static_cast<size_t>(span.first_row)].sequence);
    const int first = std::clamp(pass.batch().sequences[sequence].blocks - span.start, 0, span.rows);
    if (first > 0) expanded[in_blocks++] = {span.first_row, first, span.start, span.pages};
    if (first < span.rows)
      absorbed[others++] = {span.first_row + first, span.rows - first, span.start + first, span.pages};
  }
  return {{expanded, in_blocks}, {absorbed, others}};
}

// z of these rows: keys and values of all positions up to the last are made from the kept latents.
void attend_expanded(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Tensor& q,
                     ops::AttentionSpan span, Tensor& z) {
  constexpr int at_once = 2 * prompt_block;  // positions
  Context& c = pass.context();
  const KvPages& kept = *span.pages;
  const int end = span.start + span.rows;
  const KvShape shape = config.expanded_shape(kept.shape().type);
  const auto pages = static_cast<size_t>((end + kv_page_positions - 1) / kv_page_positions);
  KvPages made(shape, end, c.arena.array<std::byte>(pages * shape.page_bytes()), shape.page_bytes());
  for (int first = 0; first < end; first += at_once) {
    const int rows = std::min(at_once, end - first);
    const Arena::Mark mark = c.arena.mark();
    const Tensor both = ops::kept_keys(c, kept, first, rows);  // [rows, 1, c+r]
    const Tensor latent = ops::part(c, both, 0, config.latent).reshaped({rows, config.latent});
    const KeysAndValues some = expand(pass, config, w, latent, ops::part(c, both, config.latent, config.rotated), {});
    const ops::AttentionSpan those{0, rows, first, &made};
    ops::keep_positions(c, some.k, some.v, {&those, 1});
    c.arena.rewind(mark);
  }
  span.pages = &made;
  pass.attend_kept(layer, q, config.scale, {&span, 1}, pass.rows(), z);
}

// z of these rows, which are some of the pass: [n, h, v].
Tensor attend_absorbed(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Tensor& qn,
                       const Tensor& qr, std::span<const ops::AttentionSpan> spans, std::span<const int32_t> rows) {
  Context& c = pass.context();
  const std::span<Row> owners(c.arena.array<Row>(rows.size()), rows.size());
  std::ranges::transform(rows, owners.begin(), [&](int32_t row) { return pass.rows()[static_cast<size_t>(row)]; });
  const std::span<ops::AttentionSpan> own(c.arena.array<ops::AttentionSpan>(spans.size()), spans.size());
  int count = 0;
  for (size_t s = 0; s < spans.size(); ++s) {
    own[s] = spans[s];
    own[s].first_row = count;
    count += spans[s].rows;
  }
  const Tensor q = absorbed_query(pass, config, w, ops::pick_rows(c, qn, rows), ops::pick_rows(c, qr, rows), owners);
  Tensor mixed = Tensor::empty({count, config.heads, config.latent}, c.arena);
  pass.attend_kept(layer, q, config.scale, own, owners, mixed);
  return values_of_latents(pass, config, w, mixed, owners);
}

Tensor attend_in_forms(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Latents& in,
                       const Tensor& qn, const Tensor& qr, const Forms& forms) {
  Context& c = pass.context();
  const KeysAndValues kept = of_latents(c, in.latent, in.kr);
  ops::keep_positions(c, kept.k, kept.v, pass.spans(layer, config.own_shape()));
  const Tensor q = ops::join(c, qn, qr);                                                         // [rows, h, n+r]
  Tensor z = Tensor::empty({qn.rows(), int64_t{config.heads}, int64_t{config.value}}, c.arena);  // [rows, h, v]
  for (const ops::AttentionSpan& span : forms.expanded) {
    const bool shown = pass.patterns_shown(layer);  // then z may be another tensor afterwards
    const Arena::Mark mark = c.arena.mark();
    attend_expanded(pass, config, w, layer, q, span, z);
    if (!shown) c.arena.rewind(mark);
  }
  if (forms.absorbed.empty()) return z;
  size_t count = 0;
  for (const ops::AttentionSpan& span : forms.absorbed) count += static_cast<size_t>(span.rows);
  const std::span<int32_t> rows(c.arena.array<int32_t>(count), count);
  count = 0;
  for (const ops::AttentionSpan& span : forms.absorbed)
    for (int i = 0; i < span.rows; ++i) rows[count++] = span.first_row + i;
  return ops::replace_rows(c, z, rows, attend_absorbed(pass, config, w, layer, qn, qr, forms.absorbed, rows));
}

// [rows, h, v]
Tensor attend(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Latents& in, const Tensor& qn,
              const Tensor& qr, const ops::Selection& selection) {
  Context& c = pass.context();
  if (config.form == MlaForm::expanded) {
    if (!pass.batch().sequences.front().cache) {
      const auto [k, v] = expand(pass, config, w, in.latent, in.kr, pass.rows());
      return pass.attention(layer, ops::join(c, qn, qr), k, v, config.scale, selection);
    }
    if (!selection.begins)
      if (const Forms forms = forms_of(pass, config, layer); !forms.expanded.empty())
        return attend_in_forms(pass, config, w, layer, in, qn, qr, forms);
  }
  const Tensor q = absorbed_query(pass, config, w, qn, qr, pass.rows());
  const auto [k, v] = of_latents(c, in.latent, in.kr);
  const Tensor mixed = pass.attention(layer, q, k, v, config.scale, selection);  // [rows, h, c]
  return values_of_latents(pass, config, w, mixed, pass.rows());
}

}  // namespace

// In q8 a block of 32 must not hold numbers of the latent and of the rotated key.
KvShape MlaConfig::cache_shape(KvType type) const {
  const bool once = type != KvType::q8 || latent % kv_block == 0;
  return {type, 1, latent + rotated, latent, once, indexer.dim};
}

KvShape MlaConfig::own_shape() const {
  KvShape shape = form == MlaForm::absorbed ? cache_shape(KvType::f32) : expanded_shape(KvType::f32);
  shape.index_dim = indexer.dim;
  return shape;
}

KvShape MlaConfig::expanded_shape(KvType type) const {
  return {type == KvType::f32 ? type : KvType::f16, heads, key(), value};
}

int MlaConfig::blocks(KvType type) const {
  constexpr size_t most_expanded = size_t{1} << 30;  // bytes
  if (form == MlaForm::absorbed || indexer.heads) return 0;
  const size_t most = most_expanded / (expanded_shape(type).position_bytes() * prompt_block);
  return static_cast<int>(std::min<size_t>(most, limits::context / prompt_block)) * prompt_block;
}

Tensor mla_attention(Pass& pass, const MlaConfig& config, const MlaLayer& w, int layer, const Tensor& x) {
  Context& c = pass.context();
  const Latents in = down(pass, config, w, layer, x);
  const Tensor qn = ops::part(c, in.q, 0, config.plain_key);         // [rows, h, n]
  Tensor qr = ops::part(c, in.q, config.plain_key, config.rotated);  // [rows, h, r]
  qr = ops::rope(c, qr, config.rope, pass.positions());              // [rows, h, r]
  ops::Selection selection;
  if (config.indexer.heads)
    selection =
        select_positions(pass, config.indexer, w.indexer, layer, x, in.query, pass.spans(layer, config.own_shape()));
  const Tensor z = pass.at(Point::z, layer, attend(pass, config, w, layer, in, qn, qr, selection));  // [rows, h, v]
  return pass.linear(w.out, z.reshaped({x.rows(), int64_t{config.heads} * config.value}));           // [rows, hidden]
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
