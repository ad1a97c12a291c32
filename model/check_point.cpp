#include "model/model.h"

namespace freehold {

bool Model::shows(Point point, int) const {
  switch (point) {
    case Point::q_latent:
    case Point::kv_latent:
    case Point::index_selected:
    case Point::router_logits:
    case Point::router_margin:
    case Point::expert_indices:
    case Point::expert_weights:
    case Point::expert_out:
    case Point::shared_out:
    case Point::resid_streams:
    case Point::attn_stream_collapse:
    case Point::attn_stream_write:
    case Point::attn_stream_mix:
    case Point::mlp_stream_collapse:
    case Point::mlp_stream_write:
    case Point::mlp_stream_mix:
    case Point::compressed_kv:
      return false;
    default:
      return true;
  }
}

std::optional<int64_t> Model::width(Point point) const {
  const ModelFacts& f = facts();
  switch (point) {
    case Point::embed:
    case Point::resid_pre:
    case Point::attn_in:
    case Point::attn_out:
    case Point::attn_out_post:
    case Point::resid_mid:
    case Point::mlp_in:
    case Point::expert_out:
    case Point::shared_out:
    case Point::mlp_out:
    case Point::mlp_out_post:
    case Point::resid_post:
    case Point::attn_stream_collapse:
    case Point::mlp_stream_collapse:
    case Point::final_norm:
      return f.hidden;
    case Point::q:
    case Point::z:
      return int64_t{f.heads} * f.head_dim;
    case Point::k:
    case Point::v:
      return int64_t{f.kv_heads} * f.head_dim;
    case Point::mlp_act:
      return f.ffn;
    case Point::router_logits:
      return f.experts;
    case Point::router_margin:
      return 2;
    case Point::expert_indices:
    case Point::expert_weights:
      return f.experts_used;
    case Point::lm_head:
      return f.vocabulary;
    default:
      return std::nullopt;
  }
}

Result<Done> check_point(const Model& model, PointId id) {
  const ModelFacts& facts = model.facts();
  if (is_per_layer(id.point) && (id.layer < 0 || id.layer >= facts.layers))
    return usage_error("point '{}': the model has layers 0 to {}", text_of(id), facts.layers - 1);
  if (model.shows(id.point, id.layer)) return Done{};
  const bool per_head = id.point == Point::q || id.point == Point::k || id.point == Point::v;
  if (per_head && model.shows(Point::kv_latent, id.layer))
    return usage_error(
        "point '{}': with latent attention queries, keys and values of heads are not computed one by one; "
        "{} and {} are what it has",
        text_of(id), text_of({Point::kv_latent, id.layer}), text_of({Point::z, id.layer}));
  const bool of_one_stream =
      id.point == Point::resid_pre || id.point == Point::resid_mid || id.point == Point::resid_post;
  if (of_one_stream && model.shows(Point::resid_streams, id.layer))
    return usage_error(
        "point '{}': {} has several residual streams; {} is all of them, {} and {} are what its sublayers read of them",
        text_of(id), facts.architecture, text_of({Point::resid_streams, id.layer}),
        text_of({Point::attn_stream_collapse, id.layer}), text_of({Point::mlp_stream_collapse, id.layer}));
  if (is_per_layer(id.point))
    return usage_error("point '{}': this layer of {} does not have it", text_of(id), facts.architecture);
  return usage_error("point '{}': {} does not have it", text_of(id), facts.architecture);
}

}  // namespace freehold
