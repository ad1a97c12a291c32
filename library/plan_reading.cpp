// What is asked of records in another way than by the question's words, and what a plan tells of its question.
#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {

std::optional<Planner> Planner::narrowed_to(const KnownType& type) const {
  Planner narrowed = *this;
  narrowed.plan_.type = type.name;
  narrowed.base_ = &type;
  narrowed.choose_unit();
  narrowed.conditions();
  narrowed.times();
  narrowed.compares();
  for (size_t s = 0; s < q_.spans.size(); ++s)
    if (is_value(q_.spans[s]) && !q_.spans[s].loose && !q_.spans[s].weak && !narrowed.used_.count(s))
      return std::nullopt;
  if (!narrowed.plan_.open.empty() || !narrowed.plan_.missing.empty()) return std::nullopt;
  return narrowed;
}

Plan Planner::with(const Reading& reading, size_t& unused) const {
  Planner asked = *this;
  asked.plan_.ask = reading.ask, asked.plan_.ascending = reading.ascending;
  asked.plan_.measure = reading.field, asked.plan_.group = reading.group, asked.plan_.period = reading.period;
  asked.uncovered();
  unused = asked.plan_.open.size();
  asked.plan_.open.clear();
  asked.conventions();
  return asked.plan_;
}

bool is_whole(const Plan& plan) {
  if (plan.ask == Ask::define) return true;
  if (plan.type.empty() || !plan.missing.empty() || !plan.open.empty()) return false;
  switch (plan.ask) {
    case Ask::sum:
    case Ask::mean:
    case Ask::extreme:
    case Ask::lookup:
      return plan.measure.has_value();
    case Ask::top:
    case Ask::series:
      return plan.group || !plan.period.empty();
    case Ask::list:
    case Ask::distinct:
      return plan.group.has_value();
    default:
      return true;
  }
}

std::vector<Ask> asks_left(const Question& question) {
  static const std::pair<std::string_view, std::vector<Ask>> decided[] = {
      {"mtbf", {Ask::mtbf}},
      {"trend", {Ask::trend}},
      {"most", {Ask::top, Ask::extreme}},
      {"least", {Ask::top, Ask::extreme}},
      {"distinct", {Ask::distinct}},
      {"mean", {Ask::mean, Ask::mtbf}},
      {"longest", {Ask::extreme}},
      {"shortest", {Ask::extreme}},
      {"latest", {Ask::extreme, Ask::lookup}},
      {"earliest", {Ask::extreme, Ask::lookup}},
      {"by month", {Ask::series}},
      {"by quarter", {Ask::series}},
      {"by year", {Ask::series}},
      {"count", {Ask::count, Ask::distinct, Ask::sum}},
      {"how much", {Ask::sum}},
      {"sum", {Ask::sum, Ask::count}},
      {"exists", {Ask::exists}},
      {"when", {Ask::lookup, Ask::extreme}}};
  for (const auto& [word, left] : decided)
    if (question.says(word)) return left;
  return {};
}

bool same_plan(const Plan& a, const Plan& b) {
  Json first = json_of(a), second = json_of(b);
  std::vector<std::string> conditions[2];
  for (int i = 0; i < 2; ++i) {
    for (const Json& condition : (i == 0 ? first : second)["where"]) conditions[i].push_back(condition.dump());
    std::sort(conditions[i].begin(), conditions[i].end());
  }
  first.erase("where"), second.erase("where");
  return first == second && conditions[0] == conditions[1];
}

bool names_unknown(const Question& question, const Plan& plan) {
  const auto known = [&](const std::string& word) {  // and only without a place in the plan
    return std::any_of(question.spans.begin(), question.spans.end(), [&](const Span& span) {
      const auto first = question.tokens.begin() + static_cast<std::ptrdiff_t>(span.first);
      const auto last = question.tokens.begin() + static_cast<std::ptrdiff_t>(span.last) + 1;
      return span.what != Span::What::asking && std::find(first, last, word) != last;
    });
  };
  const auto names = [&](const std::string& word) {
    const bool first = !question.tokens.empty() && question.tokens[0] == word;
    return has_digit(word) || (!first && !word.empty() && std::isupper(static_cast<unsigned char>(word[0])));
  };
  return std::any_of(question.unknown.begin(), question.unknown.end(), names) ||
         std::any_of(plan.missing.begin(), plan.missing.end(),
                     [&](const std::string& word) { return names(word) && !known(word); });
}

}  // namespace freehold::papers
