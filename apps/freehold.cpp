// freehold: owns a language model on this machine. This file is the whole story of the program: choose the command, run
// it, report. Commands have a file each; `pull` and `prove-offline` are another program, freehold-net, as this one
// opens no connection.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/report.h"
#include "apps/version.h"
#include "base/limits.h"
#include "base/mapping_guard.h"

namespace freehold {
namespace {

constexpr const char* help_end = R"(
Every command has --help with examples, and --json. Models are files, folders, or names under $FREEHOLD_HOME/models
(default ~/.local/share/freehold/models).

Exit codes: 0 done, 1 a check says no, 2 usage, 3 input refused, 4 memory or limits, 5 input/output, 6 integrity,
7 cancelled, 70 a bug of ours.

Start here:
  freehold pull smollm2-135m-instruct
  freehold run smollm2-135m-instruct "Why is the sky blue?"
)";

void print_limits(bool json) {
  const std::vector<std::pair<const char*, uint64_t>> rows = {
#define ROW(name) {#name, static_cast<uint64_t>(limits::name)},
#include <limits_table.inc>  // made by CMake: a ROW for every constant of base/limits.h
#undef ROW
  };
  Json object = Json::object();
  for (const auto& [name, value] : rows) {
    if (json)
      object[name] = value;
    else
      print(fmt::format("{:<26} {:>22}\n", name, text_of_count(value)));
  }
  if (json) print_json(object);
}

// Becomes freehold-net, which stands beside this program. Returns only when that fails.
Result<Done> hand_over(char** words) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return io_error("/proc/self/exe: {}", error.message());
  const std::string program = (self.parent_path() / "freehold-net").string();
  words[0] = const_cast<char*>(program.c_str());
  ::execv(program.c_str(), words);
  return io_error("freehold-net: {}; it belongs beside freehold and is the only program that uses the network",
                  std::strerror(errno));
}

bool is_of_the_network(int count, char** words) {
  const std::string_view first = count > 1 ? words[1] : "", second = count > 2 ? words[2] : "";
  return first == "pull" || first == "prove-offline" || first == "conformance" ||
         (first == "bench" && second == "serve");
}

int main_of(int count, char** words) {
  const bool json =
      std::any_of(words + 1, words + count, [](const char* w) { return std::string_view(w) == "--json"; });
  if (is_of_the_network(count, words)) return report(hand_over(words).error(), json);

  CLI::App program("Freehold runs open-weights language models on this machine, and nothing leaves it.", "freehold");
  program.footer(help_end);
  program.require_subcommand(0, 1);
  program.get_formatter()->column_width(34);
  bool version = false, limits = false, as_json = false;
  program.add_flag("--version", version, "version, compiler and kernels of this CPU");
  program.add_flag("--limits", limits, "the caps on what files and requests may claim");
  program.add_flag("--json", as_json, "answer --version or --limits as JSON");
  std::vector<Command> commands = {run_command(program),      serve_command(program),   inspect_command(program),
                                   tokenize_command(program), bench_command(program),   ingest_command(program),
                                   ask_command(program),      library_command(program), pack_command(program),
                                   keys_command(program),     usage_command(program),   cost_command(program)};
  program.add_subcommand("pull", "get a model of the catalogue (uses the network; by freehold-net)");
  program.add_subcommand("conformance", "what a running server keeps of the APIs it speaks (by freehold-net)");
  program.add_subcommand("prove-offline", "show that serving sends nothing out; a signed report (by freehold-net)");

  try {
    program.parse(count, words);
  } catch (const CLI::CallForHelp& e) {
    return program.exit(e);
  } catch (const CLI::ParseError& e) {
    return report(usage_error("{}; see freehold --help", e.what()).value(), json);
  }
  if (version) return print_version(as_json), 0;
  if (limits) return print_limits(as_json), 0;
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const Result<Done> done = command.run();
    if (!done) return report(done.error(), json);
    if (output_is_closed()) return report({Fault::io, "standard output: cannot be written"}, false);
    return 0;
  }
  print(program.help());
  return 0;
}

}  // namespace
}  // namespace freehold

int main(int count, char** words) {
  freehold::interrupt::install();
  freehold::install_mapping_guard();
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the write, not the end
  freehold::use_utf8();
  try {
    return freehold::main_of(count, words);
  } catch (const std::bad_alloc&) {
    return freehold::report({freehold::Fault::resources, "memory: none left; try a smaller model or --context"}, false);
  }
}
