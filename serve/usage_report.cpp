#include "serve/usage_report.h"

#include <nlohmann/json.hpp>

namespace freehold {
namespace {

std::string csv_field(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::optional<UsageGroup> usage_group_of(std::string_view name) {
  if (name == "department") return UsageGroup::department;
  if (name == "key") return UsageGroup::key;
  if (name == "model") return UsageGroup::model;
  return std::nullopt;
}

Json usage_json(const UsageRows& rows) {
  Json list = Json::array();
  for (const auto& [name, t] : rows)
    list.push_back({{"name", name},
                    {"requests", t.requests},
                    {"prompt", t.prompt},
                    {"cached", t.cached},
                    {"reasoning", t.reasoning},
                    {"output", t.output},
                    {"joules", t.joules},
                    {"cost", text_of(t.cost)},
                    {"currency", t.currency}});
  return list;
}

std::string usage_csv(const UsageRows& rows, std::string_view group) {
  std::string out = fmt::format("{},requests,prompt,cached,reasoning,output,joules,cost,currency\r\n", group);
  for (const auto& [name, t] : rows)
    out += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", csv_field(name), t.requests, t.prompt, t.cached, t.reasoning,
                       t.output, t.joules, text_of(t.cost), csv_field(t.currency));
  return out;
}

std::string usage_table(const UsageRows& rows, std::string_view group) {
  std::string out = fmt::format("{:<20} {:>9} {:>12} {:>12} {:>12} {:>12} {:>14}\n", group, "requests", "prompt",
                                "cached", "output", "joules", "cost");
  UsageTotals all;
  const auto row = [&](std::string_view name, const UsageTotals& t) {
    out += fmt::format("{:<20} {:>9} {:>12} {:>12} {:>12} {:>12.1f} {:>14}\n", name.empty() ? "(none)" : name,
                       t.requests, t.prompt, t.cached, t.output, t.joules,
                       text_of(t.cost) + (t.currency.empty() ? "" : " " + t.currency));
  };
  for (const auto& [name, t] : rows) {
    row(name, t);
    all.add(t);
  }
  row("all", all);
  return out;
}

Json budget_json(const Budget& budget, const UsageTotals& spent) {
  const auto or_null = [](auto value) { return value > 0 ? Json(value) : Json(nullptr); };
  return {{"department", budget.department},
          {"tokens", {{"budget", or_null(budget.tokens)}, {"spent", spent.tokens()}}},
          {"joules", {{"budget", or_null(budget.joules)}, {"spent", spent.joules}}},
          {"money",
           {{"budget", budget.money.billionths > 0 ? Json(text_of(budget.money)) : Json(nullptr)},
            {"spent", text_of(spent.cost)},
            {"currency", spent.currency}}},
          {"spent", !spent_of(budget, spent).empty()}};
}

std::string_view spent_of(const Budget& budget, const UsageTotals& spent) {
  if (budget.tokens > 0 && spent.tokens() >= budget.tokens) return "tokens";
  if (budget.joules > 0 && spent.joules >= static_cast<double>(budget.joules)) return "joules";
  if (budget.money.billionths > 0 && spent.cost.billionths >= budget.money.billionths) return "money";
  return {};
}

}  // namespace freehold
