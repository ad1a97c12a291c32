// Writer: a model, as far as papers need one. It is given instructions and a text and writes what fits a JSON schema.
// Whoever has a model makes one (library/model_writer.h); nothing that it writes is believed unchecked.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace freehold::papers {

struct Writing {
  std::string instructions;  // the same for many texts: computed once
  std::string text;
  Json schema;
  uint64_t draw = 0;  // 0: the most likely; else drawn, with this seed
};
using Writer = std::function<Result<std::string>(const Writing&)>;  // none: there is no model

}  // namespace freehold::papers
