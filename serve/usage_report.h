// Use as it is told: rows by department, key or model, as JSON, CSV or a table for a terminal.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "serve/keys.h"
#include "serve/ledger.h"

namespace freehold {

using UsageRows = std::map<std::string, UsageTotals>;

std::optional<UsageGroup> usage_group_of(std::string_view name);  // department, key, model
Json usage_json(const UsageRows& rows);
std::string usage_csv(const UsageRows& rows, std::string_view group);
std::string usage_table(const UsageRows& rows, std::string_view group);

// A department's budget and what of it is spent.
Json budget_json(const Budget& budget, const UsageTotals& spent);
// What of the budget is spent: "tokens", "joules" or "money"; empty: nothing.
std::string_view spent_of(const Budget& budget, const UsageTotals& spent);

}  // namespace freehold
