// Tables get their meaning: the kind of each column, the field its header names, the type of its records.
#include <algorithm>

#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

std::string without_unit(std::string_view header) {
  std::string out;
  int depth = 0;
  for (const char c : header) {
    if (c == '[' || c == '(')
      ++depth;
    else if (c == ']' || c == ')')
      depth = std::max(0, depth - 1);
    else if (depth == 0)
      out += c;
  }
  auto words = words_of(out);
  if (words.size() > 1 && minutes_per(words.back()) > 0) words.pop_back();
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined.empty() ? fold(header) : joined;
}

}  // namespace

std::string core_of_header(std::string_view header, const Domain& domain) {
  std::string core;
  for (const std::string& word : words_of(without_unit(header)))
    if (!among(domain.header_noise, word) && !among(domain.unit_words, word)) core += (core.empty() ? "" : " ") + word;
  return core;
}

namespace {

// How well a header names a field: 0 not at all.
double fit(const std::string& header, const std::string& wanted, size_t place) {
  const double order = 1.0 - 0.001 * static_cast<double>(std::min<size_t>(place, 400));
  if (key_of(header) == key_of(wanted)) return 3 * order;
  const auto words = words_of(header), need = words_of(wanted);
  if (words.size() > 4 || need.size() > words.size()) return 0;
  size_t hit = 0;
  for (const std::string& one : need)
    hit += std::any_of(words.begin(), words.end(), [&](const std::string& w) { return stem(w) == stem(one); });
  if (hit < need.size()) return 0;
  if (need.size() >= 2) return (1 + 0.2 * static_cast<double>(need.size())) * order;
  return need[0].size() >= 5 && stem(words.back()) == stem(need[0]) ? 0.8 * order : 0;
}

bool kind_fits(const std::string& wanted, Kind kind) {
  if (wanted.empty() || wanted == "text") return true;
  return wanted == name_of(kind) || (wanted == "minutes" && kind == Kind::number);
}

// A column without a value is of any kind.
bool is_empty(const SourceTable& table, size_t column) {
  return std::none_of(table.rows.begin(), table.rows.end(), [&](const SourceRow& row) {
    return column < row.cells.size() && !row.cells[column].text.empty();
  });
}

void map_fields(SourceTable& table, const Domain& domain) {
  struct Choice {
    double score;
    size_t column, field;
  };
  std::vector<Choice> choices;
  for (size_t c = 0; c < table.headers.size(); ++c) {
    const std::string header = without_unit(table.headers[c]);
    const bool any = is_empty(table, c);
    for (size_t f = 0; f < domain.fields.size(); ++f) {
      if (!any && !kind_fits(domain.fields[f].kind, table.types[c].kind)) continue;
      double best = 0;
      for (size_t i = 0; i < domain.fields[f].headers.size(); ++i)
        best = std::max(best, fit(header, domain.fields[f].headers[i], i));
      if (best > 0) choices.push_back({best, c, f});
    }
  }
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) { return a.score > b.score; });
  std::set<size_t> used;
  for (const Choice& choice : choices) {
    if (!table.fields[choice.column].empty() || !used.insert(choice.field).second) {
      continue;
    }
    table.fields[choice.column] = domain.fields[choice.field].name;
    const auto kind = kind_of(domain.fields[choice.field].kind);
    if (kind == Kind::minutes || kind == Kind::text || (kind && is_empty(table, choice.column)))
      table.types[choice.column].kind = *kind;
  }
}

bool has(const SourceTable& table, const std::string& field) {
  return std::find(table.fields.begin(), table.fields.end(), field) != table.fields.end();
}
const TypeRule* type_by_rule(const SourceTable& table, const Domain& domain) {
  for (const TypeRule& rule : domain.types) {
    if (rule.needs.empty()) continue;
    const bool all = std::all_of(rule.needs.begin(), rule.needs.end(), [&](const auto& any) {
      return std::any_of(any.begin(), any.end(), [&](const std::string& field) { return has(table, field); });
    });
    const bool none =
        std::none_of(rule.never.begin(), rule.never.end(), [&](const std::string& field) { return has(table, field); });
    if (all && none) return &rule;
  }
  return nullptr;
}

std::string stem_of_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  name = name.substr(0, name.rfind('.'));
  std::string plain;
  for (const std::string& word : words_of(name))
    if (!has_digit(word) && word.size() > 1 && !(word.size() >= 3 && find_date("1 " + word + " 2020", true)) &&
        word != "copy" && word != "export" && word != "final" && word != "old" && word != "new")
      plain += (plain.empty() ? "" : " ") + word;
  return plain.empty() ? "table" : plain;
}

std::set<std::string> value_keys(const SourceTable& table, size_t column, size_t most) {
  std::set<std::string> keys;
  for (const SourceRow& row : table.rows)
    if (column < row.cells.size() && !row.cells[column].text.empty() && keys.size() < most)
      keys.insert(key_of(row.cells[column].text));
  return keys;
}

// A column whose header says nothing, in a table of a known type, is the field whose values it shares.
void map_by_values(std::vector<SourceTable>& tables) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> known;  // (type, field) -> values
  for (const SourceTable& table : tables)
    for (size_t c = 0; c < table.fields.size(); ++c)
      if (!table.type.empty() && !table.fields[c].empty() && table.types[c].kind == Kind::text) {
        auto keys = value_keys(table, c, 400);
        known[{table.type, table.fields[c]}].merge(keys);
      }
  for (SourceTable& table : tables)
    for (size_t c = 0; c < table.fields.size(); ++c) {
      if (table.type.empty() || !table.fields[c].empty() || table.types[c].kind != Kind::text) continue;
      const auto keys = value_keys(table, c, 400);
      if (keys.size() < 3) continue;
      for (const auto& [what, values] : known) {
        if (what.first != table.type || has(table, what.second)) continue;
        const auto shared =
            std::count_if(keys.begin(), keys.end(), [&at = values](const std::string& k) { return at.count(k) > 0; });
        if (static_cast<size_t>(shared) * 2 > keys.size()) {
          table.fields[c] = what.second;
          break;
        }
      }
    }
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
  std::vector<std::pair<Headers, std::string>> known;  // -> type
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
    if (same != known.end())
      table.type = same->second;
    else
      known.emplace_back(std::move(mine), table.type);
  }
}

bool numbers_things(const std::string& header) {  // "Patient no": an identifier, whatever its digits
  const auto words = words_of(header);
  static const std::set<std::string> ends = {"no", "nr", "number", "id", "code", "ref", "zip", "postcode", "phone"};
  return words.size() >= 2 ? ends.count(words.back()) > 0 : words.size() == 1 && words[0] == "id";
}

// The unit of an amount, as its header says it: "Paid EUR", "amount_eur".
std::string unit_in(const std::string& header, const Domain& domain) {
  for (const std::string& word : words_of(header))
    if (among(domain.unit_words, word)) return word.starts_with("eur") ? "eur" : word;
  return "";
}
bool is_sole_unit(const SourceTable& table, const std::string& unit, const Domain& domain) {
  size_t with = 0;
  for (size_t c = 0; c < table.headers.size(); ++c)
    with += table.types[c].kind == Kind::number && unit_in(table.headers[c], domain) == unit;
  return with == 1;
}

// Fields of one type without a rule, from tables that never hold both, are one when their headers differ in words that
// say nothing, when they share most of their values, or when each is the only date, duration or amount in its unit of
// its table.
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

void unite_headers(std::vector<SourceTable>& tables, const std::string& type, const Domain& domain) {
  struct Seen {
    std::string name, core;
    Kind kind;
    std::set<const SourceTable*> tables;
    std::set<std::string> values;
    bool sole = true;
    size_t rows = 0;
    std::set<std::string> roots;  // of the header's words
    std::string unit = "";        // in the header: of an amount
    bool sole_unit = true;        // no other amount of its tables has it
  };
  std::vector<Seen> fields;
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
             return &c != &a && &c != &b && !c.tables.empty() && c.roots != a.roots && c.roots != b.roots &&
                    (akin(a, c) || akin(b, c));
           });
  };
  for (const SourceTable& table : tables) {
    if (table.type != type) continue;
    for (size_t c = 0; c < table.fields.size(); ++c) {
      const Kind kind = table.types[c].kind;
      auto found = std::find_if(fields.begin(), fields.end(),
                                [&](const Seen& f) { return f.name == table.fields[c] && f.kind == kind; });
      if (found == fields.end())
        found = fields.insert(
            fields.end(),
            {table.fields[c], key_of(core_of_header(table.headers[c], domain)), kind, {}, {}, true, 0, {}});
      for (const std::string& word : words_of(core_of_header(table.headers[c], domain)))
        if (word != "date" && word != "day") found->roots.insert(domain.root(word));
      const std::string unit = unit_in(table.headers[c], domain);
      found->sole_unit = found->sole_unit && kind == Kind::number && !unit.empty() &&
                         (found->tables.empty() || found->unit == unit) && is_sole_unit(table, unit, domain);
      found->unit = unit;
      found->tables.insert(&table);
      found->rows += table.rows.size();
      found->sole = found->sole && (kind == Kind::date || kind == Kind::minutes) &&
                    std::count_if(table.types.begin(), table.types.end(),
                                  [&](const ColumnType& t) { return t.kind == kind; }) == 1;
      if (kind == Kind::text) found->values.merge(value_keys(table, c, 2000));
    }
  }
  for (size_t i = 0; i < fields.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      Seen &a = fields[j], &b = fields[i];
      // Digits under "Patient" are the numbers of "Patient no".
      const bool identifiers =
          a.core == b.core && !a.core.empty() &&
          ((a.kind == Kind::text && b.kind == Kind::number) || (a.kind == Kind::number && b.kind == Kind::text));
      if ((a.kind != b.kind && !identifiers) || (a.name == b.name && !identifiers) || a.tables.empty() ||
          b.tables.empty())
        continue;
      if (std::any_of(b.tables.begin(), b.tables.end(), [&](const SourceTable* t) { return a.tables.count(t) > 0; }))
        continue;
      const auto& [few, many] =
          a.values.size() < b.values.size() ? std::tie(a.values, b.values) : std::tie(b.values, a.values);
      const auto shared = static_cast<size_t>(
          std::count_if(few.begin(), few.end(), [&, &all = many](const std::string& v) { return all.count(v) > 0; }));
      const bool one = (!a.core.empty() && a.core == b.core) || (a.sole && b.sole) ||
                       (!a.roots.empty() && a.roots == b.roots) || only_kin(a, b) ||
                       (a.sole_unit && b.sole_unit && a.unit == b.unit) ||
                       (a.kind == Kind::text && shared >= 3 && shared * 10 >= few.size() * 7);
      if (!one) continue;
      for (SourceTable& table : tables)
        for (size_t c = 0; table.type == type && c < table.fields.size(); ++c) {
          const bool mine = table.fields[c] == b.name && table.types[c].kind == b.kind;
          if (identifiers && (mine || table.fields[c] == a.name)) table.types[c].kind = Kind::text;
          if (mine) table.fields[c] = a.name;
        }
      if (identifiers) a.kind = Kind::text;
      a.tables.merge(b.tables), a.values.merge(b.values), b.tables.clear();
      break;
    }
}

}  // namespace

void type_tables(Sources& sources, const Domain& domain) {
  for (SourceTable& table : sources.tables) {
    Hints hints;
    for (size_t c = 0; c < table.headers.size(); ++c) {
      std::vector<const Cell*> cells;
      for (const SourceRow& row : table.rows)
        if (c < row.cells.size()) cells.push_back(&row.cells[c]);
      table.types.push_back(type_column(table.headers[c], cells, hints));
      if (table.types.back().kind == Kind::number && numbers_things(table.headers[c]))
        table.types.back().kind = Kind::text;
      if (table.types.back().kind != Kind::text && table.types.back().mark == Mark::comma) hints.decimal_comma = true;
    }
    table.fields.assign(table.headers.size(), "");
    map_fields(table, domain);
    if (const TypeRule* rule = type_by_rule(table, domain)) table.type = rule->name;
  }
  settle_dates(sources.tables);
  map_by_values(sources.tables);
  for (const TypeRule& rule : domain.types)
    if (!rule.key.empty() && rule.time.empty()) unite_fields(sources.tables, rule);
  name_types(sources.tables, domain);
  // Digits under "Room" are names of rooms when there are papers of rooms.
  std::set<std::string> things;
  for (const SourceTable& table : sources.tables) {
    const auto words = words_of(table.type);
    if (words.empty() || table.headers.empty() || table.rows.size() < 3) continue;
    const std::string root = domain.root(words.back());
    if (domain.roots_of(core_of_header(table.headers[0], domain)) != root) continue;
    if (value_keys(table, 0, table.rows.size() + 1).size() == table.rows.size()) things.insert(root);
  }
  for (SourceTable& table : sources.tables)
    for (size_t c = 0; c < table.headers.size(); ++c) {
      const std::string core = core_of_header(table.headers[c], domain);
      if (table.types[c].kind == Kind::number && !core.empty() && words_of(core).size() == 1 && !core.ends_with('s') &&
          things.count(domain.root(core)))
        table.types[c].kind = Kind::text;
    }
  for (SourceTable& table : sources.tables) {
    std::set<std::string> taken;
    for (size_t c = 0; c < table.fields.size(); ++c) {
      if (table.fields[c].empty()) table.fields[c] = slug_of(without_unit(table.headers[c]));
      if (table.fields[c] == "id") table.fields[c] = "identifier";
      while (!taken.insert(table.fields[c]).second) table.fields[c] += "_more";
    }
  }
  settle_empty_columns(sources.tables);
  std::set<std::string> types;
  for (const SourceTable& table : sources.tables)
    if (!domain.type(table.type)) types.insert(table.type);
  for (const std::string& type : types) unite_headers(sources.tables, type, domain);
}

void records_of_tables(const Sources& sources, const Domain& domain, Records& records) {
  for (const SourceTable& table : sources.tables) {
    const auto term_like = [&](size_t c, const std::vector<std::string>& headers) {
      return c < table.headers.size() && std::any_of(headers.begin(), headers.end(), [&](const std::string& h) {
               return key_of(h) == key_of(without_unit(table.headers[c]));
             });
    };
    const bool defines = !domain.type(table.type) && table.headers.size() <= 3 && table.headers.size() >= 2 &&
                         (term_like(0, domain.term_headers) || term_like(0, domain.alias_headers)) &&
                         table.types[1].kind == Kind::text;
    if (defines) continue;  // learn_terms reads it
    RecordType* type = records.type(table.type);
    if (!type) {
      if (records.types.size() == records.types.capacity()) continue;
      records.types.push_back({});
      type = &records.types.back();
      type->name = table.type;
      type->rule = domain.type(table.type);
      if (type->rule) type->key = type->rule->key;
    }
    std::vector<int> places;
    for (size_t c = 0; c < table.fields.size(); ++c) {
      int place = type->find_or_add(table.fields[c], table.types[c].kind);
      Field& field = type->fields[static_cast<size_t>(place)];
      if (field.kind != table.types[c].kind && field.kind != Kind::text) {
        if (!is_empty(table, c))
          place = type->find_or_add(table.fields[c] + "_as_" + std::string(name_of(table.types[c].kind)),
                                    table.types[c].kind);
      }
      type->fields[static_cast<size_t>(place)].headers.insert(table.headers[c]);
      places.push_back(place);
    }
    const int key = type->find(type->key);
    for (const SourceRow& row : table.rows) {
      Record record;
      record.evidence.push_back({row.id, Role::states});
      record.order = table.path;
      for (size_t c = 0; c < places.size() && c < row.cells.size(); ++c) {
        Value value = value_of(row.cells[c], table.types[c]);
        if (!value.empty()) type->set(record, places[c], std::move(value));
      }
      record.rank = key >= 0 && !RecordType::value(record, key).empty() ? 2 : 1;
      type->records.push_back(std::move(record));
    }
  }
}

}  // namespace freehold::papers
