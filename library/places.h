// What a library holds, for people to look at: its papers, and the place that a citation names with what stands around
// it, as it stood in the paper.
#pragma once

#include "library/database.h"

namespace freehold::papers {

struct Holdings {
  uint64_t papers = 0, failed = 0, rows = 0;
};
Result<Holdings> holdings(Database& database);

struct HeldPaper {
  std::string path, title, read_as, fault, notes;  // fault: why it was not read; notes: a JSON list
  uint64_t bytes = 0, rows = 0;
};
// By path, at most so many.
Result<std::vector<HeldPaper>> held_papers(Database& database, size_t most);

struct ShownRow {
  std::string place, heading;
  std::vector<std::string> cells;  // a line of text is one
  bool meant = false;
};
struct ShownPlace {
  std::string file, title;           // title: the table's, or the paper's
  std::vector<std::string> headers;  // none: text
  std::vector<ShownRow> rows;        // in the order of the paper, the one that was asked for among them
  bool more_before = false, more_after = false;
};
// A paper or place that is not there is Fault::usage.
Result<ShownPlace> show_place(Database& database, const std::string& file, const std::string& place, int around);

}  // namespace freehold::papers
