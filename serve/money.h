// Money as a whole number of billionths of a currency unit: sums are exact, and a token has a price.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freehold {

struct Money {
  int64_t billionths = 0;
  Money& operator+=(Money other) { return billionths += other.billionths, *this; }
  bool operator==(const Money&) const = default;
};

Money money_of(double units);                            // rounded; NaN and what is out of range are our bugs
std::string text_of(Money money);                        // "0.000041", no zeros at the end
std::optional<Money> read_money(std::string_view text);  // what text_of writes; at most 9 digits after the point

}  // namespace freehold
