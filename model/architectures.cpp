#include "model/architectures.h"

#include <nlohmann/json.hpp>

namespace freehold {
namespace {

constexpr Architecture table[] = {
    {"llama", "llama", load_llama},                  // SmolLM2, Llama 3, DeepSeek-LLM and -Coder, R1-Distill-Llama
    {"qwen2", "qwen2", load_llama},                  // Qwen2.5, R1-Distill-Qwen
    {"mistral", "llama", load_llama},                // Mistral and Nemo without windows; GGUF calls it llama
    {"qwen3", "qwen3", load_llama},                  // Qwen3, R1-0528-Qwen3
    {"deepseek", "deepseek", load_deepseek},         // DeepSeek-MoE 16B
    {"deepseek_v2", "deepseek2", load_deepseek2},    // V2, V2-Lite; of GGUF also V3 and its successors
    {"deepseek_v3", "deepseek2", load_deepseek2},    // V3, R1, V3.1
    {"deepseek_v32", "deepseek32", load_deepseek2},  // V3.2
    {"deepseek_v4", "deepseek4", load_deepseek_v4},  // V4 Flash and Pro
    {"bert", "bert", load_bert},                     // encoders: all-MiniLM-L6-v2
};

}  // namespace

std::span<const Architecture> architectures() { return table; }

std::string text_of(const NumericMode& mode) {
  return fmt::format("{} activations, {} cache{}", mode.arithmetic == Arithmetic::int8 ? "int8" : "exact float",
                     name_of(mode.kv), mode.mla == MlaForm::expanded ? ", expanded latents" : "");
}

Result<std::unique_ptr<Model>> load_model(const Checkpoint& checkpoint, const LoadOptions& options, Pool& pool) {
  const bool gguf = checkpoint.source() == Checkpoint::Source::gguf;
  const std::string key = gguf ? "general.architecture" : "model_type";
  const auto found = checkpoint.config().find(key);
  if (found == checkpoint.config().end() || !found->is_string())
    return malformed("{}: key '{}' is missing; expected the name of an architecture", checkpoint.name(), key);
  const auto name = found->get<std::string>();
  std::string known;
  for (const Architecture& architecture : table) {
    const std::string_view candidate = gguf ? architecture.gguf : architecture.released;
    if (candidate == name) {
      TRY_ASSIGN(auto model, architecture.load(checkpoint, architecture, options, pool));
      if (options.predict && model->state_numbers() == 0)
        return unsupported("{}: no layer that predicts the token after next is known of {}", checkpoint.name(), name);
      return model;
    }
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  return unsupported("{}: architecture '{}' is not known; known are {}", checkpoint.name(), printable(name), known);
}

Result<ModelFacts> plan_model(const Checkpoint& checkpoint, const NumericMode& mode) {
  Pool pool(1);
  TRY_ASSIGN(const auto model, load_model(checkpoint.shapes_only(), {mode, {}}, pool));
  return model->facts();
}

}  // namespace freehold
