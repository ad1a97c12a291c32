// Store: one library is one SQLite file. Here are the papers as read: files, tables with their raw rows, passages. What
// is counted, the records, is made from them (records.h) and kept in the same file.
#pragma once

#include <functional>

#include "library/database.h"
#include "library/domain.h"
#include "library/paper.h"
#include "library/readers/programs.h"

namespace freehold::papers {

struct FileReport {
  std::string path, read_as, fault;  // fault: why it was not read; empty when it was
  uint64_t tables = 0, rows = 0, passages = 0;
  bool unchanged = false;  // since it was read, or since it could not be: it was not tried again
  std::vector<std::string> notes;
};
struct IngestReport {
  std::vector<FileReport> files;
  uint64_t removed = 0;
};

class Store {
 public:
  // Creates the file, with mode 0600, when it is not there (write).
  static Result<Store> open(const Path& path, Database::Mode mode);
  Database& database() { return database_; }

  // Reads everything below `folder`; a file is one transaction; one that was read and is unchanged (by its hash) is
  // skipped, and one that could not be read until it, the readers or the programs that they start are others. Links and
  // what is no regular file are named in the report. `on_progress` gets the fraction done; false stops the work.
  // `programs` starts those that some papers need.
  Result<IngestReport> add_folder(const Path& folder, const Domain& domain,
                                  const std::function<bool(double)>& on_progress,
                                  const Programs& programs = start_here);
  // Takes a paper out, of which nothing is read again while its bytes stay the same; an unknown path is an error.
  Result<Done> forget(const std::string& path);
  Result<Done> allow_again();  // what was forgotten, or could not be read, may be read again

 private:
  explicit Store(Database database) : database_(std::move(database)) {}
  Result<Done> add_file(FileReport& report, const std::string& sha256, std::string_view bytes, const Domain& domain,
                        const Programs& programs);
  Result<Done> drop(const std::string& path);
  Database database_;
};

}  // namespace freehold::papers
