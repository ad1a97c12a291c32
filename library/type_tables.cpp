// Tables get their meaning: the kind of each column, the field its header names, the type of its records.
#include <algorithm>

#include "library/times.h"
#include "library/typed_tables.h"
#include "library/words.h"

namespace freehold::papers {
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

std::string core_of_header(std::string_view header, const Domain& domain) {
  std::string core;
  for (const std::string& word : words_of(without_unit(header)))
    if (!among(domain.header_noise, word) && !among(domain.unit_words, word)) core += (core.empty() ? "" : " ") + word;
  return core;
}

bool is_empty(const SourceTable& table, size_t column) {
  return std::none_of(table.rows.begin(), table.rows.end(), [&](const SourceRow& row) {
    return column < row.cells.size() && !row.cells[column].text.empty();
  });
}

std::set<std::string> value_keys(const SourceTable& table, size_t column, size_t most) {
  std::set<std::string> keys;
  for (const SourceRow& row : table.rows)
    if (column < row.cells.size() && !row.cells[column].text.empty() && keys.size() < most)
      keys.insert(key_of(row.cells[column].text));
  return keys;
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

bool numbers_things(const std::string& header) {  // "Patient no": an identifier, whatever its digits
  const auto words = words_of(header);
  static const std::set<std::string> ends = {"no", "nr", "number", "id", "code", "ref", "zip", "postcode", "phone"};
  return words.size() >= 2 ? ends.count(words.back()) > 0 : words.size() == 1 && words[0] == "id";
}

}  // namespace

void type_tables(Sources& sources, const Domain& domain) {
  std::vector<std::vector<ColumnType>> untyped;  // of each table, before a domain's fields
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
    untyped.push_back(table.types);
    table.fields.assign(table.headers.size(), "");
    map_fields(table, domain);
    if (const TypeRule* rule = type_by_rule(table, domain)) table.type = rule->name;
  }
  // A rule takes all papers of one name or none: "inspections" of most years that no rule knows are not failures in
  // two.
  std::map<std::string, std::pair<size_t, size_t>> named;  // of papers of one name: by a rule, all
  for (const SourceTable& table : sources.tables) {
    auto& [by_rule, all] = named[stem_of_path(table.path)];
    by_rule += !table.type.empty(), ++all;
  }
  for (size_t t = 0; t < sources.tables.size(); ++t) {
    SourceTable& table = sources.tables[t];
    const auto& [by_rule, all] = named[stem_of_path(table.path)];
    if (by_rule * 2 < all) table.type.clear();
    // The fields of a domain are for the tables of its types: the notes of a repair are no "Note" of what was
    // delivered.
    if (table.type.empty()) table.fields.assign(table.headers.size(), ""), table.types = untyped[t];
  }
  settle_dates(sources.tables);
  map_by_values(sources.tables);
  for (const TypeRule& rule : domain.types)
    if (!rule.key.empty() && rule.time.empty()) unite_fields(sources.tables, rule);
  name_types(sources.tables, domain);
  unite_extracts(sources.tables, domain);
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
  for (const std::string& type : types) {
    unite_headers(sources.tables, type, domain);
    unite_dates(sources.tables, type);
  }
}

// Two or three columns, the first headed as terms are, and what each means is its own: the same role of several persons
// is no other name of theirs.
bool defines_terms(const SourceTable& table, const Domain& domain) {
  if (domain.type(table.type) || table.headers.size() < 2 || table.headers.size() > 3) return false;
  const std::string first = key_of(without_unit(table.headers[0]));
  const auto headed = [&](const std::vector<std::string>& headers) {
    return std::any_of(headers.begin(), headers.end(), [&](const std::string& h) { return key_of(h) == first; });
  };
  if ((!headed(domain.term_headers) && !headed(domain.alias_headers)) || table.types[1].kind != Kind::text)
    return false;
  return value_keys(table, 1, table.rows.size()).size() * 10 >= table.rows.size() * 9;
}

namespace {

// Sorts papers that say the same: by the last day that their name or title tells, those without one last.
std::string order_of(const SourceTable& table) {
  std::string day;
  for (const std::string& text : {table.path, table.title}) {
    if (const auto date = find_date(text, true)) day = std::max(day, date->iso);
    const auto words = words_of(text);
    for (const TimeSpan& span : times_in(words, words)) day = std::max(day, span.to);
  }
  return (day.empty() ? "9999" : day) + " " + table.path;
}

}  // namespace

void records_of_tables(const Sources& sources, const Domain& domain, Records& records) {
  for (const SourceTable& table : sources.tables) {
    if (defines_terms(table, domain)) continue;  // learn_terms reads it
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
      // A column that was turned into another unit is not called by its own.
      const bool turned = table.types[c].kind == Kind::number && table.types[c].scale != 1;
      type->fields[static_cast<size_t>(place)].headers.insert(turned ? core_of_header(table.headers[c], domain)
                                                                     : table.headers[c]);
      places.push_back(place);
    }
    const int key = type->find(type->key);
    const std::string order = order_of(table);
    for (const SourceRow& row : table.rows) {
      Record record;
      record.evidence.push_back({row.id, Role::states});
      record.order = order;
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
