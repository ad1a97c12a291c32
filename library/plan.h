// Plan: what a question asks for, as small JSON over fields and values that exist; and its SQL. Rules only: links of
// the question decide the record type, the filters, the grouping; whatever the rules cannot place makes the plan
// unsure, and an unsure plan is not run.
#pragma once

#include "base/json.h"
#include "library/database.h"
#include "library/question.h"

namespace freehold::papers {

enum class Ask : uint8_t {
  count,
  distinct,
  top,
  sum,
  mean,
  extreme,
  list,
  series,
  trend,
  mtbf,
  exists,
  lookup,
  define
};
std::string_view name_of(Ask ask);

// A field as reached from the counted type: its own, or over one reference or two.
struct Place {
  std::string over;  // the field that refers, "shipment", or "shipment.customer"; empty: own
  std::string field;
  std::string type;  // whose field it is
  Kind kind = Kind::text;
  std::string shown() const { return over.empty() ? field : over + "'s " + field; }  // for people
};
struct Condition {
  Place place;
  std::string op;  // = in >= <= > < record
  std::vector<std::string> texts;
  double number = 0;
  std::vector<int64_t> records;  // op record: any of these
  std::string shown;             // for people
  bool by_rule = false;          // not asked for, a convention
  bool told = false;             // by what only tells why
};
struct Plan {
  Ask ask = Ask::count;
  std::string type;
  std::optional<Place> measure, group;
  std::optional<Place> time;  // the date that periods are of; else the type's own
  std::vector<Condition> where;
  bool ascending = false;  // least
  int limit = 1;
  std::string period;            // month quarter year
  bool averaged = false;         // series, top: means of the measure, not sums
  std::string unit;              // hours, minutes, days asked for
  bool several = true;           // asks for a list: "which machines", not "which machine"
  bool not_grouped = false;      // which X had none
  std::optional<double> having;  // groups with more than that many
  std::string having_op;
  std::vector<std::string> missing;  // what nothing in the papers is called
  std::vector<std::string> open;     // words of known meaning that the plan has no place for: it is not run
};
Plan make_plan(const Question& question, const Vocabulary& vocabulary, const Domain& domain);
Json json_of(const Plan& plan);

// Whether the rules read all of the question: only then is the plan carried out.
bool is_whole(const Plan& plan);
bool same_plan(const Plan& a, const Plan& b);  // in whatever order their conditions stand
// What the words of asking leave open of it: "how many" asks for no mean. Empty: anything.
std::vector<Ask> asks_left(const Question& question);
// Something that the papers do not hold, whatever else is meant: a name, or a number, that nothing explains.
bool names_unknown(const Question& question, const Plan& plan);

// What is asked of records of one type, chosen otherwise than by the question's words (library/candidates.h).
struct Reading {
  std::string type;
  Ask ask = Ask::count;
  bool ascending = false;
  std::optional<Place> field, group;
  std::string period;
};

struct Query {
  std::string sql;
  std::vector<Bound> values;
};
std::string column_of(const Place& place);  // in SQL
// FROM and WHERE of the plan; `without`: leaves that condition out.
Query source_of(const Plan& plan, const Vocabulary& vocabulary, int without = -1);

}  // namespace freehold::papers
