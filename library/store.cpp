#include "library/store.h"

#include <fcntl.h>
#include <unistd.h>
#include <set>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "library/readers/sealed.h"
#include "library/table_shape.h"

namespace freehold::papers {
namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS forgotten(sha256 TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS decision(id INTEGER PRIMARY KEY, day TEXT NOT NULL, who TEXT NOT NULL, type TEXT NOT NULL,
  record TEXT NOT NULL, field TEXT NOT NULL, was TEXT NOT NULL, value TEXT NOT NULL, papers TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS file(id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  read_as TEXT NOT NULL, title TEXT NOT NULL, fault TEXT NOT NULL, notes TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS failed(file INTEGER PRIMARY KEY REFERENCES file(id) ON DELETE CASCADE, read_with TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS source_table(id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file(id) ON DELETE CASCADE,
  place TEXT NOT NULL, title TEXT NOT NULL, headers TEXT NOT NULL, left_out INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS source_row(id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file(id) ON DELETE CASCADE,
  source_table INTEGER REFERENCES source_table(id) ON DELETE CASCADE, place TEXT NOT NULL, heading TEXT NOT NULL, raw TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS source_row_table ON source_row(source_table);
CREATE INDEX IF NOT EXISTS source_row_file ON source_row(file);
CREATE INDEX IF NOT EXISTS source_table_file ON source_table(file);
)";

struct Found {
  std::string path;  // below the folder
  Path parent;
  std::string name;
  std::string fault;
};

void walk(const Path& folder, const std::string& prefix, int depth, std::vector<Found>& out) {
  std::error_code error;
  std::vector<std::filesystem::directory_entry> entries;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(*it);
  if (error) out.push_back({prefix, folder, "", error.message()});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path().filename() < b.path().filename(); });
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string(), path = prefix + name;
    if (name.starts_with('.') || name.starts_with("~$")) continue;
    if (out.size() >= limits::library_files) return;
    const auto status = entry.symlink_status(error);
    if (std::filesystem::is_symlink(status))
      out.push_back({path, folder, name, "a link; links are not followed"});
    else if (std::filesystem::is_directory(status) && depth >= limits::folder_nesting)
      out.push_back({path, folder, name, "folders nest too deep"});
    else if (std::filesystem::is_directory(status))
      walk(entry.path(), path + "/", depth + 1, out);
    else if (!std::filesystem::is_regular_file(status))
      out.push_back({path, folder, name, "no regular file"});
    else if (!is_plain_name(name))
      out.push_back({path, folder, name, "a name that is not plain UTF-8, or has : or \\ in it"});
    else
      out.push_back({path, folder, name, ""});
  }
}

// What reads papers here: a paper that it could not read it cannot read tomorrow either.
std::string reading_with() {
  std::string with = fmt::format("readers {}", readers_version);
  for (int job = 0; job < jobs; ++job)
    with += is_installed(static_cast<Job>(job)) ? fmt::format(", program {}", job) : "";
  return with;
}

}  // namespace

Result<Store> Store::open(const Path& path, Database::Mode mode) {
  if (mode == Database::Mode::write) {
    const int handle = ::open(path.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (handle < 0) return io_error("{}: cannot be opened for writing", path.filename().string());
    ::close(handle);
  } else if (std::error_code error; !std::filesystem::is_regular_file(path, error)) {
    return io_error("{}: no such library; freehold ingest FOLDER --library NAME makes one", path.stem().string());
  }
  TRY_ASSIGN(Database database, Database::open(path, mode));
  if (mode == Database::Mode::write)
    TRY(database.execute(schema));
  else
    TRY(database.execute("BEGIN"));  // all that is read is of one moment, whoever writes meanwhile
  return Store(std::move(database));
}

Result<Done> Store::drop(const std::string& path) {
  TRY_ASSIGN(Statement gone, database_.prepare("DELETE FROM file WHERE path = ?"));
  return gone.run({path});
}

Result<Done> Store::forget(const std::string& path) {
  TRY_ASSIGN(Statement hash, database_.prepare("SELECT sha256 FROM file WHERE path = ?"));
  TRY(hash.begin({path}));
  TRY_ASSIGN(const bool known, hash.next());
  if (!known) return malformed("{}: no such paper in this library", printable(path));
  const std::string sha256 = hash.text(0);
  TRY_ASSIGN(Statement keep, database_.prepare("INSERT OR IGNORE INTO forgotten(sha256) VALUES(?)"));
  TRY(keep.run({sha256}));
  return drop(path);
}

Result<Done> Store::allow_again() { return database_.execute("DELETE FROM forgotten; DELETE FROM failed"); }

Result<Done> Store::add_file(FileReport& report, const std::string& sha256, std::string_view bytes,
                             const Domain& domain, const Programs& programs) {
  auto paper = report.fault.empty() ? read_paper_sealed(report.path, bytes, programs)
                                    : Result<Paper>(failure(Fault::unsupported, report.fault));
  const bool tried = report.fault.empty();  // else it could not be opened
  if (!paper) report.fault = paper.error().what;
  TRY(drop(report.path));
  TRY_ASSIGN(Statement file,
             database_.prepare("INSERT INTO file(path,sha256,size,read_as,title,fault,notes) VALUES(?,?,?,?,?,?,?)"));
  Json notes = Json::array();
  if (paper) {
    report.read_as = paper->read_as, report.notes = paper->notes;
    for (const std::string& note : paper->notes) notes.push_back(note);
  }
  TRY(file.run({report.path, sha256, static_cast<int64_t>(bytes.size()), report.read_as, paper ? paper->title : "",
                report.fault, notes.dump()}));
  const int64_t id = database_.last_id();
  if (!paper) {
    if (!tried) return Done{};
    TRY_ASSIGN(Statement failed, database_.prepare("INSERT INTO failed(file,read_with) VALUES(?,?)"));
    return failed.run({id, reading_with()});
  }
  TRY_ASSIGN(Statement table,
             database_.prepare("INSERT INTO source_table(file,place,title,headers,left_out) VALUES(?,?,?,?,?)"));
  TRY_ASSIGN(Statement row,
             database_.prepare("INSERT INTO source_row(file,source_table,place,heading,raw) VALUES(?,?,?,?,?)"));
  for (const Grid& grid : paper->grids) {
    const Shape shape = shape_of(grid, domain.total_words);
    if (shape.headers.empty()) {  // no table: its cells are text
      for (const GridRow& one : grid.rows) {
        std::string joined;
        for (const Cell& cell : one.cells)
          if (!cell.text.empty()) joined += (joined.empty() ? "" : " ") + cell.text;
        if (!joined.empty()) paper->passages.push_back({one.place, grid.title, joined});
      }
      continue;
    }
    Json headers = shape.headers;
    std::string title = grid.title;
    if (!shape.preamble.empty()) title += (title.empty() ? "" : " / ") + shape.preamble.substr(0, 300);
    TRY(table.run({id, grid.place, title, headers.dump(-1, ' ', false, Json::error_handler_t::replace),
                   static_cast<int64_t>(shape.left_out.size())}));
    const int64_t table_id = database_.last_id();
    ++report.tables;
    auto out = shape.left_out.begin();
    size_t ragged = 0;
    for (size_t i = shape.first_row; i < grid.rows.size(); ++i) {
      if (out != shape.left_out.end() && *out == i) {
        ++out;
        continue;
      }
      Json cells = Json::array();
      for (const Cell& cell : grid.rows[i].cells)
        cells.push_back(cell.exact ? Json::array({cell.text}) : Json(cell.text));
      ragged += grid.rows[i].cells.size() > shape.headers.size();
      TRY(row.run({id, table_id, grid.rows[i].place, "", cells.dump(-1, ' ', false, Json::error_handler_t::replace)}));
      ++report.rows;
    }
    if (ragged > 0)
      report.notes.push_back(
          fmt::format("{} rows have more cells than the header; the cells beyond are kept and not read", ragged));
  }
  for (const Passage& passage : paper->passages) {
    TRY(row.run({id, nullptr, passage.place, passage.heading, passage.text}));
    ++report.passages;
  }
  return Done{};
}

Result<IngestReport> Store::add_folder(const Path& folder, const Domain& domain,
                                       const std::function<bool(double)>& on_progress, const Programs& programs) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return io_error("{}: no such folder", folder.string());
  std::vector<Found> found;
  walk(folder, "", 0, found);
  struct Known {
    std::string sha256, fault;  // no hash: what could not be read with other readers or programs is tried again
  };
  std::map<std::string, Known> known;  // by path
  {
    TRY_ASSIGN(Statement all,
               database_.prepare("SELECT path, iif(fault = '' OR read_with = ?, sha256, ''), fault FROM file LEFT JOIN "
                                 "failed ON failed.file = file.id"));
    TRY(all.begin({reading_with()}));
    for (;;) {
      TRY_ASSIGN(const bool more, all.next());
      if (!more) break;
      known[all.text(0)] = {all.text(1), all.text(2)};
    }
  }
  std::set<std::string> forgotten;
  {
    TRY_ASSIGN(Statement all, database_.prepare("SELECT sha256 FROM forgotten"));
    TRY(all.begin({}));
    for (;;) {
      TRY_ASSIGN(const bool more, all.next());
      if (!more) break;
      forgotten.insert(all.text(0));
    }
  }
  IngestReport result;
  for (size_t i = 0; i < found.size(); ++i) {
    const Found& one = found[i];
    if (!on_progress(static_cast<double>(i) / static_cast<double>(found.size())))
      return failure(Fault::cancelled, "ingest: stopped; what was read so far is kept");
    FileReport report;
    report.path = printable(one.path, 1000), report.fault = one.fault;
    std::string bytes;
    if (one.fault.empty()) {
      auto opened = Folder::open(one.parent);
      auto read = opened ? opened->read(one.name, limits::paper_bytes) : Result<std::string>(Failure(opened.error()));
      if (read)
        bytes = std::move(*read);
      else
        report.fault = read.error().what;
    }
    const std::string hash = sha256_of(bytes);
    const auto before = known.find(report.path);
    if (report.fault.empty() && forgotten.count(hash) > 0) {
      report.fault = "was forgotten; --again reads it";
      result.files.push_back(std::move(report));
      continue;
    }
    if (before != known.end() && before->second.sha256 == hash && report.fault.empty()) {
      report.unchanged = true, report.fault = before->second.fault;
    } else {
      TRY(database_.execute("BEGIN IMMEDIATE"));
      const auto added = add_file(report, hash, bytes, domain, programs);
      TRY(database_.execute(added ? "COMMIT" : "ROLLBACK"));
      if (!added) return Failure(added.error());
    }
    if (before != known.end()) known.erase(before);
    result.files.push_back(std::move(report));
  }
  for (const auto& [path, what] : known) {  // gone from the folder
    TRY(drop(path));
    ++result.removed;
  }
  return result;
}

}  // namespace freehold::papers
