// Rotary frequencies as checkpoints ask for them: plain, linear, llama3, yarn (docs: architectures, transformers'
// modeling_rope_utils). Reads both spellings of Hugging Face configs and GGUF metadata.
#pragma once

#include "model/loader.h"
#include "ops/ops.h"

namespace freehold {

struct RopeScaling {
  enum class Kind { none, linear, llama3, yarn } kind = Kind::none;
  double factor = 1;
  double original_context = 0;                                 // llama3, yarn
  double low_frequency_factor = 1, high_frequency_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;                        // yarn
  double attention_factor = 0;                                 // yarn: 0 means derive it
  double mscale = 0, mscale_all_dim = 0;                       // yarn of DeepSeek
};

// Frequencies f_i of a rotated width of `dimensions`, and the factor on cos and sin.
ops::Rope make_rope(ops::RopeLayout layout, int dimensions, double theta, const RopeScaling&);

// What V2 and V3 multiply the softmax scale by: m(factor, mscale_all_dim)² under yarn.
double softmax_factor(const RopeScaling&);

// What a GGUF file means by yarn's factors: everywhere else the stated attn_factor multiplies m(factor, 1) on cos and
// sin; deepseek2 states yarn_log_multiplier, 0.1 * mscale_all_dim, and leaves cos and sin alone.
enum class GgufYarn : uint8_t { general, deepseek2 };
struct RotaryConfig {
  double theta = 0;
  RopeScaling scaling;
};
Result<RotaryConfig> read_rotary(Loader&, double theta_fallback, GgufYarn = GgufYarn::general);
// The same of one object in the form of rope_scaling.
Result<RopeScaling> read_scaling(const Loader&, const Json& stated);

// Reads theta and scaling of the checkpoint. `theta_fallback` is what the architecture's format says when it is absent.
Result<ops::Rope> load_rope(Loader&, ops::RopeLayout layout, int dimensions, double theta_fallback);

}  // namespace freehold
