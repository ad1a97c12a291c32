#include "library/view.h"

#include <unistd.h>

#include <algorithm>

#include "base/limits.h"
#include "base/sha256.h"
#include "library/review.h"

namespace freehold::papers {
namespace {

// Apart from libraries, whose names begin with no point.
Path folder_of_views(const Path& library) { return library.parent_path() / ".views" / library.stem(); }

// The papers that may be seen, path and hash, by path.
Result<std::vector<std::pair<std::string, std::string>>> seen_papers(Database& database, const Labels& labels,
                                                                     const std::set<std::string>& held) {
  TRY_ASSIGN(Statement all, database.prepare("SELECT path, sha256 || fault FROM file ORDER BY path"));
  TRY(all.begin({}));
  std::vector<std::pair<std::string, std::string>> seen;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return seen;
    if (labels.allow(all.text(0), held)) seen.emplace_back(all.text(0), all.text(1));
  }
}

Result<Done> copy_rows(Statement& from, Statement& to, const std::vector<Bound>& key, std::map<int64_t, int64_t>* ids,
                       const std::map<int64_t, int64_t>* tables, int64_t file, Database& target) {
  TRY(from.begin(key));
  for (;;) {
    TRY_ASSIGN(const bool more, from.next());
    if (!more) return Done{};
    std::vector<Bound> values = {file};
    if (tables) {
      const auto table = from.is_null(1) ? tables->end() : tables->find(from.integer(1));
      if (table == tables->end())
        values.emplace_back(nullptr);
      else
        values.emplace_back(table->second);
    }
    for (int c = tables ? 2 : 1; c < from.columns(); ++c) values.emplace_back(from.text(c));
    TRY(to.run(values));
    if (ids) (*ids)[from.integer(0)] = target.last_id();
  }
}

// Row numbers are given anew, in the order of the paths: gaps would tell of what is not there.
Result<Done> copy_papers(Database& from, Database& to, const std::vector<std::pair<std::string, std::string>>& papers) {
  TRY_ASSIGN(Statement file, from.prepare("SELECT id, path, sha256, size, read_as, title, fault, notes FROM file WHERE "
                                          "path = ?"));
  TRY_ASSIGN(Statement tables, from.prepare("SELECT id, place, title, headers, left_out FROM source_table WHERE file = "
                                            "? ORDER BY id"));
  TRY_ASSIGN(Statement rows, from.prepare("SELECT id, source_table, place, heading, raw FROM source_row WHERE file = ? "
                                          "ORDER BY id"));
  TRY_ASSIGN(Statement add_file, to.prepare("INSERT INTO file(path,sha256,size,read_as,title,fault,notes) "
                                            "VALUES(?,?,CAST(? AS INTEGER),?,?,?,?)"));
  TRY_ASSIGN(Statement add_table, to.prepare("INSERT INTO source_table(file,place,title,headers,left_out) "
                                             "VALUES(?,?,?,?,CAST(? AS INTEGER))"));
  TRY_ASSIGN(Statement add_row,
             to.prepare("INSERT INTO source_row(file,source_table,place,heading,raw) VALUES(?,?,?,?,?)"));
  for (const auto& [path, hash] : papers) {
    TRY(file.begin({path}));
    TRY_ASSIGN(const bool there, file.next());
    if (!there) continue;
    std::vector<Bound> values;
    for (int c = 1; c < file.columns(); ++c) values.emplace_back(file.text(c));
    TRY(add_file.run(values));
    const int64_t id = to.last_id();
    std::map<int64_t, int64_t> new_tables;
    TRY(copy_rows(tables, add_table, {file.integer(0)}, &new_tables, nullptr, id, to));
    TRY(copy_rows(rows, add_row, {file.integer(0)}, nullptr, &new_tables, id, to));
  }
  return Done{};
}

Result<Done> make_view(Database& from, const Path& path, const std::vector<std::pair<std::string, std::string>>& papers,
                       const Domain& domain, const std::string& stamp, const Steps& steps = {}) {
  TRY_ASSIGN(Store view, Store::open(path, Database::Mode::write));
  TRY(view.database().execute("BEGIN IMMEDIATE"));
  TRY(copy_papers(from, view.database(), papers));
  std::set<std::string> paths;
  for (const auto& [path_of_paper, hash] : papers) paths.insert(path_of_paper);
  TRY(copy_decisions(from, view.database(), paths));
  TRY(view.database().execute("COMMIT"));
  TRY_ASSIGN(const Tally tally, build_records(view, domain, steps));
  static_cast<void>(tally);
  TRY(view.database().execute("CREATE TABLE view(stamp TEXT NOT NULL) STRICT"));
  TRY_ASSIGN(Statement stamped, view.database().prepare("INSERT INTO view(stamp) VALUES(?)"));
  TRY(stamped.run({stamp}));
  return view.database().execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

bool is_current(const Path& path, const std::string& stamp) {
  auto view = Store::open(path, Database::Mode::read);
  if (!view) return false;
  auto stamped = view->database().prepare("SELECT stamp FROM view");
  if (!stamped || !stamped->begin({})) return false;
  const auto any = stamped->next();
  return any && *any && stamped->text(0) == stamp;
}

}  // namespace

bool Labels::allow(const std::string& paper, const std::set<std::string>& held) const {
  return std::all_of(of.begin(), of.end(), [&](const auto& entry) {
    const bool meant =
        paper == entry.first || (entry.first.ends_with('/') && paper.starts_with(entry.first)) || entry.first == "/";
    return !meant || std::includes(held.begin(), held.end(), entry.second.begin(), entry.second.end());
  });
}

Result<Labels> read_labels(std::string_view text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(text, name));
  if (!json.is_object())
    return malformed("{}: expected an object of paths and lists of labels, {{\"hr/\": [\"staff\"]}}", name);
  Labels labels;
  for (const auto& [path, list] : json.items()) {
    if (!list.is_array() || list.empty()) return malformed("{}: {}: expected a list of labels", name, printable(path));
    for (const Json& one : list) {
      if (!one.is_string() || one.get<std::string>().empty())
        return malformed("{}: {}: expected a list of labels", name, printable(path));
      labels.of[path].insert(one.get<std::string>());
    }
  }
  return labels;
}

Result<Labels> labels_of(const Path& library) {
  const Path said = library.parent_path() / (library.stem().string() + ".labels.json");
  std::error_code error;
  if (!std::filesystem::exists(said, error)) return Labels{};
  TRY_ASSIGN(const std::string text, read_file(said, limits::json_bytes));
  return read_labels(text, said.filename().string());
}

Result<std::set<std::string>> labels_in(std::string_view list) {
  std::set<std::string> labels;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string label(list.substr(0, comma));
    if (label.empty() || label.size() > 100 || !is_utf8(label))
      return usage_error("labels: expected NAME or NAME,NAME");
    labels.insert(label);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return labels;
}

Result<Store> open_view(const Path& library, const std::set<std::string>& held, const Domain& domain) {
  TRY_ASSIGN(Store whole, Store::open(library, Database::Mode::read));
  TRY_ASSIGN(const Labels labels, labels_of(library));
  if (labels.of.empty()) return whole;  // there is nothing that somebody may not see
  TRY_ASSIGN(const auto papers, seen_papers(whole.database(), labels, held));
  std::string stamp = domain.declared, who;
  std::set<std::string> paths;
  for (const auto& [path, hash] : papers) stamp += fmt::format("{}\n{}\n", path, hash), paths.insert(path);
  TRY_ASSIGN(const std::string decided, decisions_resting_on(whole.database(), paths));
  stamp += decided;
  stamp = sha256_of(stamp);
  for (const std::string& label : held) who += label + "\n";
  const Path path = folder_of_views(library) / fmt::format("{}.sqlite", sha256_of(who).substr(0, 32));
  if (!is_current(path, stamp)) {
    const Path fresh = path.string() + fmt::format(".new.{}", ::getpid());
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return io_error("{}: {}", path.parent_path().filename().string(), error.message());
    std::filesystem::permissions(path.parent_path().parent_path(), std::filesystem::perms::owner_all, error);
    std::filesystem::remove(fresh, error);
    const auto made = make_view(whole.database(), fresh, papers, domain, stamp);
    if (!made) {
      std::filesystem::remove(fresh, error);
      return Failure(made.error());
    }
    std::filesystem::remove(path.string() + "-wal", error);
    std::filesystem::rename(fresh, path, error);
    if (error) return io_error("{}: {}", path.filename().string(), error.message());
  }
  return Store::open(path, Database::Mode::read);
}

Result<Store> copy_with(Database& from, const Path& path, const Domain& domain, const Steps& steps) {
  TRY_ASSIGN(const auto papers, seen_papers(from, {}, {}));
  TRY(make_view(from, path, papers, domain, "", steps));
  return Store::open(path, Database::Mode::read);
}

Result<Done> drop_views(const Path& library) {
  std::error_code error;
  std::filesystem::remove_all(folder_of_views(library), error);
  if (error) return io_error("{}: {}", folder_of_views(library).filename().string(), error.message());
  return Done{};
}

}  // namespace freehold::papers
