#include "model/model.h"

namespace freehold {

bool Model::shows(Point point, int) const {
  switch (point) {
    case Point::q_latent:
    case Point::kv_latent:
    case Point::index_selected:
    case Point::router_logits:
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
