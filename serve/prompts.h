// Prompts: what a request without messages gives the model to read. A text, texts, token ids, or lists of token ids.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "serve/model_side.h"

namespace freehold {

struct ReadPrompt {
  std::vector<Token> tokens;
  const std::string* text;  // as it was sent; null where ids were
};

// `param` is the field's name, for errors. Special tokens written out in a text count as `specials` says.
tl::expected<std::vector<ReadPrompt>, ApiError> read_prompts(const ModelSide& side, const Json& value,
                                                             const std::string& param, uint64_t most,
                                                             Specials specials);

}  // namespace freehold
