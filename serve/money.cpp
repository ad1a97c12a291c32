#include "serve/money.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace freehold {

Money money_of(double units) {
  CHECK(std::abs(units) < 9e9, "{}", units);
  return {std::llround(units * 1e9)};
}

std::string text_of(Money money) {
  const auto magnitude =
      money.billionths < 0 ? 0 - static_cast<uint64_t>(money.billionths) : static_cast<uint64_t>(money.billionths);
  std::string text =
      fmt::format("{}{}.{:09}", money.billionths < 0 ? "-" : "", magnitude / 1'000'000'000, magnitude % 1'000'000'000);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::optional<Money> read_money(std::string_view text) {
  const bool below = text.starts_with('-');
  if (below) text.remove_prefix(1);
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string after(point == std::string_view::npos ? "" : text.substr(point + 1));
  const bool good = !digits.empty() && digits.size() <= 9 && after.size() <= 9 &&
                    (point == std::string_view::npos || !after.empty()) &&
                    std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; }) &&
                    std::count(text.begin(), text.end(), '.') <= 1;
  if (!good) return std::nullopt;
  digits += after + std::string(9 - after.size(), '0');
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return Money{below ? -value : value};
}

}  // namespace freehold
