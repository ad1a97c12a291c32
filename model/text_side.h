// What the files of a model say of texts, beside its tokenizer and its template.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "files/checkpoint.h"
#include "text/fill.h"
#include "text/tokenizer.h"

namespace freehold {

enum class Pooling : uint8_t {  // how a text becomes one vector
  mean,   // of the final states of all tokens: what an output head would read
  first,  // of that of the first token, which an encoder was taught to make stand for the text
  last,   // of that of the last token, which has seen all others
};

struct VectorForm {
  Pooling pooling = Pooling::mean;
  std::optional<Token> begin, end;  // stand around each text
  int most_tokens = 0;              // of a text with them, as the model was taught; 0: what the context takes
  std::vector<Token> around(std::vector<Token> text) const;
};

// GGUF: `<architecture>.pooling_type` and `tokenizer.ggml.add_eos_token`, as models that were made for vectors state
// them (Qwen3-Embedding). Encoders: the same, of folders sentence-transformers' modules.json, the pooling it names, and
// sentence_bert_config.json; texts stand between [CLS] and [SEP]. Files that state nothing, and folders of models that
// write: the mean. Nothing where a form is stated that takes another kind of model; an encoder whose form is not
// computed here is refused.
Result<std::optional<VectorForm>> vector_form_for(const Checkpoint&, const Tokenizer&);

// The tokens for filling in the middle: as GGUF names them (`tokenizer.ggml.fim_pre_token_id` ...), else by the names
// that families give them. Nothing where the model was not taught that.
Result<std::optional<FillTokens>> fill_tokens_for(const Checkpoint&, const Tokenizer&);

}  // namespace freehold
