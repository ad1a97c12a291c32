// Answerer: carries a plan out. What all kinds of question share (what was understood, what was counted from) is in
// answer.cpp; the kinds themselves in answer_kinds.cpp.
#pragma once

#include "library/answer.h"

namespace freehold::papers {

class Answerer {
 public:
  Answerer(Database& database, const Vocabulary& vocabulary, Plan plan, size_t most)
      : db_(database), v_(vocabulary), plan_(std::move(plan)), most_(most) {}
  Result<Answer> run();

 private:
  Answer& unknown();
  Answer& unplaced();
  Answer& define();
  bool ambiguous();
  Result<Statement> started(const std::string& head, const std::string& tail, int without = -1,
                            std::vector<Bound> more = {});
  std::string also(const std::string& condition) const {
    return (plan_.where.empty() ? " WHERE " : " AND ") + condition;
  }
  // A time wholly outside of what the papers cover is not zero, it is unknown.
  Result<bool> within_years();
  void reading();
  // What was counted, for the sentence: "failures"; and when: "in 2021", or between which days it was.
  std::string things(int64_t count = 2) const;
  Result<std::string> period();
  Result<int64_t> number_of_rows(int without = -1);
  // Which condition empties the result.
  Result<Done> why_none();
  Result<Done> cite(const std::string& more = "", std::vector<Bound> values = {});
  Result<Done> conflicts(const std::vector<int64_t>& counted);
  Result<Done> count();
  Result<Done> list();
  // Those that are not among `names`: of the type that the grouped field refers to.
  bool is_asked(const Place& place, const std::string& name) const;
  Result<Done> others(std::vector<std::string>& names);
  Result<Done> top();
  std::string ranked_of(const std::vector<std::pair<std::string, double>>& found) const;
  Json shown_group(const std::string& name) const;
  double in_unit(double minutes);
  Result<Done> measure();
  Result<Done> look_up();
  Result<Done> nothing_said();
  Result<Done> series();
  // Time in service of the things meant, divided by their records.
  Result<Done> between_failures();
  Result<Done> give_up(const std::string& what);

  Database& db_;
  const Vocabulary& v_;
  Plan plan_;
  size_t most_;
  uint64_t merged_ = 0;
  Answer a_;
};

}  // namespace freehold::papers
