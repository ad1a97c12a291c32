// A command of `freehold`: it declares its options on its own CLI11 subcommand and gives back what to do when chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/result.h"

namespace freehold {

struct Command {
  CLI::App* app;
  std::function<Result<Done>()> run;
};

// One file each. The options live in the closure of `run`.
Command run_command(CLI::App& program);
Command inspect_command(CLI::App& program);
Command tokenize_command(CLI::App& program);
Command bench_command(CLI::App& program);
Command serve_command(CLI::App& program);
Command usage_command(CLI::App& program);
Command cost_command(CLI::App& program);
Command keys_command(CLI::App& program);
Command ingest_command(CLI::App& program);
Command ask_command(CLI::App& program);
Command library_command(CLI::App& program);
Command pack_command(CLI::App& program);

}  // namespace freehold
