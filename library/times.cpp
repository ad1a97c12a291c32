#include "library/times.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "library/values.h"

namespace freehold::papers {
namespace {

struct Unit {
  std::string from, to;  // both days included
  size_t last = 0;
};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_year(const std::string& token) {
  return token.size() == 4 && is_number(token) && token >= "1900" && token <= "2100";
}
int month_number(const std::string& token) {
  const auto date = find_date("1 " + token + " 2020", true);
  return date && token.size() >= 3 && std::isalpha(static_cast<unsigned char>(token[0]))
             ? std::stoi(date->iso.substr(5, 2))
             : 0;
}
std::string end_of_month(int year, int month) {
  return date_of_days(days_of(iso_date(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1)) - 1);
}
Unit months(int year, int first, int count, size_t last) {
  return {iso_date(year, first, 1), end_of_month(year, first + count - 1), last};
}

// Both halves of "Q3/2021", "2021-Q3", "03/2021", "2021-03".
std::optional<Unit> joined_unit(const std::string& token, size_t i) {
  const size_t cut = token.find_first_of("-/");
  if (cut == std::string::npos) return std::nullopt;
  std::string part = token.substr(0, cut), year = token.substr(cut + 1);
  const bool year_first = is_year(part);
  if (year_first) std::swap(part, year);
  if (!is_year(year)) return std::nullopt;
  if (part.size() == 2 && part[0] == 'q' && part[1] >= '1' && part[1] <= '4')
    return months(std::stoi(year), (part[1] - '1') * 3 + 1, 3, i);
  if (is_number(part) && part.size() <= 2)
    if (const int month = std::stoi(part); month >= 1 && month <= 12) return months(std::stoi(year), month, 1, i);
  return std::nullopt;
}

class Reader {
 public:
  Reader(const std::vector<std::string>& tokens, const std::vector<std::string>& low) : tokens_(tokens), low_(low) {}

  std::vector<TimeSpan> read() {
    for (size_t i = 0; i < low_.size(); ++i)
      if (const auto unit = unit_at(i)) i = span_of(i, *unit);
    return spans_;
  }

 private:
  bool word(size_t i, std::initializer_list<std::string_view> any) const {
    return i < low_.size() && std::find(any.begin(), any.end(), low_[i]) != any.end();
  }
  bool free(size_t i) const { return spans_.empty() || i > spans_.back().last; }

  // "January to March 2021": the year stands with the last one.
  std::optional<Unit> months_to(size_t i, int first) const {
    if (!word(i + 1, {"to", "until", "till", "through"}) || i + 3 >= low_.size()) return std::nullopt;
    const int last = month_number(low_[i + 2]);
    if (last <= first || !is_year(low_[i + 3])) return std::nullopt;
    return months(std::stoi(low_[i + 3]), first, last - first + 1, i + 3);
  }

  // "The first three months of 2021".
  std::optional<Unit> first_months(size_t i) const {
    static constexpr std::string_view numbers[] = {"two", "three", "four", "five", "six", "seven", "eight", "nine"};
    if (!word(i, {"first", "last"}) || !word(i + 2, {"months"}) || !word(i + 3, {"of", "in"}) || i + 4 >= low_.size() ||
        !is_year(low_[i + 4]))
      return std::nullopt;
    const auto spoken = std::find(std::begin(numbers), std::end(numbers), low_[i + 1]);
    int count = spoken == std::end(numbers) ? 0 : static_cast<int>(spoken - std::begin(numbers)) + 2;
    if (low_[i + 1].size() == 1 && is_number(low_[i + 1])) count = low_[i + 1][0] - '0';
    if (count == 0) return std::nullopt;
    return months(std::stoi(low_[i + 4]), word(i, {"first"}) ? 1 : 13 - count, count, i + 4);
  }

  // A year, month, quarter, half or day that begins at token i.
  std::optional<Unit> unit_at(size_t i) const {
    const auto year_near = [&](size_t at, size_t& last) {
      for (size_t j = at; j < std::min(at + 2, low_.size()); ++j) {
        if (is_year(low_[j])) return last = j, std::stoi(low_[j]);
        if (low_[j] != "of" && low_[j] != "in") break;
      }
      return 0;
    };
    std::string joined;
    for (size_t n = 1; n <= 4 && i + n <= tokens_.size(); ++n) {  // a whole date
      joined += (n > 1 ? " " : "") + tokens_[i + n - 1];
      const auto date = find_date(joined, true);
      if (date && date->at == 0 && date->length == joined.size()) return Unit{date->iso, date->iso, i + n - 1};
    }
    size_t last = i;
    if (is_year(low_[i])) return months(std::stoi(low_[i]), 1, 12, i);
    if (const int month = month_number(low_[i])) {
      if (const int year = year_near(i + 1, last)) return months(year, month, 1, last);
      return months_to(i, month);
    }
    if (low_[i].size() == 9 && (low_[i][4] == '-' || low_[i][4] == '/') && is_year(low_[i].substr(0, 4)) &&
        is_year(low_[i].substr(5)) && low_[i].substr(0, 4) < low_[i].substr(5))  // 2021-2023
      return Unit{iso_date(std::stoi(low_[i].substr(0, 4)), 1, 1), iso_date(std::stoi(low_[i].substr(5)), 12, 31), i};
    if (const auto both = joined_unit(low_[i], i)) return both;
    if (const auto some = first_months(i)) return some;
    if (const size_t dash = low_[i].find('-'); dash != std::string::npos && i + 1 < low_.size()) {  // "Jan-Mar 2021"
      const int first = month_number(low_[i].substr(0, dash)), end = month_number(low_[i].substr(dash + 1));
      if (first > 0 && end > first && is_year(low_[i + 1]))
        return months(std::stoi(low_[i + 1]), first, end - first + 1, i + 1);
    }
    static constexpr std::string_view ordinals[] = {"first", "second", "third", "fourth"};
    static constexpr std::string_view numbered[] = {"1st", "2nd", "3rd", "4th"};
    static constexpr std::string_view quarters[] = {"q1", "q2", "q3", "q4"};
    for (int q = 0; q < 4; ++q) {
      const bool short_form = low_[i] == quarters[q];
      const bool named = i + 1 < low_.size() && (low_[i] == ordinals[q] || low_[i] == numbered[q]);
      if (short_form || (named && low_[i + 1] == "quarter"))
        if (const int year = year_near(i + (short_form ? 1 : 2), last)) return months(year, q * 3 + 1, 3, last);
      if (named && q < 2 && low_[i + 1] == "half")
        if (const int year = year_near(i + 2, last)) return months(year, q * 6 + 1, 6, last);
    }
    return std::nullopt;
  }

  // "The latest records", "our last entry": until now, as far as papers tell. Its last token.
  size_t latest_records(size_t i) const {
    if (!word(i, {"the", "our"}) || !word(i + 1, {"latest", "last", "newest"}) ||
        !word(i + 2, {"record", "records", "entry", "entries", "papers", "logs", "data", "figures"}))
      return low_.size();
    return i + 2;
  }

  // With the words around it; its last token.
  size_t span_of(size_t i, const Unit& unit) {
    TimeSpan span{i, unit.last, unit.from, unit.to, ""};
    size_t start = i;  // "since the year 2021", "in the calendar year 2020"
    if (word(i - 1, {"year", "month"}))
      for (--start; word(start - 1, {"the", "calendar"});) --start;
    const bool edge = start >= 2 && word(start - 1, {"of"}) && word(start - 2, {"beginning", "start", "end"});
    if (edge) start -= word(start - 3, {"the"}) ? 3 : 2;
    const size_t before = start == 0 ? low_.size() : start - 1, before2 = start < 2 ? low_.size() : start - 2;
    size_t next = unit.last + 1;
    if (word(next, {"and", "to", "too", "until", "till", "through", "up"}) && next + 1 < low_.size()) {
      const bool two = word(next, {"up"}) || (word(next, {"through"}) && word(next + 1, {"to"}));
      const size_t at = two ? next + 2 : next + 1;
      const size_t now = word(at, {"now", "today", "date", "present"}) ? at : latest_records(at);
      if (now < low_.size()) {  // "from 2021 up to now"
        span.to.clear(), span.last = now, span.first = word(before, {"between", "from", "since"}) ? before : i;
        spans_.push_back(span);
        return span.last;
      }
      const auto other = at < low_.size() ? unit_at(at) : std::nullopt;
      if (other && (word(before, {"between", "from"}) || !word(next, {"and"}))) {
        span.to = other->to, span.last = other->last, span.first = word(before, {"between", "from"}) ? before : i;
        spans_.push_back(span);
        return span.last;
      }
      if (other && word(before, {"in", "during", "for"}) && unit.to < other->from) {  // "in 2020 and 2021"
        if (days_of(unit.to) + 1 != days_of(other->from)) span.unknowable = tokens_[i] + " and " + tokens_[at];
        span.to = other->to, span.last = other->last, span.first = before;
        spans_.push_back(span);
        return span.last;
      }
    }
    if (word(before, {"after", "past", "post"}) || (word(before, {"than"}) && word(before2, {"later", "newer"})))
      span.from = date_of_days(days_of(unit.to) + 1), span.to.clear();
    else if (word(before, {"since"}) ||
             (word(before, {"from"}) && before2 < low_.size() && low_[before2].ends_with("ed")))
      span.to.clear();  // "installed from 2019"; "receipts from 2019" are of that year
    else if (word(before, {"before", "pre", "preceding"}) ||
             (word(before, {"than"}) && word(before2, {"earlier", "older"})))
      span.to = date_of_days(days_of(unit.from) - 1), span.from.clear();
    else if (word(before, {"through"}) &&
             word(before2, {"got", "get", "gets", "went", "go", "ran", "run", "came", "right", "all"})) {
    }  // "got through 2023 without a failure": all of it
    else if (word(before, {"until", "till", "through"}) || (word(before, {"to"}) && word(before2, {"up"})))
      span.from.clear();
    else if (word(next, {"or", "and"}) && word(next + 1, {"later", "after", "newer"}))
      span.to.clear(), span.last = next + 1;
    else if (word(next, {"or", "and"}) && word(next + 1, {"earlier", "before", "older"}))
      span.from.clear(), span.last = next + 1;
    else if (word(next, {"onwards", "onward", "forward", "upwards"}) ||
             (word(next, {"on"}) && (word(before, {"from", "since"}) || next + 1 == low_.size())))
      span.to.clear(), span.last = next;
    if (edge) {  // "since the beginning of 2021"; "at the end of 2021" is a time that nobody can know
      const bool ends = word(i - 2, {"end"});
      const bool whole = word(before, {"since", "from"}) ? !ends : ends && word(before, {"until", "till", "by"});
      if (whole && word(before, {"from"})) span.to.clear();
      if (whole && word(before, {"by"})) span.from.clear();
      if (!whole) span.unknowable = tokens_[i - 2];
      span.first = start;
    }
    if (before < low_.size() && free(before) &&
        word(before, {"after", "past", "post", "since", "from", "before", "pre", "preceding", "until", "till",
                      "through", "in", "during", "on", "for", "than", "to"})) {
      span.first = before;
      if (word(before, {"than", "to"}) && before2 < low_.size() && free(before2)) span.first = before2;
    }
    spans_.push_back(span);
    return span.last;
  }

  const std::vector<std::string>& tokens_;
  const std::vector<std::string>& low_;
  std::vector<TimeSpan> spans_;
};

}  // namespace

std::vector<TimeSpan> times_in(const std::vector<std::string>& tokens, const std::vector<std::string>& low) {
  return Reader(tokens, low).read();
}

}  // namespace freehold::papers
