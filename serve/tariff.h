// Tariff: what use costs inside the house, by a file of the owner's:
//
//   {"name": "2026-q4", "currency": "EUR", "per_million_prompt": 0.2, "per_million_cached": 0.02,
//    "per_million_output": 0.8, "per_kwh": 0.31}
//
// Absent prices are 0, that of cached tokens, a part of the prompt, is the price of the rest of it.
#pragma once

#include "base/json.h"
#include "serve/ledger.h"

namespace freehold {

struct Prices {  // of a million tokens, in the currency
  double prompt = 0, cached = 0, output = 0;
  double cost(double prompt_tokens, double cached_tokens, double output_tokens) const;
};

struct Tariff {
  std::string name, currency;
  Prices tokens;
  double per_kwh = 0;

  static Result<Tariff> read(const Path& path);
  Money cost(const LedgerEntry& entry) const;
};

// Members of a file of prices. Each is checked: numbers are 0 to a million, and what is not asked for is an error.
class PriceFields {
 public:
  PriceFields(const Json& object, std::string place) : json_(object), place_(std::move(place)) {}
  double number(const char* name, std::optional<double> otherwise = std::nullopt, double most = 1e6);
  std::string text(const char* name);
  const Json* find(const char* name);
  Prices prices();
  Result<Done> settle() const;

 private:
  void wrong(const char* name, const std::string& expected);
  const Json& json_;
  const std::string place_;
  std::vector<std::string> known_;
  std::string error_;
};

Result<Json> read_prices(const Path& path);  // a JSON object

}  // namespace freehold
