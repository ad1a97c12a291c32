#include "library/answer.h"

#include <algorithm>
#include <cmath>

#include "base/limits.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

std::string period_sql(const std::string& column, const std::string& period) {
  if (period == "month") return "substr(" + column + ",1,7)";
  if (period == "quarter")
    return "substr(" + column + ",1,4) || '-Q' || ((cast(substr(" + column + ",6,2) AS INTEGER) + 2) / 3)";
  return "substr(" + column + ",1,4)";
}

class Answerer {
 public:
  Answerer(Database& database, const Vocabulary& vocabulary, Plan plan, size_t most)
      : db_(database), v_(vocabulary), plan_(std::move(plan)), most_(most) {}

  Result<Answer> run() {
    a_.plan = json_of(plan_);
    if (plan_.ask == Ask::define) return define();
    if (plan_.type.empty() || !plan_.missing.empty()) return unknown();
    if (ambiguous()) return a_;
    TRY_ASSIGN(const bool covered, within_years());
    if (!covered) return a_;
    reading();
    switch (plan_.ask) {
      case Ask::count:
      case Ask::exists:
        TRY(count());
        break;
      case Ask::distinct:
      case Ask::list:
        TRY(list());
        break;
      case Ask::top:
        TRY(top());
        break;
      case Ask::sum:
      case Ask::mean:
        TRY(measure());
        break;
      case Ask::extreme:
      case Ask::lookup:
        TRY(look_up());
        break;
      case Ask::series:
      case Ask::trend:
        TRY(series());
        break;
      case Ask::mtbf:
        TRY(between_failures());
        break;
      case Ask::define:
        break;
    }
    return a_;
  }

 private:
  Answer& unknown() {
    a_.status = "no_answer";
    std::string what;
    for (const std::string& word : plan_.missing) what += (what.empty() ? "" : " ") + word;
    a_.text = what.empty() ? "The papers hold nothing that this question names."
                           : "Nothing in the papers is called \"" + what + "\".";
    return a_;
  }
  Answer& define() {
    std::string term;
    for (const std::string& word : plan_.missing) {
      term = canon(word);
      if (const auto found = v_.meanings.find(term); found != v_.meanings.end()) {
        a_.value = found->second;
        a_.text = word + " means " + found->second + ".";
        return a_;
      }
    }
    return unknown();
  }
  bool ambiguous() {
    for (const Condition& c : plan_.where) {
      if (c.op != "=" || c.texts.size() < 2 || c.shown.find(" or ") != std::string::npos) continue;
      std::set<std::string> different;
      for (const std::string& text : c.texts) different.insert(key_of(text));
      if (different.size() < 2) continue;
      a_.status = "clarify";
      a_.value = Json(c.texts);
      a_.text = "\"" + c.shown + "\" may mean:";
      for (const std::string& text : c.texts) a_.text += " " + text + ";";
      a_.text.back() = '.';
      return true;
    }
    return false;
  }

  Result<Statement> started(const std::string& head, const std::string& tail, int without = -1,
                            std::vector<Bound> more = {}) {
    Query query = source_of(plan_, v_, without);
    query.values.insert(query.values.end(), more.begin(), more.end());
    if (without < 0 && a_.sql.empty()) a_.sql = head + query.sql + tail, a_.parameters = query.values;
    TRY_ASSIGN(Statement statement, db_.prepare(head + query.sql + tail));
    TRY(statement.begin(query.values));
    return statement;
  }
  std::string also(const std::string& condition) const {
    return (plan_.where.empty() ? " WHERE " : " AND ") + condition;
  }

  // A time wholly outside of what the papers cover is not zero, it is unknown.
  Result<bool> within_years() {
    for (const Condition& c : plan_.where) {
      if (c.place.kind != Kind::date || c.texts.empty()) continue;
      const std::string column = quoted_name(c.place.field);
      TRY_ASSIGN(Statement span, db_.prepare("SELECT min(" + column + "), max(" + column + ") FROM " +
                                             quoted_name("r_" + c.place.type)));
      TRY(span.begin({}));
      TRY_ASSIGN(const bool any, span.next());
      if (!any || span.is_null(0)) continue;
      const bool outside = (c.op == ">=" && c.texts[0] > span.text(1)) || (c.op == "<=" && c.texts[0] < span.text(0));
      if (!outside || plan_.type != c.place.type) continue;
      a_.status = "no_answer";
      a_.text = fmt::format("The papers cover {} from {} to {} only.", c.place.field, span.text(0), span.text(1));
      return false;
    }
    return true;
  }
  void reading() {
    std::string name = plan_.type;
    a_.reading.push_back("counted: " + name);
    for (const Condition& c : plan_.where) {
      std::string value = c.op == "record" || c.texts.empty() ? c.shown : "";
      for (const std::string& text : c.texts) value += (value.empty() ? "" : " or ") + text;
      const std::string field = c.place.over.empty() ? c.place.field : c.place.over + "'s " + c.place.field;
      a_.reading.push_back(field +
                           (c.op == "=" || c.op == "record"              ? " is "
                            : c.op == ">=" && c.place.kind == Kind::date ? " from "
                            : c.op == "<=" && c.place.kind == Kind::date ? " until "
                                                                         : " ") +
                           value + (c.by_rule ? " (others are asked for by name)" : ""));
    }
  }
  Result<int64_t> number_of_rows(int without = -1) {
    TRY_ASSIGN(Statement rows, started("SELECT count(*)", "", without));
    TRY_ASSIGN(const bool any, rows.next());
    return any ? rows.integer(0) : 0;
  }
  // Which condition empties the result.
  Result<Done> why_none() {
    for (size_t i = 0; i < plan_.where.size(); ++i) {
      TRY_ASSIGN(const int64_t rows, number_of_rows(static_cast<int>(i)));
      if (rows > 0)
        a_.notes.push_back(
            fmt::format("without \"{} {}\" there are {}", plan_.where[i].place.field, plan_.where[i].shown, rows));
    }
    return Done{};
  }

  Result<Done> cite(const std::string& more = "", std::vector<Bound> values = {}) {
    Query query = source_of(plan_, v_);
    query.values.insert(query.values.end(), values.begin(), values.end());
    std::string joins = "b.id";
    std::vector<std::pair<std::string, std::string>> over;  // referring field, type
    for (const Condition& c : plan_.where)
      if (!c.place.over.empty()) over.push_back({c.place.over, c.place.type});
    for (const auto& [field, type] : over) joins += ", " + quoted_name("j_" + field) + ".id";
    TRY_ASSIGN(Statement rows,
               db_.prepare("SELECT " + joins + query.sql + (more.empty() ? "" : also(more)) + " ORDER BY b.id"));
    TRY(rows.begin(query.values));
    std::set<std::pair<std::string, int64_t>> defining;
    std::vector<int64_t> counted;
    for (;;) {
      TRY_ASSIGN(const bool next, rows.next());
      if (!next) break;
      counted.push_back(rows.integer(0));
      for (size_t i = 0; i < over.size(); ++i)
        if (!rows.is_null(static_cast<int>(i) + 1))
          defining.insert({over[i].second, rows.integer(static_cast<int>(i) + 1)});
    }
    TRY_ASSIGN(Statement places,
               db_.prepare("SELECT f.path, s.place, s.raw, e.role FROM evidence e JOIN source_row s ON s.id = "
                           "e.source_row JOIN file f ON f.id = s.file WHERE e.type = ? AND e.record = ?"));
    std::set<std::string> seen;
    const auto add = [&](const std::string& type, int64_t record) -> Result<Done> {
      TRY(places.begin({type, record}));
      for (;;) {
        TRY_ASSIGN(const bool next, places.next());
        if (!next) return Done{};
        if (!seen.insert(places.text(0) + "#" + places.text(1)).second) continue;
        ++a_.cited;
        merged_ += places.text(3) == "repeats" || places.text(3) == "contradicts";
        if (a_.citations.size() < most_)
          a_.citations.push_back({places.text(0), places.text(1), places.text(2).substr(0, 300)});
      }
    };
    for (const auto& [type, record] : defining) TRY(add(type, record));
    merged_ = 0;
    for (const int64_t record : counted) TRY(add(plan_.type, record));
    if (merged_ > 0)
      a_.notes.push_back(fmt::format("{} rows repeat what others say and were counted once with them", merged_));
    return conflicts(counted);
  }
  Result<Done> conflicts(const std::vector<int64_t>& counted) {
    if (counted.size() > 5) return Done{};
    TRY_ASSIGN(Statement all,
               db_.prepare("SELECT field, used, other, rule FROM conflict WHERE type = ? AND record = ? LIMIT 5"));
    for (const int64_t record : counted) {
      TRY(all.begin({plan_.type, record}));
      for (;;) {
        TRY_ASSIGN(const bool next, all.next());
        if (!next) break;
        const bool matters = !plan_.measure || plan_.measure->field == all.text(0);
        if (matters)
          a_.notes.push_back(fmt::format("papers disagree on {}: used {}, another says {} ({})", all.text(0),
                                         all.text(1), all.text(2).empty() ? "nothing" : all.text(2), all.text(3)));
      }
    }
    return Done{};
  }

  Result<Done> count() {
    TRY_ASSIGN(const int64_t rows, number_of_rows());
    if (plan_.ask == Ask::exists)
      a_.value = rows > 0 ? "yes" : "no";
    else
      a_.value = rows;
    a_.text = plan_.ask == Ask::exists ? fmt::format("{}: {} of them.", rows > 0 ? "Yes" : "No", rows)
                                       : fmt::format("{}.", rows);
    if (rows == 0) TRY(why_none());
    return cite();
  }
  Result<Done> list() {
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
  // Those that are not among `names`: of the type that the grouped field refers to.
  Result<Done> others(std::vector<std::string>& names) {
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
  Result<Done> top() {
    const KnownType* base = v_.type(plan_.type);
    std::string column;
    if (!plan_.period.empty())
      column = period_sql(plan_.time ? column_of(*plan_.time) : "b." + quoted_name(base->time), plan_.period);
    else if (plan_.group)
      column = column_of(*plan_.group);
    else
      return give_up("by what to rank");
    const std::string measured = plan_.measure ? "sum(" + column_of(*plan_.measure) + ")" : "count(*)";
    TRY_ASSIGN(Statement rows,
               started("SELECT " + column + ", " + measured,
                       also(column + " IS NOT NULL") + " GROUP BY 1 HAVING " + measured + " IS NOT NULL ORDER BY 2 " +
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
    if (winners.size() == 1) {
      a_.value = shown_group(winners[0]);
      a_.text = fmt::format("{}, with {}{}.", winners[0], text_of_number(found[0].second),
                            plan_.measure && plan_.measure->kind == Kind::minutes ? " minutes" : "");
    } else {
      a_.value = Json(winners);
      std::string all;
      for (const std::string& winner : winners) all += (all.empty() ? "" : ", ") + winner;
      a_.text =
          plan_.limit == 1 ? fmt::format("A tie: {}, with {} each.", all, text_of_number(found[0].second)) : all + ".";
    }
    std::string in;
    std::vector<Bound> values;
    for (const std::string& winner : winners) in += in.empty() ? "?" : ",?", values.emplace_back(winner);
    return cite(column + " IN (" + in + ")", values);
  }
  Json shown_group(const std::string& name) const {
    const auto number = plan_.group && plan_.group->kind == Kind::number ? number_of(name, Mark::point) : std::nullopt;
    return number ? Json(*number) : Json(name);
  }
  double in_unit(double minutes) {
    if (!plan_.measure || plan_.measure->kind != Kind::minutes) return minutes;
    a_.unit = plan_.unit.empty() ? "minutes" : plan_.unit;
    return a_.unit == "hours" ? minutes / 60 : a_.unit == "days" ? minutes / 1440 : minutes;
  }
  Result<Done> measure() {
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
    a_.text = fmt::format("{} {}, over {} {}.", text_of_number(std::round(value * 100) / 100), a_.unit, rows.integer(1),
                          plan_.type);
    if (rows.integer(2) > rows.integer(1))
      a_.notes.push_back(fmt::format("{} more have no {}", rows.integer(2) - rows.integer(1), plan_.measure->field));
    return cite(column + " IS NOT NULL");
  }
  Result<Done> look_up() {
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
      a_.text = (number ? text_of_number(in_unit(rows.real(0))) : rows.text(0)) +
                (a_.unit.empty() ? "." : " " + a_.unit + ".");
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
    a_.value = found.size() == 1 ? found[0] : Json(found);
    for (const Json& one : found)
      a_.text += (a_.text.empty() ? "" : ", ") +
                 (one.is_string() ? one.get<std::string>() : text_of_number(one.get<double>()));
    a_.text += a_.unit.empty() ? "." : " " + a_.unit + ".";
    return cite(column + " IS NOT NULL");
  }
  Result<Done> nothing_said() {
    a_.status = "no_answer";
    a_.text = fmt::format("The papers do not say: no {} there.", plan_.measure->field);
    return why_none();
  }
  Result<Done> series() {
    const KnownType* base = v_.type(plan_.type);
    if (base->time.empty() && !plan_.group) return give_up("over what time");
    const std::string period = plan_.period.empty() ? "year" : plan_.period;
    const std::string column =
        plan_.group ? column_of(*plan_.group)
                    : period_sql(plan_.time ? column_of(*plan_.time) : "b." + quoted_name(base->time), period);
    const std::string measured =
        plan_.measure ? (plan_.averaged ? "avg(" : "sum(") + column_of(*plan_.measure) + ")" : "count(*)";
    const std::string there = plan_.measure ? " HAVING " + measured + " IS NOT NULL" : "";
    TRY_ASSIGN(Statement rows,
               started("SELECT " + column + ", " + measured,
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
      a_.text = fmt::format("{}: {} in {}, {} in {}.", a_.value.get<std::string>(), text_of_number(first),
                            found.front().first, text_of_number(last), found.back().first);
    } else {
      a_.value = all;
      a_.text = plan_.group ? fmt::format("By {}: {}.", plan_.group->field, found.size())
                            : fmt::format("{} {}s.", found.size(), period);
    }
    return cite();
  }
  // Time in service of the things meant, divided by their records.
  Result<Done> between_failures() {
    const KnownType* base = v_.type(plan_.type);
    const KnownField* field = nullptr;
    for (const KnownField& one : base->fields)
      if (!one.refers.empty() && v_.type(one.refers) && v_.type(one.refers)->rule &&
          !v_.type(one.refers)->rule->valid_from.empty())
        field = &one;
    if (!field || base->time.empty()) return give_up("time in service");
    const KnownType* things = v_.type(field->refers);
    const std::string since_field = things->rule->valid_from;
    TRY_ASSIGN(Statement span, db_.prepare("SELECT min(" + quoted_name(base->time) + "), max(" +
                                           quoted_name(base->time) + ") FROM " + quoted_name("r_" + base->name)));
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
    a_.text = fmt::format("{:.1f} {}: {:.0f} days in service, {} {}s.", mean, a_.unit, days, failures, plan_.type);
    a_.reading.push_back(fmt::format("time in service from {} or installation to {}", from, to));
    return cite();
  }
  Result<Done> give_up(const std::string& what) {
    a_.status = "no_answer";
    a_.text = "The question does not say, or the papers do not hold, " + what + ".";
    return Done{};
  }

  Database& db_;
  const Vocabulary& v_;
  Plan plan_;
  size_t most_;
  uint64_t merged_ = 0;
  Answer a_;
};

// Keys are too many to hold: those that the question may name are looked up.
Result<Names> keys_named(Database& database, std::string_view text, const Vocabulary& vocabulary) {
  Names names;
  TRY_ASSIGN(Statement look,
             database.prepare("SELECT DISTINCT type, field, value FROM ident WHERE canon = ? LIMIT 20"));
  const auto tokens = tokens_of(text);
  for (size_t i = 0; i < tokens.size(); ++i) {
    std::string joined;
    for (size_t n = 0; n < 4 && i + n < tokens.size(); ++n) {
      joined += canon(tokens[i + n]);
      const std::string name = fmt::format("#{}", joined);
      if (joined.size() < 2 || !has_digit(joined) || names.count(name) || vocabulary.names.count(name)) continue;
      TRY(look.begin({joined}));
      for (;;) {
        TRY_ASSIGN(const bool more, look.next());
        if (!more) break;
        names.emplace(name, Link{Link::What::value, look.text(0), look.text(1), look.text(2), -1});
      }
    }
  }
  return names;
}

}  // namespace

Result<Answer> answer_question(Database& database, const Vocabulary& vocabulary, const Domain& domain,
                               std::string_view text, size_t most_citations) {
  if (text.size() > limits::question_bytes || !is_utf8(text))
    return usage_error("question: at most {} bytes of UTF-8", limits::question_bytes);
  std::vector<std::string> tables = {"evidence", "conflict", "ident", "source_row", "file"};
  for (const KnownType& type : vocabulary.types) tables.push_back("r_" + type.name);
  database.restrict_to(std::move(tables), limits::question_steps);
  TRY_ASSIGN(const Names keys, keys_named(database, text, vocabulary));
  const Question question = take_apart(text, vocabulary, domain, keys);
  TRY_ASSIGN(Answer answer,
             Answerer(database, vocabulary, make_plan(question, vocabulary, domain), most_citations).run());
  for (const std::string& repair : question.repaired) answer.notes.push_back(repair);
  return answer;
}

Json json_of(const Answer& answer) {
  Json parameters = Json::array(), citations = Json::array();
  for (const Bound& value : answer.parameters) {
    if (const auto* i = std::get_if<int64_t>(&value))
      parameters.push_back(*i);
    else if (const auto* d = std::get_if<double>(&value))
      parameters.push_back(*d);
    else if (const auto* s = std::get_if<std::string>(&value))
      parameters.push_back(*s);
    else
      parameters.push_back(nullptr);
  }
  for (const Citation& c : answer.citations)
    citations.push_back({{"file", c.file}, {"locator", c.place}, {"quote", c.quote}});
  Json json = {{"status", answer.status}, {"value", answer.value},      {"unit", answer.unit},
               {"text", answer.text},     {"table", answer.table},      {"plan", answer.plan},
               {"sql", answer.sql},       {"params", parameters},       {"reading", answer.reading},
               {"notes", answer.notes},   {"rows_cited", answer.cited}, {"citations", citations}};
  return json;
}

}  // namespace freehold::papers
