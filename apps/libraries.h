// Where libraries of papers are kept and how a command opens one.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "library/store.h"

namespace freehold {

void add_library_option(CLI::App& app, std::string& name);
// $FREEHOLD_HOME/libraries/NAME.sqlite, or below ~/.local/share/freehold. For writing, the folder is made.
Result<Path> libraries_folder();
Result<Path> path_of_library(const std::string& name);
Result<papers::Store> open_library(const std::string& name, papers::Database::Mode mode);
// What is known beforehand of its words: the program's, and the owner's files (library/domain.h).
Result<papers::Domain> domain_of_library(const std::string& name);
// --as LABELS: the library as somebody sees it who holds these labels (library/view.h); the owner, without it, all.
void add_labels_option(CLI::App& app, std::optional<std::string>& labels);
Result<papers::Store> open_to_ask(const std::string& name, const std::optional<std::string>& labels,
                                  const papers::Domain& domain);

}  // namespace freehold
