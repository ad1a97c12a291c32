#include "library/answer.h"

#include <algorithm>

#include "base/limits.h"
#include "library/answerer.h"
#include "library/candidates.h"
#include "library/focus.h"
#include "library/reading.h"
#include "library/words.h"

namespace freehold::papers {

Result<Answer> Answerer::run() {
  a_.plan = json_of(plan_);
  if (plan_.ask == Ask::define) return define();
  if (plan_.type.empty() || !plan_.missing.empty()) return unknown();
  if (!plan_.open.empty()) return unplaced();
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

Answer& Answerer::unknown() {
  a_.status = "no_answer";
  std::string what;
  for (const std::string& word : plan_.missing) what += (what.empty() ? "" : " ") + word;
  a_.text = what.empty() ? "The papers hold nothing that this question names."
                         : "Nothing in the papers is called \"" + what + "\".";
  return a_;
}

Answer& Answerer::unplaced() {
  a_.status = "clarify";
  std::string what;
  for (const std::string& words : plan_.open) what += (what.empty() ? "\"" : ", \"") + words + "\"";
  a_.text = fmt::format("How is {} meant here? The question was read as {}; that part has no place in it.", what,
                        a_.plan.dump(-1, ' ', false, Json::error_handler_t::replace));
  return a_;
}

Answer& Answerer::define() {
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

bool Answerer::ambiguous() {
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

Result<Statement> Answerer::started(const std::string& head, const std::string& tail, int without,
                                    std::vector<Bound> more) {
  Query query = source_of(plan_, v_, without);
  query.values.insert(query.values.end(), more.begin(), more.end());
  if (without < 0 && a_.sql.empty()) a_.sql = head + query.sql + tail, a_.parameters = query.values;
  TRY_ASSIGN(Statement statement, db_.prepare(head + query.sql + tail));
  TRY(statement.begin(query.values));
  return statement;
}

Result<bool> Answerer::within_years() {
  for (const Condition& c : plan_.where) {
    if (c.place.kind != Kind::date || c.texts.empty()) continue;
    const std::string column = quoted_name(c.place.field);
    TRY_ASSIGN(Statement span,
               db_.prepare("SELECT min(" + column + "), max(" + column + ") FROM " + quoted_name("r_" + c.place.type)));
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

void Answerer::reading() {
  std::string name = plan_.type;
  a_.reading.push_back("counted: " + name);
  for (const Condition& c : plan_.where) {
    std::string value = c.op == "record" || c.texts.empty() ? c.shown : "";
    for (const std::string& text : c.texts) value += (value.empty() ? "" : " or ") + text;
    a_.reading.push_back(c.place.shown() +
                         (c.op == "=" || c.op == "record"              ? " is "
                          : c.op == ">=" && c.place.kind == Kind::date ? " from "
                          : c.op == "<=" && c.place.kind == Kind::date ? " until "
                                                                       : " ") +
                         value + (c.by_rule ? " (others are asked for by name)" : ""));
  }
}

std::string Answerer::things(int64_t count) const {
  const KnownType* base = v_.type(plan_.type);
  for (const Condition& c : plan_.where)  // "preventive events" are no failures
    if (base->rule && c.place.over.empty() && c.place.field == base->rule->kind && c.op == "=" &&
        c.texts != std::vector<std::string>{base->rule->kind_counted})
      return fmt::format("{} {}", fmt::join(c.texts, " or "),
                         count == 1 ? spoken(base->name) : plural(spoken(base->name)));
  return base->things(count);
}

Result<std::string> Answerer::period() {
  const KnownType* base = v_.type(plan_.type);
  const Place time = plan_.time ? *plan_.time : Place{"", base->time, base->name, Kind::date};
  std::string from, to;
  for (const Condition& c : plan_.where)
    if (c.place.kind == Kind::date && c.place.field == time.field && c.place.over == time.over && !c.texts.empty())
      (c.op == ">=" ? from : to) = c.texts[0];
  if (from.ends_with("-01-01") && to == from.substr(0, 4) + "-12-31") return " in " + from.substr(0, 4);
  if (!from.empty() && !to.empty()) return fmt::format(" from {} to {}", from, to);
  if (base->time.empty()) return std::string();
  const std::string column = column_of(time);
  const Query query = source_of(plan_, v_);
  TRY_ASSIGN(Statement days, db_.prepare(fmt::format("SELECT min({}), max({}){}", column, column, query.sql)));
  TRY(days.begin(query.values));
  TRY_ASSIGN(const bool any, days.next());
  return any && !days.is_null(0) ? fmt::format(" between {} and {}", days.text(0), days.text(1)) : std::string();
}

Result<int64_t> Answerer::number_of_rows(int without) {
  TRY_ASSIGN(Statement rows, started("SELECT count(*)", "", without));
  TRY_ASSIGN(const bool any, rows.next());
  return any ? rows.integer(0) : 0;
}

Result<Done> Answerer::why_none() {
  for (size_t i = 0; i < plan_.where.size(); ++i) {
    TRY_ASSIGN(const int64_t rows, number_of_rows(static_cast<int>(i)));
    if (rows > 0)
      a_.notes.push_back(
          fmt::format("without \"{} {}\" there are {}", plan_.where[i].place.field, plan_.where[i].shown, rows));
  }
  return Done{};
}

Result<Done> Answerer::cite(const std::string& more, std::vector<Bound> values) {
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
             db_.prepare_fixed("SELECT f.path, s.place, s.raw, e.role FROM evidence e JOIN source_row s ON s.id = "
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
      if (a_.citations.size() < most_) a_.citations.push_back({places.text(0), places.text(1), places.text(2)});
    }
  };
  for (const auto& [type, record] : defining) TRY(add(type, record));
  merged_ = 0;
  for (const int64_t record : counted) TRY(add(plan_.type, record));
  if (merged_ > 0)
    a_.notes.push_back(fmt::format("rows that repeat what others say, counted once with them: {}", merged_));
  return conflicts(counted);
}

Result<Done> Answerer::conflicts(const std::vector<int64_t>& counted) {
  if (counted.size() > 5) return Done{};
  TRY_ASSIGN(Statement all,
             db_.prepare_fixed("SELECT field, used, other, rule FROM conflict WHERE type = ? AND record = ? LIMIT 5"));
  for (const int64_t record : counted) {
    TRY(all.begin({plan_.type, record}));
    for (;;) {
      TRY_ASSIGN(const bool next, all.next());
      if (!next) break;
      const bool matters = !plan_.measure || plan_.measure->field == all.text(0);
      if (matters)
        a_.notes.push_back(fmt::format("{}: used {}, not {} ({})", spoken(all.text(0)), all.text(1),
                                       all.text(2).empty() ? "nothing" : all.text(2), all.text(3)));
    }
  }
  return Done{};
}

Result<Done> Answerer::nothing_said() {
  a_.status = "no_answer";
  a_.text = fmt::format("The papers do not say: no {} there.", plan_.measure->field);
  return why_none();
}

Result<Done> Answerer::give_up(const std::string& what) {
  a_.status = "no_answer";
  a_.text = "The question does not say, or the papers do not hold, " + what + ".";
  return Done{};
}

namespace {

constexpr size_t most_suggestions = 3;

// Keys are too many to hold: those that the question may name are looked up.
Result<Names> keys_named(Database& database, std::string_view text, const Vocabulary& vocabulary) {
  Names names;
  TRY_ASSIGN(Statement look,
             database.prepare_fixed("SELECT DISTINCT type, field, value FROM ident WHERE canon = ? LIMIT 20"));
  const auto tokens = words_in(text).tokens;
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
                               std::string_view text, size_t most_citations, const Writer& model) {
  if (text.size() > limits::question_bytes || !is_utf8(text))
    return usage_error("question: at most {} bytes of UTF-8", limits::question_bytes);
  std::vector<std::string> tables;
  for (const KnownType& type : vocabulary.types) tables.push_back("r_" + type.name);
  database.restrict_to(std::move(tables), {"evidence", "conflict", "ident", "source_row", "file"},
                       limits::question_steps);
  TRY_ASSIGN(const Names keys, keys_named(database, text, vocabulary));
  const Question question = take_apart(text, vocabulary, domain, keys);
  Plan plan = make_plan(question, vocabulary, domain);
  ModelPlan read;
  if (model && !is_whole(plan)) {
    TRY_ASSIGN(read, plan_by_model(database, question, keys, plan, vocabulary, domain, model));
    if (read.plan) plan = std::move(*read.plan);
  }
  std::vector<std::string> suggestions;
  if (!is_whole(plan)) suggestions = nearest_questions(question, keys, plan, vocabulary, domain, most_suggestions);
  TRY_ASSIGN(Answer answer, Answerer(database, vocabulary, std::move(plan), most_citations).run());
  answer.suggestions = std::move(suggestions);
  answer.by_model = read.plan.has_value();
  if (read.plan) answer.notes.push_back(fmt::format("a model read it as: {}", read.said));
  if (!read.why.empty()) answer.notes.push_back(read.why);
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
    citations.push_back({{"file", c.file}, {"locator", c.place}, {"quote", shortened(c.quote, 300)}});
  Json json = {{"status", answer.status},
               {"value", answer.value},
               {"unit", answer.unit},
               {"text", answer.text},
               {"table", answer.table},
               {"plan", answer.plan},
               {"read_by", answer.by_model ? "model" : "rules"},
               {"sql", answer.sql},
               {"params", parameters},
               {"reading", answer.reading},
               {"notes", answer.notes},
               {"suggestions", answer.suggestions},
               {"rows_cited", answer.cited},
               {"citations", citations}};
  return json;
}

}  // namespace freehold::papers
