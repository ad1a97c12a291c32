// What a request says about how its answer must look: response_format, and the fields that llama.cpp and vLLM have for
// the same.
#pragma once

#include <string>

#include "base/json.h"

namespace freehold {

class Fields;

struct GrammarAsk {
  enum class Kind : uint8_t {
    none,
    json_object,
    json_schema,  // value: a schema
    regex,        // a string
    choice,       // a list of strings
    gbnf,         // a string
  };
  Kind kind = Kind::none;
  Json value = nullptr;
  std::string param;       // the field that says so
  bool may_think = false;  // the model may think first, of its own accord
};

// response_format, grammar, json_schema, structured_outputs, guided_*: at most one of them. The first fault is kept in
// `fields`.
GrammarAsk read_grammar_ask(Fields& fields);

}  // namespace freehold
