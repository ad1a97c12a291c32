// Review: what of the records a person should look at, and what was decided. A conflict is a value that lost against
// another; an open line is a line of text that names a thing and a day, and of which no record could be made. Decisions
// are kept in the library with who and when; none is ever changed: a later one on the same value counts before it.
#pragma once

#include "base/json.h"
#include "library/records.h"

namespace freehold::papers {

struct ReviewItem {
  std::string id;                                     // eight hex digits, the same as long as the papers say the same
  std::string type, record, field, used, other, why;  // an open line: type and field are empty, `other` is the line
  std::string file, place;                            // the row, or line, by which they differ
  std::vector<std::pair<std::string, std::string>> told_by =
      {};  // of a record: file and place of its rows, some of them
};
Json json_of(const ReviewItem& item);
Result<std::vector<ReviewItem>> review_list(Database& database);  // what is not decided yet

struct Decided {
  std::string day, who, type, record, field, was, value;  // value: empty where what was used is accepted
};
Json json_of(const Decided& decided);
Result<std::vector<Decided>> decisions(Database& database);
// Those that rest on no other than these papers, as one text that changes with them.
Result<std::string> decisions_resting_on(Database& database, const std::set<std::string>& papers);

// `value`: what is right; none: what was used is. The records are made anew.
Result<Done> decide(Store& store, const Domain& domain, const std::string& item,
                    const std::optional<std::string>& value, const std::string& who, const std::string& day);

// Steps of build_records: the decisions on values, applied; and the names by which records are found again.
Result<Done> apply_decisions(Database& database, Records& records);
// Decisions rest on papers: those that somebody does not see, or that are forgotten, take them along.
Result<Done> copy_decisions(Database& from, Database& to, const std::set<std::string>& papers);
Result<Done> forget_decisions(Database& database, const std::string& paper);

}  // namespace freehold::papers
