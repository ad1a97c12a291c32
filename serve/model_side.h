// What the API knows of a model that it serves: its name and limits, its tokenizer and its template. Immutable. An
// adapter that clients call by its name is one too, and differs in name and `adapter`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/change_files.h"
#include "model/model.h"
#include "model/text_side.h"
#include "serve/api_error.h"
#include "serve/caller.h"
#include "serve/tools.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"

namespace freehold {

// How its files keep the weights: "gguf" or "safetensors", and the number format of most of them ("Q4_K").
struct StoredAs {
  std::string container, format;
};

struct ModelSide {
  std::string name;                       // as clients call it
  std::vector<std::string> aliases = {};  // other names that are accepted
  StoredAs stored = {};
  const ModelFacts& facts;
  const Tokenizer& tokenizer;
  std::optional<PromptFormat> format = {};                      // none: it only continues texts
  std::optional<VectorForm> vectors = {};                       // none: it makes none
  std::optional<FillTokens> fill = {};                          // none: it was not taught to fill in the middle
  int context = 0;                                              // tokens of a prompt with its answer
  int most_answers = 1;                                         // n
  std::string fingerprint;                                      // system_fingerprint
  int64_t created = 0;                                          // seconds since 1970: when it was loaded
  bool strict = false;                                          // unknown fields are errors
  std::shared_ptr<const std::vector<ChangeFile>> changes = {};  // what requests may load beside it; null: nothing
  const ChangeFile* adapter = nullptr;                          // of them: the one that this name stands for
  // Of an answer with these changes (Ask::changes_id).
  std::string fingerprint_with(uint64_t id) const;
  std::string weights() const { return fingerprint.substr(fingerprint.rfind('-') + 1); }  // as the ledger names them
};

std::string eight_digits(uint64_t checksum);  // folded, as fingerprints have them

// Whether a key may use the model, which it may name by any of its names; an adapter, a steering file.
bool may_use(const Caller& caller, const ModelSide& side);
bool may_use(const Caller& caller, const std::string& change);
// Absent: the served one.
std::optional<ApiError> check_model_name(const ModelSide& side, const Json& request);

// The tokens of a text of a client's, with the one that begins texts where the model has it.
tl::expected<std::vector<Token>, ApiError> encode_text(const ModelSide& side, std::string_view text,
                                                       const std::string& param, Specials specials);
// A text so long that it cannot fit is refused before it is encoded.
std::optional<ApiError> check_length(const ModelSide& side, size_t bytes, const std::string& param);
ApiError too_long(const ModelSide& side, size_t tokens, const std::string& param);

class Fields;
struct RenderedChat {
  std::string text;
  ToolAsk tools;
  std::vector<Token> tokens;
  bool thinking_open = false;
  bool may_think = false;            // of its own accord: the prompt does not begin it, and nobody has switched it off
  std::vector<std::string> ignored;  // fields that this model's template does not read
};
// messages, tools, chat_template_kwargs, thinking, reasoning_effort of a request: checked, rendered and encoded.
tl::expected<RenderedChat, ApiError> render_request(const ModelSide& side, Fields& fields);

}  // namespace freehold
