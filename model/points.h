// Points: the named activations of a pass, a public format (docs/points.md has shapes and aliases). A point is where
// every path of the one pass runs through; observers see and may replace the value there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold {

enum class Point : uint8_t {
  embed,      // output of the embedding table; layer 0 only
  resid_pre,  // residual stream entering a block
  attn_in,    // what attention reads, after its norm
  q,
  k,
  v,               // before rotation, heads x head size; not with latent attention, which shows
  q_latent,        // the query's latent after its norm, where it has one
  kv_latent,       // what the cache keeps for all heads, after its norm
  index_selected,  // 1 where a row reads a position or compressed entry that an indexer chose; shown per sequence
  attn_scores,     // heads x positions, before softmax; shown per sequence
  attn_probs,      // heads x positions; shown per sequence
  z,               // before the output projection, heads x value size
  attn_out,        // raw output of attention
  attn_out_post,   // what is added to the stream (equal to attn_out unless the architecture norms it)
  resid_mid,       // between attention and MLP
  mlp_in,
  mlp_act,         // neurons: the gated product before the down projection; not in layers of experts
  router_logits,   // experts
  router_margin,   // by how much the last chosen expert beat the best one left, and the last chosen group; seen only
  expert_indices,  // the chosen experts of a row, as numbers, best first
  expert_weights,  // of the chosen, in the same order
  expert_out,      // output of one expert, unweighted, for the rows that visit it; shown once for each visited expert
  shared_out,      // output of the shared expert
  mlp_out,
  mlp_out_post,
  resid_post,  // residual stream leaving a block
  // Of several residual streams (hyper-connections), which have no resid_pre, _mid, _post:
  resid_streams,         // streams leaving a block
  attn_stream_collapse,  // their weighted sum that attention reads, before its norm
  attn_stream_write,     // how much of attention's output each stream gets
  attn_stream_mix,       // how the streams are mixed beside it
  mlp_stream_collapse,
  mlp_stream_write,
  mlp_stream_mix,
  compressed_kv,  // entries that stand for runs of past tokens, as the cache keeps them; those completed in this pass
  final_norm,     // input of the output head; layer 0 only
  lm_head,        // logits; layer 0 only
};
inline constexpr int point_count = static_cast<int>(Point::lm_head) + 1;

std::string_view name_of(Point);
bool is_per_layer(Point);

bool is_per_expert(Point);  // expert_out

inline constexpr int every_expert = -1;
struct PointId {
  Point point;
  int layer = 0;
  int expert = every_expert;  // of a point that is shown per expert
  bool operator==(const PointId&) const = default;
};
std::string text_of(PointId);  // "resid_post.3", "final_norm", "expert_out.3.17"
// Our names, and TransformerLens names as aliases ("blocks.3.hook_resid_post"). Refuses ambiguous and unknown names.
Result<PointId> parse_point(std::string_view);

}  // namespace freehold
