#include "library/places.h"

#include <algorithm>

#include "base/json.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr size_t most_cell_bytes = 20'000;

std::string cut_cell(std::string text) { return shortened(std::move(text), most_cell_bytes); }

// The texts of a JSON list as the store keeps rows and headers: texts, or lists of one text (exact values).
Result<std::vector<std::string>> texts_of(const std::string& json) {
  TRY_ASSIGN(const Json list, parse_json(json, "library: row"));
  std::vector<std::string> texts;
  for (const Json& one : list) {
    const Json& text = one.is_array() && !one.empty() ? one[0] : one;
    texts.push_back(text.is_string() ? cut_cell(text.get<std::string>()) : "");
  }
  return texts;
}

struct Anchor {
  int64_t row = 0, file = 0, table = 0;
  bool in_table = false;
};

Result<ShownRow> shown_row(const Statement& row, const Anchor& anchor) {
  ShownRow shown{row.text(1), cut_cell(row.text(2)), {}, row.integer(0) == anchor.row};
  if (!anchor.in_table) {
    shown.cells = {cut_cell(row.text(3))};
    return shown;
  }
  TRY_ASSIGN(shown.cells, texts_of(row.text(3)));
  return shown;
}

// Rows of the same table, or lines of the same paper, on one side of the anchor; one more than asked for tells that
// there are others.
Result<std::vector<ShownRow>> rows_beside(Database& database, const Anchor& anchor, bool after, int count) {
  const std::string same = anchor.in_table ? "source_table = ?" : "file = ? AND source_table IS NULL";
  const std::string side = after ? "id >= ? ORDER BY id" : "id < ? ORDER BY id DESC";
  TRY_ASSIGN(Statement rows, database.prepare("SELECT id, place, heading, raw FROM source_row WHERE " + same + " AND " +
                                              side + " LIMIT ?"));
  TRY(rows.begin({anchor.in_table ? anchor.table : anchor.file, anchor.row, int64_t{count}}));
  std::vector<ShownRow> found;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    TRY_ASSIGN(ShownRow row, shown_row(rows, anchor));
    found.push_back(std::move(row));
  }
}

}  // namespace

Result<Holdings> holdings(Database& database) {
  TRY_ASSIGN(Statement count, database.prepare("SELECT count(*), coalesce(sum(fault <> ''), 0), "
                                               "(SELECT count(*) FROM source_row) FROM file"));
  TRY(count.begin({}));
  TRY(count.next());
  return Holdings{static_cast<uint64_t>(count.integer(0)), static_cast<uint64_t>(count.integer(1)),
                  static_cast<uint64_t>(count.integer(2))};
}

Result<std::vector<HeldPaper>> held_papers(Database& database, size_t most) {
  TRY_ASSIGN(Statement all, database.prepare("SELECT path, title, read_as, fault, notes, size, (SELECT count(*) FROM "
                                             "source_row r WHERE r.file = f.id) FROM file f ORDER BY path LIMIT ?"));
  TRY(all.begin({static_cast<int64_t>(most)}));
  std::vector<HeldPaper> held;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return held;
    held.push_back({all.text(0), all.text(1), all.text(2), all.text(3), all.text(4),
                    static_cast<uint64_t>(all.integer(5)), static_cast<uint64_t>(all.integer(6))});
  }
}

Result<ShownPlace> show_place(Database& database, const std::string& file, const std::string& place, int around) {
  TRY_ASSIGN(Statement find,
             database.prepare("SELECT r.id, r.file, r.source_table, f.title, t.title, t.headers FROM source_row r JOIN "
                              "file f ON f.id = r.file LEFT JOIN source_table t ON t.id = r.source_table WHERE f.path "
                              "= ? AND r.place = ? ORDER BY r.id LIMIT 1"));
  TRY(find.begin({file, place}));
  TRY_ASSIGN(const bool found, find.next());
  if (!found) return usage_error("{}#{}: no such place in this library", printable(file), printable(place));
  const Anchor anchor{find.integer(0), find.integer(1), find.integer(2), !find.is_null(2)};
  ShownPlace shown;
  shown.file = file;
  shown.title = cut_cell(anchor.in_table ? find.text(4) : find.text(3));
  if (anchor.in_table) {
    TRY_ASSIGN(shown.headers, texts_of(find.text(5)));
  }
  TRY_ASSIGN(shown.rows, rows_beside(database, anchor, false, around + 1));
  shown.more_before = static_cast<int>(shown.rows.size()) > around;
  if (shown.more_before) shown.rows.pop_back();
  std::reverse(shown.rows.begin(), shown.rows.end());
  TRY_ASSIGN(auto after, rows_beside(database, anchor, true, around + 2));
  shown.more_after = static_cast<int>(after.size()) > around + 1;
  if (shown.more_after) after.pop_back();
  std::move(after.begin(), after.end(), std::back_inserter(shown.rows));
  return shown;
}

}  // namespace freehold::papers
