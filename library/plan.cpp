#include "library/plan.h"

#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {

Planner::Planner(const Question& question, const Vocabulary& vocabulary, const Domain& domain)
    : q_(question), v_(vocabulary) {
  for (size_t i = 0; i < q_.tokens.size(); ++i) {
    const std::string& token = q_.tokens[i];
    const std::string word = fold(token);
    hints_.duration |= word == "hours" || word == "minutes" || word == "days" || word == "nights" || word == "weeks";
    if (i < q_.told.size() && q_.told[i]) continue;
    if (!among(domain.filler_words, word)) hints_.roots.insert(domain.root(word));
    const bool spends_time =
        word.starts_with("spen") && (says("count") || says("howlong"));  // "how many nights did he spend"
    if (spends_time) continue;
    if (among(domain.money_words, word) || among(domain.currency_words, word)) hints_.money = true, money_word_ = token;
    if (among(domain.income_words, word)) income_ = domain.root(word);
  }
  hints_.duration |= says("howlong");
  if (asks_pay()) income_ = domain.root("paid"), money_word_ = "paid", hints_.money = true;
  if (!income_.empty()) income_ = domain.root("earn");
  if ((says("how much") || says("spent")) && !hints_.duration) hints_.money = true;
}

Plan Planner::make() {
  if (q_.says("define") || asks_meaning() || asks_what_it_is()) return definition();
  choose_unit();
  choose_ask();
  choose_type();
  if (plan_.type.empty()) return plan_;
  base_ = v_.type(plan_.type);
  if (how_much_ && plan_.ask == Ask::count && sole_number()) plan_.ask = Ask::sum;
  distinct_things();
  pieces();
  conditions();
  times();
  compares();
  if (bare_) read_bare();
  fields();
  drop_guesses();
  if (plan_.ask == Ask::list && plan_.group && !plan_.not_grouped && about_one())
    plan_.ask = Ask::lookup, plan_.measure = plan_.group;
  uncovered();
  misread();
  conventions();
  plan_.missing.insert(plan_.missing.end(), q_.unknown.begin(), q_.unknown.end());
  return plan_;
}

// "What does D12 mean", "what do they mean by D12".
bool Planner::asks_meaning() const {
  if (!says("what")) return false;
  bool does = false;
  for (const std::string& token : q_.tokens) {
    const std::string word = fold(token);
    if (word == "mean") return does || token == q_.tokens.back();
    does = does || word == "do" || word == "does";
  }
  return false;
}

// "What is SSL": nothing but a term that the papers explain.
bool Planner::asks_what_it_is() const {
  if (says("what") && q_.unknown.size() == 1 && v_.meanings.count(canon(q_.unknown[0])))
    return std::all_of(q_.spans.begin(), q_.spans.end(),
                       [](const Span& s) { return s.what == Span::What::asking && s.op == "what"; });
  if ((!says("what") && q_.tokens.size() > 1) || !q_.unknown.empty()) return false;
  const Span* term = nullptr;
  for (const Span& span : q_.spans) {
    if (span.what == Span::What::asking && span.op == "what") continue;
    if (span.what != Span::What::names || term) return false;
    term = &span;
  }
  return term && term->first == term->last && v_.meanings.count(canon(q_.tokens[term->last])) > 0;
}

// "How much is Zora Pavlik paid": what somebody gets, not what was paid for something.
bool Planner::asks_pay() const {
  if (!says("how much")) return false;
  size_t verb = q_.tokens.size();
  for (size_t i = 0; i < q_.tokens.size(); ++i) {
    const std::string word = fold(q_.tokens[i]);
    if (word == "is" || word == "are" || word == "was" || word == "were" || word == "does") verb = i;
    if (word != "paid" && word != "make" && word != "get" && word != "makes" && word != "gets") continue;
    for (const Span& span : q_.spans)
      if (is_value(span) && span.first > verb && span.last < i) return true;
  }
  return false;
}

size_t Planner::first_of(std::string_view word) const {
  for (const Span& span : q_.spans)
    if (span.what == Span::What::asking && span.op == word) return span.first;
  return q_.tokens.size();
}

bool Planner::minutes_field_named() const {
  for (const Span& span : q_.spans)
    for (const Link& link : span.links)
      if (link.what == Link::What::field)
        if (const KnownType* type = v_.type(link.type))
          if (const KnownField* field = type->field(link.field);
              field && (field->kind == Kind::minutes || field->kind == Kind::number))
            return true;
  return false;
}

bool Planner::names_total() const {
  bool total = false;
  for (const Span& span : q_.spans) {
    if (is_field(span) && fold(q_.tokens[span.first]) == "total") total = true;
    for (size_t i = span.first; is_value(span) && i <= span.last; ++i)
      if (has_digit(q_.tokens[i])) return false;
  }
  return total;
}

bool Planner::is_unit(const std::string& token) {
  const std::string word = fold(token);
  return word == "days" || word == "hours" || word == "minutes";
}

bool Planner::counts_field() {
  for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {
    const Span& next = q_.spans[s + 1];
    if (q_.spans[s].what != Span::What::asking || q_.spans[s].op != "count" || next.first > q_.spans[s].last + 2 ||
        !is_field(next) || has(next, Link::What::type))
      continue;
    for (const Link& link : next.links) {
      const KnownType* type = link.what == Link::What::field ? v_.type(link.type) : nullptr;
      const KnownField* field = type ? type->field(link.field) : nullptr;
      if (!field || (field->kind != Kind::minutes && field->kind != Kind::number)) continue;
      if (field->kind == Kind::minutes && is_plural(fold(q_.tokens[next.last])) && !is_unit(q_.tokens[next.last]))
        continue;  // "how many stops"
      if (is_unit(q_.tokens[next.last])) plan_.unit = fold(q_.tokens[next.last]);
      return true;
    }
  }
  return false;
}

// "Hours in 2022, how many did we book": what is counted was said before.
bool Planner::counts_nothing() const {
  for (const Span& span : q_.spans)
    if (span.op == "count" && span.last + 1 < q_.tokens.size() && fold(q_.words_of(span)) == "how many") {
      const std::string next = fold(q_.tokens[span.last + 1]);
      return next == "did" || next == "do" || next == "were" || next == "was" || next == "are" || next == "is" ||
             next == "have";
    }
  return false;
}

Plan Planner::definition() {
  plan_.ask = Ask::define;
  for (const Span& span : q_.spans)
    if (span.what == Span::What::names)
      for (size_t i = span.first; i <= span.last; ++i) plan_.missing.push_back(q_.tokens[i]);
  plan_.missing.insert(plan_.missing.end(), q_.unknown.begin(), q_.unknown.end());
  return plan_;
}

void Planner::choose_unit() {
  for (const char* unit : {"hours", "minutes", "days"})
    if (plan_.unit.empty() && says(unit)) plan_.unit = unit;
  if (plan_.unit.empty())
    for (const std::string& token : q_.tokens)
      if (const std::string word = fold(token); word == "hours" || word == "minutes") plan_.unit = word;
}

void Planner::choose_ask() {
  const bool unit = says("hours") || says("minutes") || says("days");
  const bool counts = says("count"), measured = minutes_field_named();
  const bool most = says("most") && !(says("mean") && first_of("most") < q_.tokens.size() && only_usually());
  if (says("mtbf") || asks_between())
    plan_.ask = Ask::mtbf;
  else if (says("trend"))
    plan_.ask = Ask::trend;
  else if (most && only_usually() && (says("howlong") || (counts && unit)))
    plan_.ask = Ask::mean;  // "how long are we usually down"
  else if (most || says("least"))
    plan_.ask = Ask::top, plan_.ascending = says("least"), plan_.averaged = says("mean");
  else if (says("distinct"))
    plan_.ask = Ask::distinct;
  else if (says("mean"))
    plan_.ask = Ask::mean;
  else if (says("longest") || says("shortest") || says("latest") || says("earliest"))
    plan_.ask = Ask::extreme, plan_.ascending = says("shortest") || says("earliest");
  else if (counts && (unit || counts_field() || (measured && counts_nothing())))
    plan_.ask = Ask::sum;
  else if ((says("how much") || says("spent") || names_total()) && !counts)
    plan_.ask = Ask::sum;
  else if ((says("sum") || says("howlong")) && (measured || (says("sum") && unit)) && !counts)
    plan_.ask = Ask::sum;
  else if (says("by month") || says("by year") || says("by quarter"))
    plan_.ask = Ask::series;
  else if (counts || says("sum"))
    plan_.ask = Ask::count, how_much_ = says("sum") && !counts;
  else if (says("exists"))
    plan_.ask = Ask::exists;
  else if (says("which") || says("list"))
    plan_.ask = Ask::list;
  else if (says("when") || asks_where() || says("who") || says("what") || says("where") || says("howlong"))
    plan_.ask = Ask::lookup;
  else if (says("did"))
    plan_.ask = Ask::exists;
  else
    bare_ = true, plan_.ask = names_field() ? Ask::lookup : Ask::count;
  if (plan_.ask == Ask::top)  // "month most samples 2021"
    for (const char* period : {"month", "quarter", "year"})
      for (size_t i = 0; i < q_.tokens.size(); ++i) {
        const std::string before = i > 0 ? fold(q_.tokens[i - 1]) : "";
        const bool loose = before == "per" || before == "a" || before == "the" || before == "last" ||
                           before == "this" || before == "that";
        if (fold(q_.tokens[i]) == period && !loose && (i >= q_.told.size() || !q_.told[i]) && !says("which") &&
            !says("who") && std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
              return s.what != Span::What::asking && s.first <= i + 1 && i <= s.last;  // "the whole year 2020"
            }))
          plan_.period = period;
      }
  if (says("by month")) plan_.period = "month";
  if (says("by quarter")) plan_.period = "quarter";
  if (says("by year")) plan_.period = "year";
}

// "How long are we usually down on average": nothing is ranked.
bool Planner::only_usually() const {
  static const std::set<std::string> usual = {"usual",    "usually",   "always",   "typically",   "mostly",
                                              "normally", "as a rule", "commonly", "by and large"};
  return std::all_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
    return s.what != Span::What::asking || s.op != "most" || usual.count(fold(q_.words_of(s))) > 0;
  });
}

bool Planner::asks_where() const {  // the word may name a field too
  for (size_t i = 0; i < q_.tokens.size(); ++i)
    if ((i >= q_.told.size() || !q_.told[i]) && fold(q_.tokens[i]) == "where") return true;
  return false;
}
bool Planner::names_field() const {
  return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
    return is_field(span) && !span.weak && !span.loose && !has(span, Link::What::type);
  });
}

// No word says what is asked for: "failures BC-01 2020", "BC-01 downtime 2021", "please state the model of BC-01". The
// names tell: an amount of records over time is added up, a field of others is looked up, events are counted, things
// are listed.
void Planner::read_bare() {
  const auto filtered = [&](const std::string& field) {
    return std::any_of(plan_.where.begin(), plan_.where.end(),
                       [&](const Condition& c) { return c.place.field == field; });
  };
  const bool one = std::any_of(plan_.where.begin(), plan_.where.end(),
                               [&](const Condition& c) { return c.place.over.empty() && c.place.field == base_->key; });
  const bool counted_type =
      std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) { return !span.weak && names_base(span); });
  bool type = false, amount = false, other = false, own = false;
  for (size_t s = 0; s < q_.spans.size(); ++s) {
    const Span& span = q_.spans[s];
    type = type || values_named(span);
    const Span* before = s > 0 ? &q_.spans[s - 1] : nullptr;  // "glucose tests 2022"
    type = type || (before && before->last + 1 == span.first && is_value(*before) && is_field(span) &&
                    is_plural(q_.tokens[span.last]) && !base_->time.empty());
    const bool says_of_what = s + 1 < q_.spans.size() && q_.spans[s + 1].first == span.last + 1 &&
                              names_base(q_.spans[s + 1]) && !has(span, Link::What::type);
    if (says_of_what && is_field(span)) used_.insert(s);  // "fuel receipts"
    for (const Link& link : span.links) {
      type = type || (link.what == Link::What::type && !span.weak);
      if (says_of_what) continue;
      const KnownType* owner = one && span.first == span.last ? v_.type(link.type) : nullptr;
      const KnownField* named = owner && link.what == Link::What::field ? owner->field(link.field) : nullptr;
      const bool day = named && named->kind == Kind::date && q_.tokens[span.last].ends_with("ed");  // "M-1 opened"
      if (link.what != Link::What::field ||
          ((span.weak || span.loose) && !day && !(one && !span.weak && span.last + 1 == q_.tokens.size())) ||
          filtered(link.field))
        continue;
      if (has(span, Link::What::type) && counted_type) continue;  // "failures of machines"
      const auto place = reach(v_, *base_, link.type, link.field);
      if (!place) continue;
      const bool counted = place->kind == Kind::number || place->kind == Kind::minutes;
      amount = amount || counted;
      if (place->over.empty() && place->field == base_->key)
        type = true;
      else
        other = other || !counted, own = own || (!counted && place->over.empty());
    }
  }
  if (one && !base_->key.empty())  // "C1004 client name"
    for (const Span& span : q_.spans)
      if (is_field(span) && !is_value(span) && !span.weak)
        for (const Link& link : span.links)
          if (link.what == Link::What::field && link.type == base_->name && link.field == base_->key &&
              !has(span, Link::What::type))
            other = true;
  if (plan_.where.empty() && !type) plan_.open.push_back("of which");
  if (amount || other) {
    plan_.ask = amount && !one && !base_->time.empty() ? Ask::sum : Ask::lookup;
    if (own && !amount && !one && !base_->time.empty() && !base_->named)
      plan_.open.push_back("of which");  // "BC-01 weak point"
    return;
  }
  if (one && !base_->key.empty())
    for (const Span& span : q_.spans)
      for (const Link& link : span.links)
        if (link.what == Link::What::type && link.type != base_->name && !span.weak && !span.loose && !is_value(span) &&
            !is_plural(q_.tokens[span.last]))
          if (const auto place = reach_type(v_, *base_, link.type)) {
            plan_.ask = Ask::lookup, plan_.measure = place;  // "name the driver of receipt F40813"
            return;
          }
  const bool number = fold(q_.tokens.back()) == "number" || fold(q_.tokens.front()) == "number";
  plan_.ask = (base_->time.empty() || base_->named) && !number ? Ask::list : Ask::count;
  if (!type) plan_.open.push_back("what of it");
  read_without();
  if (plan_.not_grouped) return;
  for (size_t s = 0; s < q_.spans.size(); ++s) {
    if (!has(q_.spans[s], Link::What::type)) continue;
    if (names_base(q_.spans[s]) || !is_plural(q_.tokens[q_.spans[s].last])) break;
    if (s + 1 < q_.spans.size() && q_.spans[s + 1].first == q_.spans[s].last + 1 && names_base(q_.spans[s + 1]) &&
        is_plural(q_.tokens[q_.spans[s + 1].last]))
      break;                                    // "Aquila machines, failures 2022": those are counted
    for (const Link& link : q_.spans[s].links)  // "machines with a belt edge failure"
      if (link.what == Link::What::type)
        if (const auto place = reach_type(v_, *base_, link.type)) {
          plan_.ask = Ask::list, plan_.group = place, used_.insert(s);
          return;
        }
  }
}

// "Belt conveyors without failure 2023": the first thing named is listed.
void Planner::read_without() {
  const size_t none = first_of("without");
  if (none == q_.tokens.size() || none == 0) return;
  for (size_t s = 0; s < q_.spans.size() && q_.spans[s].first < none; ++s)
    for (const Link& link : q_.spans[s].links) {
      const auto place = is_plural(q_.tokens[q_.spans[s].last]) ? reach_type(v_, *base_, link.type) : std::nullopt;
      if (!place) continue;
      plan_.ask = Ask::list, plan_.group = place, plan_.not_grouped = true;
      return;
    }
}

// "Oil changes 2022": the records of that kind, where the value is "oil change".
bool Planner::values_named(const Span& span) const {
  const std::string last = fold(q_.tokens[span.last]);
  return is_plural(last) && std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
           return l.what == Link::What::value && l.type == base_->name && !fold(l.value).ends_with("s");
         });
}

void Planner::choose_type() {
  double best = -1e9;
  for (const KnownType& type : v_.types) {
    if (type.records == 0) continue;
    const bool eventful = !type.time.empty();
    double score = 0;
    bool any = false;
    for (const Span& span : q_.spans) {
      if (span.what != Span::What::names || is_per(span)) continue;
      bool reached = false, own = false, named = false, direct = false, near = false, measured = false, afar = false;
      for (const Link& link : span.links) {
        if (link.what == Link::What::type)
          named = named || link.type == type.name,
          reached = reached || link.type == type.name || reach_type(v_, type, link.type),
          near = near || link.type == type.name || refers_to(type, link.type);
        else if (const auto place = reach(v_, type, link.type, link.field))
          reached = true, own = own || place->over.empty(), near = near || steps_of(*place) < 2,
          direct = direct || (link.what == Link::What::field && place->over.empty()),
          measured = measured || (link.what == Link::What::field && place->over.empty() && place->kind == Kind::number),
          afar = afar || (link.what == Link::What::field && !place->over.empty() && place->kind == Kind::number);
      }
      if ((span.weak || span.loose) && !reached) {
        score -= span.loose && !span.filler && !span.weak ? 4 : 0;
        continue;
      }
      any = any || reached;
      score += near ? 2 : reached ? 1 : -6;
      const bool grouping = plan_.ask == Ask::top && span.first > 0 && !span.weak && ranks_records() &&
                            (fold(q_.tokens[span.first - 1]) == "which" || fold(q_.tokens[span.first - 1]) == "what");
      const double weight = !span.weak ? 5 : span.loose && eventful ? 4 : 2;
      if (named && grouping)
        score += 1;  // "which instrument was calibrated most often": of the calibrations
      else if (named)
        score += weight - 0.1 * static_cast<double>(span.first);
      if (named && eventful && follows_none(span)) score += 4;  // "had no visit": it is visits that are missing
      if (own) score += 0.5;
      if (direct && plan_.ask == Ask::lookup) score += 3;
      if (measured && plan_.ask == Ask::top) score += 3;
      if (afar && !measured && plan_.ask == Ask::top) score -= 3;
      if (direct && (plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme)) score += 3;
    }
    const bool about = std::any_of(type.fields.begin(), type.fields.end(), [](const KnownField& f) { return f.about; });
    if (about && plan_.ask == Ask::top && says_about()) score += 4;
    const bool amounts = std::any_of(type.fields.begin(), type.fields.end(), [](const KnownField& f) {
      return f.kind == Kind::number || f.kind == Kind::minutes;
    });
    if (hints_.money && plan_.ask == Ask::lookup)
      if (const auto amount = amount_meant(type, hints_)) {  // "what does the room cost per night": its rate per night
        const KnownField* field = type.field(amount->field);
        if (field->money && std::any_of(field->roots.begin(), field->roots.end(),
                                        [&](const std::string& root) { return hints_.roots.count(root) > 0; }))
          score += 3;
      }
    const bool money = !type.time.empty() && !type.named &&
                       std::any_of(type.fields.begin(), type.fields.end(), [](const KnownField& f) { return f.money; });
    if (hints_.money && income_.empty() &&
        (plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme))
      score += money ? 2 : -2;
    if (!amounts && (plan_.ask == Ask::sum || plan_.ask == Ask::mean)) score -= 5;
    if (eventful &&
        (plan_.ask == Ask::trend || plan_.ask == Ask::mtbf || plan_.ask == Ask::series || plan_.ask == Ask::top))
      score += 3;
    if (!eventful && plan_.ask == Ask::lookup) score += 0.5;
    if (type.rule) score += 0.4;
    score += std::min(0.3, static_cast<double>(type.records) * 1e-5);
    if (any && score > best) best = score, plan_.type = type.name;
  }
}

bool Planner::follows_none(const Span& span) const {
  return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
    return s.what == Span::What::asking && s.op == "without" && s.last < span.first && span.first <= s.last + 3;
  });
}

// "Most often": records are counted, nothing is added up.
bool Planner::ranks_records() const {
  for (const Span& span : q_.spans)
    if (span.what == Span::What::asking && (span.op == "most" || span.op == "least"))
      for (size_t i = span.first; i <= span.last; ++i) {
        const std::string word = fold(q_.tokens[i]);
        if (i == span.last && i + 1 < q_.tokens.size() && word == "most" && fold(q_.tokens[i + 1]).ends_with("ed"))
          return true;
        if (word == "often" || word.starts_with("frequent") || word.starts_with("common") ||
            word.starts_with("regular"))
          return true;
      }
  return false;
}

// "Per night" of what something costs: the unit of its price.
bool Planner::is_per(const Span& span) const {
  if (!hints_.money || span.first == 0) return false;
  const std::string before = fold(q_.tokens[span.first - 1]);
  return (before == "per" || before == "a" || before == "each") && is_field(span) && plan_.ask != Ask::top;
}

bool Planner::refers_to(const KnownType& type, const std::string& other) const {
  return std::any_of(type.fields.begin(), type.fields.end(), [&](const KnownField& f) { return f.refers == other; });
}

bool Planner::names_base(const Span& span) const {
  return std::any_of(span.links.begin(), span.links.end(),
                     [&](const Link& l) { return l.what == Link::What::type && l.type == base_->name; });
}

void Planner::missing(const Span& span) {
  for (size_t i = span.first; i <= span.last; ++i) plan_.missing.push_back(q_.tokens[i]);
}

void Planner::distinct_things() {
  if (plan_.ask != Ask::count || says("how often")) return;
  for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {
    const Span& next = q_.spans[s + 1];
    if (q_.spans[s].what != Span::What::asking || q_.spans[s].op != "count" || next.first > q_.spans[s].last + 2 ||
        !has(next, Link::What::type) || names_base(next) || fold(q_.tokens[q_.spans[s].last]) == "times")
      continue;
    if (s + 2 < q_.spans.size() && q_.spans[s + 2].first == next.last + 1 && names_base(q_.spans[s + 2]))
      continue;  // "how many machine stoppages"
    for (const Link& link : next.links)
      if (link.what == Link::What::type)
        if (const auto place = reach_type(v_, *base_, link.type)) {
          plan_.ask = Ask::distinct, plan_.group = place, used_.insert(s + 1);
          return;
        }
  }
}

void Planner::pieces() {
  if (plan_.ask != Ask::count || says("how often")) return;
  const KnownField* quantity = nullptr;
  for (const KnownField& field : base_->fields)
    if (field.quantity) quantity = &field;
  for (size_t s = 0; quantity && s + 1 < q_.spans.size(); ++s)
    if (const Span& next = q_.spans[s + 1];
        q_.spans[s].what == Span::What::asking && q_.spans[s].op == "count" && next.first == q_.spans[s].last + 1 &&
        is_value(next) && !has(next, Link::What::type) &&
        std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& other) { return names_base(other); }))
      if (std::any_of(next.links.begin(), next.links.end(),
                      [&](const Link& l) { return l.what == Link::What::value && l.type == base_->name; }))
        plan_.ask = Ask::sum, plan_.measure = Place{"", quantity->name, base_->name, quantity->kind};
}

void Planner::conventions() {
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

Plan make_plan(const Question& question, const Vocabulary& vocabulary, const Domain& domain) {
  return Planner(question, vocabulary, domain).make();
}

}  // namespace freehold::papers
