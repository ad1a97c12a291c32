#include "serve/prompts.h"

#include <nlohmann/json.hpp>

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

tl::expected<ReadPrompt, ApiError> read_prompt(const ModelSide& side, const Json& one, const std::string& param,
                                               Specials specials) {
  if (one.is_string()) {
    const auto& text = one.get_ref<const std::string&>();
    auto tokens = encode_text(side, text, param, specials);
    if (!tokens) return Refused(std::move(tokens.error()));
    return ReadPrompt{std::move(*tokens), &text};
  }
  if (!one.is_array() || one.empty()) return Refused(invalid(param, "expected text, token ids, or a list of either"));
  if (one.size() >= static_cast<size_t>(side.context)) return Refused(too_long(side, one.size(), param));
  std::vector<Token> tokens;
  for (const Json& id : one) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= side.facts.vocabulary)
      return Refused(invalid(param, fmt::format("expected token ids below {}", side.facts.vocabulary)));
    tokens.push_back(id.get<Token>());
  }
  return ReadPrompt{std::move(tokens), nullptr};
}

}  // namespace

tl::expected<std::vector<ReadPrompt>, ApiError> read_prompts(const ModelSide& side, const Json& value,
                                                             const std::string& param, uint64_t most,
                                                             Specials specials) {
  const bool many = value.is_array() && !value.empty() && (value[0].is_string() || value[0].is_array());
  if (many && value.size() > most) return Refused(invalid(param, fmt::format("expected at most {}", most)));
  std::vector<ReadPrompt> prompts;
  for (size_t i = 0; i < (many ? value.size() : 1); ++i) {
    auto prompt = read_prompt(side, many ? value[i] : value, param, specials);
    if (!prompt) return Refused(std::move(prompt.error()));
    if (prompt->tokens.empty()) return Refused(invalid(param, "has no tokens"));
    if (prompt->tokens.size() >= static_cast<size_t>(side.context))
      return Refused(too_long(side, prompt->tokens.size(), param));
    prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

}  // namespace freehold
