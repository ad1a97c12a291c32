// What a column holds, decided over all its cells, and its cells read that way.
#include <algorithm>
#include <cmath>
#include <set>

#include "library/values.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

bool looks_like_identifier(std::string_view text) {  // letters before digits, or a leading zero: WO-1204, 00417
  if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0123456789") == std::string_view::npos) return true;
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0;
}

// The whole cell is a date, perhaps with a time or a weekday.
std::optional<FoundDate> whole_date(std::string_view text, bool day_first) {
  if (text.size() > 40) return std::nullopt;
  const auto found = find_date(text, day_first);
  if (!found) return std::nullopt;
  size_t other = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((i < found->at || i >= found->at + found->length) && std::isalpha(static_cast<unsigned char>(text[i]))) ++other;
  return other <= 10 ? found : std::nullopt;
}

std::optional<double> whole_duration(std::string_view text) {
  size_t length = 0;
  if (const auto minutes = duration_at(text, length); minutes && length == text.size()) return minutes;
  return clock_duration(text);
}

// Hours were written with few digits ("0.42"): where a whole number of minutes lies within their rounding, it was that.
double whole_if_rounded(double written, std::string_view text, double scale) {
  const double minutes = written * scale;
  const size_t mark = text.find_last_of(".,");
  if (mark == std::string_view::npos || scale <= 1) return minutes;
  double half_unit = 0.5;
  for (size_t i = mark + 1; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])); ++i) half_unit /= 10;
  const double whole = std::round(minutes);
  return std::abs(minutes - whole) <= half_unit * scale ? whole : minutes;
}

// How often the dates of a column step backwards when read one way.
size_t steps_back(const std::vector<const Cell*>& cells, bool day_first) {
  size_t back = 0;
  std::string last;
  for (const Cell* cell : cells) {
    const auto found = whole_date(cell->text, day_first);
    if (!found) continue;
    back += found->iso < last;
    last = found->iso;
  }
  return back;
}

}  // namespace

ColumnType type_column(std::string_view header, const std::vector<const Cell*>& cells, Hints hints) {
  ColumnType type;
  size_t filled = 0, dates = 0, ambiguous = 0, day_only = 0, month_only = 0, durations = 0, units = 0, exact = 0,
         identifiers = 0;
  size_t suffixed = 0;
  std::set<std::string> suffixes;  // letters right after digits: several in a column, and it holds names: 7A, 7B
  size_t comma_shape = 0, point_shape = 0, as_comma = 0, as_point = 0;
  for (const Cell* cell : cells) {
    const std::string& text = cell->text;
    if (text.empty() || text == "-" || text == "n/a" || text == "?") continue;
    ++filled;
    if (cell->exact) ++exact;
    if (const auto date = whole_date(text, true)) {
      ++dates, ambiguous += date->ambiguous, day_only += date->day_first, month_only += date->month_first;
      continue;
    }
    if (whole_duration(text)) {
      ++durations;
      size_t length = 0;
      units += duration_at(text, length).has_value();
      continue;
    }
    if (looks_like_identifier(text)) {
      ++identifiers;
      continue;
    }
    if (cell->exact) {
      ++as_comma, ++as_point;
      continue;
    }
    if (const size_t letters = text.find_first_not_of("0123456789");
        letters > 0 && letters != std::string::npos && text.size() - letters <= 3 &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(letters), text.end(),
                    [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }))
      ++suffixed, suffixes.insert(text.substr(letters));
    as_comma += number_of(text, Mark::comma).has_value();
    as_point += number_of(text, Mark::point).has_value();
    const size_t comma = text.rfind(','), point = text.rfind('.');
    const auto decimals = [&](size_t at) {
      size_t n = 0;
      while (at + 1 + n < text.size() && std::isdigit(static_cast<unsigned char>(text[at + 1 + n]))) ++n;
      return n;
    };
    if (comma != std::string::npos && (point == std::string::npos ? decimals(comma) != 3 : comma > point))
      ++comma_shape;
    if (point != std::string::npos && (comma == std::string::npos ? decimals(point) != 3 : point > comma))
      ++point_shape;
  }
  if (filled == 0 || (suffixes.size() >= 2 && suffixed * 2 > filled)) return type;
  const double per = minutes_per(unit_of_header(header));
  const auto most = [&](size_t n) { return n * 10 >= filled * 9; };
  if (most(dates)) {
    type.kind = Kind::date;
    if (day_only != month_only) {
      type.day_first = day_only > month_only;
      type.settled = Settled::yes;
    } else if (ambiguous > 0) {
      const size_t day = steps_back(cells, true), month = steps_back(cells, false);
      type.day_first = day <= month;
      type.settled = day == month ? Settled::no : Settled::by_order;
    }
    return type;
  }
  type.mark =
      comma_shape > point_shape || (comma_shape == point_shape && hints.decimal_comma) ? Mark::comma : Mark::point;
  const size_t numbers = type.mark == Mark::comma ? as_comma : as_point;
  if (most(numbers + durations) && (durations > numbers || per > 0 || units > 0) && identifiers * 20 <= filled) {
    type.kind = Kind::minutes;
    type.scale = per > 0 ? per : 1;
    return type;
  }
  if (most(numbers)) type.kind = Kind::number;
  return type;
}

Value value_of(const Cell& cell, const ColumnType& type) {
  const std::string& text = cell.text;
  if (text.empty() || text == "-" || text == "n/a" || text == "?") return {};
  switch (type.kind) {
    case Kind::text:
      return {text, 0};
    case Kind::date:
      if (const auto date = find_date(text, type.day_first)) return {date->iso, 0};
      return {};
    case Kind::minutes: {
      std::optional<double> minutes;
      if (!cell.exact || text.find(':') != std::string::npos) minutes = whole_duration(text);
      if (!minutes) {
        minutes = number_of(text, cell.exact ? Mark::point : type.mark);
        if (minutes) *minutes = whole_if_rounded(*minutes, text, type.scale);
      }
      if (!minutes) return {};
      return {text_of_number(*minutes), *minutes};
    }
    case Kind::number: {
      auto number = number_of(text, cell.exact ? Mark::point : type.mark);
      if (!number) return {};
      *number *= type.scale;
      return {text_of_number(*number), *number};
    }
  }
  return {};
}

}  // namespace freehold::papers
