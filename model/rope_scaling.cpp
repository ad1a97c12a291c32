// The formulas are those of docs/architectures (section 1), after transformers' modeling_rope_utils: linear (Chen et
// al. 2023), llama3, and YaRN (Peng et al. 2023, "NTK-by-parts").
#include "model/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>

namespace freehold {
namespace {

// Temperature of attention for a context stretched by `factor` (YaRN, eq. 22).
double yarn_mscale(double factor, double scale) { return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0; }

double yarn_frequency(double f, int i, int dimensions, double theta, const RopeScaling& s) {
  const auto correction = [&](double rotations) {
    return dimensions * std::log(s.original_context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  const double low = std::max(std::floor(correction(s.beta_fast)), 0.0);
  double high = std::min(std::ceil(correction(s.beta_slow)), dimensions - 1.0);
  if (low == high) high += 0.001;
  const double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
  return f / s.factor * ramp + f * (1 - ramp);
}

double llama3_frequency(double f, const RopeScaling& s) {
  const double wavelength = 2 * std::numbers::pi / f;
  if (wavelength < s.original_context / s.high_frequency_factor) return f;
  if (wavelength > s.original_context / s.low_frequency_factor) return f / s.factor;
  const double smooth =
      (s.original_context / wavelength - s.low_frequency_factor) / (s.high_frequency_factor - s.low_frequency_factor);
  return (1 - smooth) * f / s.factor + smooth * f;
}

double yarn_attention_factor(const RopeScaling& s) {
  if (s.attention_factor > 0) return s.attention_factor;
  if (s.mscale != 0 && s.mscale_all_dim != 0)
    return yarn_mscale(s.factor, s.mscale) / yarn_mscale(s.factor, s.mscale_all_dim);
  return yarn_mscale(s.factor, 1);
}

// A number inside rope_scaling; `fallback` when it may be absent, else an error.
Result<double> scaling_number(const Loader& loader, const Json& scaling, std::string_view key,
                              std::optional<double> fallback) {
  const auto found = scaling.find(std::string(key));
  if (found == scaling.end() || found->is_null()) {
    if (fallback) return *fallback;
    return malformed("{}: key 'rope_scaling.{}' is missing; expected a number above 0", loader.file(), key);
  }
  const double least = fallback == 0.0 ? 0.0 : std::numeric_limits<double>::denorm_min();  // 0 where absent means 0
  if (!found->is_number() || !std::isfinite(found->get<double>()) || found->get<double>() < least)
    return malformed("{}: key 'rope_scaling.{}': expected a finite number above 0, found {}", loader.file(), key,
                     printable(found->dump(), 40));
  return found->get<double>();
}

Result<RopeScaling> released_scaling(const Loader& loader, const Json& json) {
  RopeScaling s;
  if (!json.is_object()) return malformed("{}: key 'rope_scaling': expected an object", loader.file());
  const auto kind = json.contains("rope_type") ? json.find("rope_type") : json.find("type");
  if (kind == json.end() || !kind->is_string())
    return malformed("{}: key 'rope_scaling': expected 'rope_type' or 'type' as text", loader.file());
  const auto name = kind->get<std::string>();
  if (name == "default") return s;
  TRY_ASSIGN(s.factor, scaling_number(loader, json, "factor", std::nullopt));
  if (name == "linear") {
    s.kind = RopeScaling::Kind::linear;
    return s;
  }
  if (name == "llama3") {
    s.kind = RopeScaling::Kind::llama3;
    TRY_ASSIGN(s.low_frequency_factor, scaling_number(loader, json, "low_freq_factor", std::nullopt));
    TRY_ASSIGN(s.high_frequency_factor, scaling_number(loader, json, "high_freq_factor", std::nullopt));
    TRY_ASSIGN(s.original_context, scaling_number(loader, json, "original_max_position_embeddings", std::nullopt));
    if (s.high_frequency_factor <= s.low_frequency_factor)
      return inconsistent("{}: rope_scaling: high_freq_factor {} must be above low_freq_factor {}", loader.file(),
                          s.high_frequency_factor, s.low_frequency_factor);
    return s;
  }
  if (name == "yarn") {
    s.kind = RopeScaling::Kind::yarn;
    TRY_ASSIGN(const int64_t context, loader.integer({"max_position_embeddings", ""}, 1, limits::context));
    TRY_ASSIGN(s.original_context,
               scaling_number(loader, json, "original_max_position_embeddings", static_cast<double>(context)));
    TRY_ASSIGN(s.beta_fast, scaling_number(loader, json, "beta_fast", 32.0));
    TRY_ASSIGN(s.beta_slow, scaling_number(loader, json, "beta_slow", 1.0));
    TRY_ASSIGN(s.attention_factor, scaling_number(loader, json, "attention_factor", 0.0));
    TRY_ASSIGN(s.mscale, scaling_number(loader, json, "mscale", 0.0));
    TRY_ASSIGN(s.mscale_all_dim, scaling_number(loader, json, "mscale_all_dim", 0.0));
    return s;
  }
  return unsupported("{}: rope_scaling of type '{}'; supported are default, linear, llama3, yarn", loader.file(),
                     printable(name));
}

Result<RopeScaling> gguf_scaling(const Loader& loader, GgufYarn meaning) {
  RopeScaling s;
  TRY_ASSIGN(const std::string name, loader.text_or({"", "rope.scaling.type"}, "none"));
  if (name == "none") return s;
  TRY_ASSIGN(s.factor, loader.positive({"", "rope.scaling.factor"}));
  if (name == "linear") {
    s.kind = RopeScaling::Kind::linear;
    return s;
  }
  if (name != "yarn")
    return unsupported("{}: rope.scaling.type '{}'; supported are none, linear, yarn", loader.file(), printable(name));
  s.kind = RopeScaling::Kind::yarn;
  TRY_ASSIGN(s.original_context, loader.positive({"", "rope.scaling.original_context_length"}));
  double stated = 1;  // llama.cpp's convention: the stated factor multiplies the derived one
  if (loader.value({"", "rope.scaling.attn_factor"})) {
    TRY_ASSIGN(stated, loader.positive({"", "rope.scaling.attn_factor"}));
  }
  s.attention_factor = stated;
  if (meaning == GgufYarn::general) {
    s.attention_factor *= yarn_mscale(s.factor, 1);
  } else if (loader.value({"", "rope.scaling.yarn_log_multiplier"})) {
    TRY_ASSIGN(const double multiplier, loader.positive({"", "rope.scaling.yarn_log_multiplier"}));
    s.mscale = s.mscale_all_dim = multiplier / 0.1;
  }
  if (loader.value({"", "rope.scaling.yarn_beta_fast"})) {
    TRY_ASSIGN(s.beta_fast, loader.positive({"", "rope.scaling.yarn_beta_fast"}));
  }
  if (loader.value({"", "rope.scaling.yarn_beta_slow"})) {
    TRY_ASSIGN(s.beta_slow, loader.positive({"", "rope.scaling.yarn_beta_slow"}));
  }
  return s;
}

}  // namespace

ops::Rope make_rope(ops::RopeLayout layout, int dimensions, double theta, const RopeScaling& s) {
  ops::Rope rope;
  rope.layout = layout;
  for (int i = 0; i < dimensions / 2; ++i) {
    double f = std::pow(theta, -2.0 * i / dimensions);
    switch (s.kind) {
      case RopeScaling::Kind::none:
        break;
      case RopeScaling::Kind::linear:
        f /= s.factor;
        break;
      case RopeScaling::Kind::llama3:
        f = llama3_frequency(f, s);
        break;
      case RopeScaling::Kind::yarn:
        f = yarn_frequency(f, i, dimensions, theta, s);
        break;
    }
    rope.frequencies.push_back(static_cast<float>(f));
  }
  if (s.kind == RopeScaling::Kind::yarn) rope.scale = static_cast<float>(yarn_attention_factor(s));
  return rope;
}

Result<RopeScaling> read_scaling(const Loader& loader, const Json& stated) { return released_scaling(loader, stated); }

double softmax_factor(const RopeScaling& s) {
  if (s.kind != RopeScaling::Kind::yarn || s.mscale_all_dim == 0) return 1;
  const double m = yarn_mscale(s.factor, s.mscale_all_dim);
  return m * m;
}

Result<RotaryConfig> read_rotary(Loader& loader, double theta_fallback, GgufYarn meaning) {
  RotaryConfig c{theta_fallback, {}};
  if (loader.is_gguf()) {
    if (loader.value({"", "rope.freq_base"})) {
      TRY_ASSIGN(c.theta, loader.positive({"", "rope.freq_base"}));
    }
    TRY_ASSIGN(c.scaling, gguf_scaling(loader, meaning));
  } else {
    const Json* merged = loader.value({"rope_parameters", ""});  // transformers 5 keeps theta and scaling together
    const Json* json = merged ? merged : loader.value({"rope_scaling", ""});
    if (merged && merged->is_object() && merged->contains("rope_theta")) {
      TRY_ASSIGN(c.theta, scaling_number(loader, *merged, "rope_theta", std::nullopt));
    } else if (loader.value({"rope_theta", ""})) {
      TRY_ASSIGN(c.theta, loader.positive({"rope_theta", ""}));
    }
    if (json) {
      TRY_ASSIGN(c.scaling, released_scaling(loader, *json));
    }
  }
  if (c.theta <= 1) return malformed("{}: rotary base {} must be above 1", loader.file(), c.theta);
  return c;
}

Result<ops::Rope> load_rope(Loader& loader, ops::RopeLayout layout, int dimensions, double theta_fallback) {
  TRY_ASSIGN(const RotaryConfig c, read_rotary(loader, theta_fallback));
  ops::Rope rope = make_rope(layout, dimensions, c.theta, c.scaling);
  if (loader.is_gguf() && loader.has({"", "rope_freqs"})) {  // llama3 scaling as divisors
    TRY_ASSIGN(const Tensor divisors, loader.vector({"", "rope_freqs"}, -1, dimensions / 2));
    for (size_t i = 0; i < rope.frequencies.size(); ++i) {
      const float divisor = divisors.all()[i];
      if (!(std::isfinite(divisor) && divisor > 0))
        return malformed("{}: tensor 'rope_freqs.weight': number {} is {}; expected a finite number above 0",
                         loader.file(), i, divisor);
      rope.frequencies[i] /= divisor;
    }
  }
  return rope;
}

}  // namespace freehold
