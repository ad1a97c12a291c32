#include "model/deepseek32.h"

#include <cmath>

#include "model/selection_point.h"

namespace freehold {
namespace {

constexpr float norm_eps = 1e-6f;

namespace name {
constexpr TensorName q_b{"model.layers.{}.self_attn.indexer.wq_b", "blk.{}.indexer.attn_q_b"};
constexpr TensorName k_a{"model.layers.{}.self_attn.indexer.wk", "blk.{}.indexer.attn_k"};
constexpr TensorName k_norm{"model.layers.{}.self_attn.indexer.k_norm", "blk.{}.indexer.k_norm"};
constexpr TensorName proj{"model.layers.{}.self_attn.indexer.weights_proj", "blk.{}.indexer.proj"};
}  // namespace name

}  // namespace

Result<IndexerConfig> read_indexer_config(Loader& loader, int hidden, int query_rank, const ops::Rope& rope) {
  IndexerConfig c;
  TRY_ASSIGN(c.heads, loader.integer({"index_n_heads", "attention.indexer.head_count"}, 1, limits::heads));
  TRY_ASSIGN(c.dim, loader.integer({"index_head_dim", "attention.indexer.key_length"}, 2, limits::width));
  TRY_ASSIGN(c.most, loader.integer({"index_topk", "attention.indexer.top_k"}, 1, limits::context));
  const auto rotated = static_cast<int>(2 * rope.frequencies.size());
  if (rotated > c.dim)
    return inconsistent("{}: index keys of {} numbers, {} of them to be rotated", loader.file(), c.dim, rotated);
  if (query_rank == 0)
    return inconsistent("{}: no query latent (q_lora_rank), which the indexer's queries are made from", loader.file());
  c.hidden = hidden;
  c.query_rank = query_rank;
  c.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.heads) * c.dim));
  c.rope = rope;
  c.rope.layout = ops::RopeLayout::half;
  return c;
}

Result<Indexer> read_indexer(Loader& loader, const IndexerConfig& c, int layer) {
  Indexer w;
  TRY_ASSIGN(w.q_b, loader.linear(name::q_b, layer, int64_t{c.heads} * c.dim, c.query_rank));
  TRY_ASSIGN(w.k_a, loader.linear(name::k_a, layer, c.dim, c.hidden));
  TRY_ASSIGN(w.k_norm, loader.vector(name::k_norm, layer, c.dim));
  TRY_ASSIGN(w.k_norm_bias, loader.vector(name::k_norm, layer, c.dim, ".bias"));
  TRY_ASSIGN(w.proj, loader.linear(name::proj, layer, c.heads, c.hidden));
  return w;
}

ops::Selection select_positions(Pass& pass, const IndexerConfig& config, const Indexer& w, int layer, const Tensor& x,
                                const Tensor& q_latent, std::span<const ops::AttentionSpan> spans) {
  Context& c = pass.context();
  const int64_t rows = x.rows();
  Tensor q = pass.linear(w.q_b, q_latent).reshaped({rows, config.heads, config.dim});       // [rows, heads, d]
  q = ops::rope(c, q, config.rope, pass.positions());                                       // [rows, heads, d]
  Tensor k = ops::layer_norm(c, pass.linear(w.k_a, x), w.k_norm, w.k_norm_bias, norm_eps);  // [rows, d]
  k = ops::rope(c, k.reshaped({rows, 1, config.dim}), config.rope, pass.positions()).reshaped({rows, config.dim});
  const Tensor weights = ops::scale(c, pass.linear_exact(w.proj, x), config.scale);  // [rows, heads]
  const ops::Selection selection = ops::select_positions(c, q, weights, k, config.most, spans);
  if (!pass.watched(Point::index_selected, layer)) return selection;
  std::vector<SelectionRows> shown;
  for (const ops::AttentionSpan& span : spans) {
    shown.push_back({span.first_row, span.rows, span.start + span.rows, {}});
    for (int i = 0; i < span.rows; ++i) shown.back().visible.push_back(span.start + i + 1);
  }
  return show_selection(pass, layer, selection, shown, EmptyRows::keep_last);
}

void each_linear(Indexer& w, const std::function<void(std::string_view, Linear&)>& visit) {
  for (Linear* linear : {&w.q_b, &w.k_a, &w.proj}) visit(linear->weight.name, *linear);
}

void each_tensor(Indexer& w, int layer, const std::function<void(std::string_view, Tensor&)>& visit) {
  visit(released_name(name::k_norm, layer, ".weight"), w.k_norm);
  visit(released_name(name::k_norm, layer, ".bias"), w.k_norm_bias);
}

}  // namespace freehold
