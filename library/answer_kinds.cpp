// The kinds of question, each with its statement, its value and its sentence.
#include <algorithm>
#include <cmath>

#include "library/answerer.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

std::string period_sql(const std::string& column, const std::string& period) {
  if (period == "month") return "substr(" + column + ",1,7)";
  if (period == "quarter")
    return "substr(" + column + ",1,4) || '-Q' || ((cast(substr(" + column + ",6,2) AS INTEGER) + 2) / 3)";
  return "substr(" + column + ",1,4)";
}

}  // namespace

Result<Done> Answerer::count() {
  TRY_ASSIGN(const int64_t rows, number_of_rows());
  if (plan_.ask == Ask::exists)
    a_.value = rows > 0 ? "yes" : "no";
  else
    a_.value = rows;
  TRY_ASSIGN(const std::string when, period());
  const std::string said = fmt::format("{} {}{}.", rows, things(rows), when);
  a_.text = plan_.ask == Ask::exists ? (rows > 0 ? "Yes: " : "No: ") + said : said;
  if (rows == 0) TRY(why_none());
  return cite();
}

Result<Done> Answerer::list() {
  if (!plan_.group) return give_up("what to list");
  const std::string column = column_of(*plan_.group);
  std::vector<std::string> names;
  std::string tail = also(column + " IS NOT NULL") + " GROUP BY 1";
  if (plan_.having) tail += " HAVING count(*) " + plan_.having_op + " " + text_of_number(*plan_.having);
  TRY_ASSIGN(Statement rows, started("SELECT " + column + ", count(*)", tail + " ORDER BY 1 LIMIT 2000"));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    names.push_back(plan_.group->kind == Kind::number ? text_of_number(rows.real(0)) : rows.text(0));
  }
  if (plan_.not_grouped) TRY(others(names));
  if (a_.status == "no_answer") return Done{};  // of what none is meant
  if (plan_.ask == Ask::list && names.size() == 1 && is_asked(*plan_.group, names[0]))
    return give_up("what is asked of it");
  if (plan_.ask == Ask::distinct) {
    a_.value = names.size();
    a_.text = fmt::format("{} different.", names.size());
  } else {
    a_.value = names.size() == 1 && !plan_.several ? Json(names[0]) : Json(names);
    a_.text = names.empty() ? "None." : "";
    for (const std::string& name : names) a_.text += (a_.text.empty() ? "" : ", ") + name;
  }
  if (names.empty() && !plan_.not_grouped) TRY(why_none());
  return plan_.not_grouped ? Result<Done>(Done{}) : cite(column + " IS NOT NULL");
}

// The answer would be what the question names: "which carrier did SH-1" is not answered by SH-1.
bool Answerer::is_asked(const Place& place, const std::string& name) const {
  return std::any_of(plan_.where.begin(), plan_.where.end(),
                     [&](const Condition& c) { return c.place.kind == place.kind && canon(c.shown) == canon(name); });
}

Result<Done> Answerer::others(std::vector<std::string>& names) {
  const KnownType* base = v_.type(plan_.type);
  const KnownField* field = base ? base->field(plan_.group->field) : nullptr;
  const KnownType* target = field && !field->refers.empty() ? v_.type(field->refers) : nullptr;
  if (!target || target->key.empty()) return give_up("of what none is meant");
  Plan wide = plan_;  // the conditions on those things themselves stay
  std::string where;
  std::vector<Bound> values;
  for (const Condition& c : plan_.where)
    if (c.place.over == plan_.group->field && (c.op == "=" || !c.texts.empty())) {
      std::string marks;
      for (const std::string& text : c.texts) marks += marks.empty() ? "?" : ",?", values.emplace_back(text);
      where += (where.empty() ? " WHERE " : " AND ") + quoted_name(c.place.field) +
               (c.op == "=" ? " IN (" + marks + ")" : " " + c.op + " ?");
    }
  TRY_ASSIGN(Statement all, db_.prepare("SELECT DISTINCT " + quoted_name(target->key) + " FROM " +
                                        quoted_name("r_" + target->name) + where + " ORDER BY 1"));
  TRY(all.begin(values));
  std::vector<std::string> left;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) break;
    if (std::find(names.begin(), names.end(), all.text(0)) == names.end()) left.push_back(all.text(0));
  }
  names = left;
  return Done{};
}

Result<Done> Answerer::top() {
  const KnownType* base = v_.type(plan_.type);
  std::string column;
  if (!plan_.period.empty())
    column = period_sql(plan_.time ? column_of(*plan_.time) : "b." + quoted_name(base->time), plan_.period);
  else if (plan_.group)
    column = column_of(*plan_.group);
  else
    return give_up("by what to rank");
  const std::string measured =
      plan_.measure ? (plan_.averaged ? "avg(" : "sum(") + column_of(*plan_.measure) + ")" : "count(*)";
  TRY_ASSIGN(Statement rows,
             started("SELECT " + column + ", " + measured, also(column + " IS NOT NULL") + " GROUP BY 1 HAVING " +
                                                               measured + " IS NOT NULL ORDER BY 2 " +
                                                               (plan_.ascending ? "ASC" : "DESC") + ", 1 LIMIT 1000"));
  std::vector<std::pair<std::string, double>> found;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    found.push_back({rows.text(0), rows.real(1)});
    if (plan_.group && plan_.group->kind == Kind::number) found.back().first = text_of_number(rows.real(0));
  }
  if (found.empty()) {
    a_.status = "no_answer";
    a_.text = "There are none to rank.";
    return why_none();
  }
  std::vector<std::string> winners;
  for (size_t i = 0; i < found.size(); ++i)
    if (static_cast<int>(i) < plan_.limit || found[i].second == found[static_cast<size_t>(plan_.limit) - 1].second)
      winners.push_back(found[i].first);
    else
      break;
  a_.table.push_back(
      {plan_.group ? plan_.group->field : plan_.period, plan_.measure ? plan_.measure->field : plan_.type});
  for (size_t i = 0; i < std::min<size_t>(found.size(), 10); ++i)
    a_.table.push_back({found[i].first, text_of_number(found[i].second)}), a_.bars.push_back(found[i].second);
  const std::string of = ranked_of(found);
  TRY_ASSIGN(const std::string when, period());
  if (winners.size() == 1) {
    a_.value = shown_group(winners[0]);
    a_.text = fmt::format("{}, with {}{}{}.", winners[0], text_of_number(found[0].second), of, when);
  } else {
    a_.value = Json(winners);
    std::string all;
    for (const std::string& winner : winners) all += (all.empty() ? "" : ", ") + winner;
    a_.text = plan_.limit == 1
                  ? fmt::format("A tie: {}, with {}{} each{}.", all, text_of_number(found[0].second), of, when)
                  : all + ".";
  }
  std::string in;
  std::vector<Bound> values;
  for (const std::string& winner : winners) in += in.empty() ? "?" : ",?", values.emplace_back(winner);
  return cite(column + " IN (" + in + ")", values);
}

// What the number of a ranking is of: " of 47 failures", " minutes of downtime", " of price, of 47 orders".
std::string Answerer::ranked_of(const std::vector<std::pair<std::string, double>>& found) const {
  if (!plan_.measure) {
    double all = 0;
    for (const auto& [name, count] : found) all += count;
    return fmt::format(" of {} {}", text_of_number(all), things(std::llround(all)));
  }
  const std::string field = spoken(plan_.measure->field);
  return fmt::format("{} of {}{}", plan_.measure->kind == Kind::minutes ? " minutes" : "",
                     plan_.averaged ? "mean " : "", field);
}

Json Answerer::shown_group(const std::string& name) const {
  const auto number = plan_.group && plan_.group->kind == Kind::number ? number_of(name, Mark::point) : std::nullopt;
  return number ? Json(*number) : Json(name);
}

double Answerer::in_unit(double minutes) {
  if (!plan_.measure || plan_.measure->kind != Kind::minutes) return minutes;
  a_.unit = plan_.unit.empty() ? "minutes" : plan_.unit;
  return a_.unit == "hours" ? minutes / 60 : a_.unit == "days" ? minutes / 1440 : minutes;
}

Result<Done> Answerer::measure() {
  if (!plan_.measure) return give_up("what to add up");
  const std::string column = column_of(*plan_.measure);
  TRY_ASSIGN(Statement rows, started(std::string("SELECT ") + (plan_.ask == Ask::sum ? "sum(" : "avg(") + column +
                                         "), count(" + column + "), count(*)",
                                     ""));
  TRY_ASSIGN(const bool any, rows.next());
  if (!any || rows.integer(1) == 0) {
    if (plan_.ask == Ask::sum) {
      a_.value = 0;
      a_.text = "0.";
    } else {
      a_.status = "no_answer";
      a_.text = "There is nothing to average.";
    }
    return why_none();
  }
  const double value = in_unit(rows.real(0));
  a_.value = std::round(value * 1e6) / 1e6;
  TRY_ASSIGN(const std::string when, period());
  a_.text = fmt::format("{}{} of {}, over {} {}{}.", text_of_number(std::round(value * 100) / 100),
                        a_.unit.empty() ? "" : " " + a_.unit, spoken(plan_.measure->field), rows.integer(1),
                        things(rows.integer(1)), when);
  if (rows.integer(2) > rows.integer(1))
    a_.notes.push_back(fmt::format("{} more have no {}", rows.integer(2) - rows.integer(1), plan_.measure->field));
  return cite(column + " IS NOT NULL");
}

Result<Done> Answerer::look_up() {
  if (!plan_.measure) return give_up("which of its fields");
  const std::string column = column_of(*plan_.measure);
  if (plan_.ask == Ask::extreme) {
    TRY_ASSIGN(Statement rows,
               started(std::string("SELECT ") + (plan_.ascending ? "min(" : "max(") + column + ")", ""));
    TRY_ASSIGN(const bool any, rows.next());
    if (!any || rows.is_null(0)) return nothing_said();
    const bool number = plan_.measure->kind == Kind::number || plan_.measure->kind == Kind::minutes;
    const Bound best = number ? Bound(rows.real(0)) : Bound(rows.text(0));
    a_.value = number ? Json(in_unit(rows.real(0))) : Json(rows.text(0));
    a_.text =
        (number ? text_of_number(in_unit(rows.real(0))) : rows.text(0)) + (a_.unit.empty() ? "." : " " + a_.unit + ".");
    return cite(column + " = ?", {best});
  }
  TRY_ASSIGN(Statement rows,
             started("SELECT DISTINCT " + column, also(column + " IS NOT NULL") + " ORDER BY 1 LIMIT 100"));
  std::vector<Json> found;
  const bool number = plan_.measure->kind == Kind::number || plan_.measure->kind == Kind::minutes;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    found.push_back(number ? Json(in_unit(rows.real(0))) : Json(rows.text(0)));
  }
  if (found.empty()) return nothing_said();
  if (found.size() == 1 && found[0].is_string() && is_asked(*plan_.measure, found[0].get<std::string>()))
    return give_up("what is asked of it");
  a_.value = found.size() == 1 ? found[0] : Json(found);
  for (const Json& one : found)
    a_.text +=
        (a_.text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : text_of_number(one.get<double>()));
  a_.text += a_.unit.empty() ? "." : " " + a_.unit + ".";
  return cite(column + " IS NOT NULL");
}

Result<Done> Answerer::series() {
  const KnownType* base = v_.type(plan_.type);
  if (base->time.empty() && !plan_.group) return give_up("over what time");
  const std::string period = plan_.period.empty() ? "year" : plan_.period;
  const std::string column =
      plan_.group ? column_of(*plan_.group)
                  : period_sql(plan_.time ? column_of(*plan_.time) : "b." + quoted_name(base->time), period);
  const std::string measured =
      plan_.measure ? (plan_.averaged ? "avg(" : "sum(") + column_of(*plan_.measure) + ")" : "count(*)";
  const std::string there = plan_.measure ? " HAVING " + measured + " IS NOT NULL" : "";
  TRY_ASSIGN(Statement rows, started("SELECT " + column + ", " + measured,
                                     also(column + " IS NOT NULL") + " GROUP BY 1" + there + " ORDER BY 1 LIMIT 1000"));
  std::vector<std::pair<std::string, double>> found;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    found.push_back({rows.text(0), rows.real(1)});
  }
  if (found.empty()) {
    a_.status = "no_answer";
    a_.text = "There are none.";
    return why_none();
  }
  const bool minutes = plan_.measure && plan_.measure->kind == Kind::minutes;
  a_.table.push_back({plan_.group ? plan_.group->field : period,
                      plan_.measure
                          ? (plan_.averaged ? "mean " : "") + plan_.measure->field + (minutes ? " (minutes)" : "")
                          : plan_.type});
  Json all = Json::array();
  for (const auto& [name, value] : found)
    a_.table.push_back({name, text_of_number(value)}), a_.bars.push_back(value),
        all.push_back(Json::array({name, value}));
  if (plan_.ask == Ask::trend) {
    const double first = found.front().second, last = found.back().second;
    a_.value = last > first ? "rising" : last < first ? "falling" : "flat";
    a_.text = fmt::format("{}: {} {} in {}, {} in {}.", a_.value.get<std::string>(), text_of_number(first),
                          plan_.measure ? "of " + spoken(plan_.measure->field) : things(), found.front().first,
                          text_of_number(last), found.back().first);
  } else {
    a_.value = all;
    a_.text = plan_.group ? fmt::format("By {}: {}.", plan_.group->field, found.size())
                          : fmt::format("{} {}s.", found.size(), period);
  }
  return cite();
}

Result<Done> Answerer::between_failures() {
  const KnownType* base = v_.type(plan_.type);
  const KnownField* field = nullptr;
  for (const KnownField& one : base->fields)
    if (!one.refers.empty() && v_.type(one.refers) && v_.type(one.refers)->rule &&
        !v_.type(one.refers)->rule->valid_from.empty())
      field = &one;
  if (!field || base->time.empty()) return give_up("time in service");
  const KnownType* things = v_.type(field->refers);
  const std::string since_field = things->rule->valid_from;
  TRY_ASSIGN(Statement span, db_.prepare("SELECT min(" + quoted_name(base->time) + "), max(" + quoted_name(base->time) +
                                         ") FROM " + quoted_name("r_" + base->name)));
  TRY(span.begin({}));
  TRY_ASSIGN(const bool any, span.next());
  if (!any || !things->field(since_field)) return give_up("time in service");
  std::string from = span.text(0), to = span.text(1), where;
  std::vector<Bound> values;
  for (const Condition& c : plan_.where) {
    if (c.place.over.empty() && c.place.field == base->time) (c.op == ">=" ? from : to) = c.texts[0];
    if (c.op == "record" && c.place.field == field->name) {
      std::string marks;
      for (const int64_t record : c.records) marks += marks.empty() ? "?" : ",?", values.emplace_back(record);
      where += std::string(where.empty() ? " WHERE " : " AND ") + "id IN (" + marks + ")";
    } else if (c.place.over == field->name && !c.texts.empty()) {
      std::string marks;
      for (const std::string& text : c.texts) marks += marks.empty() ? "?" : ",?", values.emplace_back(text);
      where += (where.empty() ? " WHERE " : " AND ") + quoted_name(c.place.field) +
               (c.op == "=" ? " IN (" + marks + ")" : " " + c.op + " ?");
    } else if (c.op == "=" && c.place.over.empty() && c.place.field == field->name) {
      std::string marks;
      for (const std::string& text : c.texts) marks += marks.empty() ? "?" : ",?", values.emplace_back(text);
      where += std::string(where.empty() ? " WHERE " : " AND ") + quoted_name(things->key) + " IN (" + marks + ")";
    }
  }
  TRY_ASSIGN(Statement all,
             db_.prepare("SELECT " + quoted_name(since_field) + " FROM " + quoted_name("r_" + things->name) + where));
  TRY(all.begin(values));
  double days = 0;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) break;
    const std::string since = std::max(all.text(0), from);
    days += static_cast<double>(std::max<int64_t>(0, days_of(to) - days_of(since) + 1));
  }
  TRY_ASSIGN(const int64_t failures, number_of_rows());
  if (failures == 0 || days == 0) {
    a_.status = "no_answer";
    a_.text = "There are none to divide by.";
    return Done{};
  }
  const double mean = days / static_cast<double>(failures) * (plan_.unit == "hours" ? 24 : 1);
  a_.unit = plan_.unit == "hours" ? "hours" : "days";
  a_.value = mean;
  a_.text =
      fmt::format("{:.1f} {}: {:.0f} days in service, {} {}.", mean, a_.unit, days, failures, this->things(failures));
  a_.reading.push_back(fmt::format("time in service from {} or installation to {}", from, to));
  return cite();
}

}  // namespace freehold::papers
