// Values as people write them: numbers with either decimal mark, dates in any order, durations in any unit. A column is
// typed as a whole: one value that can only be read one way settles it for the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/paper.h"

namespace freehold::papers {

enum class Kind : uint8_t { text, number, date, minutes };
std::string_view name_of(Kind kind);
std::optional<Kind> kind_of(std::string_view name);

struct Value {
  std::string text;  // as shown: text as it stood, dates ISO; empty when there is none
  double number = 0;
  bool empty() const { return text.empty(); }
};

std::string iso_date(int year, int month, int day);
bool is_date(int year, int month, int day);
int64_t days_of(std::string_view iso);  // since 1970-01-01
std::string date_of_days(int64_t days);
std::string today();                                        // in UTC
std::string date_of_serial(double serial, bool from_1904);  // a workbook's; with the time when it has one

// A date inside a text. `first_second`: two numbers of which either may be the day.
struct FoundDate {
  std::string iso;
  size_t at = 0, length = 0;
  bool ambiguous = false, day_first = false, month_first = false;  // the last two: only that reading is possible
};
std::optional<FoundDate> find_date(std::string_view text, bool day_first, size_t from = 0);

// A duration with its unit ("1h15", "75 min", "3/4 h", "1,5 hours", "75'"), in minutes; `length` of it in the text.
std::optional<double> duration_at(std::string_view text, size_t& length);
std::optional<double> clock_duration(std::string_view text);  // "1:25" as hours and minutes

enum class Mark : uint8_t { point, comma };
std::optional<double> number_of(std::string_view text, Mark mark);  // currency signs and units around it are dropped
std::string text_of_number(double number);                          // 12, 12.5: at most 6 digits after the point

// The unit in a header: "Downtime [min]" -> "min"; minutes per unit, or 0 when it is no unit of time.
std::string unit_of_header(std::string_view header);
double minutes_per(std::string_view unit);

// By what it is known whether day or month comes first.
enum class Settled : uint8_t { unneeded, yes, by_order, no };  // by_order: only so are the rows in order of time
struct ColumnType {
  Kind kind = Kind::text;
  Mark mark = Mark::point;
  bool day_first = true;
  Settled settled = Settled::unneeded;  // `day_first`; no: the other is as good
  double scale = 1;                     // a bare number times this is the minutes, or the field's unit
};
struct Hints {
  bool decimal_comma = false;  // the file's habits
};
ColumnType type_column(std::string_view header, const std::vector<const Cell*>& cells, Hints hints = {});
Value value_of(const Cell& cell, const ColumnType& type);

}  // namespace freehold::papers
