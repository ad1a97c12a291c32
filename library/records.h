// Records: what is counted. Made from everything the store holds, always from scratch, so that the same papers give the
// same records however they came in: tables are typed and given their type, names are resolved, lines of text become
// records, records that tell of one thing are merged, corrections are applied. Nothing is thrown away: each source row
// stays as evidence, and a value that lost against another is kept as a conflict.
#pragma once

#include <map>
#include <set>

#include "library/store.h"
#include "library/values.h"

namespace freehold::papers {

struct SourceRow {
  int64_t id = 0;
  std::vector<Cell> cells;
};
struct SourceTable {
  int64_t file = 0;
  std::string path, title;
  std::vector<std::string> headers;
  std::vector<SourceRow> rows;
  std::vector<ColumnType> types;    // of columns
  std::vector<std::string> fields;  // of columns; empty: not read
  std::string type;                 // record type; empty: none
};
struct SourceLine {
  int64_t id = 0, file = 0;
  std::string path, read_as, place, heading, text;
};
struct Sources {
  std::vector<SourceTable> tables;
  std::vector<SourceLine> lines;
};
Result<Sources> load_sources(Database& database);

struct Field {
  std::string name;
  Kind kind = Kind::text;
  std::string refers;  // the type whose key this field holds
  std::set<std::string> headers;
};
enum class Role : uint8_t { states, repeats, contradicts, corrects };
struct Evidence {
  int64_t row = 0;
  Role role = Role::states;
};
struct Record {
  std::vector<Value> values;  // by field; may be shorter than the fields
  std::vector<int> refers;    // by field: the record meant, from 0; -1 none
  std::vector<Evidence> evidence;
  int rank = 0;       // whose values win: 2 a table with the key, 1 a table, 0 a line of text
  std::string order;  // of its paper, among those that say the same: the later one wins
};
struct Conflict {
  int record = 0;
  std::string field, used, other, rule;
  int64_t row = 0;
  std::string of = {};  // by which name its record is found again (library/review.h)
};
struct RecordType {
  std::string name;
  const TypeRule* rule = nullptr;
  std::vector<Field> fields;
  std::vector<Record> records;
  std::vector<Conflict> conflicts;
  std::string key;                         // field; may be empty
  std::string code;                        // field; identifies too, the key being a name
  std::multimap<std::string, int> by_key;  // canon of key or alias -> record

  int find(std::string_view field) const;  // -1: none
  int find_or_add(std::string_view field, Kind kind);
  static const Value& value(const Record& record, int field);
  void set(Record& record, int field, Value value) const;
};
struct Term {
  std::string text, type, field, value;
  int64_t row = 0;  // 0: the owner says so
};
struct Correction {              // a notice that a record says something wrong
  std::string type, key, field;  // key: canon
  Value value;
  int64_t row = 0;
};
struct Tally {
  size_t merged_by_key = 0, merged_softly = 0, from_text = 0, corrections = 0, lines_open = 0;
};
struct Records {
  std::vector<RecordType> types;  // a type keeps its place
  std::vector<Term> terms;
  std::vector<Correction> corrections;
  std::map<std::string, std::string> meanings;  // canon of a term -> what the papers say it means
  std::vector<int64_t> open_lines;              // of text, of which no record could be made
  Tally tally;
  RecordType* type(std::string_view name);
};

// Wordings of the values of one field, to be found in running text: the values themselves, the firm's terms for them,
// and word sequences that its own coded records use for one value only.
class Wordings {
 public:
  Wordings(const Records& records, const RecordType& type, std::string_view field);
  void learn(const RecordType& type, std::string_view field, std::string_view text_field);
  std::string find(std::string_view text) const;  // the longest; empty when none
  bool empty() const { return known_.empty(); }

 private:
  std::map<std::string, std::string> known_, learned_;  // stems joined by blanks -> value
};

// A header without its unit, numbering words and currency: "Matter no" and "Matter number" -> "matter".
std::string core_of_header(std::string_view header, const Domain& domain);

bool defines_terms(const SourceTable& table, const Domain& domain);  // once it is typed

// The steps, in order.
void type_tables(Sources& sources, const Domain& domain);  // columns, fields, record types
void settle_dates(std::vector<SourceTable>& tables);       // a step of type_tables: whether day or month comes first
void records_of_tables(const Sources& sources, const Domain& domain, Records& records);
void learn_terms(const Sources& sources, const Domain& domain, Records& records);  // definitions, other names
void declare_terms(const Domain& domain, Records& records);                        // the owner's, which count first
void resolve_keys(const Domain& domain, Records& records);                         // keys, who refers to whom
void settle_values(const Domain& domain, Records& records);                        // one wording for one thing
void records_of_text(const Sources& sources, const Domain& domain, Records& records);
void merge_records(Records& records);
void tell_open_dates(const Sources& sources, Records& records);  // the reading not used, as a conflict
void apply_corrections(Records& records);
void refer(Records& records);  // names to records, as of their day

// Steps that a measurement may leave out, to see what each is worth (library eval --ablate).
struct Steps {
  bool merge = true, lexicon = true, corrections = true;
};
Result<Tally> build_records(Store& store, const Domain& domain, const Steps& steps = {});
Result<Done> write_records(Database& database, const Records& records);

}  // namespace freehold::papers
