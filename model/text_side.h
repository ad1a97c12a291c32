// What the files of a model say of texts, beside its tokenizer and its template.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "files/checkpoint.h"
#include "text/fill.h"

namespace freehold {

enum class Pooling : uint8_t {  // how a text becomes one vector
  mean,  // of what the output head would read at all tokens
  last,  // of that at the last token, which has seen all others
};

struct VectorForm {
  Pooling pooling = Pooling::mean;
  bool ends = false;  // the token that ends texts stands behind each
};

// GGUF: `<architecture>.pooling_type` and `tokenizer.ggml.add_eos_token`, as models that were made for vectors state
// them (Qwen3-Embedding). Files that state nothing, and folders: the mean. Nothing where a form is stated that takes
// another kind of model (a token that stands for the text at its beginning, a score of pairs).
Result<std::optional<VectorForm>> vector_form_for(const Checkpoint&);

// The tokens for filling in the middle: as GGUF names them (`tokenizer.ggml.fim_pre_token_id` ...), else by the names
// that families give them. Nothing where the model was not taught that.
Result<std::optional<FillTokens>> fill_tokens_for(const Checkpoint&, const Tokenizer&);

}  // namespace freehold
