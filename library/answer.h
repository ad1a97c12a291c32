// Answer: a question's value with what it was counted from. The sentence is made from the value; the rows, the reading
// and the places in the papers come with it. "Nothing of that kind" (zero) and "the papers do not say" (no_answer) are
// two different answers.
#pragma once

#include "library/plan.h"
#include "library/writer.h"

namespace freehold::papers {

struct Citation {
  std::string file, place, quote;
};
struct Answer {
  std::string status = "answered";  // no_answer, clarify, partial
  Json value;                       // number, string, list, or null
  std::string text, unit, sql;
  bool by_model = false;                        // a model read the question, where the rules could not
  std::vector<std::vector<std::string>> table;  // with its header
  std::vector<double> bars;                     // of the table's rows, when it is worth a chart
  std::vector<Bound> parameters;
  std::vector<std::string> reading, notes;
  std::vector<std::string>
      suggestions;  // of a question that could not be read: near ones that can (library/candidates.h)
  std::vector<Citation> citations;
  uint64_t cited = 0;  // rows in all; citations hold the first of them
  Json plan;
};
// `database` is opened for reading; it is restricted to record tables here. `model` reads what the rules cannot, if
// there is one (library/reading.h).
Result<Answer> answer_question(Database& database, const Vocabulary& vocabulary, const Domain& domain,
                               std::string_view question, size_t most_citations, const Writer& model = {});
Json json_of(const Answer& answer);

// The lines of a questions file answered, one line each. With expected values, how many were right, by kind.
struct Score {
  size_t asked = 0, right = 0, refused = 0,
         invented = 0;  // refused: no answer where there is one; invented: the reverse
  size_t by_model = 0;  // answered as a model read them
  double cited_right = 0, cited_all = 0, expected_rows = 0;  // rows of citations, where the questions name theirs
};
struct Evaluation {
  std::string answers;
  std::map<std::string, Score> kinds;
  std::vector<std::string> wrong;  // one line each
  bool has_expected = false;
};
// How the records of a library agree with the truth, JSON lines {"type", field: text ...}: as often as all of a line's
// fields stand in a record together.
struct Agreement {
  size_t records = 0, expected = 0, both = 0;
};
Result<Agreement> compare_records(Database& database, std::string_view truth, std::string_view name);
Result<Evaluation> evaluate(std::string_view questions, std::string_view name,
                            const std::function<Result<Answer>(std::string_view question)>& ask);

}  // namespace freehold::papers
