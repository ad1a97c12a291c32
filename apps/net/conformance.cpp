#include "apps/net/conformance.h"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "apps/net/asked_server.h"
#include "apps/net/conformance/probe.h"

namespace freehold {
namespace {

using namespace conformance;  // NOLINT: this file is its command

struct Finding {
  const char *part, *name;
  Level level;
  Outcome outcome;
  // What a client that relies on it would break on.
  bool broken() const {
    const Verdict v = outcome.verdict;
    const bool bad = v == Verdict::ignored || v == Verdict::wrong;
    return level == Level::must ? bad || v == Verdict::refused : level == Level::honest && bad;
  }
};

void put(const std::string& line) { std::fputs((line + "\n").c_str(), stdout), std::fflush(stdout); }

std::string plain(std::string_view name) { return std::string(name); }

Json as_json(const std::vector<Finding>& findings, const HttpClient& client, const std::string& model) {
  Json rows = Json::array(), counts = Json::object();
  int broken = 0;
  for (const Finding& f : findings) {
    const std::string verdict = plain(name_of(f.outcome.verdict));
    rows.push_back({{"part", f.part},
                    {"name", f.name},
                    {"level", plain(name_of(f.level))},
                    {"verdict", verdict},
                    {"broken", f.broken()},
                    {"evidence", f.outcome.evidence}});
    counts[verdict] = counts.value(verdict, 0) + 1;
    broken += f.broken();
  }
  return {{"url", client.url()}, {"model", model},   {"passed", broken == 0},
          {"broken", broken},    {"counts", counts}, {"findings", std::move(rows)}};
}

}  // namespace

Result<Done> conformance_command(const std::vector<std::string>& words, const std::atomic<bool>& cancelled) {
  CLI::App app(
      "Asks a running server, ours or another that speaks OpenAI's API, one thing after the other and says of each "
      "field "
      "and rule whether it is honoured, refused or ignored. Judged is what the server does. What others ask of it at "
      "the "
      "same time may change what is seen. Exit 1 if something that must be kept is not.",
      "freehold conformance");
  app.footer(R"(
examples:
  freehold conformance
  freehold conformance --url http://127.0.0.1:9000 --model qwen --json)");
  AskedServer options;
  double seconds = 300;
  options.add_to(app);
  app.add_option("--timeout", seconds, "what one answer may take")
      ->check(CLI::Range(0.1, 86400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  TRY_ASSIGN(const bool go_on, parse_words(app, words, 1));
  if (!go_on) return Done{};
  TRY_ASSIGN(const auto client, HttpClient::make(options.url, options.key, cancelled));
  Json about;
  TRY_ASSIGN(const std::string model, find_model(*client, options.model, about));
  Probe probe(*client, model, seconds);
  TRY(probe.start());

  const bool progress = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1;
  std::vector<Finding> findings;
  std::string broken;
  if (!options.json) put(fmt::format("{} at {}", printable(model), client->url()));
  for (const Part& part : all_parts()) {
    if (!options.json) put(fmt::format("\n{}", part.name));
    for (const Check& check : part.checks) {
      if (progress) std::fputs(fmt::format("\r\033[Kfreehold: {}: {}", part.name, check.name).c_str(), stderr);
      findings.push_back({part.name, check.name, check.level, check.look(probe)});
      const Finding& f = findings.back();
      if (cancelled) return failure(Fault::cancelled, "conformance: stopped");
      if (probe.gone())
        return io_error("{}: the server is gone, or answers no more; the last thing looked at was {}", client->url(),
                        check.name);
      if (f.broken()) broken += (broken.empty() ? "" : ", ") + std::string(check.name);
      if (!options.json)
        put(fmt::format("{} {:<12}  {:<13}  {:<44}  {}", f.broken() ? '!' : ' ', name_of(f.outcome.verdict),
                        name_of(f.level), check.name, printable(f.outcome.evidence, 400)));
    }
  }
  if (progress) std::fputs("\r\033[K", stderr);
  const Json report = as_json(findings, *client, model);
  if (options.json) {
    put(report.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    std::string line;
    for (const auto& [verdict, count] : report["counts"].items())
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count.get<int>(), verdict);
    put(fmt::format("\n{} things: {}; {} that must be kept {} not", findings.size(), line, report["broken"].get<int>(),
                    report["broken"].get<int>() == 1 ? "is" : "are"));
  }
  if (!broken.empty()) return failure(Fault::check_failed, "conformance: not kept: " + broken);
  return Done{};
}

}  // namespace freehold
