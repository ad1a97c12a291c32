#include "apps/net/prove.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/net/offline_proof.h"
#include "apps/net/signed_report.h"

namespace freehold {
namespace {

constexpr std::string_view report_type = "application/vnd.freehold.offline-proof+json";
constexpr uint64_t most_report_bytes = 16u << 20;

constexpr const char* help = R"(usage: freehold prove-offline MODEL [--report FILE] [--json]
       freehold prove-offline --verify FILE [--key FILE] [--json]

Serves the model once in a network that leads nowhere, asks it every kind of question with words planted in them, and
looks: what the program imports, which calls of the system it makes, what it may still do, what it writes. What this
machine does not allow to be looked at is listed as not shown. Exit 1 if a check found something.

  --report FILE  where the signed report goes; default: $FREEHOLD_HOME/offline-proof.json
  --verify FILE  check a report's signature and tell what it says; exit 6 if the signature does not fit
  --key FILE     the public key to check with; default: $FREEHOLD_HOME/proof.key.pub, made with the first report
  --json         the report as one JSON object

examples:
  freehold prove-offline smollm2-135m-instruct
  freehold prove-offline --verify offline-proof.json
)";

struct Arguments {
  std::string model, report, verify, key;
  bool json = false, help = false;
};

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    std::string* value = word == "--report"   ? &arguments.report
                         : word == "--verify" ? &arguments.verify
                         : word == "--key"    ? &arguments.key
                                              : nullptr;
    if (value && i + 1 < words.size() && !words[i + 1].starts_with("-"))
      *value = words[++i];
    else if (word == "--json")
      arguments.json = true;
    else if (word == "--help" || word == "-h")
      arguments.help = true;
    else if (word.starts_with("-"))
      return usage_error("{}: unknown option, or without its value; see freehold prove-offline --help",
                         printable(word));
    else if (!arguments.model.empty())
      return usage_error("{}: one model at a time", printable(word));
    else
      arguments.model = word;
  }
  if (!arguments.help && arguments.model.empty() == arguments.verify.empty())
    return usage_error("expected a model, or --verify FILE; see freehold prove-offline --help");
  return arguments;
}

Result<Path> find_model(const Path& home, const std::string& name) {
  std::error_code ignored;
  for (const Path& path : {Path(name), home / "models" / (name + ".gguf"), home / "models" / name})
    if (std::filesystem::exists(path, ignored)) return std::filesystem::absolute(path);
  return io_error("{}: no such file, and no model of that name has been pulled", printable(name));
}

void tell(const Json& report, bool as_json) {
  if (as_json) {
    std::puts(report.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  for (const Json& check : report["checks"])
    std::puts(fmt::format("{:<10} {:<20} {}", check["state"].get<std::string>(), check["name"].get<std::string>(),
                          printable(check["what"].get<std::string>(), 1000))
                  .c_str());
}

bool is_report(const Json& report) {
  if (!report.is_object() || !report.contains("checks") || !report["checks"].is_array()) return false;
  for (const Json& check : report["checks"])
    for (const char* name : {"name", "state", "what"})
      if (!check.is_object() || !check.contains(name) || !check[name].is_string()) return false;
  return true;
}

Result<Done> verify(const Path& home, const Arguments& arguments) {
  const Path key = arguments.key.empty() ? home / "proof.key.pub" : Path(arguments.key);
  TRY_ASSIGN(const std::string envelope, read_file(arguments.verify, most_report_bytes));
  TRY_ASSIGN(const std::string payload, open_envelope(key, report_type, envelope));
  TRY_ASSIGN(const Json report, parse_json(payload, "report"));
  if (!is_report(report)) return malformed("report: expected a list of checks");
  tell(report, arguments.json);
  return Done{};
}

}  // namespace

Result<Done> prove(const Path& home, const std::vector<std::string>& words) {
  TRY_ASSIGN(const Arguments arguments, parse(words));
  if (arguments.help) return std::fputs(help, stdout), Done{};
  if (!arguments.verify.empty()) return verify(home, arguments);
  TRY_ASSIGN(const Path model, find_model(home, arguments.model));
  std::error_code error;
  const Path self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::filesystem::create_directories(home, error);
  if (error) return io_error("{}: cannot be made: {}", printable(home.filename().native()), error.message());
  TRY_ASSIGN(const Json report, prove_offline({self.parent_path() / "freehold", model}));
  TRY_ASSIGN(const std::string envelope, signed_envelope(home / "proof.key", report_type, report.dump(1)));
  const Path place = arguments.report.empty() ? home / "offline-proof.json" : Path(arguments.report);
  TRY(replace_file(place, envelope, 0600));
  tell(report, arguments.json);
  if (!arguments.json) std::puts(fmt::format("\nsigned: {}", printable(place.native(), 500)).c_str());
  if (!report["passed"].get<bool>())
    return failure(Fault::check_failed, "prove-offline: a check found something; see the report");
  return Done{};
}

}  // namespace freehold
