// Records into the library's file: one STRICT table for each type, with named columns, so that people can read the SQL.
#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr const char* schema = R"(
CREATE TABLE record_type(name TEXT PRIMARY KEY, key TEXT NOT NULL, time TEXT NOT NULL) STRICT;
CREATE TABLE field(type TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, refers TEXT NOT NULL, headers TEXT NOT NULL) STRICT;
CREATE TABLE evidence(type TEXT NOT NULL, record INTEGER NOT NULL, source_row INTEGER NOT NULL, role TEXT NOT NULL) STRICT;
CREATE TABLE conflict(type TEXT NOT NULL, record INTEGER NOT NULL, field TEXT NOT NULL, used TEXT NOT NULL, other TEXT NOT NULL,
  rule TEXT NOT NULL, source_row INTEGER NOT NULL, of TEXT NOT NULL) STRICT;
CREATE TABLE open_line(source_row INTEGER NOT NULL) STRICT;
CREATE TABLE alias(type TEXT NOT NULL, text TEXT NOT NULL, record INTEGER NOT NULL) STRICT;
CREATE TABLE term(text TEXT NOT NULL, type TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, source_row INTEGER NOT NULL) STRICT;
CREATE TABLE ident(canon TEXT NOT NULL, type TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE meaning(canon TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
)";

std::string_view role_name(Role role) {
  switch (role) {
    case Role::states:
      return "states";
    case Role::repeats:
      return "repeats";
    case Role::contradicts:
      return "contradicts";
    case Role::corrects:
      return "corrects";
  }
  return "";
}

Result<Done> drop_old(Database& database) {
  std::vector<std::string> tables;
  {
    TRY_ASSIGN(Statement all,
               database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'r_*'"));
    TRY(all.begin({}));
    for (;;) {
      TRY_ASSIGN(const bool more, all.next());
      if (!more) break;
      tables.push_back(all.text(0));
    }
  }
  for (const char* name :
       {"record_type", "field", "evidence", "conflict", "open_line", "alias", "term", "ident", "meaning"})
    tables.emplace_back(name);
  for (const std::string& table : tables) TRY(database.execute("DROP TABLE IF EXISTS " + quoted_name(table)));
  return Done{};
}

Result<Done> write_type(Database& database, const RecordType& type, Statement& evidence) {
  const std::string table = quoted_name("r_" + type.name);
  std::string columns = "id INTEGER PRIMARY KEY", marks = "?";
  for (const Field& field : type.fields) {
    const bool number = field.kind == Kind::number || field.kind == Kind::minutes;
    columns += ", " + quoted_name(field.name) + (number ? " REAL" : " TEXT");
    marks += ",?";
    if (!field.refers.empty()) columns += ", " + quoted_name(field.name + "__record") + " INTEGER", marks += ",?";
  }
  TRY(database.execute("CREATE TABLE " + table + "(" + columns + ") STRICT"));
  TRY_ASSIGN(Statement insert, database.prepare("INSERT INTO " + table + " VALUES(" + marks + ")"));
  for (size_t i = 0; i < type.records.size(); ++i) {
    const Record& record = type.records[i];
    std::vector<Bound> values = {static_cast<int64_t>(i)};
    for (size_t f = 0; f < type.fields.size(); ++f) {
      const Value& value = RecordType::value(record, static_cast<int>(f));
      const bool number = type.fields[f].kind == Kind::number || type.fields[f].kind == Kind::minutes;
      if (value.empty())
        values.emplace_back(nullptr);
      else if (number)
        values.emplace_back(value.number);
      else
        values.emplace_back(value.text);
      if (type.fields[f].refers.empty()) continue;
      const int target = f < record.refers.size() ? record.refers[f] : -1;
      if (target >= 0)
        values.emplace_back(static_cast<int64_t>(target));
      else
        values.emplace_back(nullptr);
    }
    TRY(insert.run(values));
    for (const Evidence& e : record.evidence)
      TRY(evidence.run({type.name, static_cast<int64_t>(i), e.row, std::string(role_name(e.role))}));
  }
  return Done{};
}

Result<Done> write_all(Database& database, const Records& records) {
  TRY(drop_old(database));
  TRY(database.execute(schema));
  TRY_ASSIGN(Statement type_row, database.prepare("INSERT INTO record_type VALUES(?,?,?)"));
  TRY_ASSIGN(Statement field_row, database.prepare("INSERT INTO field VALUES(?,?,?,?,?)"));
  TRY_ASSIGN(Statement evidence, database.prepare("INSERT INTO evidence VALUES(?,?,?,?)"));
  TRY_ASSIGN(Statement conflict, database.prepare("INSERT INTO conflict VALUES(?,?,?,?,?,?,?,?)"));
  TRY_ASSIGN(Statement alias, database.prepare("INSERT INTO alias VALUES(?,?,?)"));
  TRY_ASSIGN(Statement term, database.prepare("INSERT INTO term VALUES(?,?,?,?,?)"));
  TRY_ASSIGN(Statement ident, database.prepare("INSERT INTO ident VALUES(?,?,?,?)"));
  TRY_ASSIGN(Statement meaning, database.prepare("INSERT INTO meaning VALUES(?,?)"));
  for (const RecordType& type : records.types) {
    std::string time = type.rule ? type.rule->time : "";
    if (time.empty() && !type.rule)
      for (const Field& field : type.fields)
        if (field.kind == Kind::date && time.empty()) time = field.name;
    TRY(type_row.run({type.name, type.key, time}));
    for (const Field& field : type.fields) {
      std::string headers;
      for (const std::string& header : field.headers) headers += header + "\n";
      TRY(field_row.run({type.name, field.name, std::string(name_of(field.kind)), field.refers, headers}));
    }
    TRY(write_type(database, type, evidence));
    if (const int key = type.find(type.key); key >= 0)
      for (const Record& record : type.records)
        if (const Value& value = RecordType::value(record, key); has_digit(value.text) && value.text.size() <= 80)
          TRY(ident.run({canon(value.text), type.name, type.key, value.text}));
    for (const Conflict& c : type.conflicts)
      TRY(conflict.run({type.name, static_cast<int64_t>(c.record), c.field, c.used, c.other, c.rule, c.row, c.of}));
    if (!type.rule || type.rule->time.empty())
      for (const auto& [text, record] : type.by_key) TRY(alias.run({type.name, text, static_cast<int64_t>(record)}));
  }
  TRY_ASSIGN(Statement open, database.prepare("INSERT INTO open_line VALUES(?)"));
  for (const int64_t line : records.open_lines) TRY(open.run({line}));
  for (const Term& one : records.terms) TRY(term.run({one.text, one.type, one.field, one.value, one.row}));
  for (const auto& [text, value] : records.meanings) TRY(meaning.run({text, value}));
  TRY(database.execute("CREATE INDEX ident_canon ON ident(canon)"));
  return database.execute("CREATE INDEX evidence_record ON evidence(type, record)");
}

}  // namespace

Result<Done> write_records(Database& database, const Records& records) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  const auto written = write_all(database, records);
  TRY(database.execute(written ? "COMMIT" : "ROLLBACK"));
  return written;
}

}  // namespace freehold::papers
