#include "model/points.h"

#include <array>
#include <charconv>

#include "base/limits.h"

namespace freehold {
namespace {

struct PointRow {
  Point point;
  std::string_view name;
  bool per_layer;
  std::string_view alias;  // TransformerLens, "{}" is the layer; empty when it has none
  std::string_view legacy_alias;
};

constexpr std::array<PointRow, point_count> table = {{
    {Point::embed, "embed", false, "hook_embed", "embed.hook_out"},
    {Point::resid_pre, "resid_pre", true, "blocks.{}.hook_resid_pre", "blocks.{}.hook_in"},
    {Point::attn_in, "attn_in", true, "blocks.{}.ln1.hook_normalized", ""},
    {Point::q, "q", true, "blocks.{}.attn.hook_q", ""},
    {Point::k, "k", true, "blocks.{}.attn.hook_k", ""},
    {Point::v, "v", true, "blocks.{}.attn.hook_v", ""},
    {Point::q_latent, "q_latent", true, "blocks.{}.attn.hook_q_latent", ""},
    {Point::kv_latent, "kv_latent", true, "blocks.{}.attn.hook_kv_latent", ""},
    {Point::index_selected, "index_selected", true, "", ""},
    {Point::attn_scores, "attn_scores", true, "blocks.{}.attn.hook_attn_scores", ""},
    {Point::attn_probs, "attn_probs", true, "blocks.{}.attn.hook_pattern", ""},
    {Point::z, "z", true, "blocks.{}.attn.hook_z", "blocks.{}.attn.o.hook_in"},
    {Point::attn_out, "attn_out", true, "blocks.{}.attn.hook_out", ""},
    {Point::attn_out_post, "attn_out_post", true, "blocks.{}.hook_attn_out", ""},
    {Point::resid_mid, "resid_mid", true, "blocks.{}.hook_resid_mid", ""},
    {Point::mlp_in, "mlp_in", true, "blocks.{}.ln2.hook_normalized", ""},
    {Point::mlp_act, "mlp_act", true, "blocks.{}.mlp.hook_post", ""},
    {Point::router_logits, "router_logits", true, "", ""},
    {Point::router_margin, "router_margin", true, "", ""},
    {Point::expert_indices, "expert_indices", true, "", ""},
    {Point::expert_weights, "expert_weights", true, "", ""},
    {Point::expert_out, "expert_out", true, "", ""},
    {Point::shared_out, "shared_out", true, "", ""},
    {Point::mlp_out, "mlp_out", true, "blocks.{}.mlp.hook_out", ""},
    {Point::mlp_out_post, "mlp_out_post", true, "blocks.{}.hook_mlp_out", ""},
    {Point::resid_post, "resid_post", true, "blocks.{}.hook_resid_post", "blocks.{}.hook_out"},
    {Point::resid_streams, "resid_streams", true, "", ""},
    {Point::attn_stream_collapse, "attn_stream_collapse", true, "", ""},
    {Point::attn_stream_write, "attn_stream_write", true, "", ""},
    {Point::attn_stream_mix, "attn_stream_mix", true, "", ""},
    {Point::mlp_stream_collapse, "mlp_stream_collapse", true, "", ""},
    {Point::mlp_stream_write, "mlp_stream_write", true, "", ""},
    {Point::mlp_stream_mix, "mlp_stream_mix", true, "", ""},
    {Point::compressed_kv, "compressed_kv", true, "", ""},
    {Point::final_norm, "final_norm", false, "ln_final.hook_normalized", ""},
    {Point::lm_head, "lm_head", false, "unembed.hook_out", ""},
}};

const PointRow& row_of(Point point) { return table[static_cast<size_t>(point)]; }

std::optional<int> number_below(std::string_view digits, int64_t limit) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0 || number >= limit)
    return std::nullopt;
  return number;
}

// Matches `text` against `pattern`, whose "{}" stands for a layer number; returns the layer (0 when there is no "{}").
std::optional<int> match(std::string_view pattern, std::string_view text) {
  const size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return text == pattern && !pattern.empty() ? std::optional<int>(0) : std::nullopt;
  const std::string_view before = pattern.substr(0, hole), after = pattern.substr(hole + 2);
  if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after))
    return std::nullopt;
  const std::string_view digits = text.substr(before.size(), text.size() - before.size() - after.size());
  return number_below(digits, limits::layers);
}

}  // namespace

std::string_view name_of(Point point) { return row_of(point).name; }
bool is_per_layer(Point point) { return row_of(point).per_layer; }
bool is_per_expert(Point point) { return point == Point::expert_out; }

std::string text_of(PointId id) {
  if (!is_per_layer(id.point)) return std::string(name_of(id.point));
  const std::string text = fmt::format("{}.{}", name_of(id.point), id.layer);
  return id.expert == every_expert ? text : fmt::format("{}.{}", text, id.expert);
}

Result<PointId> parse_point(std::string_view text) {
  if (const size_t last = text.rfind('.'); last != std::string_view::npos && text.starts_with("expert_out.")) {
    const auto expert = number_below(text.substr(last + 1), limits::experts);
    const auto layer = match("expert_out.{}", text.substr(0, last));
    if (layer && expert) return PointId{Point::expert_out, *layer, *expert};
  }
  for (const PointRow& row : table) {
    const std::string own = std::string(row.name) + (row.per_layer ? ".{}" : "");
    for (const std::string_view pattern : {std::string_view(own), row.alias, row.legacy_alias})
      if (const auto layer = match(pattern, text)) return PointId{row.point, *layer};
  }
  return usage_error("point '{}': not a point; expected a name of docs/points.md such as resid_post.3",
                     printable(text));
}

}  // namespace freehold
