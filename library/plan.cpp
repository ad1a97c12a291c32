#include "library/plan.h"

#include <algorithm>

#include "library/words.h"

namespace freehold::papers {
namespace {

std::optional<Place> reach(const Vocabulary& vocabulary, const KnownType& base, const std::string& type,
                           const std::string& field) {
  if (base.name == type || (base.field(field) && !type.empty() && base.field(field)->refers == type))
    if (const KnownField* own = base.field(field)) return Place{"", field, base.name, own->kind};
  for (const KnownField& one : base.fields)
    if (!one.refers.empty() && one.refers == type)
      if (const KnownType* target = vocabulary.type(type))
        if (const KnownField* there = target->field(field)) return Place{one.name, field, type, there->kind};
  return std::nullopt;
}

class Planner {
 public:
  Planner(const Question& question, const Vocabulary& vocabulary) : q_(question), v_(vocabulary) {}

  Plan make() {
    const bool meant = !q_.tokens.empty() && fold(q_.tokens.back()) == "mean" && says("what");  // "what does D12 mean"
    if (q_.says("define") || meant) return definition();
    choose_ask();
    choose_type();
    if (plan_.type.empty()) return plan_;
    base_ = v_.type(plan_.type);
    if (how_much_ && plan_.ask == Ask::count && sole_number()) plan_.ask = Ask::sum;
    conditions();
    times();
    compares();
    fields();
    if (plan_.ask == Ask::list && plan_.group && !plan_.not_grouped && about_one())
      plan_.ask = Ask::lookup, plan_.measure = plan_.group;
    conventions();
    plan_.missing.insert(plan_.missing.end(), q_.unknown.begin(), q_.unknown.end());
    return plan_;
  }

 private:
  bool says(std::string_view word) const { return q_.says(word); }
  static bool has(const Span& span, Link::What what) {
    return std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) { return l.what == what; });
  }
  bool is_value(const Span& span) const {
    return span.what == Span::What::names && (has(span, Link::What::value) || has(span, Link::What::record));
  }
  bool is_field(const Span& span) const { return span.what == Span::What::names && has(span, Link::What::field); }
  size_t first_of(std::string_view word) const {
    for (const Span& span : q_.spans)
      if (span.what == Span::What::asking && span.op == word) return span.first;
    return q_.tokens.size();
  }
  bool minutes_field_named() const {
    for (const Span& span : q_.spans)
      for (const Link& link : span.links)
        if (link.what == Link::What::field)
          if (const KnownType* type = v_.type(link.type))
            if (const KnownField* field = type->field(link.field);
                field && (field->kind == Kind::minutes || field->kind == Kind::number))
              return true;
    return false;
  }

  // "How many hours were recorded": a field that holds amounts stands where the things to count would.
  bool counts_field() {
    for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {
      const Span& next = q_.spans[s + 1];
      if (q_.spans[s].what != Span::What::asking || q_.spans[s].op != "count" || next.first > q_.spans[s].last + 2 ||
          !is_field(next) || has(next, Link::What::type))
        continue;
      for (const Link& link : next.links) {
        const KnownType* type = link.what == Link::What::field ? v_.type(link.type) : nullptr;
        const KnownField* field = type ? type->field(link.field) : nullptr;
        if (!field || (field->kind != Kind::minutes && field->kind != Kind::number)) continue;
        for (const char* unit : {"hours", "minutes", "days"})
          if (fold(q_.tokens[next.last]) == unit) plan_.unit = unit;
        return true;
      }
    }
    return false;
  }

  Plan definition() {
    plan_.ask = Ask::define;
    for (const Span& span : q_.spans)
      if (span.what == Span::What::names)
        for (size_t i = span.first; i <= span.last; ++i) plan_.missing.push_back(q_.tokens[i]);
    plan_.missing.insert(plan_.missing.end(), q_.unknown.begin(), q_.unknown.end());
    return plan_;
  }

  void choose_ask() {
    const bool unit = says("hours") || says("minutes") || says("days");
    const bool counts = says("count"), measured = minutes_field_named();
    if (says("hours"))
      plan_.unit = "hours";
    else if (says("minutes"))
      plan_.unit = "minutes";
    else if (says("days"))
      plan_.unit = "days";
    if (says("mtbf"))
      plan_.ask = Ask::mtbf;
    else if (says("trend"))
      plan_.ask = Ask::trend;
    else if (says("most") || says("least"))
      plan_.ask = Ask::top, plan_.ascending = says("least");
    else if (says("distinct"))
      plan_.ask = Ask::distinct;
    else if (says("mean"))
      plan_.ask = Ask::mean;
    else if (says("longest") || says("shortest") || says("latest") || says("earliest"))
      plan_.ask = Ask::extreme, plan_.ascending = says("shortest") || says("earliest");
    else if (counts && (unit || counts_field()))
      plan_.ask = Ask::sum;
    else if ((says("sum") || says("howlong")) && measured && !counts)
      plan_.ask = Ask::sum;
    else if (says("by month") || says("by year") || says("by quarter"))
      plan_.ask = Ask::series;
    else if (counts || says("sum"))
      plan_.ask = Ask::count, how_much_ = says("sum") && !counts;
    else if (says("exists"))
      plan_.ask = Ask::exists;
    else if (says("which") || says("list"))
      plan_.ask = Ask::list;
    else if (says("when") || says("who") || says("what") || says("where") || says("howlong"))
      plan_.ask = Ask::lookup;
    else
      plan_.ask = says("did") ? Ask::exists : Ask::list;
    if (says("by month")) plan_.period = "month";
    if (says("by quarter")) plan_.period = "quarter";
    if (says("by year")) plan_.period = "year";
  }

  void choose_type() {
    double best = -1e9;
    for (const KnownType& type : v_.types) {
      if (type.records == 0) continue;
      double score = 0;
      bool any = false;
      size_t asked = q_.tokens.size();
      for (const Span& span : q_.spans) {
        if (span.what != Span::What::names) continue;
        bool reached = false, own = false, named = false, direct = false;
        for (const Link& link : span.links) {
          if (link.what == Link::What::type)
            named = named || link.type == type.name,
            reached = reached || link.type == type.name || refers_to(type, link.type);
          else if (const auto place = reach(v_, type, link.type, link.field))
            reached = true, own = own || place->over.empty(),
            direct = direct || (link.what == Link::What::field && place->over.empty());
        }
        any = any || reached;
        score += reached ? 2 : -6;
        if (named) score += 5 - 0.1 * static_cast<double>(span.first), asked = std::min(asked, span.first);
        if (own) score += 0.5;
        if (direct && plan_.ask == Ask::lookup) score += 3;
        if (direct && (plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme)) score += 3;
      }
      const bool eventful = !type.time.empty();
      if (eventful &&
          (plan_.ask == Ask::trend || plan_.ask == Ask::mtbf || plan_.ask == Ask::series || plan_.ask == Ask::top))
        score += 3;
      if (!eventful && plan_.ask == Ask::lookup) score += 0.5;
      if (type.rule) score += 0.4;
      score += std::min(0.3, static_cast<double>(type.records) * 1e-5);
      if (any && score > best) best = score, plan_.type = type.name;
    }
  }
  bool refers_to(const KnownType& type, const std::string& other) const {
    return std::any_of(type.fields.begin(), type.fields.end(), [&](const KnownField& f) { return f.refers == other; });
  }

  // Which of a value's links is meant: one of the field named just before it, else the nearest.
  void conditions() {
    for (size_t s = 0; s < q_.spans.size(); ++s) {
      const Span& span = q_.spans[s];
      if (!is_value(span)) continue;
      const Span* before =
          s > 0 && q_.spans[s - 1].last + 2 >= span.first && is_field(q_.spans[s - 1]) ? &q_.spans[s - 1] : nullptr;
      const Span* after = s + 1 < q_.spans.size() && q_.spans[s + 1].first == span.last + 1 && is_field(q_.spans[s + 1])
                              ? &q_.spans[s + 1]
                              : nullptr;
      double best = -1;
      Condition chosen;
      std::set<int64_t> records;
      for (const Link& link : span.links) {
        if (link.what != Link::What::value && link.what != Link::What::record) continue;
        const auto place = reach(v_, *base_, link.type, link.field);
        if (!place) continue;
        double score = place->over.empty() ? 1 : 0.8;
        if (link.what == Link::What::record) score += 0.5;
        for (const Span* near : {before, after})
          if (near)
            for (const Link& f : near->links)
              if (f.what == Link::What::field && f.field == link.field) score += 3;
        if (score > best + 1e-9)
          best = score, chosen = {*place, link.what == Link::What::record ? "record" : "=", {}, 0, {}, "", false},
          records.clear();
        if (score >= best - 1e-9 && chosen.place.field == place->field && chosen.place.over == place->over) {
          if (link.what == Link::What::record)
            records.insert(link.record);
          else if (std::find(chosen.texts.begin(), chosen.texts.end(), link.value) == chosen.texts.end())
            chosen.texts.push_back(link.value);
        }
      }
      if (best < 0) {
        if (!has(span, Link::What::type) && !has(span, Link::What::field)) missing(span);
        continue;
      }
      if (best < 2 && chosen.op == "=" && !base_->time.empty() && names_base(span)) continue;
      chosen.records.assign(records.begin(), records.end());
      for (size_t i = span.first; i <= span.last; ++i) chosen.shown += (i > span.first ? " " : "") + q_.tokens[i];
      used_.insert(s);
      if (before && best >= 3) used_.insert(s - 1);
      bool joined = false;
      for (Condition& other : plan_.where)  // A or B
        if (other.place.field == chosen.place.field && other.place.over == chosen.place.over && other.op == chosen.op) {
          other.texts.insert(other.texts.end(), chosen.texts.begin(), chosen.texts.end());
          other.records.insert(other.records.end(), chosen.records.begin(), chosen.records.end());
          other.shown += " or " + chosen.shown;
          joined = true;
        }
      if (!joined) plan_.where.push_back(std::move(chosen));
    }
    // "model Z": a field, and right after it a word that is none of its values
    for (size_t s = 0; s < q_.spans.size(); ++s) {
      const Span& span = q_.spans[s];
      if (!is_field(span) || span.last + 1 >= q_.tokens.size() || used_.count(s)) continue;
      const std::string& next = q_.tokens[span.last + 1];
      const bool spoken = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& o) {
        return o.first <= span.last + 1 && o.last >= span.last + 1;
      });
      if (!spoken && std::isupper(static_cast<unsigned char>(next[0])) && next.size() <= 3)
        plan_.missing.push_back(next);
    }
  }
  static bool is_plural(std::string_view word) { return word.ends_with("s") && !word.ends_with("ss"); }
  // The question names one record by its key, and asks for something else of it.
  bool about_one() const {
    return plan_.group->field != base_->key &&
           std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
             return c.place.over.empty() && c.place.field == base_->key && (c.op == "record" || c.op == "=");
           });
  }
  bool names_base(const Span& span) const {
    return std::any_of(span.links.begin(), span.links.end(),
                       [&](const Link& l) { return l.what == Link::What::type && l.type == base_->name; });
  }
  void missing(const Span& span) {
    for (size_t i = span.first; i <= span.last; ++i) plan_.missing.push_back(q_.tokens[i]);
  }

  void times() {
    for (const Span& span : q_.spans) {
      if (span.what != Span::What::time) continue;
      Place place{"", base_->time, base_->name, Kind::date};
      // A date field named just before governs: "installed after 2018".
      for (size_t s = 0; s < q_.spans.size(); ++s) {
        const Span& near = q_.spans[s];
        if (near.last >= span.first || near.last + 4 < span.first || !is_field(near)) continue;
        for (const Link& link : near.links)
          if (link.what == Link::What::field)
            if (const auto there = reach(v_, *base_, link.type, link.field); there && there->kind == Kind::date)
              place = *there, used_.insert(s);
      }
      if (place.field.empty()) {
        for (const KnownField& field : base_->fields)
          if (field.kind == Kind::date && place.field.empty()) place.field = field.name;
      }
      if (place.field.empty()) {
        missing(span);
        continue;
      }
      if (!span.from.empty()) plan_.where.push_back({place, ">=", {span.from}, 0, {}, "from " + span.from, false});
      if (!span.to.empty()) plan_.where.push_back({place, "<=", {span.to}, 0, {}, "until " + span.to, false});
    }
  }
  void compares() {
    for (const Span& span : q_.spans) {
      if (span.what != Span::What::compare) continue;
      std::optional<Place> place;
      for (size_t s = 0; s < q_.spans.size(); ++s)
        for (const Link& link : q_.spans[s].links)
          if (link.what == Link::What::field)
            if (const auto there = reach(v_, *base_, link.type, link.field);
                there && there->kind == (span.minutes ? Kind::minutes : Kind::number))
              place = there, used_.insert(s);
      if (!place && span.minutes)
        for (const KnownField& field : base_->fields)
          if (field.kind == Kind::minutes && !place) place = Place{"", field.name, base_->name, Kind::minutes};
      const auto thing =
          std::find_if(q_.spans.begin(), q_.spans.end(), [&](const Span& s) { return s.first == span.last + 1; });
      const bool of_records = thing != q_.spans.end() && has(*thing, Link::What::type);
      if (!place && !span.minutes && !of_records) place = sole_number();
      if (!place) {  // "more than 5 failures"
        plan_.having = span.number, plan_.having_op = span.op;
        if (plan_.ask == Ask::exists) plan_.ask = Ask::list;
        continue;
      }
      plan_.where.push_back({*place,
                             span.op,
                             {},
                             span.number,
                             {},
                             span.op + " " + text_of_number(span.number) + (span.minutes ? " min" : ""),
                             false});
    }
  }

  std::optional<Place> sole_number() const {
    std::optional<Place> sole;
    for (const KnownField& field : base_->fields)
      if (field.kind == Kind::number) {
        if (sole) return std::nullopt;
        sole = Place{"", field.name, base_->name, field.kind};
      }
    return sole;
  }

  void fields() {
    const bool measuring =
        plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme || plan_.ask == Ask::top;
    const size_t most = std::min(first_of("most"), first_of("least"));
    std::vector<std::pair<size_t, Place>> texts, numbers, dates;
    for (size_t s = 0; s < q_.spans.size(); ++s) {
      const Span& span = q_.spans[s];
      const bool asked_for = s > 0 && q_.spans[s - 1].what == Span::What::asking &&
                             span.first <= q_.spans[s - 1].last + 2 &&
                             (q_.spans[s - 1].op == "which" || q_.spans[s - 1].op == "list");
      if (span.what != Span::What::names || (used_.count(s) && !asked_for)) continue;
      std::optional<Place> chosen;
      for (const Link& link : span.links)
        if (link.what == Link::What::field && !used_.count(s))
          if (const auto place = reach(v_, *base_, link.type, link.field);
              place && (!chosen || (chosen->over.size() > 0 && place->over.empty())))
            chosen = place;
      if (!chosen)
        for (const Link& link : span.links)  // "which machine", "which pump": the field that refers to machines
          if ((link.what == Link::What::type || (asked_for && link.what == Link::What::value)) &&
              link.type != base_->name)
            for (const KnownField& field : base_->fields)
              if (field.refers == link.type) chosen = Place{"", field.name, base_->name, field.kind};
      if (!chosen && is_field(span) && !has(span, Link::What::type) && !used_.count(s)) {
        missing(span);
        continue;
      }
      if (!chosen) continue;
      if (plan_.ask == Ask::list && texts.empty()) plan_.several = is_plural(q_.tokens[span.last]);
      if (chosen->kind == Kind::text)
        texts.push_back({span.first, *chosen});
      else if (chosen->kind == Kind::date)
        dates.push_back({span.first, *chosen});
      else
        numbers.push_back({span.first, *chosen});
    }
    if (measuring && !numbers.empty()) plan_.measure = numbers.front().second;
    if (!plan_.measure && (plan_.ask == Ask::sum || plan_.ask == Ask::mean ||
                           (plan_.ask == Ask::extreme && !says("latest") && !says("earliest"))))
      for (const KnownField& field : base_->fields)
        if (field.kind == Kind::minutes && !plan_.measure)
          plan_.measure = Place{"", field.name, base_->name, field.kind};
    if (!plan_.measure && (plan_.ask == Ask::sum || plan_.ask == Ask::mean)) plan_.measure = sole_number();
    if (!plan_.measure && plan_.ask == Ask::extreme)
      plan_.measure = dates.empty() ? Place{"", base_->time, base_->name, Kind::date} : dates.front().second;
    if (plan_.ask == Ask::top) {
      if (!plan_.period.empty()) return;
      const size_t which = std::min(first_of("which"), first_of("what"));
      const Place* group = nullptr;
      size_t nearest = q_.tokens.size();
      for (const auto& [at, place] : texts) {
        const size_t from_which = at > which ? at - which : q_.tokens.size(),
                     from_most = at > most ? at - most : q_.tokens.size();
        const size_t distance = std::min(from_which, from_most);
        if (distance < nearest) nearest = distance, group = &place;
      }
      if (!group && plan_.measure && plan_.limit == 1 && says("what") && !says("which") && !says("who")) {
        plan_.ask = Ask::extreme;  // "what was the highest result"
        return;
      }
      if (group)
        plan_.group = *group;
      else if (base_->rule && base_->rule->from_text.size() > 2 && base_->field(base_->rule->from_text[2]))
        plan_.group = Place{"", base_->rule->from_text[2], base_->name, Kind::text};
      else if (!base_->key.empty() && plan_.measure)
        plan_.group = Place{"", base_->key, base_->name, Kind::text};
      for (const Span& span : q_.spans)  // "top 3"
        if (span.what == Span::What::asking && span.op == "most" && span.last + 1 < q_.tokens.size())
          if (const auto n = number_of(q_.tokens[span.last + 1], Mark::point);
              n && *n >= 1 && *n <= 50 && q_.tokens[span.last + 1].size() <= 2)
            plan_.limit = static_cast<int>(*n), std::erase(plan_.missing, q_.tokens[span.last + 1]);
      return;
    }
    if (plan_.ask == Ask::list || plan_.ask == Ask::distinct || plan_.ask == Ask::exists) {
      if (!texts.empty())
        plan_.group = texts.front().second;
      else if (!base_->key.empty()) {
        plan_.group = Place{"", base_->key, base_->name, Kind::text};
        for (const Span& span : q_.spans)
          if (names_base(span)) plan_.several = is_plural(q_.tokens[span.last]);
      }
      plan_.not_grouped = plan_.ask == Ask::list && says("without");
    }
    if (plan_.ask == Ask::count && says("without")) plan_.missing.push_back("no");
    const Place* grouped = nullptr;  // "by machine", "per technician"
    for (const auto& [at, place] : texts)
      for (const Span& span : q_.spans)
        if (span.what == Span::What::asking && (span.op == "per" || span.op == "by") && span.last + 1 == at)
          grouped = &place;
    if ((plan_.ask == Ask::count || plan_.ask == Ask::sum || plan_.ask == Ask::mean) &&
        (grouped || !plan_.period.empty())) {
      if (grouped) plan_.group = *grouped;
      plan_.averaged = plan_.ask == Ask::mean;
      plan_.ask = Ask::series;
    }
    if (plan_.ask == Ask::lookup) {
      if (says("howlong") && numbers.empty())
        for (const KnownField& field : base_->fields)
          if (field.kind == Kind::minutes && !plan_.measure)
            plan_.measure = Place{"", field.name, base_->name, field.kind};
      if (plan_.measure) return;
      if (says("when") && !dates.empty())
        plan_.measure = dates.front().second;
      else if (!texts.empty())
        plan_.measure = texts.front().second;
      else if (!numbers.empty())
        plan_.measure = numbers.front().second;
      else if (!dates.empty())
        plan_.measure = dates.front().second;
      else if (says("when") && !base_->time.empty())
        plan_.measure = Place{"", base_->time, base_->name, Kind::date};
      else if ((says("who") || says("what")) && named_otherwise())  // "who is patient 17"
        plan_.measure = Place{"", base_->key, base_->name, Kind::text};
    }
  }
  // A condition says which record is meant, and not by the name that it is shown by.
  bool named_otherwise() const {
    return !base_->key.empty() && std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
      return c.place.over.empty() && c.op == "=" && c.place.field != base_->key && !c.texts.empty() &&
             has_digit(c.texts[0]);
    });
  }

  void conventions() {
    if (!base_->rule || base_->rule->kind.empty() || base_->rule->kind_counted.empty() ||
        !base_->field(base_->rule->kind))
      return;
    if (std::any_of(plan_.where.begin(), plan_.where.end(),
                    [&](const Condition& c) { return c.place.over.empty() && c.place.field == base_->rule->kind; }))
      return;
    const bool by_key =
        plan_.ask == Ask::lookup && std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
          return c.place.over.empty() && c.place.field == base_->key;
        });
    if (by_key) return;
    plan_.where.push_back({{"", base_->rule->kind, base_->name, Kind::text},
                           "=",
                           {base_->rule->kind_counted},
                           0,
                           {},
                           base_->rule->kind_counted + " entries only",
                           true});
  }

  const Question& q_;
  const Vocabulary& v_;
  const KnownType* base_ = nullptr;
  bool how_much_ = false;  // asks for a sum, without saying of what
  std::set<size_t> used_;  // spans that became conditions
  Plan plan_;
};

}  // namespace

std::string_view name_of(Ask ask) {
  constexpr std::string_view names[] = {"count",  "distinct", "top",  "sum",    "mean",   "extreme", "list",
                                        "series", "trend",    "mtbf", "exists", "lookup", "define"};
  return names[static_cast<size_t>(ask)];
}

Plan make_plan(const Question& question, const Vocabulary& vocabulary) { return Planner(question, vocabulary).make(); }

namespace {
std::string shown(const Place& place) { return place.over.empty() ? place.field : place.over + "." + place.field; }
}  // namespace

Json json_of(const Plan& plan) {
  Json where = Json::array();
  for (const Condition& c : plan.where) {
    Json one = {{"field", shown(c.place)}, {"op", c.op}};
    if (c.op == "record")
      one["records"] = c.records;
    else if (!c.texts.empty())
      one["value"] = c.texts;
    else
      one["value"] = c.number;
    where.push_back(one);
  }
  Json json = {{"ask", std::string(name_of(plan.ask))}, {"of", plan.type}};
  if (plan.measure) json["measure"] = shown(*plan.measure);
  if (plan.group) json["group"] = shown(*plan.group);
  if (!plan.period.empty()) json["period"] = plan.period;
  if (plan.averaged) json["averaged"] = true;
  if (plan.ask == Ask::top) json["order"] = plan.ascending ? "asc" : "desc", json["limit"] = plan.limit;
  json["where"] = where;
  return json;
}

std::string column_of(const Place& place) {
  return (place.over.empty() ? std::string("b.") : quoted_name("j_" + place.over) + ".") + quoted_name(place.field);
}

Query source_of(const Plan& plan, const Vocabulary& vocabulary, int without) {
  Query query;
  const KnownType* base = vocabulary.type(plan.type);
  std::map<std::string, std::string> joins;  // over -> type
  const auto need = [&](const Place& place) {
    if (!place.over.empty()) joins[place.over] = place.type;
  };
  for (const Condition& c : plan.where) need(c.place);
  if (plan.measure) need(*plan.measure);
  if (plan.group) need(*plan.group);
  query.sql = " FROM " + quoted_name("r_" + plan.type) + " b";
  for (const auto& [over, type] : joins)
    query.sql += " LEFT JOIN " + quoted_name("r_" + type) + " " + quoted_name("j_" + over) + " ON " +
                 quoted_name("j_" + over) + ".id = b." + quoted_name(over + "__record");
  std::string where;
  for (size_t i = 0; i < plan.where.size(); ++i) {
    if (static_cast<int>(i) == without) continue;
    const Condition& c = plan.where[i];
    std::string one;
    if (c.op == "record") {
      const KnownField* field = base ? base->field(c.place.field) : nullptr;
      const bool refers = c.place.over.empty() && field && !field->refers.empty();
      const std::string id = refers                 ? "b." + quoted_name(c.place.field + "__record")
                             : c.place.over.empty() ? std::string("b.id")
                                                    : quoted_name("j_" + c.place.over) + ".id";
      for (const int64_t record : c.records)
        one += (one.empty() ? "" : ",") + std::string("?"), query.values.emplace_back(record);
      one = id + " IN (" + one + ")";
    } else if (c.op == "=") {
      for (const std::string& text : c.texts)
        one += (one.empty() ? "" : ",") + std::string("?"), query.values.emplace_back(text);
      one = column_of(c.place) + " IN (" + one + ")";
    } else if (!c.texts.empty()) {
      one = column_of(c.place) + " " + c.op + " ?";
      query.values.emplace_back(c.texts[0]);
    } else {
      one = column_of(c.place) + " " + c.op + " ?";
      query.values.emplace_back(c.number);
    }
    where += (where.empty() ? " WHERE " : " AND ") + one;
  }
  query.sql += where;
  return query;
}

}  // namespace freehold::papers
