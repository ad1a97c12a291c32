// Filters on numbers, and those that turn texts into numbers.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

// Python's int(text, base): blanks around, a sign, single underscores between digits. nullopt: no integer.
Result<std::optional<int64_t>> read_integer(std::string_view text, int base) {
  const size_t first = skip_spaces(text, 0), end = trim_spaces(text, first, text.size());
  std::string digits;
  bool negative = false, last_was_digit = false;
  size_t at = first;
  if (at < end && (text[at] == '-' || text[at] == '+')) negative = text[at++] == '-';
  if (end - at > 2 && text[at] == '0') {
    const char mark = static_cast<char>(text[at + 1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked && (base == marked || base == 0)) {
      base = marked;
      at += 2;
      last_was_digit = text[at] == '_';
    }
  }
  if (base == 0) base = 10;
  for (; at < end; ++at) {
    if (text[at] == '_' && last_was_digit) {
      last_was_digit = false;
      continue;
    }
    if (text[at] == '-' || text[at] == '+') return std::optional<int64_t>();
    digits += text[at];
    last_was_digit = true;
  }
  if (digits.empty() || !last_was_digit) return std::optional<int64_t>();
  if (negative) digits = fmt::format("-{}", digits);
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ptr != digits.data() + digits.size()) return std::optional<int64_t>();
  if (parsed.ec == std::errc::result_out_of_range) return range_error("the number has more than 64 bits");
  if (parsed.ec != std::errc()) return std::optional<int64_t>();
  return std::optional<int64_t>(value);
}

std::optional<double> read_float(std::string_view text) {
  const size_t first = skip_spaces(text, 0), end = trim_spaces(text, first, text.size());
  std::string plain;
  for (size_t at = first; at < end; ++at) {
    const bool between = text[at] == '_' && at > first && at + 1 < end &&
                         std::isdigit(static_cast<unsigned char>(text[at - 1])) &&
                         std::isdigit(static_cast<unsigned char>(text[at + 1]));
    if (!between) plain += text[at];
  }
  if (plain.empty() || plain.find_first_of("xX(") != plain.npos || plain.size() > 1000) return std::nullopt;
  char* stop;
  const double value = std::strtod(plain.c_str(), &stop);
  if (stop != plain.c_str() + plain.size()) return std::nullopt;
  return value;
}

Result<int64_t> integer_of(double value) {
  if (!(std::fabs(value) < 0x1p63)) return range_error("{} as an integer has more than 64 bits", print_float(value));
  return static_cast<int64_t>(value);
}

Result<Value> to_integer(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("int", call, {"default", "base"}));
  const Value otherwise = bound[0] ? *bound[0] : Value(int64_t{0});
  if (self.is_undefined()) return undefined_use(*self.as<Undefined>());
  if (const auto i = self.integer()) return Value(*i, self.author());
  if (self.as<LargeInteger>()) return self;
  if (const auto* d = self.as<double>()) {
    if (!std::isfinite(*d)) return otherwise;
    TRY_ASSIGN(const int64_t i, integer_of(*d));
    return Value(i, self.author());
  }
  const Text* text = self.text();
  if (!text) return otherwise;
  TRY(machine.budget.read(text->size()));
  TRY_ASSIGN(const int64_t base, integer_argument("int", bound[1], 10));
  if (base < 0 || base == 1 || base > 36) return otherwise;
  TRY_ASSIGN(const auto whole, read_integer(text->bytes(), static_cast<int>(base)));
  if (whole) return Value(*whole, self.author());
  const auto real = read_float(text->bytes());
  if (!real || !std::isfinite(*real)) return otherwise;
  TRY_ASSIGN(const int64_t i, integer_of(*real));
  return Value(i, self.author());
}

Result<Value> to_float(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("float", call, {"default"}));
  if (self.is_undefined()) return undefined_use(*self.as<Undefined>());
  if (const auto d = self.number()) return Value(*d, self.author());
  if (const auto* large = self.as<LargeInteger>()) return Value(static_cast<double>(large->value), self.author());
  if (const Text* text = self.text()) {
    TRY(machine.budget.read(text->size()));
    if (const auto d = read_float(text->bytes())) return Value(*d, self.author());
  }
  return bound[0] ? *bound[0] : Value(0.0);
}

Result<Value> absolute(Machine&, const Value& self, Call& call) {
  TRY(bind("abs", call, {}));
  if (const auto i = self.integer()) return *i < 0 ? negative(self) : Result<Value>(Value(*i, self.author()));
  if (const auto* d = self.as<double>()) return Value(std::fabs(*d), self.author());
  if (self.as<LargeInteger>()) return self;
  return type_error("bad operand type for abs(): '{}'", self.type());
}

// Python's round: to the nearest, halves to even, exact in decimal.
double rounded(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 320) return value;
  if (digits < -310) return std::copysign(0.0, value);
  if (digits >= 0) {
    char buffer[800];
    std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(digits), value);
    return std::strtod(buffer, nullptr);
  }
  const double power = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / power) * power;
}

Result<Value> round(Machine&, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("round", call, {"precision", "method"}));
  TRY_ASSIGN(const int64_t digits, integer_argument("round", bound[0], 0));
  const Text* method = bound[1] ? bound[1]->text() : nullptr;
  const std::string_view how = bound[1] ? (method ? method->bytes() : "") : "common";
  if (how != "common" && how != "ceil" && how != "floor")
    return type_error("round: method must be common, ceil or floor");
  if (self.is_undefined() && how != "common") return undefined_use(*self.as<Undefined>());
  const auto number = self.number();
  if (!number) return type_error("type '{}' cannot be rounded", self.type());
  if (how == "common") {
    if (!self.as<double>()) {  // an integer stays one; tens and hundreds round half to even
      const int64_t i = *self.integer();
      if (digits >= 0) return Value(i, self.author());
      if (digits < -18) return Value(int64_t{0}, self.author());
      int64_t power = 1;
      for (int64_t d = digits; d < 0; ++d) power *= 10;
      const int64_t rest = ((i % power) + power) % power;
      const int64_t odd = ((i - rest) / power) & 1;
      int64_t result = i;
      const bool up = rest > power / 2 || (rest == power / 2 && odd);
      if (__builtin_add_overflow(i, up ? power - rest : -rest, &result))
        return range_error("the rounded number has more than 64 bits");
      return Value(result, self.author());
    }
    return Value(rounded(*number, digits), self.author());
  }
  const double power = std::pow(10.0, static_cast<double>(digits));
  const double scaled = *number * power;
  if (!std::isfinite(scaled) || power == 0) return range_error("round: {} digits are out of range", digits);
  return Value((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / power, self.author());
}

Result<Value> file_size(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("filesizeformat", call, {"binary"}));
  const bool binary = flag_argument(bound[0], false);
  if (self.is_undefined()) return undefined_use(*self.as<Undefined>());
  std::optional<double> number = self.number();
  if (const Text* text = self.text()) number = read_float(text->bytes());
  if (!number) return type_error("filesizeformat of '{}'", self.type());
  const double bytes = *number, base = binary ? 1024 : 1000;
  std::string text;
  if (bytes == 1) {
    text = "1 Byte";
  } else if (bytes < base) {
    text = fmt::format("{} Bytes", static_cast<int64_t>(std::isfinite(bytes) ? std::max(bytes, -1e18) : 0));
  } else {
    static constexpr std::string_view letters = "kMGTPEZY";
    double unit = base;
    size_t i = 0;
    while (i + 1 < letters.size() && bytes >= unit * base) {
      unit *= base;
      ++i;
    }
    const char letter = binary && letters[i] == 'k' ? 'K' : letters[i];
    text = fmt::format("{:.1f} {}{}B", bytes / unit, letter, binary ? "i" : "");
  }
  return make_text(machine.budget, std::move(text), self.author());
}

constexpr Filter table[] = {
    {"int", to_integer}, {"float", to_float}, {"abs", absolute}, {"round", round}, {"filesizeformat", file_size},
};

}  // namespace

std::span<const Filter> number_filters() { return table; }

}  // namespace freehold::jinja
