#include "library/forget.h"

#include <algorithm>

#include "library/review.h"
#include "library/view.h"

namespace freehold::papers {
namespace {

constexpr size_t most_searched = 500;
constexpr uint64_t most_library_bytes = uint64_t{4} << 30;

// The texts of a row as the library keeps them: cells of a table, or a line.
void add_texts(const std::string& raw, bool is_line, std::set<std::string>& texts) {
  const auto add = [&](const std::string& text) {
    if (text.size() >= 5) texts.insert(text);
  };
  if (is_line) return add(raw);
  const auto cells = parse_json(raw, "library: row");
  if (!cells) return;
  for (const Json& cell : *cells) {
    if (cell.is_string()) add(cell.get<std::string>());
    if (cell.is_array() && !cell.empty() && cell[0].is_string()) add(cell[0].get<std::string>());
  }
}

Result<std::map<std::string, int64_t>> count_records(Database& database) {
  std::map<std::string, int64_t> counts;
  TRY_ASSIGN(Statement types, database.prepare("SELECT name FROM record_type"));
  TRY(types.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, types.next());
    if (!more) return counts;
    TRY_ASSIGN(Statement count, database.prepare("SELECT count(*) FROM " + quoted_name("r_" + types.text(0))));
    TRY(count.begin({}));
    TRY_ASSIGN(const bool any, count.next());
    counts[types.text(0)] = any ? count.integer(0) : 0;
  }
}

struct Contents {
  uint64_t rows = 0;
  std::set<std::string> texts;  // of the paper
  std::string others;           // everything that other papers say
};
Result<Contents> contents_of(Database& database, const std::string& paper) {
  Contents contents;
  TRY_ASSIGN(Statement rows,
             database.prepare("SELECT f.path = ?, r.raw, r.source_table IS NULL, r.heading FROM source_row r "
                              "JOIN file f ON f.id = r.file"));
  TRY(rows.begin({paper}));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) return contents;
    if (rows.integer(0) == 0) {
      contents.others += rows.text(1) + "\n" + rows.text(3) + "\n";
      continue;
    }
    ++contents.rows;
    add_texts(rows.text(1), rows.integer(2) != 0, contents.texts);
  }
}

// Which of the texts stand in a file's bytes; a file that is not there holds none.
Result<Done> search(const Path& path, const std::vector<std::string>& texts, std::set<std::string>& found) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Done{};
  TRY_ASSIGN(const std::string bytes, read_file(path, most_library_bytes));
  for (const std::string& text : texts)
    if (bytes.find(text) != std::string::npos) found.insert(text);
  return Done{};
}

}  // namespace

Result<Forgotten> forget_paper(Store& store, const Path& library, const Domain& domain, const std::string& paper) {
  Database& database = store.database();
  Forgotten result;
  TRY_ASSIGN(const Contents contents, contents_of(database, paper));
  TRY_ASSIGN(const auto before, count_records(database));
  TRY(store.forget(paper));
  TRY(forget_decisions(database, paper));
  TRY(drop_views(library));
  TRY_ASSIGN(const Tally tally, build_records(store, domain));
  static_cast<void>(tally);
  // The file is written anew, so that no free page keeps a byte, and the log beside it is cut to nothing.
  TRY(database.execute("PRAGMA temp_store=MEMORY"));
  TRY(database.execute("VACUUM"));
  TRY(database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  TRY_ASSIGN(const auto after, count_records(database));
  for (const auto& [type, count] : before) {
    const auto now = after.find(type);
    result.counts.push_back({type, {count, now == after.end() ? 0 : now->second}});
  }
  result.rows = contents.rows;
  std::vector<std::string> texts;
  for (const std::string& text : contents.texts)
    if (texts.size() < most_searched && contents.others.find(text) == std::string::npos) texts.push_back(text);
  std::set<std::string> found;
  TRY(search(library, texts, found));
  TRY(search(Path(library.string() + "-wal"), texts, found));
  result.searched = texts.size();
  result.left.assign(found.begin(), found.end());
  return result;
}

}  // namespace freehold::papers
