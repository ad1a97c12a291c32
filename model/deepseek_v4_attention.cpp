#include "model/deepseek_v4_attention.h"

#include <cmath>
#include <numeric>

#include "model/model.h"
#include "model/selection_point.h"
#include "ops/window_attention.h"

namespace freehold {
namespace {

namespace v4_name {
constexpr TensorName q_a{"layers.{}.attn.wq_a", "blk.{}.attn_q_a"},
    q_norm{"layers.{}.attn.q_norm", "blk.{}.attn_q_a_norm"}, q_b{"layers.{}.attn.wq_b", "blk.{}.attn_q_b"};
constexpr TensorName kv{"layers.{}.attn.wkv", "blk.{}.attn_kv"},
    kv_norm{"layers.{}.attn.kv_norm", "blk.{}.attn_kv_a_norm"};
constexpr TensorName out_a{"layers.{}.attn.wo_a", "blk.{}.attn_output_a"},
    out_b{"layers.{}.attn.wo_b", "blk.{}.attn_output_b"};
constexpr TensorName sinks{"layers.{}.attn.attn_sink", "blk.{}.attn_sinks"};
constexpr TensorName index_q{"layers.{}.attn.indexer.wq_b", "blk.{}.indexer.attn_q_b"},
    index_head{"layers.{}.attn.indexer.weights_proj", "blk.{}.indexer.proj"};
struct Compressor {
  TensorName kv, gate, ape, norm;
};
constexpr Compressor compressor{{"layers.{}.attn.compressor.wkv", "blk.{}.attn_compressor_kv"},
                                {"layers.{}.attn.compressor.wgate", "blk.{}.attn_compressor_gate"},
                                {"layers.{}.attn.compressor.ape", "blk.{}.attn_compressor_ape"},
                                {"layers.{}.attn.compressor.norm", "blk.{}.attn_compressor_norm"}};
constexpr Compressor index{{"layers.{}.attn.indexer.compressor.wkv", "blk.{}.indexer_compressor_kv"},
                           {"layers.{}.attn.indexer.compressor.wgate", "blk.{}.indexer_compressor_gate"},
                           {"layers.{}.attn.indexer.compressor.ape", "blk.{}.indexer_compressor_ape"},
                           {"layers.{}.attn.indexer.compressor.norm", "blk.{}.indexer_compressor_norm"}};
}  // namespace v4_name

std::string_view bare(const Loader& loader) { return loader.is_gguf() ? ".weight" : ""; }

Result<V4Compressor> read_compressor(Loader& loader, const v4_name::Compressor& names, int layer, int64_t hidden,
                                     int64_t ratio, int64_t channels, int64_t dim) {
  V4Compressor w;
  TRY_ASSIGN(w.kv, loader.linear(names.kv, layer, channels, hidden));
  TRY_ASSIGN(w.gate, loader.linear(names.gate, layer, channels, hidden));
  TRY_ASSIGN(w.ape, loader.numbers(names.ape, layer, {ratio, channels}, bare(loader)));
  TRY_ASSIGN(w.norm, loader.vector(names.norm, layer, dim));
  return w;
}

std::vector<ops::WindowSpan> spans_of(const Pass& pass, int layer, std::span<KvCache* const> caches) {
  std::vector<ops::WindowSpan> spans;
  int first = 0;
  for (size_t i = 0; i < caches.size(); ++i) {
    const Batch::Sequence& sequence = pass.batch().sequences[i];
    const auto count = static_cast<int>(sequence.tokens.size());
    WindowKv* kv = caches[i]->window(layer);
    CHECK(kv, "layer {}: a cache without a window", layer);
    if (count > 0) spans.push_back({first, count, sequence.start, kv});
    first += count;
  }
  return spans;
}

// One layer of one pass.
class Step {
 public:
  Step(Pass& pass, const DeepseekV4Config& config, const V4Attention& w, int layer, const V4Turns& turns,
       std::span<KvCache* const> caches)
      : pass_(pass),
        c_(pass.context()),
        config_(config),
        w_(w),
        layer_(layer),
        turn_(w.compresses ? turns.compress : turns.main),
        spans_(spans_of(pass, layer, caches)) {
    if (w.compresses) ops::entry_positions(spans_, entry_positions_);
  }

  Tensor run(const Tensor& x) {
    const int64_t rows = x.rows(), heads = config_.heads, d = config_.head_dim;
    ops::LinearPart parts[] = {{&w_.q_a, {}}, {&w_.kv, {}}, {&w_.compressor.kv, {}}, {&w_.compressor.gate, {}}};
    Tensor made[4];
    const size_t count = w_.compresses ? 4 : 2;
    pass_.linear_many(std::span(parts, count), x, std::span(made, count));
    const Tensor q_latent =
        pass_.at(Point::q_latent, layer_, ops::rms_norm(c_, made[0], w_.q_norm, config_.eps));  // [rows, q_rank]
    Tensor q = pass_.linear(w_.q_b, q_latent).reshaped({rows, heads, d});                       // [rows, heads, d]
    q = pass_.at(Point::q, layer_, ops::rms_scale(c_, q, d, config_.eps));
    q = ops::rotate_last(c_, q, turn_, ops::Turn::forward);
    Tensor kv = ops::rms_norm(c_, made[1], w_.kv_norm, config_.eps);  // [rows, d]
    kv = pass_.at(Point::k, layer_, kv.reshaped({rows, 1, d})).reshaped({rows, d});
    kv = ops::rotate_last(c_, kv, turn_, ops::Turn::forward);

    Tensor entries;
    ops::Selection selection;
    if (w_.compresses) {
      entries = compressed(w_.compressor, made[2], made[3], ops::Compressor::main);
      selection = w_.selects ? selected(x, q_latent) : ops::all_entries(c_, spans_);
    }
    Tensor z = mixed(q, kv, entries, selection);  // [rows, heads, d]
    z = pass_.at(Point::z, layer_, ops::rotate_last(c_, z, turn_, ops::Turn::back));
    return project(z);
  }

 private:
  // Finished entries of this pass, [n, d], remembered.
  Tensor compressed(const V4Compressor& w, const Tensor& keys, const Tensor& gates, ops::Compressor which) {
    Tensor entries = ops::compress(c_, keys, gates, w.ape, which, spans_);
    if (entries.rows() == 0) return entries;
    entries = ops::rms_norm(c_, entries, w.norm, config_.eps);
    const ops::Rotation turn = ops::rotation(c_, config_.compress_rope, entry_positions_);
    entries = ops::rotate_last(c_, entries, turn, ops::Turn::forward);
    if (which == ops::Compressor::main && pass_.watched(Point::compressed_kv, layer_))
      entries = pass_.at(Point::compressed_kv, layer_, entries, entry_sites());
    ops::remember_entries(entries, which, spans_);
    return entries;
  }

  // Rows of entries are those of the first token of each run.
  std::span<const Row> entry_sites() {
    size_t i = 0;
    for (const ops::WindowSpan& span : spans_)
      for (int e = span.first_entry(); e < span.end_entry(); ++e, ++i)
        entry_sites_.push_back({pass_.rows()[static_cast<size_t>(span.first_row)].sequence, entry_positions_[i]});
    return entry_sites_;
  }

  ops::Selection selected(const Tensor& x, const Tensor& q_latent) {
    const ops::LinearPart parts[] = {{&w_.index.kv, {}}, {&w_.index.gate, {}}, {&w_.index_head, {}}};
    Tensor made[3];
    pass_.linear_many(parts, x, made);
    compressed(w_.index, made[0], made[1], ops::Compressor::index);
    Tensor q = pass_.linear(w_.index_q, q_latent);  // [rows, index_heads * index_dim]
    q = q.reshaped({x.rows(), config_.index_heads, config_.index_dim});
    q = ops::rotate_last(c_, q, turn_, ops::Turn::forward);
    const double scale = 1 / std::sqrt(static_cast<double>(config_.index_heads) * config_.index_dim);
    const Tensor weights = ops::scale(c_, made[2], static_cast<float>(scale));  // [rows, index_heads]
    return shown(ops::select_entries(c_, q, weights, config_.index_most, spans_));
  }

  ops::Selection shown(const ops::Selection& selection) {
    if (!pass_.watched(Point::index_selected, layer_)) return selection;
    std::vector<SelectionRows> rows;
    for (const ops::WindowSpan& span : spans_) {
      rows.push_back({span.first_row, span.rows, span.end_entry(), {}});
      for (int i = 0; i < span.rows; ++i)
        rows.back().visible.push_back(span.kv->shape().entries_before(span.start + i + 1));
    }
    return show_selection(pass_, layer_, selection, rows, EmptyRows::stay_empty);
  }

  // Attention itself; shows scores and patterns when watched, honours replaced ones.
  Tensor mixed(const Tensor& q, const Tensor& kv, const Tensor& entries, const ops::Selection& selection) {
    const float scale = 1 / std::sqrt(static_cast<float>(config_.head_dim));
    std::vector<ops::WindowKeys> keys;
    if (pass_.watched(Point::attn_scores, layer_) || pass_.watched(Point::attn_probs, layer_)) {
      int64_t first_entry = 0;
      for (const ops::WindowSpan& span : spans_) {
        keys.push_back(ops::window_keys(c_, kv, span, first_entry));
        first_entry += span.end_entry() - span.first_entry();
      }
    }
    Tensor z = ops::window_attention(c_, q, kv, entries, w_.sinks, scale, selection, spans_);
    for (const ops::WindowKeys& of : keys) {
      const auto rows = pass_.rows().subspan(static_cast<size_t>(of.span.first_row), static_cast<size_t>(of.span.rows));
      const Tensor scores = ops::window_scores(c_, q, kv, entries, scale, selection, of);
      const Tensor new_scores = pass_.at(Point::attn_scores, layer_, scores, rows);
      const Tensor shares = ops::sink_shares(c_, new_scores, w_.sinks);
      const Tensor new_shares = pass_.at(Point::attn_probs, layer_, shares, rows);
      if (new_scores.storage() == scores.storage() && new_shares.storage() == shares.storage()) continue;
      std::vector<int32_t> replaced(static_cast<size_t>(of.span.rows));
      std::iota(replaced.begin(), replaced.end(), of.span.first_row);
      z = ops::replace_rows(c_, z, replaced, ops::window_mix(c_, new_shares, kv, entries, of));
    }
    return z;
  }

  Tensor project(const Tensor& z) {
    const int64_t groups = config_.out_groups, rank = config_.out_rank;
    const Tensor grouped = z.reshaped({z.rows(), groups, z.width() / groups});  // [rows, groups, heads*d / groups]
    const Tensor inner = pass_.head_linear(w_.out_a, {groups, rank, 0, rank}, ops::HeadUse::straight,
                                           grouped);                           // [rows, groups, out_rank]
    return pass_.linear(w_.out_b, inner.reshaped({z.rows(), groups * rank}));  // [rows, hidden]
  }

  Pass& pass_;
  Context& c_;
  const DeepseekV4Config& config_;
  const V4Attention& w_;
  const int layer_;
  const ops::Rotation& turn_;
  const std::vector<ops::WindowSpan> spans_;
  std::vector<int32_t> entry_positions_;
  std::vector<Row> entry_sites_;
};

}  // namespace

Result<V4Attention> read_v4_attention(Loader& loader, const DeepseekV4Config& c, int layer) {
  const auto i = static_cast<size_t>(layer);
  const int64_t d = c.head_dim, width = c.heads * d, inner = int64_t{c.out_groups} * c.out_rank;
  V4Attention w;
  TRY_ASSIGN(w.q_a, loader.linear(v4_name::q_a, layer, c.q_rank, c.hidden));
  TRY_ASSIGN(w.q_norm, loader.vector(v4_name::q_norm, layer, c.q_rank));
  TRY_ASSIGN(w.q_b, loader.linear(v4_name::q_b, layer, width, c.q_rank));
  TRY_ASSIGN(w.kv, loader.linear(v4_name::kv, layer, d, c.hidden));
  TRY_ASSIGN(w.kv_norm, loader.vector(v4_name::kv_norm, layer, d));
  TRY_ASSIGN(w.out_a, loader.linear(v4_name::out_a, layer, inner, width / c.out_groups));
  TRY_ASSIGN(w.out_b, loader.linear(v4_name::out_b, layer, c.hidden, inner));
  TRY_ASSIGN(w.sinks, loader.vector(v4_name::sinks, layer, c.heads, bare(loader)));
  w.compresses = c.ratios[i] != 0;
  w.selects = c.selective[i] != 0;
  const int64_t series = w.selects ? 2 : 1;
  if (w.compresses) {
    TRY_ASSIGN(w.compressor, read_compressor(loader, v4_name::compressor, layer, c.hidden, c.ratios[i], series * d, d));
  }
  if (w.selects) {
    TRY_ASSIGN(w.index, read_compressor(loader, v4_name::index, layer, c.hidden, c.ratios[i], series * c.index_dim,
                                        c.index_dim));
    TRY_ASSIGN(w.index_q, loader.linear(v4_name::index_q, layer, int64_t{c.index_heads} * c.index_dim, c.q_rank));
    TRY_ASSIGN(w.index_head, loader.linear(v4_name::index_head, layer, c.index_heads, c.hidden));
  }
  return w;
}

void each_linear(V4Attention& w, const std::function<void(Linear&)>& visit) {
  for (Linear* linear : {&w.q_a, &w.kv, &w.q_b}) visit(*linear);
  if (w.compresses)
    for (Linear* linear : {&w.compressor.kv, &w.compressor.gate}) visit(*linear);
  if (w.selects)
    for (Linear* linear : {&w.index.kv, &w.index.gate, &w.index_head, &w.index_q}) visit(*linear);
  for (Linear* linear : {&w.out_a, &w.out_b}) visit(*linear);
}

void each_tensor(V4Attention& w, int layer, const std::function<void(std::string_view, Tensor&)>& visit) {
  const auto show = [&](TensorName n, std::string_view suffix, Tensor& tensor) {
    visit(released_name(n, layer, suffix), tensor);
  };
  show(v4_name::q_norm, ".weight", w.q_norm);
  show(v4_name::kv_norm, ".weight", w.kv_norm);
  show(v4_name::sinks, "", w.sinks);
  if (w.compresses) {
    show(v4_name::compressor.ape, "", w.compressor.ape);
    show(v4_name::compressor.norm, ".weight", w.compressor.norm);
  }
  if (w.selects) {
    show(v4_name::index.ape, "", w.index.ape);
    show(v4_name::index.norm, ".weight", w.index.norm);
  }
}

Tensor v4_attention(Pass& pass, const DeepseekV4Config& config, const V4Attention& w, int layer, const Tensor& x,
                    const V4Turns& turns, std::span<KvCache* const> caches) {
  return Step(pass, config, w, layer, turns, caches).run(x);
}

}  // namespace freehold
