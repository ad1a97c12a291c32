// The subcommands of `freehold library`, a file each.
#pragma once

#include "apps/command.h"

namespace freehold {

Command library_eval(CLI::App& library);
Command library_forget(CLI::App& library);
Command library_training(CLI::App& library);
Command library_review(CLI::App& library);
Command library_schema(CLI::App& library);

}  // namespace freehold
