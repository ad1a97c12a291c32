// What a request says about changes of the model: `lora`, as llama.cpp has it, a list of {"id", "scale"} with the ids
// of GET /lora-adapters; `steering`, a list of {"name", "scale"}. A request for an adapter by its name, as a model of
// its own, has it at strength 1.
#pragma once

#include "run/scheduler.h"
#include "serve/model_side.h"

namespace freehold {

// Sets `ask.changes`; `names`: those of what changes it. The first fault is kept in `fields`.
void read_changes(const ModelSide& side, Fields& fields, Ask& ask, std::vector<std::string>& names);

std::vector<std::string> change_names(const ModelSide& side, bool steering);
Json adapters_json(const ModelSide& side);  // llama.cpp's list; scale: of a request that says nothing of it

}  // namespace freehold
