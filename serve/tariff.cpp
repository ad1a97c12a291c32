#include "serve/tariff.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace freehold {

double Prices::cost(double prompt_tokens, double cached_tokens, double output_tokens) const {
  return ((prompt_tokens - cached_tokens) * prompt + cached_tokens * cached + output_tokens * output) / 1e6;
}

Result<Json> read_prices(const Path& path) {
  const std::string name = path.filename().string();
  TRY_ASSIGN(const std::string text, read_file(path, limits::price_file_bytes));
  TRY_ASSIGN(Json json, parse_json(text, name));
  if (!json.is_object()) return malformed("{}: expected an object", name);
  return json;
}

Result<Tariff> Tariff::read(const Path& path) {
  TRY_ASSIGN(const Json json, read_prices(path));
  PriceFields fields(json, path.filename().string());
  Tariff tariff;
  tariff.name = fields.text("name");
  tariff.currency = fields.text("currency");
  tariff.tokens = fields.prices();
  tariff.per_kwh = fields.number("per_kwh", 0);
  TRY(fields.settle());
  return tariff;
}

Money Tariff::cost(const LedgerEntry& e) const {
  const double of_tokens =
      tokens.cost(static_cast<double>(e.prompt), static_cast<double>(e.cached), static_cast<double>(e.output));
  return money_of(std::min(of_tokens + e.joules / 3.6e6 * per_kwh, 1e9));
}

double PriceFields::number(const char* name, std::optional<double> otherwise, double most) {
  const Json* value = find(name);
  if (!value && otherwise) return *otherwise;
  if (value && value->is_number() && value->get<double>() >= 0 && value->get<double>() <= most) return *value;
  return wrong(name, fmt::format("a number from 0 to {}", most)), 0;
}

std::string PriceFields::text(const char* name) {
  const Json* value = find(name);
  if (value && value->is_string())
    if (std::string text = *value; !text.empty() && text.size() <= 64 && is_clean_utf8(text)) return text;
  return wrong(name, "a text of 1 to 64 bytes"), "";
}

const Json* PriceFields::find(const char* name) {
  known_.emplace_back(name);
  const auto found = json_.find(name);
  return found == json_.end() ? nullptr : &*found;
}

Prices PriceFields::prices() {
  Prices prices;
  prices.prompt = number("per_million_prompt", 0);
  prices.cached = number("per_million_cached", prices.prompt);
  prices.output = number("per_million_output", 0);
  return prices;
}

void PriceFields::wrong(const char* name, const std::string& expected) {
  if (error_.empty()) error_ = fmt::format("{}: {}: expected {}", place_, name, expected);
}

Result<Done> PriceFields::settle() const {
  if (!error_.empty()) return malformed("{}", error_);
  for (const auto& [name, value] : json_.items())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      return malformed("{}: '{}' is not known", place_, printable(name));
  return Done{};
}

}  // namespace freehold
