#include "model/deepseek_v4_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "model/rope_scaling.h"
#include "ops/streams.h"

namespace freehold {
namespace {

constexpr int most_ratio = 65'536;
// The two compressed kinds of released models by their ratio; transformers names kinds instead.
constexpr int selective_ratio = 4, plain_ratio = 128;

Result<int> integer(const Loader& loader, ConfigKey key, int64_t least, int64_t most) {
  TRY_ASSIGN(const int64_t number, loader.integer(key, least, most));
  return static_cast<int>(number);
}

Result<float> positive(const Loader& loader, ConfigKey key) {
  TRY_ASSIGN(const double number, loader.positive(key));
  return static_cast<float>(number);
}

// An array of at least `layers` elements; null when the key is absent.
Result<const Json*> layer_list(const Loader& loader, ConfigKey key, int layers) {
  const Json* found = loader.value(key);
  if (!found) return nullptr;
  if (!found->is_array() || found->size() < static_cast<size_t>(layers))
    return inconsistent("{}: key '{}': expected one element for each of {} layers, found {}", loader.file(),
                        loader.spelled(key), layers, found->is_array() ? fmt::format("{}", found->size()) : "no array");
  return found;
}

Result<Done> ratios_from_numbers(const Loader& loader, const Json& list, DeepseekV4Config& c) {
  for (int i = 0; i < c.layers; ++i) {
    const Json& element = list[static_cast<size_t>(i)];
    const int64_t ratio = element.is_number_integer() ? element.get<int64_t>() : -1;
    if (ratio != 0 && ratio != selective_ratio && ratio != plain_ratio)
      return unsupported("{}: compress_ratios: layer {} has {}; known are 0, {} and {}", loader.file(), i,
                         printable(element.dump(), 20), selective_ratio, plain_ratio);
    c.ratios.push_back(static_cast<int>(ratio));
    c.selective.push_back(ratio == selective_ratio);
  }
  return Done{};
}

Result<int> rate_of(const Loader& loader, std::string_view kind, int absent) {
  const Json* rates = loader.value({"compress_rates", ""});
  if (!rates) return absent;
  const auto found = rates->is_object() ? rates->find(std::string(kind)) : rates->end();
  if (!rates->is_object() || found == rates->end()) return absent;
  if (!found->is_number_integer() || found->get<int64_t>() < 1 || found->get<int64_t>() > most_ratio)
    return malformed("{}: key 'compress_rates.{}': expected an integer in 1..{}, found {}", loader.file(), kind,
                     most_ratio, printable(found->dump(), 20));
  return static_cast<int>(found->get<int64_t>());
}

Result<Done> ratios_from_kinds(const Loader& loader, const Json& list, DeepseekV4Config& c) {
  constexpr std::string_view sparse = "compressed_sparse_attention", heavy = "heavily_compressed_attention";
  TRY_ASSIGN(const int sparse_rate, rate_of(loader, sparse, selective_ratio));
  TRY_ASSIGN(const int heavy_rate, rate_of(loader, heavy, plain_ratio));
  for (int i = 0; i < c.layers; ++i) {
    const Json& element = list[static_cast<size_t>(i)];
    const std::string kind = element.is_string() ? element.get<std::string>() : element.dump();
    if (kind != "sliding_attention" && kind != sparse && kind != heavy)
      return unsupported("{}: layer_types: layer {} is '{}'; known are sliding_attention, {} and {}", loader.file(), i,
                         printable(kind, 40), sparse, heavy);
    c.ratios.push_back(kind == sparse ? sparse_rate : kind == heavy ? heavy_rate : 0);
    c.selective.push_back(kind == sparse);
  }
  return Done{};
}

Result<Done> read_ratios(const Loader& loader, DeepseekV4Config& c) {
  constexpr ConfigKey by_number{"compress_ratios", "attention.compress_ratios"}, by_kind{"layer_types", ""};
  TRY_ASSIGN(const Json* kinds, layer_list(loader, by_kind, c.layers));
  TRY_ASSIGN(const Json* numbers, layer_list(loader, by_number, c.layers));
  if (!kinds && !numbers)
    return malformed("{}: key '{}' is missing; expected a compression ratio for each layer", loader.file(),
                     loader.spelled(by_number));
  if (!kinds) return ratios_from_numbers(loader, *numbers, c);
  TRY(ratios_from_kinds(loader, *kinds, c));
  if (!numbers) return Done{};
  DeepseekV4Config other = c;
  other.ratios.clear();
  other.selective.clear();
  TRY(ratios_from_numbers(loader, *numbers, other));
  if (other.ratios != c.ratios || other.selective != c.selective)
    return inconsistent("{}: compress_ratios and layer_types contradict each other", loader.file());
  return Done{};
}

Result<Done> read_hashed(const Loader& loader, DeepseekV4Config& c) {
  TRY_ASSIGN(const Json* kinds, layer_list(loader, {"mlp_layer_types", ""}, c.layers));
  TRY_ASSIGN(const auto count, loader.integer_if_present({"num_hash_layers", "hash_layer_count"}, 0, limits::layers));
  if (!kinds && !count)
    return malformed("{}: key '{}' is missing; expected the number of layers that choose experts by token",
                     loader.file(), loader.spelled(ConfigKey{"num_hash_layers", "hash_layer_count"}));
  for (int i = 0; i < c.layers; ++i) {
    if (!kinds) {
      c.hashed.push_back(i < *count);
      continue;
    }
    const Json& element = (*kinds)[static_cast<size_t>(i)];
    const std::string kind = element.is_string() ? element.get<std::string>() : element.dump();
    if (kind != "hash_moe" && kind != "moe")
      return unsupported("{}: mlp_layer_types: layer {} is '{}'; known are hash_moe and moe", loader.file(), i,
                         printable(kind, 40));
    c.hashed.push_back(kind == "hash_moe");
    if (count && (i < *count) != (kind == "hash_moe"))
      return inconsistent("{}: num_hash_layers {} and mlp_layer_types contradict each other at layer {}", loader.file(),
                          *count, i);
  }
  return Done{};
}

// The part of rope_parameters of that name, where it has parts.
const Json* rope_part(const Loader& loader, std::string_view name) {
  const Json* all = loader.value({"rope_parameters", ""});
  if (!all || !all->is_object()) return nullptr;
  const auto found = all->find(std::string(name));
  return found != all->end() && found->is_object() ? &*found : nullptr;
}

Result<double> theta_of(const Loader& loader, const Json* part, ConfigKey key, double absent) {
  double theta = absent;
  if (part && part->contains("rope_theta")) {
    const Json& found = (*part)["rope_theta"];
    if (!found.is_number())
      return malformed("{}: key 'rope_parameters': expected rope_theta as a number", loader.file());
    theta = found.get<double>();
  } else if (loader.value(key)) {
    TRY_ASSIGN(theta, loader.positive(key));
  }
  if (!(theta > 1 && theta < 1e30)) return malformed("{}: rotary base {} must be above 1", loader.file(), theta);
  return theta;
}

Result<Done> read_rotation(Loader& loader, DeepseekV4Config& c) {
  const Json *main = rope_part(loader, "main"), *compress = rope_part(loader, "compress");
  if (!main != !compress)
    return inconsistent("{}: rope_parameters has one of 'main' and 'compress'; expected both or neither",
                        loader.file());
  TRY_ASSIGN(const auto stated,
             loader.integer_if_present({"qk_rope_head_dim", "rope.dimension_count"}, 2, limits::width));
  double factor = stated ? static_cast<double>(*stated) / c.head_dim : 0.125;  // 64 of 512
  if (const Json* found = loader.value({"partial_rotary_factor", ""}); !stated && found && found->is_number())
    factor = found->get<double>();
  if (!stated && main && main->contains("partial_rotary_factor") && (*main)["partial_rotary_factor"].is_number())
    factor = (*main)["partial_rotary_factor"].get<double>();
  if (!(factor > 0 && factor <= 1))
    return inconsistent("{}: {} of {} numbers of a head are to be rotated", loader.file(), factor * c.head_dim,
                        c.head_dim);
  c.rotated = static_cast<int>(stated.value_or(static_cast<int64_t>(factor * c.head_dim)));
  if (c.rotated < 2 || c.rotated % 2)
    return inconsistent("{}: {} rotated numbers of a head; expected an even number", loader.file(), c.rotated);

  RotaryConfig stated_rotary{10'000, {}};  // in one piece: the scaling is that of compressed layers
  if (!main) {
    TRY_ASSIGN(stated_rotary, read_rotary(loader, 10'000));
  }
  TRY_ASSIGN(const double theta, theta_of(loader, main, {"", ""}, stated_rotary.theta));
  TRY_ASSIGN(const double far_theta,
             theta_of(loader, compress, {"compress_rope_theta", "attention.compress_rope_freq_base"}, 160'000));
  RopeScaling scaling = stated_rotary.scaling;
  if (compress) {
    TRY_ASSIGN(scaling, read_scaling(loader, *compress));
  }
  scaling.attention_factor = 1;  // cosines and sines stay as they are, whatever the stretch
  c.main_rope = make_rope(ops::RopeLayout::interleaved, c.rotated, theta, {});
  c.compress_rope = make_rope(ops::RopeLayout::interleaved, c.rotated, far_theta, scaling);
  return Done{};
}

Result<Done> read_attention(Loader& loader, DeepseekV4Config& c) {
  TRY_ASSIGN(c.heads, integer(loader, {"num_attention_heads", "attention.head_count"}, 1, limits::heads));
  TRY_ASSIGN(const auto kv_heads,
             loader.integer_if_present({"num_key_value_heads", "attention.head_count_kv"}, 1, limits::heads));
  if (kv_heads.value_or(1) != 1)
    return unsupported("{}: {} key heads; this architecture has one for all", loader.file(), *kv_heads);
  TRY_ASSIGN(c.head_dim, integer(loader, {"head_dim", "attention.key_length"}, 2, limits::width));
  TRY_ASSIGN(c.q_rank, integer(loader, {"q_lora_rank", "attention.q_lora_rank"}, 1, limits::width));
  TRY_ASSIGN(c.out_groups, integer(loader, {"o_groups", "attention.output_group_count"}, 1, limits::heads));
  TRY_ASSIGN(c.out_rank, integer(loader, {"o_lora_rank", "attention.output_lora_rank"}, 1, limits::width));
  if (c.heads % c.out_groups)
    return inconsistent("{}: {} heads cannot be cut into {} output groups", loader.file(), c.heads, c.out_groups);
  TRY_ASSIGN(c.window, integer(loader, {"sliding_window", "attention.sliding_window"}, 1, limits::context));
  TRY(read_ratios(loader, c));
  if (std::any_of(c.selective.begin(), c.selective.end(), [](char yes) { return yes != 0; })) {
    TRY_ASSIGN(c.index_heads, integer(loader, {"index_n_heads", "attention.indexer.head_count"}, 1, limits::heads));
    TRY_ASSIGN(c.index_dim, integer(loader, {"index_head_dim", "attention.indexer.key_length"}, 2, limits::width));
    TRY_ASSIGN(c.index_most, integer(loader, {"index_topk", "attention.indexer.top_k"}, 1, limits::context));
  }
  TRY(read_rotation(loader, c));
  if (c.rotated > c.head_dim || (c.index_dim && c.rotated > c.index_dim))
    return inconsistent("{}: {} rotated numbers in heads of {} and {}", loader.file(), c.rotated, c.head_dim,
                        c.index_dim);
  return Done{};
}

// The first block behind the last layer: a window alone, a learned router.
Result<Done> describe_predict_block(const Loader& loader, DeepseekV4Config& c) {
  if (c.extra_layers == 0) return Done{};
  const auto at = static_cast<size_t>(c.layers);
  const Json* ratios = loader.value({"compress_ratios", "attention.compress_ratios"});
  if (ratios && ratios->size() > at && (*ratios)[at] != 0)
    return unsupported("{}: compress_ratios: {} of the block that predicts; known is 0", loader.file(),
                       printable((*ratios)[at].dump(), 20));
  c.ratios.push_back(0);
  c.selective.push_back(0);
  c.hashed.push_back(0);
  return Done{};
}

Result<Done> read_streams(const Loader& loader, DeepseekV4Config& c) {
  TRY_ASSIGN(c.streams, integer(loader, {"hc_mult", "hyper_connection.count"}, 1, ops::most_streams));
  TRY_ASSIGN(c.sinkhorn_iterations,
             integer(loader, {"hc_sinkhorn_iters", "hyper_connection.sinkhorn_iterations"}, 1, 1'000));
  TRY_ASSIGN(c.stream_eps, positive(loader, {"hc_eps", "hyper_connection.epsilon"}));
  return Done{};
}

// The bound on gate and up; GGUF keeps one for each layer, of routed and of shared experts, all equal.
Result<float> read_swiglu_limit(const Loader& loader, int layers) {
  if (!loader.is_gguf()) {
    if (!loader.value({"swiglu_limit", ""})) return 0.0f;
    return positive(loader, {"swiglu_limit", ""});
  }
  double limit = -1;
  for (const std::string_view key : {"swiglu_clamp_exp", "swiglu_clamp_shexp"}) {
    TRY_ASSIGN(const Json* list, layer_list(loader, {"", key}, layers));
    if (!list) continue;
    for (const Json& element : *list) {
      if (!element.is_number() || !(element.get<double>() >= 0))
        return malformed("{}: key '{}': expected numbers of at least 0", loader.file(), key);
      if (limit >= 0 && element.get<double>() != limit)
        return unsupported("{}: key '{}': limits that differ between layers are not computed", loader.file(), key);
      limit = element.get<double>();
    }
  }
  return static_cast<float>(std::max(limit, 0.0));
}

}  // namespace

Result<DeepseekV4Config> read_deepseek_v4_config(Loader& loader) {
  DeepseekV4Config c;
  TRY_ASSIGN(const std::string activation, loader.text_or({"hidden_act", ""}, "silu"));
  if (activation != "silu")
    return unsupported("{}: hidden_act '{}'; this architecture is computed with silu", loader.file(),
                       printable(activation));
  for (const std::string_view key : {"attention_bias", "mlp_bias", "tie_word_embeddings"}) {
    TRY_ASSIGN(const bool yes, loader.flag({key, ""}, false));
    if (yes) return unsupported("{}: {} is true; this architecture has none", loader.file(), key);
  }
  TRY_ASSIGN(c.layers, integer(loader, {"num_hidden_layers", "block_count"}, 1, limits::layers));
  TRY_ASSIGN(c.extra_layers, read_extra_layers(loader, c.layers));
  TRY_ASSIGN(c.hidden, integer(loader, {"hidden_size", "embedding_length"}, 1, limits::width));
  TRY_ASSIGN(c.context, integer(loader, {"max_position_embeddings", "context_length"}, 1, limits::context));
  TRY_ASSIGN(c.vocabulary, integer(loader, {"vocab_size", "vocab_size"}, 1, limits::vocabulary));
  TRY_ASSIGN(c.eps, positive(loader, {"rms_norm_eps", "attention.layer_norm_rms_epsilon"}));
  TRY(read_attention(loader, c));
  TRY(read_streams(loader, c));
  TRY_ASSIGN(c.moe, read_moe_config(loader, c.hidden, ops::Scoring::sqrt_softplus));
  TRY_ASSIGN(c.moe.swiglu_limit, read_swiglu_limit(loader, c.layers));
  TRY(read_hashed(loader, c));
  TRY(describe_predict_block(loader, c));
  return c;
}

}  // namespace freehold
