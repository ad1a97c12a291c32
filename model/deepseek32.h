// The indexer of DeepSeek-V3.2 (DSA: its report, section 2.1), which says what latent attention reads. A few light
// heads score every position of the past, one key of a position for all of them:
//   q = q_b latent, per head [d];  k = LayerNorm(k_a x) [d];  the first r numbers of each rotated: halves, the angles
//   of the main attention;  score(t, s) = Σ_j w[t, j] relu(q[t, j] · k_s),  w = proj x (heads d)^-1/2
// A row reads its `most` best positions up to its own (order and ties: ops/selection.h), all of them while there are no
// more. The query latent is that of the main attention; keys lie in the pages of the cache behind its own
// (ops/kv_pages.h). The choice has no gradient, so the loss has none by these weights. Released kernels turn q and k by
// one orthogonal matrix first and score in FP8; the products are the same without, to rounding.
//
// All else of V3.2 is V3's: model/deepseek2.cpp puts both together.
#pragma once

#include <functional>

#include "model/loader.h"
#include "model/pass.h"

namespace freehold {

struct IndexerConfig {
  int heads = 0, dim = 0;  // heads 0: there is no indexer
  int most = 0;            // positions a row reads
  int hidden = 0, query_rank = 0;
  float scale = 0;
  ops::Rope rope;
};
// rope: of the main attention. Refuses what cannot be.
Result<IndexerConfig> read_indexer_config(Loader&, int hidden, int query_rank, const ops::Rope& rope);

struct Indexer {
  Linear q_b, k_a, proj;       // [heads d, query_rank] [d, hidden] [heads, hidden]
  Tensor k_norm, k_norm_bias;  // [d]
};
Result<Indexer> read_indexer(Loader&, const IndexerConfig&, int layer);

// Which positions each row reads; shows index_selected. Spans are the batch's, with pages that hold index keys.
ops::Selection select_positions(Pass&, const IndexerConfig&, const Indexer&, int layer, const Tensor& x,
                                const Tensor& q_latent, std::span<const ops::AttentionSpan> spans);

void each_linear(Indexer&, const std::function<void(std::string_view, Linear&)>&);
void each_tensor(Indexer&, int layer, const std::function<void(std::string_view, Tensor&)>&);

}  // namespace freehold
