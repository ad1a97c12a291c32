// freehold inspect --plan: what a model would take to run here, and how fast it could be.
#pragma once

#include "apps/models.h"

namespace freehold {

// options.model: a model as elsewhere, or a file in the form of config.json.
Result<Done> print_plan(const ModelOptions& options, bool json);

}  // namespace freehold
