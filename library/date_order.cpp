// Whether day or month comes first, where the dates of a column leave it open ("03/04/2021"): as in another column of
// the table; else as the month says that its title or file names; else as in tables that are written alike.
#include <algorithm>

#include "library/records.h"
#include "library/times.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

bool is_open(const ColumnType& type) {
  return type.kind == Kind::date && (type.settled == Settled::by_order || type.settled == Settled::no);
}
bool is_settled(const ColumnType& type) { return type.kind == Kind::date && type.settled == Settled::yes; }

// The months that "work_orders_2018-05.csv" or "Jobs of May 2018" name.
std::vector<TimeSpan> months_named(const SourceTable& table) {
  std::vector<std::string> tokens;
  const auto is_year = [](const std::string& word) { return word.size() == 4 && (word[0] == '1' || word[0] == '2'); };
  for (const std::string& word : words_of(table.path + " " + table.title)) {
    const bool joins = !tokens.empty() && has_digit(word) && has_digit(tokens.back()) &&
                       (is_year(word) ? tokens.back().size() <= 2 : is_year(tokens.back()) && word.size() == 2);
    if (joins)
      tokens.back() += "-" + word;
    else
      tokens.push_back(word);
  }
  std::vector<TimeSpan> spans = times_in(tokens, tokens);
  std::erase_if(spans, [](const TimeSpan& s) { return s.from.substr(0, 7) != s.to.substr(0, 7); });
  return spans;
}

// How many dates of a column lie in one of the spans when read one way.
size_t within(const std::vector<TimeSpan>& spans, const SourceTable& table, size_t column, bool day_first) {
  size_t count = 0;
  for (const SourceRow& row : table.rows) {
    const auto date = column < row.cells.size() ? find_date(row.cells[column].text, day_first) : std::nullopt;
    count += date && std::any_of(spans.begin(), spans.end(), [&](const TimeSpan& span) {
               return date->iso.substr(0, 10) >= span.from && date->iso.substr(0, 10) <= span.to;
             });
  }
  return count;
}

std::string headers_of(const SourceTable& table) { return fold(fmt::format("{}", fmt::join(table.headers, "|"))); }

// Equal for columns that are written alike: their tables have the same headers, their dates the same marks.
std::string manner_of(const SourceTable& table, const std::string& headers, size_t column) {
  std::string manner = fmt::format("{}|{}", column, headers);
  for (const SourceRow& row : table.rows)
    if (column < row.cells.size())
      if (const size_t mark = row.cells[column].text.find_first_of("/-. "); mark != std::string::npos)
        return manner + row.cells[column].text[mark];
  return manner;
}

void settle(ColumnType& type, bool day_first) { type.day_first = day_first, type.settled = Settled::yes; }

}  // namespace

void settle_dates(std::vector<SourceTable>& tables) {
  std::map<std::string, std::set<bool>> manners;  // -> the orders that occur
  for (SourceTable& table : tables) {
    const std::string headers = headers_of(table);
    const bool any = std::any_of(table.types.begin(), table.types.end(), is_open);
    const auto other = std::find_if(table.types.begin(), table.types.end(), is_settled);
    const auto spans = any && other == table.types.end() ? months_named(table) : std::vector<TimeSpan>();
    for (size_t c = 0; c < table.types.size(); ++c) {
      ColumnType& type = table.types[c];
      if (is_open(type) && other != table.types.end()) {
        settle(type, other->day_first);
      } else if (is_open(type) && !spans.empty()) {
        const size_t day = within(spans, table, c, true), month = within(spans, table, c, false);
        if (day != month) settle(type, day > month);
      }
      if (is_settled(type)) manners[manner_of(table, headers, c)].insert(type.day_first);
    }
  }
  for (SourceTable& table : tables) {
    const std::string headers = headers_of(table);
    for (size_t c = 0; c < table.types.size(); ++c)
      if (is_open(table.types[c]))
        if (const auto found = manners.find(manner_of(table, headers, c));
            found != manners.end() && found->second.size() == 1)
          settle(table.types[c], *found->second.begin());
  }
}

void tell_open_dates(const Sources& sources, Records& records) {
  struct Reading {
    std::string type, field, used, other;
  };
  std::multimap<int64_t, Reading> open;  // by source row
  for (const SourceTable& table : sources.tables)
    for (size_t c = 0; c < table.types.size(); ++c) {
      ColumnType other = table.types[c];
      if (other.kind != Kind::date || other.settled != Settled::no) continue;
      other.day_first = !other.day_first;
      for (const SourceRow& row : table.rows) {
        if (c >= row.cells.size()) continue;
        const std::string used = value_of(row.cells[c], table.types[c]).text,
                          not_used = value_of(row.cells[c], other).text;
        if (used != not_used) open.insert({row.id, {table.type, table.fields[c], used, not_used}});
      }
    }
  for (RecordType& type : records.types)
    for (size_t i = 0; !open.empty() && i < type.records.size(); ++i)
      for (const Evidence& evidence : type.records[i].evidence) {
        const auto [first, last] = open.equal_range(evidence.row);
        for (auto one = first; one != last; ++one)
          if (one->second.type == type.name &&
              RecordType::value(type.records[i], type.find(one->second.field)).text == one->second.used)
            type.conflicts.push_back({static_cast<int>(i), one->second.field, one->second.used, one->second.other,
                                      "nothing says whether day or month comes first", evidence.row});
      }
}

}  // namespace freehold::papers
