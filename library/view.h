// View: a library as somebody who holds certain labels sees it. It is a library of its own, made of the papers that he
// may see and of nothing else, so that no count, name, merge or error can tell of the others. It is kept beside the
// library and made anew when those papers, or what is said about labels, change.
#pragma once

#include <map>
#include <set>

#include "library/records.h"

namespace freehold::papers {

// Which labels a paper carries: those of every entry that is its path, or a folder above it ("hr/"). Somebody sees it
// who holds all of them; one without labels is seen by everybody. NAME.labels.json, beside the library:
// {"hr/": ["staff"], "finance/salaries.xlsx": ["staff", "board"]}
struct Labels {
  std::map<std::string, std::set<std::string>> of;
  bool allow(const std::string& paper, const std::set<std::string>& held) const;
};
Result<Labels> read_labels(std::string_view json, std::string_view name);
// Those of the library NAME.sqlite; none where the file is not there.
Result<Labels> labels_of(const Path& library);
Result<std::set<std::string>> labels_in(std::string_view list);  // "staff,board"

// `library`: NAME.sqlite. No NAME.labels.json: no paper carries labels.
// A copy of the papers of `from` with records made by some of the steps only.
Result<Store> copy_with(Database& from, const Path& path, const Domain& domain, const Steps& steps);
Result<Store> open_view(const Path& library, const std::set<std::string>& held, const Domain& domain);
// Views hold texts of papers: what takes a paper out takes them away too.
Result<Done> drop_views(const Path& library);

}  // namespace freehold::papers
