// Forgetting a paper for good: its rows, and every record, term and name that only it supported. What proves it is a
// search of the library's bytes afterwards for what stood in the paper and nowhere else.
#pragma once

#include "library/records.h"

namespace freehold::papers {

struct Forgotten {
  uint64_t rows = 0;              // that stood in the paper
  uint64_t searched = 0;          // texts that only it held, looked for afterwards
  std::vector<std::string> left;  // of those, what was found in the library's bytes: none, or something is wrong
  std::vector<std::pair<std::string, std::pair<int64_t, int64_t>>> counts;  // record type: records before, after
};
// `library`: the file that holds `store`. The paper's SHA-256 is kept, so that ingest does not read it again.
Result<Forgotten> forget_paper(Store& store, const Path& library, const Domain& domain, const std::string& paper);

}  // namespace freehold::papers
