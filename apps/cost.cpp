// freehold cost plan: what a month of use costs on a machine of one's own and at APIs, and from which use on the
// machine is the cheaper one. It says so when it is not.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/report.h"
#include "serve/tariff.h"

namespace freehold {
namespace {

struct Options {
  std::string machine, apis, month;
  double prompt = 0, cached = 0, output = 0;
  bool json = false;
};

// A machine of one's own, by a file of the owner's.
struct Machine {
  std::string name, currency;
  double price = 0, months = 0, upkeep_per_month = 0;  // bought, written off, and what it costs otherwise
  double watts_idle = 0, watts_busy = 0, per_kwh = 0;
  double prompt_per_second = 0, output_per_second = 0;  // tokens it computes, all answers together; freehold bench
};

struct Use {  // tokens of a month; cached is part of prompt
  double prompt = 0, cached = 0, output = 0;
};

constexpr double month_seconds = 365.25 / 12 * 86400;

Result<Machine> read_machine(const Path& path) {
  TRY_ASSIGN(const Json json, read_prices(path));
  PriceFields fields(json, path.filename().string());
  Machine m;
  m.name = fields.text("name"), m.currency = fields.text("currency");
  m.price = fields.number("price", std::nullopt, 1e9);
  m.months = fields.number("months", std::nullopt, 600);
  m.upkeep_per_month = fields.number("upkeep_per_month", 0);
  m.watts_idle = fields.number("watts_idle");
  m.watts_busy = fields.number("watts_busy");
  m.per_kwh = fields.number("per_kwh");
  m.prompt_per_second = fields.number("prompt_tokens_per_second");
  m.output_per_second = fields.number("output_tokens_per_second");
  TRY(fields.settle());
  const std::string name = path.filename().string();
  if (m.months < 1) return malformed("{}: months: expected at least 1", name);
  if (m.prompt_per_second <= 0 || m.output_per_second <= 0)
    return malformed("{}: expected tokens per second above 0; freehold bench measures them", name);
  if (m.watts_busy < m.watts_idle) return inconsistent("{}: watts_busy is below watts_idle", name);
  return m;
}

struct Api {
  std::string name;
  Prices prices;
};
Result<std::vector<Api>> read_apis(const Path& path, const std::string& currency) {
  const std::string name = path.filename().string();
  TRY_ASSIGN(const Json json, read_prices(path));
  PriceFields fields(json, name);
  const std::string theirs = fields.text("currency");
  const Json* list = fields.find("models");
  TRY(fields.settle());
  if (theirs != currency)
    return inconsistent("{}: prices are in {}, those of the machine in {}", name, printable(theirs),
                        printable(currency));
  if (!list || !list->is_array() || list->empty() || list->size() > 1000)
    return malformed("{}: models: expected a list of 1 to 1000", name);
  std::vector<Api> apis;
  for (const Json& one : *list) {
    const std::string place = fmt::format("{}: models[{}]", name, apis.size());
    if (!one.is_object()) return malformed("{}: expected an object", place);
    PriceFields price(one, place);
    Api api;
    api.name = price.text("name");
    api.prices = price.prices();
    TRY(price.settle());
    apis.push_back(std::move(api));
  }
  return apis;
}

double busy_share(const Machine& m, const Use& use) {
  return ((use.prompt - use.cached) / m.prompt_per_second + use.output / m.output_per_second) / month_seconds;
}

// The part of a month's costs that is there without any use, and that of the use: what computing draws beyond idling.
double fixed_cost(const Machine& m) {
  return m.price / m.months + m.upkeep_per_month + m.watts_idle / 1000 * month_seconds / 3600 * m.per_kwh;
}
double use_cost(const Machine& m, const Use& use) {
  return busy_share(m, use) * month_seconds * (m.watts_busy - m.watts_idle) / 3.6e6 * m.per_kwh;
}

Json compare(const Machine& m, const Use& use, const Api& api) {
  const double own = fixed_cost(m) + use_cost(m, use);
  const double theirs = api.prices.cost(use.prompt, use.cached, use.output);
  Json json = {{"api", api.name}, {"api_cost", theirs}, {"own_cost", own}, {"cheaper", theirs < own ? "api" : "own"}};
  // Use grows in the same mixture: both costs are lines, and the machine's starts at its fixed cost.
  const double gain = theirs - use_cost(m, use);
  json["break_even_factor"] = gain > 0 ? Json(fixed_cost(m) / gain) : Json(nullptr);
  json["within_capacity"] = gain > 0 && fixed_cost(m) / gain * busy_share(m, use) <= 1;
  return json;
}

Result<Use> measured(const Options& options) {
  if (options.month.empty()) {
    if (options.prompt + options.output <= 0)
      return usage_error("use: expected --month of the ledger, or --prompt-tokens and --output-tokens of a month");
    if (options.cached > options.prompt)
      return usage_error("--cached-tokens: more than --prompt-tokens, which they are of");
    return Use{options.prompt, options.cached, options.output};
  }
  if (options.prompt + options.output + options.cached > 0)
    return usage_error("--month: the ledger's use, not together with tokens given here");
  TRY_ASSIGN(const UsageRange range, usage_month(options.month));
  TRY_ASSIGN(const Path path, ledger_file());
  Use use;
  TRY(read_ledger(path, [&](const std::string& day, const LedgerEntry& e) {
    if (day < range.from || day > range.to) return;
    use.prompt += static_cast<double>(e.prompt);
    use.cached += static_cast<double>(e.cached);
    use.output += static_cast<double>(e.output);
  }));
  if (use.prompt + use.output <= 0) return io_error("{}: the ledger has no use in that month", options.month);
  return use;
}

void tell(const Machine& m, const Use& use, const Json& rows) {
  const double share = busy_share(m, use);
  print(fmt::format("a month: {:.0f} tokens of prompts ({:.0f} found in memory), {:.0f} of answers\n", use.prompt,
                    use.cached, use.output));
  print(fit_for_terminal(fmt::format("{}: {:.2f} {} fixed, {:.2f} for the use; busy {:.1f} % of the time\n\n", m.name,
                                     fixed_cost(m), m.currency, use_cost(m, use), 100 * share)));
  if (share > 1) print(fmt::format("the machine cannot do that: it would need {:.1f} months for it\n\n", share));
  for (const Json& row : rows) {
    std::string line =
        fmt::format("{:<24} {:>12.2f} {}  ", row["api"].get<std::string>(), row["api_cost"].get<double>(), m.currency);
    line += row["cheaper"].get<std::string>() == "api" ? "the API is cheaper" : "the machine is cheaper";
    if (row["break_even_factor"].is_null())
      line += "; at any use: a token costs more power here than its price there";
    else
      line += fmt::format("; they are even at {:.2f} times this use{}", row["break_even_factor"].get<double>(),
                          row["within_capacity"].get<bool>() ? "" : ", which is more than the machine can do");
    print(fit_for_terminal(line + "\n"));
  }
}

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const Machine machine, read_machine(options.machine));
  TRY_ASSIGN(const std::vector<Api> apis, read_apis(options.apis, machine.currency));
  TRY_ASSIGN(const Use use, measured(options));
  Json rows = Json::array();
  for (const Api& api : apis) rows.push_back(compare(machine, use, api));
  if (options.json)
    print_json({{"currency", machine.currency},
                {"prompt", use.prompt},
                {"cached", use.cached},
                {"output", use.output},
                {"fixed", fixed_cost(machine)},
                {"busy_share", busy_share(machine, use)},
                {"apis", rows}});
  else
    tell(machine, use, rows);
  return Done{};
}

}  // namespace

Command cost_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("cost", "what use costs: plan compares this machine with APIs");
  app->require_subcommand(1);
  CLI::App* plan = app->add_subcommand("plan", "a month on a machine of one's own beside prices of APIs; break-even");
  plan->footer(R"(
MACHINE.json: {"name", "currency", "price", "months" (written off in), "upkeep_per_month", "watts_idle", "watts_busy",
"per_kwh", "prompt_tokens_per_second", "output_tokens_per_second"}. APIS.json: {"currency", "models": [{"name",
"per_million_prompt", "per_million_cached", "per_million_output"}]}. All numbers are yours; none is built in.

examples:
  freehold cost plan --machine machine.json --apis apis.json --month 2026-11
  freehold cost plan --machine machine.json --apis apis.json --prompt-tokens 3e8 --output-tokens 4e7)");
  auto options = std::make_shared<Options>();
  plan->add_option("--machine", options->machine, "what the machine costs and does")->required()->type_name("FILE");
  plan->add_option("--apis", options->apis, "what APIs cost")->required()->type_name("FILE");
  plan->add_option("--month", options->month, "the use of this month of the ledger")->type_name("YYYY-MM");
  const CLI::Range counts(0.0, 1e15);
  plan->add_option("--prompt-tokens", options->prompt, "a month")->check(counts)->type_name("N");
  plan->add_option("--cached-tokens", options->cached, "of those, found in memory")->check(counts)->type_name("N");
  plan->add_option("--output-tokens", options->output, "a month")->check(counts)->type_name("N");
  plan->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
