// The steps in order, and the loading of what they start from.
#include "base/json.h"
#include "library/records.h"
#include "library/review.h"
#include "library/words.h"

namespace freehold::papers {

Result<Sources> load_sources(Database& database) {
  Sources sources;
  std::map<int64_t, size_t> at;
  {
    TRY_ASSIGN(Statement tables, database.prepare("SELECT t.id, t.file, f.path, t.title, t.headers FROM source_table t "
                                                  "JOIN file f ON f.id = t.file ORDER BY f.path, t.id"));
    TRY(tables.begin({}));
    for (;;) {
      TRY_ASSIGN(const bool more, tables.next());
      if (!more) break;
      SourceTable table;
      table.file = tables.integer(1), table.path = tables.text(2), table.title = tables.text(3);
      TRY_ASSIGN(const Json headers, parse_json(tables.text(4), "library: headers"));
      for (const Json& header : headers) table.headers.push_back(header.is_string() ? header.get<std::string>() : "");
      at[tables.integer(0)] = sources.tables.size();
      sources.tables.push_back(std::move(table));
    }
  }
  TRY_ASSIGN(Statement rows,
             database.prepare("SELECT r.id, r.source_table, r.raw, r.file, f.path, f.read_as, r.place, r.heading FROM "
                              "source_row r JOIN file f ON f.id = r.file ORDER BY f.path, r.id"));
  TRY(rows.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    if (rows.is_null(1)) {
      sources.lines.push_back(
          {rows.integer(0), rows.integer(3), rows.text(4), rows.text(5), rows.text(6), rows.text(7), rows.text(2)});
      continue;
    }
    const auto table = at.find(rows.integer(1));
    if (table == at.end()) continue;
    TRY_ASSIGN(const Json raw, parse_json(rows.text(2), "library: row"));
    SourceRow row{rows.integer(0), {}};
    for (const Json& cell : raw) {
      if (cell.is_array() && !cell.empty() && cell[0].is_string())
        row.cells.push_back({cell[0].get<std::string>(), true});
      else
        row.cells.push_back({cell.is_string() ? cell.get<std::string>() : "", false});
    }
    sources.tables[table->second].rows.push_back(std::move(row));
  }
  return sources;
}

int RecordType::find(std::string_view field) const {
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == field) return static_cast<int>(i);
  return -1;
}
int RecordType::find_or_add(std::string_view field, Kind kind) {
  if (const int found = find(field); found >= 0) return found;
  fields.push_back({std::string(field), kind, "", {}});
  return static_cast<int>(fields.size()) - 1;
}
const Value& RecordType::value(const Record& record, int field) {
  static const Value none;
  return field >= 0 && static_cast<size_t>(field) < record.values.size() ? record.values[static_cast<size_t>(field)]
                                                                         : none;
}
void RecordType::set(Record& record, int field, Value value) const {
  if (field < 0) return;
  if (record.values.size() <= static_cast<size_t>(field)) record.values.resize(static_cast<size_t>(field) + 1);
  record.values[static_cast<size_t>(field)] = std::move(value);
}
RecordType* Records::type(std::string_view name) {
  for (RecordType& one : types)
    if (one.name == name) return &one;
  return nullptr;
}

Result<Tally> build_records(Store& store, const Domain& domain, const Steps& steps) {
  TRY_ASSIGN(Sources sources, load_sources(store.database()));
  Records records;
  records.types.reserve(4096);
  type_tables(sources, domain);
  records_of_tables(sources, domain, records);
  if (steps.lexicon) learn_terms(sources, domain, records), declare_terms(domain, records);
  resolve_keys(domain, records);
  settle_values(domain, records);
  records_of_text(sources, domain, records);
  refer(records);  // names of one thing become one name first
  if (steps.merge) merge_records(records);
  tell_open_dates(sources, records);
  if (steps.corrections) apply_corrections(records);
  TRY(apply_decisions(store.database(), records));
  refer(records);
  records.tally.lines_open = records.open_lines.size();
  TRY(write_records(store.database(), records));
  return records.tally;
}

}  // namespace freehold::papers
