#include "library/values.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "library/words.h"

namespace freehold::papers {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

int month_of(std::string_view word) {
  static constexpr std::string_view names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                               "jul", "aug", "sep", "oct", "nov", "dec"};
  static constexpr std::string_view others[] = {"januar", "februar", "mrz", "maerz", "mai",
                                                "juni",   "juli",    "okt", "dez",   "sept"};
  static constexpr int other_months[] = {1, 2, 3, 3, 5, 6, 7, 10, 12, 9};
  static constexpr std::string_view full[] = {"january", "february", "march",     "april",   "may",      "june",
                                              "july",    "august",   "september", "october", "november", "december"};
  const std::string low = fold(word);
  for (int i = 0; i < 12; ++i)
    if (low == names[i] || low == full[i]) return i + 1;
  for (size_t i = 0; i < std::size(others); ++i)
    if (low == others[i]) return other_months[i];
  return 0;
}

int64_t days_from_civil(int64_t y, int m, int d) {  // Howard Hinnant's algorithm
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468;
}

struct Scanner {
  std::string_view text;
  size_t at;
  int number(size_t& width) {
    int value = 0;
    width = 0;
    while (at < text.size() && digit(text[at]) && width < 5) value = value * 10 + (text[at++] - '0'), ++width;
    return value;
  }
  std::string_view word() {
    const size_t start = at;
    while (at < text.size() && letter(text[at])) ++at;
    return text.substr(start, at - start);
  }
  bool take(std::string_view any) {
    if (at >= text.size() || any.find(text[at]) == std::string_view::npos) return false;
    ++at;
    return true;
  }
};

int full_year(int year, size_t width) { return width == 2 ? (year < 70 ? 2000 + year : 1900 + year) : year; }

std::optional<FoundDate> date_at(std::string_view text, size_t from, bool day_first) {
  Scanner s{text, from};
  size_t w1 = 0, w2 = 0, w3 = 0;
  const auto done = [&](int y, int m, int d, FoundDate found) -> std::optional<FoundDate> {
    if (!is_date(y, m, d)) return std::nullopt;
    if (s.at < text.size() && (digit(text[s.at]) || (letter(text[s.at]) && text[s.at] != 'T'))) return std::nullopt;
    found.iso = iso_date(y, m, d);
    found.at = from;
    found.length = s.at - from;
    return found;
  };
  if (letter(text[from])) {  // March 12, 2021
    const int month = month_of(s.word());
    if (!month) return std::nullopt;
    s.take(".");
    if (!s.take(" -")) return std::nullopt;
    const int day = s.number(w1);
    if (w1 == 0 || w1 > 2) return std::nullopt;
    if (text.substr(s.at, 2) == "th" || text.substr(s.at, 2) == "st" || text.substr(s.at, 2) == "nd" ||
        text.substr(s.at, 2) == "rd")
      s.at += 2;
    s.take(",");
    if (!s.take(" -")) return std::nullopt;
    const int year = s.number(w3);
    return w3 == 4 ? done(year, month, day, {}) : std::nullopt;
  }
  const int first = s.number(w1);
  if (w1 == 4) {
    const char mark = s.at < text.size() ? text[s.at] : '\0';
    if (!s.take("-/.")) return std::nullopt;
    const int month = s.number(w2);
    if (w2 == 0 || w2 > 2 || s.at >= text.size() || text[s.at] != mark) return std::nullopt;
    ++s.at;
    const int day = s.number(w3);
    return w3 >= 1 && w3 <= 2 ? done(first, month, day, {}) : std::nullopt;
  }
  if (w1 == 0 || w1 > 2) return std::nullopt;
  const size_t before = s.at;
  if (text.substr(s.at, 2) == "th" || text.substr(s.at, 2) == "st" || text.substr(s.at, 2) == "nd" ||
      text.substr(s.at, 2) == "rd")
    s.at += 2;
  s.take(".");
  if (s.take(" -") || s.at > before) {  // 12 March 2021, 12-Mar-21
    while (s.take(" ")) {
    }
    if (s.at < text.size() && letter(text[s.at])) {
      const int month = month_of(s.word());
      if (!month) return std::nullopt;
      s.take(".,");
      while (s.take(" -")) {
      }
      const int year = s.number(w3);
      return w3 == 4 || w3 == 2 ? done(full_year(year, w3), month, first, {}) : std::nullopt;
    }
  }
  s.at = before;
  const char mark = s.at < text.size() ? text[s.at] : '\0';
  if (!s.take("./-")) return std::nullopt;
  const int second = s.number(w2);
  if (w2 == 0 || w2 > 2 || s.at >= text.size() || text[s.at] != mark) return std::nullopt;
  ++s.at;
  const int written = s.number(w3), year = full_year(written, w3);
  if (w3 != 4 && w3 != 2) return std::nullopt;
  FoundDate found;
  if (mark == '.') return done(year, second, first, found);
  found.day_first = first > 12, found.month_first = second > 12;
  found.ambiguous = !found.day_first && !found.month_first;
  const bool day = found.day_first || (!found.month_first && day_first);
  return day ? done(year, second, first, found) : done(year, first, second, found);
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::number:
      return "number";
    case Kind::date:
      return "date";
    case Kind::minutes:
      return "minutes";
  }
  return "";
}
std::optional<Kind> kind_of(std::string_view name) {
  for (const Kind kind : {Kind::text, Kind::number, Kind::date, Kind::minutes})
    if (name_of(kind) == name) return kind;
  return std::nullopt;
}

bool is_date(int year, int month, int day) {
  static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1800 || year > 2200 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= lengths[month - 1] + (month == 2 && leap);
}
std::string iso_date(int year, int month, int day) { return fmt::format("{:04}-{:02}-{:02}", year, month, day); }
int64_t days_of(std::string_view iso) {
  if (iso.size() < 10) return 0;
  const auto part = [&](size_t at, size_t n) {
    int value = 0;
    for (size_t i = at; i < at + n; ++i) value = value * 10 + (digit(iso[i]) ? iso[i] - '0' : 0);
    return value;
  };
  return days_from_civil(part(0, 4), part(5, 2), part(8, 2));
}
std::string date_of_days(int64_t z) {
  z += 719'468;
  const int64_t era = (z >= 0 ? z : z - 146'096) / 146'097, doe = z - era * 146'097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365,
                doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int d = static_cast<int>(doy - (153 * mp + 2) / 5 + 1), m = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  return iso_date(static_cast<int>(yoe + era * 400 + (m <= 2)), m, d);
}

std::string today() { return date_of_days(static_cast<int64_t>(std::time(nullptr)) / 86'400); }
std::string date_of_serial(double serial, bool from_1904) {
  const double whole = std::floor(serial);
  // The 1900 system counts a 29 February 1900 that never was.
  const int64_t days = static_cast<int64_t>(whole) - (from_1904 ? 24'107 - 0 : serial < 60 ? 25'568 : 25'569);
  std::string text = date_of_days(days);
  const auto minutes = static_cast<int>(std::lround((serial - whole) * 1440));
  if (minutes > 0 && minutes < 1440) text += fmt::format(" {:02}:{:02}", minutes / 60, minutes % 60);
  return text;
}

std::optional<FoundDate> find_date(std::string_view text, bool day_first, size_t from) {
  for (size_t i = from; i < text.size(); ++i) {
    const bool starts = i == 0 || !(digit(text[i - 1]) || letter(text[i - 1]) ||
                                    (i > 1 && (text[i - 1] == '.' || text[i - 1] == '/' || text[i - 1] == '-') &&
                                     (digit(text[i - 2]) || letter(text[i - 2]))));
    if (!starts || !(digit(text[i]) || letter(text[i]))) continue;
    if (auto found = date_at(text, i, day_first)) return found;
  }
  return std::nullopt;
}

std::optional<double> clock_duration(std::string_view text) {
  Scanner s{text, 0};
  size_t w1 = 0, w2 = 0;
  const int hours = s.number(w1);
  if (w1 == 0 || w1 > 3 || !s.take(":")) return std::nullopt;
  const int minutes = s.number(w2);
  if (w2 != 2 || minutes > 59) return std::nullopt;
  if (s.take(":")) {
    size_t w3 = 0;
    s.number(w3);
    if (w3 != 2) return std::nullopt;
  }
  return s.at == text.size() ? std::optional<double>(hours * 60 + minutes) : std::nullopt;
}

double minutes_per(std::string_view unit) {
  const std::string u = fold(unit);
  for (const char* w : {"h", "hr", "hrs", "hour", "hours", "std", "stunden", "stunde"})
    if (u == w) return 60;
  for (const char* w : {"min", "mins", "minute", "minutes", "minuten", "mn", "'"})
    if (u == w) return 1;
  for (const char* w : {"s", "sec", "secs", "second", "seconds"})
    if (u == w) return 1.0 / 60;
  for (const char* w : {"d", "day", "days", "tage"})
    if (u == w) return 1440;
  return 0;
}

std::optional<double> duration_at(std::string_view text, size_t& length) {
  size_t i = 0;
  const auto number = [&](double& value) {
    const size_t start = i;
    value = 0;
    double place = 0;
    for (; i < text.size() && i - start < 12; ++i) {
      if (digit(text[i])) {
        if (place > 0)
          value += (text[i] - '0') * place, place /= 10;
        else
          value = value * 10 + (text[i] - '0');
      } else if ((text[i] == '.' || text[i] == ',') && place == 0 && i > start && i + 1 < text.size() &&
                 digit(text[i + 1])) {
        place = 0.1;
      } else {
        break;
      }
    }
    return i > start;
  };
  double value = 0;
  if (!number(value)) return std::nullopt;
  if (i + 1 < text.size() && text[i] == '/' && digit(text[i + 1])) {
    ++i;
    double below = 0;
    if (!number(below) || below == 0) return std::nullopt;
    value /= below;
  }
  while (i < text.size() && text[i] == ' ') ++i;
  const size_t start = i;
  if (i < text.size() && text[i] == '\'')
    ++i;
  else
    while (i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])) && i - start < 10) ++i;
  const std::string_view unit = text.substr(start, i - start);
  const double per = minutes_per(unit);
  if (per == 0) return std::nullopt;
  double minutes = value * per;
  length = i;
  if (per == 60) {  // 1h15, 1 h 15 min
    size_t j = i;
    if (j < text.size() && text[j] == ' ') ++j;
    const size_t digits = j;
    while (j < text.size() && digit(text[j]) && j - digits < 3) ++j;
    if (j > digits && j - digits <= 2) {
      const double more = std::atof(std::string(text.substr(digits, j - digits)).c_str());
      size_t k = j;
      while (k < text.size() && text[k] == ' ') ++k;
      const size_t word = k;
      while (k < text.size() && std::isalpha(static_cast<unsigned char>(text[k]))) ++k;
      if (minutes_per(text.substr(word, k - word)) == 1)
        minutes += more, length = k;
      else if (digits == i && k == word)
        minutes += more, length = j;
    }
  }
  return minutes;
}

std::optional<double> number_of(std::string_view text, Mark mark) {
  std::string digits;
  bool negative = false, seen = false, ended = false, point = false;
  size_t letters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (digit(c)) {
      if (ended) return std::nullopt;
      digits += c, seen = true;
    } else if ((c == ',' || c == '.') && seen && !ended) {
      const bool decimal = (c == ',') == (mark == Mark::comma);
      if (decimal && point) return std::nullopt;
      if (decimal)
        point = true, digits += '.';
      else if (point)
        return std::nullopt;
      else if (i + 3 >= text.size() || !digit(text[i + 1]) || !digit(text[i + 2]) || !digit(text[i + 3]))
        return std::nullopt;
    } else if (c == '-' && !seen && letters == 0) {
      negative = true;
    } else if (c == '\'' && seen && i + 1 < text.size() && digit(text[i + 1])) {  // 1'250
    } else if (c == ' ' || static_cast<unsigned char>(c) >= 0x80 || c == '$' || c == '%' || c == '+' || letter(c)) {
      if (c == ' ' && seen && i + 3 < text.size() && digit(text[i + 1]) && digit(text[i + 2]) && digit(text[i + 3]))
        continue;
      if (letter(c) && ++letters > 4) return std::nullopt;
      if (letter(c) && !seen && static_cast<unsigned char>(c) < 0x80 && letters > 3) return std::nullopt;
      if (seen) ended = true;
    } else {
      return std::nullopt;
    }
  }
  if (!seen || digits.size() > 30) return std::nullopt;
  const double value = std::strtod(digits.c_str(), nullptr);
  return negative ? -value : value;
}

std::string text_of_number(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) return fmt::format("{:.0f}", number);
  std::string text = fmt::format("{:.6f}", number);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string unit_of_header(std::string_view header) {
  for (const auto& [open, close] : {std::pair{'[', ']'}, std::pair{'(', ')'}}) {
    const size_t a = header.rfind(open), b = header.rfind(close);
    if (a != std::string_view::npos && b != std::string_view::npos && b > a + 1 && b - a < 12)
      return trimmed_text(header.substr(a + 1, b - a - 1));
  }
  const auto parts = words_of(header);
  if (parts.size() > 1 && minutes_per(parts.back()) > 0 && parts.back() != "s" && parts.back() != "d" &&
      parts.back() != "day" && parts.back() != "days")
    return parts.back();
  if (parts.size() <= 3)  // "Hours", "Minutes late"
    for (const std::string& part : parts)
      if (part == "hours" || part == "minutes" || part == "mins" || part == "hrs") return part;
  return "";
}

}  // namespace freehold::papers
