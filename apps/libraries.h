// Where libraries of papers are kept and how a command opens one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "library/store.h"

namespace freehold {

void add_library_option(CLI::App& app, std::string& name);
// $FREEHOLD_HOME/libraries/NAME.sqlite, or below ~/.local/share/freehold. For writing, the folder is made.
Result<Path> libraries_folder();
Result<Path> path_of_library(const std::string& name);
Result<papers::Store> open_library(const std::string& name, papers::Database::Mode mode);

}  // namespace freehold
