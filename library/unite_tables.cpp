// Tables that tell of one kind of thing become one record type, and columns that say one thing one field.
#include <algorithm>
#include <tuple>

#include "library/typed_tables.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Units that can be turned into each other, with what one of them is of the first of its family.
struct Unit {
  const char *word, *family;
  double is;
};
constexpr Unit units[] = {
    {"kg", "mass", 1},           {"kgs", "mass", 1},      {"kilograms", "mass", 1}, {"t", "mass", 1000},
    {"tonnes", "mass", 1000},    {"tons", "mass", 1000},  {"g", "mass", 0.001},     {"lb", "mass", 0.45359237},
    {"lbs", "mass", 0.45359237}, {"m", "length", 1},      {"km", "length", 1000},   {"cm", "length", 0.01},
    {"mm", "length", 0.001},     {"l", "volume", 1},      {"litres", "volume", 1},  {"liters", "volume", 1},
    {"ml", "volume", 0.001},     {"hl", "volume", 100},   {"ha", "area", 1},        {"hectares", "area", 1},
    {"kwh", "energy", 1},        {"mwh", "energy", 1000}, {"eur", "euro", 1},       {"euro", "euro", 1},
    {"euros", "euro", 1},        {"gbp", "pound", 1},     {"usd", "dollar", 1}};
constexpr std::pair<const char*, const char*> signs[] = {{"\xe2\x82\xac", "eur"}, {"\xc2\xa3", "gbp"}, {"$", "usd"}};

const Unit* unit_named(std::string_view word) {
  for (const Unit& unit : units)
    if (word == unit.word) return &unit;
  return nullptr;
}

// The unit of an amount: as its header says it ("Paid EUR", "amount_eur", "Net weight (t)"), or the sign of money that
// its cells have.
const Unit* unit_of(const SourceTable& table, size_t column) {
  const std::string& header = table.headers[column];
  for (const std::string& word : words_of(header))
    if (const Unit* unit = unit_named(word)) return unit;
  const auto sign_in = [](const std::string& text) -> const Unit* {
    for (const auto& [sign, word] : signs)
      if (text.find(sign) != std::string::npos) return unit_named(word);
    return nullptr;
  };
  if (const Unit* unit = sign_in(header)) return unit;
  for (const SourceRow& row : table.rows)
    if (column < row.cells.size() && !row.cells[column].text.empty()) return sign_in(row.cells[column].text);
  return nullptr;
}

// The shapes of the values when there are five or more, nearly each with letters and digits, and none comes twice; else
// none, so that no shape is found.
std::set<std::string> shapes_of_numbers(const SourceTable& table, size_t column) {
  std::set<std::string> shapes, values;
  size_t filled = 0;
  for (const SourceRow& row : table.rows) {
    if (column >= row.cells.size() || row.cells[column].text.empty()) continue;
    ++filled;
    std::string shape;
    for (const char c : canon(row.cells[column].text))
      if (const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
          !digit || shape.empty() || shape.back() != '9')
        shape += digit ? '9' : c;
    if (shape.find('9') == std::string::npos || shape.size() < 2) return {};
    values.insert(canon(row.cells[column].text)), shapes.insert(shape);
  }
  return filled >= 5 && values.size() == filled && shapes.size() == 1 ? shapes : std::set<std::string>{};
}

}  // namespace

std::string stem_of_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  name = name.substr(0, name.rfind('.'));
  static const std::set<std::string> says_nothing = {"copy", "export", "final", "old", "new",   "to",
                                                     "of",   "from",   "for",   "the", "until", "up"};
  std::string plain;
  for (const std::string& word : words_of(name))
    if (!has_digit(word) && word.size() > 1 && !says_nothing.count(word) &&
        !(word.size() >= 3 && find_date("1 " + word + " 2020", true)))
      plain += (plain.empty() ? "" : " ") + word;
  return plain.empty() ? "table" : plain;
}

// Two fields of one type that never stand in one table, and say the same of the same keys, are one field under two
// headers: the fuller one's name stays.
void unite_fields(std::vector<SourceTable>& tables, const TypeRule& rule) {
  struct Seen {
    size_t filled = 0;
    std::map<std::string, std::string> by_key;  // canon of the key -> canon of the value
    std::set<const SourceTable*> tables;
  };
  std::map<std::pair<std::string, Kind>, Seen> fields;
  for (const SourceTable& table : tables) {
    const auto key = std::find(table.fields.begin(), table.fields.end(), rule.key) - table.fields.begin();
    if (table.type != rule.name || key == std::ssize(table.fields)) continue;
    for (size_t c = 0; c < table.fields.size(); ++c) {
      if (table.fields[c].empty() || static_cast<std::ptrdiff_t>(c) == key) continue;
      Seen& seen = fields[{table.fields[c], table.types[c].kind}];
      seen.tables.insert(&table);
      for (const SourceRow& row : table.rows) {
        if (row.cells.size() <= std::max(c, static_cast<size_t>(key)) || row.cells[c].text.empty()) continue;
        ++seen.filled;
        seen.by_key.emplace(canon(row.cells[static_cast<size_t>(key)].text),
                            canon(value_of(row.cells[c], table.types[c]).text));
      }
    }
  }
  std::map<std::string, std::string> renamed;
  for (const auto& [a, first] : fields)
    for (const auto& [b, second] : fields) {
      if (a.second != b.second || a.first == b.first || renamed.count(a.first) || renamed.count(b.first)) continue;
      if (first.filled < second.filled || (first.filled == second.filled && a.first > b.first)) continue;
      if (std::any_of(second.tables.begin(), second.tables.end(),
                      [&, &tables = first.tables](const SourceTable* table) { return tables.count(table) > 0; }))
        continue;
      size_t both = 0, equal = 0;
      std::set<std::string> values;
      for (const auto& [key, value] : second.by_key)
        if (const auto found = first.by_key.find(key); found != first.by_key.end()) {
          ++both;
          if (found->second == value) ++equal, values.insert(value);
        }
      if (both >= 3 && equal * 10 >= both * 8 && values.size() >= 2) renamed[b.first] = a.first;
    }
  for (SourceTable& table : tables)
    if (table.type == rule.name)
      for (std::string& field : table.fields)
        if (const auto found = renamed.find(field); found != renamed.end()) field = found->second;
}

// A type without a rule: tables whose headers mostly agree, or whose files have the same name but for digits.
void name_types(std::vector<SourceTable>& tables, const Domain& domain) {
  using Headers = std::vector<std::set<std::string>>;  // of each header the roots of its words
  const auto alike = [](const std::set<std::string>& a, const std::set<std::string>& b) {
    return std::includes(a.begin(), a.end(), b.begin(), b.end()) ||
           std::includes(b.begin(), b.end(), a.begin(), a.end());
  };
  std::vector<std::pair<Headers, std::string>> known;   // -> type
  std::set<std::pair<std::string, std::string>> taken;  // by other tables of a paper: its path, type
  for (SourceTable& table : tables) {
    if (!table.type.empty()) continue;
    table.type = slug_of(stem_of_path(table.path));
    Headers mine;
    for (const std::string& header : table.headers) {
      mine.emplace_back();
      for (const std::string& word : words_of(core_of_header(header, domain)))
        mine.back().insert(word == "day" ? "date" : domain.root(word));
      if (mine.back().empty()) mine.back().insert(fold(header));
    }
    const auto same = std::find_if(known.begin(), known.end(), [&](const auto& one) {
      const auto shared = static_cast<size_t>(std::count_if(mine.begin(), mine.end(), [&](const auto& header) {
        return std::any_of(one.first.begin(), one.first.end(), [&](const auto& other) { return alike(header, other); });
      }));
      return shared >= 3 && shared * 4 >= std::max(mine.size(), one.first.size()) * 3;
    });
    if (same != known.end()) {
      table.type = same->second;
    } else {
      // Another sheet of the paper is of that name already: this one tells of something else.
      if (taken.count({table.path, table.type})) table.type = slug_of(stem_of_path(table.title + " " + table.type));
      known.emplace_back(std::move(mine), table.type);
    }
    taken.insert({table.path, table.type});
  }
}

// A table whose numbers are all known to a larger type, with the same values beside them, is an extract of it: such are
// its records, told once more.
void unite_extracts(std::vector<SourceTable>& tables, const Domain& domain) {
  constexpr size_t most_columns = 100;
  using Row = std::pair<const SourceTable*, const SourceRow*>;
  std::map<std::string, std::map<std::string, Row>> by_number;  // of a type: canon of a number -> where it stands
  std::map<std::string, std::set<std::string>> types_with;      // canon of a number -> types
  std::map<const SourceTable*, size_t> numbers;                 // the column of a table that holds them
  const auto number = [&](const SourceTable& table, const SourceRow& row) {
    const size_t c = numbers[&table];
    return c < row.cells.size() ? canon(row.cells[c].text) : "";
  };
  for (const SourceTable& table : tables) {
    if (domain.type(table.type) || table.headers.size() > most_columns) continue;
    for (size_t c = 0; c < std::min<size_t>(table.headers.size(), 3); ++c)
      if (!shapes_of_numbers(table, c).empty()) {
        numbers[&table] = c;
        break;
      }
    if (!numbers.count(&table)) continue;
    for (const SourceRow& row : table.rows) {
      by_number[table.type].emplace(number(table, row), Row{&table, &row});
      types_with[number(table, row)].insert(table.type);
    }
  }
  const auto value = [](const SourceTable& table, const SourceRow& row, size_t column) {
    return column < row.cells.size() ? canon(value_of(row.cells[column], table.types[column]).text) : "";
  };
  for (SourceTable& table : tables) {
    if (!numbers.count(&table)) continue;
    std::set<std::string> larger;
    for (size_t r = 0; r < std::min<size_t>(table.rows.size(), 2); ++r)
      for (const std::string& type : types_with[number(table, table.rows[r])])
        if (type != table.type && by_number[type].size() > by_number[table.type].size()) larger.insert(type);
    for (const std::string& type : larger) {
      const auto& rows = by_number[type];
      size_t known = 0;
      std::vector<size_t> equal(table.headers.size());
      for (const SourceRow& row : table.rows) {
        const auto found = rows.find(number(table, row));
        if (found == rows.end()) continue;
        ++known;
        const auto& [other, same] = found->second;
        std::set<std::string> theirs;
        for (size_t d = 0; d < other->headers.size(); ++d) theirs.insert(value(*other, *same, d));
        for (size_t c = 0; c < equal.size(); ++c)
          if (const std::string mine = value(table, row, c); c != numbers[&table] && !mine.empty())
            equal[c] += theirs.count(mine);
      }
      const auto repeats = [&](size_t n) { return n * 10 >= table.rows.size() * 9; };
      if (!repeats(known) || std::count_if(equal.begin(), equal.end(), repeats) < 2) continue;
      table.type = type;
      break;
    }
  }
}

// Columns without a value are of the kind that the field has elsewhere: the first table must not decide for all.
void settle_empty_columns(std::vector<SourceTable>& tables) {
  std::map<std::pair<std::string, std::string>, Kind> kinds;  // of type and field
  for (const bool settles : {false, true})
    for (SourceTable& table : tables)
      for (size_t c = 0; c < table.fields.size(); ++c) {
        if (is_empty(table, c) != settles) continue;
        const auto found = kinds.try_emplace({table.type, table.fields[c]}, table.types[c].kind).first;
        if (settles) table.types[c].kind = found->second;
      }
}

// Dates that follow each other in every row, under other headers in another table: "Out; Back" and "Collected;
// Returned".
void unite_dates(std::vector<SourceTable>& tables, const std::string& type) {
  const auto dates_of = [](const SourceTable& table) {
    std::vector<size_t> columns;
    for (size_t c = 0; c < table.types.size(); ++c)
      if (table.types[c].kind == Kind::date && !is_empty(table, c)) columns.push_back(c);
    return columns;
  };
  const auto ascend = [](const SourceTable& table, const std::vector<size_t>& columns) {
    return std::all_of(table.rows.begin(), table.rows.end(), [&](const SourceRow& row) {
      std::string last;
      for (const size_t c : columns) {
        const std::string day = c < row.cells.size() ? value_of(row.cells[c], table.types[c]).text : "";
        if (!day.empty() && day < last) return false;
        if (!day.empty()) last = day;
      }
      return true;
    });
  };
  std::vector<std::vector<std::string>> known;  // names that follow each other
  for (SourceTable& table : tables) {
    if (table.type != type) continue;
    const auto columns = dates_of(table);
    if (columns.size() < 2 || !ascend(table, columns)) continue;
    std::vector<std::string> names;
    for (const size_t c : columns) names.push_back(table.fields[c]);
    const auto other = std::find_if(known.begin(), known.end(), [&](const auto& one) {
      return one.size() == names.size() &&
             std::none_of(names.begin(), names.end(), [&](const std::string& name) { return among(one, name); });
    });
    if (std::find(known.begin(), known.end(), names) != known.end()) continue;
    if (other == known.end())
      known.push_back(names);
    else
      for (size_t i = 0; i < columns.size(); ++i) table.fields[columns[i]] = (*other)[i];
  }
}

// Fields of one type without a rule, from tables that never hold both, are one when their headers differ in words that
// say nothing, when they share most of their values, or when each is the only date, duration or amount in its unit of
// its table.
void unite_headers(std::vector<SourceTable>& tables, const std::string& type, const Domain& domain) {
  struct Seen {
    std::string name, core;
    Kind kind;
    std::set<const SourceTable*> tables;
    std::set<std::string> values;
    bool sole = true;
    std::set<std::string> roots;        // of the header's words
    const Unit* unit = nullptr;         // of an amount
    bool sole_unit = true;              // no other amount of its tables is of the family
    std::set<std::string> shapes = {};  // of values that are numbers of things, each its own: C99-99
  };
  std::vector<Seen> fields;
  std::vector<size_t> within_field;  // the field that each has become; it has the tables of both
  const auto become = [&](const Seen& field) { return within_field[static_cast<size_t>(&field - fields.data())]; };
  const auto same = [](const Unit& a, const Unit& b) { return std::string_view(a.family) == b.family; };
  const auto apart = [](const Seen& a, const Seen& b) {  // never in one table
    return std::none_of(b.tables.begin(), b.tables.end(), [&](const SourceTable* t) { return a.tables.count(t) > 0; });
  };
  const auto within = [](const std::set<std::string>& few, const std::set<std::string>& many) {
    return !few.empty() && std::includes(many.begin(), many.end(), few.begin(), few.end());
  };
  // "Weight" and "Gross weight", "Arrival" and "Arrived on": the words of one header are those of the other, or some of
  // them, and no third field could be meant.
  const auto akin = [&](const Seen& a, const Seen& b) {
    return a.kind == b.kind && apart(a, b) && (within(a.roots, b.roots) || within(b.roots, a.roots));
  };
  const auto only_kin = [&](const Seen& a, const Seen& b) {
    return akin(a, b) && std::none_of(fields.begin(), fields.end(), [&](const Seen& c) {
             return become(c) == static_cast<size_t>(&c - fields.data()) && &c != &a && &c != &b &&
                    c.roots != a.roots && c.roots != b.roots && (akin(a, c) || akin(b, c));
           });
  };
  // "Complaint" and "No.": numbers of one shape, which stand in no table with others of it.
  const auto numbered_alike = [&](const Seen& a, const Seen& b) {
    return a.shapes.size() == 1 && a.shapes == b.shapes &&
           std::all_of(fields.begin(), fields.end(), [&](const Seen& c) {
             return c.shapes != a.shapes || ((&c == &a || apart(a, c)) && (&c == &b || apart(b, c)));
           });
  };
  for (const SourceTable& table : tables) {
    if (table.type != type) continue;
    std::vector<const Unit*> units_here(table.fields.size());
    std::map<std::string_view, size_t> of_family;  // amounts
    for (size_t c = 0; c < table.fields.size(); ++c)
      if (table.types[c].kind == Kind::number && (units_here[c] = unit_of(table, c)))
        ++of_family[units_here[c]->family];
    for (size_t c = 0; c < table.fields.size(); ++c) {
      const Kind kind = table.types[c].kind;
      auto found = std::find_if(fields.begin(), fields.end(),
                                [&](const Seen& f) { return f.name == table.fields[c] && f.kind == kind; });
      if (found == fields.end())
        found = fields.insert(
            fields.end(), {table.fields[c], key_of(core_of_header(table.headers[c], domain)), kind, {}, {}, true, {}});
      for (const std::string& word : words_of(core_of_header(table.headers[c], domain)))
        if (word != "date" && word != "day") found->roots.insert(domain.root(word));
      const Unit* unit = units_here[c];
      found->sole_unit = found->sole_unit && unit &&
                         (found->tables.empty() || (found->unit && same(*found->unit, *unit))) &&
                         of_family[unit->family] == 1;
      found->unit = unit;
      found->tables.insert(&table);
      found->sole = found->sole && (kind == Kind::date || kind == Kind::minutes) &&
                    std::count_if(table.types.begin(), table.types.end(),
                                  [&](const ColumnType& t) { return t.kind == kind; }) == 1;
      if (kind == Kind::text) {
        found->values.merge(value_keys(table, c, 2000));
        found->shapes.merge(shapes_of_numbers(table, c));
      }
    }
  }
  within_field.resize(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) within_field[i] = i;
  for (size_t i = 0; i < fields.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Seen &one = fields[j], &two = fields[i];
      const size_t first = within_field[j], second = within_field[i];
      Seen &a = fields[first], &b = fields[second];
      // Digits under "Patient" are the numbers of "Patient no".
      const bool identifiers =
          a.core == b.core && !a.core.empty() &&
          ((a.kind == Kind::text && b.kind == Kind::number) || (a.kind == Kind::number && b.kind == Kind::text));
      if (one.unit && two.unit && !same(*one.unit, *two.unit)) continue;  // "Paid EUR" is no "Paid USD"
      if (first == second || (a.kind != b.kind && !identifiers) || (a.name == b.name && !identifiers) || !apart(a, b))
        continue;
      const auto& [few, many] =
          one.values.size() < two.values.size() ? std::tie(one.values, two.values) : std::tie(two.values, one.values);
      const auto shared = static_cast<size_t>(
          std::count_if(few.begin(), few.end(), [&, &all = many](const std::string& v) { return all.count(v) > 0; }));
      const bool alike = (!one.core.empty() && one.core == two.core) || (one.sole && two.sole) ||
                         (!one.roots.empty() && one.roots == two.roots) || only_kin(one, two) ||
                         (one.sole_unit && two.sole_unit && same(*one.unit, *two.unit)) || numbered_alike(one, two) ||
                         (one.kind == Kind::text && shared >= 3 && shared * 10 >= few.size() * 7);
      if (!alike) continue;
      for (SourceTable& table : tables)
        for (size_t c = 0; table.type == type && c < table.fields.size(); ++c) {
          const bool mine = table.fields[c] == b.name && table.types[c].kind == b.kind;
          if (const Unit* unit = mine && a.unit ? unit_of(table, c) : nullptr; unit && same(*a.unit, *unit))
            table.types[c].scale = unit->is / a.unit->is;
          if (identifiers && (mine || table.fields[c] == a.name)) table.types[c].kind = Kind::text;
          if (mine) table.fields[c] = a.name;
        }
      if (identifiers) a.kind = Kind::text;
      if (!a.unit) a.unit = b.unit;
      a.tables.insert(b.tables.begin(), b.tables.end());
      std::replace(within_field.begin(), within_field.end(), second, first);
    }
}

}  // namespace freehold::papers
