// What of a question the plan has no place for, or would answer in another sense: then it is not answered.
#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Whether a field's amounts are of that unit, by its headers; of money, whether no header names another one.
bool is_in(const KnownField& field, const std::string& unit) {
  static const std::vector<std::set<std::string>> money = {
      {"eur", "euro", "euros"}, {"gbp", "pound", "pounds"}, {"usd", "dollar", "dollars"}, {"chf"}, {"sek"}};
  const auto asked = std::find_if(money.begin(), money.end(), [&](const auto& words) { return words.count(unit) > 0; });
  if (asked == money.end()) {
    const auto words = words_of(unit == "m\xc2\xb2" || unit == "sqm" ? "m2" : unit);
    return std::all_of(words.begin(), words.end(),
                       [&](const std::string& w) { return field.roots.count(root_of(w)) > 0; });
  }
  return field.money && std::all_of(money.begin(), money.end(), [&](const auto& words) {
           return &words == &*asked || std::none_of(words.begin(), words.end(), [&](const std::string& w) {
             return field.roots.count(root_of(w)) > 0;
           });
         });
}

}  // namespace

// A name that the plan does not use is a part of the question that was not understood.
void Planner::uncovered() {
  const auto uses = [&](const Link& link) {
    const auto same = [&](const std::optional<Place>& place) { return place && place->field == link.field; };
    return same(plan_.measure) || same(plan_.group) || same(plan_.time) ||
           std::any_of(plan_.where.begin(), plan_.where.end(),
                       [&](const Condition& c) { return c.place.field == link.field; });
  };
  for (size_t s = 0; s < q_.spans.size(); ++s) {
    const Span& span = q_.spans[s];
    if (span.what != Span::What::names || span.filler || used_.count(s)) continue;
    if (span.first < q_.told.size() && q_.told[span.first]) continue;  // of something else
    if ((span.weak || span.loose) && !is_akin_to_text(span)) continue;
    if (s + 1 < q_.spans.size() && q_.spans[s + 1].first == span.last + 1 && is_field(span) &&
        names_base(q_.spans[s + 1]))
      continue;  // "fuel receipts"
    if (names_container(span) || counts_stops(span)) continue;
    const KnownType* owner = plan_.measure ? v_.type(plan_.measure->type) : nullptr;
    const KnownField* measured = owner ? owner->field(plan_.measure->field) : nullptr;
    const std::string before_it = span.first > 0 ? fold(q_.tokens[span.first - 1]) : "";
    if (measured && (before_it == "per" || before_it == "a") &&
        measured->roots.count(root_of(fold(q_.tokens[span.first]))))
      continue;  // "a night", of the rate per night
    const bool covered = std::any_of(span.links.begin(), span.links.end(), [&](const Link& link) {
      const KnownType* type = v_.type(link.type);
      const bool alias = type && type->rule && among(type->rule->aliases, link.field);  // "known as Old Bertha"
      const bool happens =  // "borrowed most": what loans are
          link.type == base_->name && link.field == base_->time && q_.tokens[span.first].ends_with("ed");
      if (link.what != Link::What::type) return alias || happens || uses(link);
      return link.type == base_->name || reach_type(v_, *base_, link.type).has_value();
    });
    if (is_unit(q_.tokens[span.last]) || names_its_points(s)) continue;
    if (asks_where() && plan_.measure && plan_.measure->kind == Kind::text && base_->rule &&
        std::any_of(span.links.begin(), span.links.end(),
                    [&](const Link& link) { return link.field == base_->rule->valid_from; }))
      continue;  // "where was BC-01 put in"
    const bool noun = std::any_of(span.links.begin(), span.links.end(), [&](const Link& link) {
      const KnownField* field = link.type == base_->name ? base_->field(link.field) : nullptr;
      const bool added = plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::trend;
      return field && (field->name == base_->key || (added && field->kind == Kind::text));
    });  // "preventive work orders", "spent on fuel": what the records are of
    if (noun) continue;
    const Span* before = s > 0 ? &q_.spans[s - 1] : nullptr;  // "how many books", "the most books": what is counted
    const bool counted = before && before->what == Span::What::asking && span.first <= before->last + 2 &&
                         (before->op == "count" || before->op == "most" || before->op == "least");
    if (covered || counted) continue;
    plan_.open.push_back(q_.words_of(span));
  }
  for (const std::string& token : q_.tokens)  // of people: by their birth, or not at all
    if (const std::string word = fold(token);
        base_->named && (word == "oldest" || word == "youngest") && (!plan_.measure || plan_.measure->field != "birth"))
      plan_.open.push_back(token);
  if (says("without") && !plan_.not_grouped) plan_.open.push_back("no");
  if (says("how much") && plan_.measure && plan_.measure->kind == Kind::minutes && !hints_.duration &&
      std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
        const std::string word = fold(q_.tokens[span.first]);
        return is_field(span) && !span.loose && !span.weak && !word.starts_with("los") &&
               span.links[0].field == plan_.measure->field;
      }))
    plan_.open.push_back("how much");  // "how much did we lose on it"
  const KnownType* far = plan_.measure && !plan_.measure->over.empty() ? v_.type(plan_.measure->type) : nullptr;
  if (far && (plan_.ask == Ask::sum || plan_.ask == Ask::top))
    plan_.open.push_back(plan_.measure->field);  // a salary, a tank is no amount of each thing that its owner did
  if (!measures_money()) plan_.open.push_back(money_word_);
  const std::optional<Place>& told = plan_.ask == Ask::top ? plan_.group : plan_.measure;
  if ((plan_.ask == Ask::lookup || plan_.ask == Ask::extreme || plan_.ask == Ask::top) && told &&
      told->kind != Kind::date && first_of("when") == 0)
    plan_.open.push_back(q_.tokens[0]);
  if (asks_doer()) plan_.open.push_back(q_.tokens[1]);
  if (plan_.ask == Ask::top && !plan_.measure && plan_.group && plan_.group->over.empty() &&
      plan_.group->field == base_->key)
    plan_.open.push_back("most");  // each is one of itself
}

// What the plan answers in another sense than it was asked, or cannot know.
void Planner::misread() {
  static const std::set<std::string> units = {
      "minute", "hour", "day",   "night", "week",  "shift", "head",  "person", "km",     "mile",  "litre",   "liter",
      "kg",     "kilo", "tonne", "ton",   "piece", "unit",  "metre", "meter",  "square", "month", "quarter", "year"};
  const auto untold = [&](size_t i) { return i >= q_.told.size() || !q_.told[i]; };
  const auto free = [&](size_t i) {
    return untold(i) && std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
             return s.what != Span::What::names && s.first <= i && i <= s.last &&
                    (s.what != Span::What::asking || (s.op != "per" && s.op != "by"));
           });
  };
  const KnownType* owner = plan_.measure ? v_.type(plan_.measure->type) : nullptr;
  const KnownField* measured = owner ? owner->field(plan_.measure->field) : nullptr;
  for (size_t i = 0; i < q_.tokens.size(); ++i) {
    const std::string word = fold(q_.tokens[i]);
    const std::string next = i + 1 < q_.tokens.size() ? fold(q_.tokens[i + 1]) : "";
    if (word == "will" && untold(i) && next != "you") plan_.open.push_back(q_.tokens[i]);  // papers tell what was
    const bool each = word == "per" || word == "a" || word == "an" || word == "every" || word == "each";
    if (each && units.count(next) && free(i) && free(i + 1) &&
        !(measured && measured->roots.count(root_of(next)) > 0) && !(i > 0 && fold(q_.tokens[i - 1]) == "in") &&
        (i == 0 || fold(q_.tokens[i - 1]) != "half"))
      plan_.open.push_back(word + " " + q_.tokens[i + 1]);
  }
  for (size_t s = 0; s + 1 < q_.spans.size() && (plan_.ask == Ask::count || plan_.ask == Ask::distinct);
       ++s) {  // "the number of the delivery note"
    const Span& noun = q_.spans[s + 1];
    if (q_.spans[s].op == "count" && fold(q_.words_of(q_.spans[s])).ends_with("number of") && is_field(noun) &&
        noun.first == q_.spans[s].last + 2 && fold(q_.tokens[noun.first - 1]) == "the" &&
        !is_plural(q_.tokens[noun.last]))
      plan_.open.push_back(q_.words_of(q_.spans[s]));
  }
  for (const Span& span : q_.spans)
    if (span.op == "in unit" && !(measured && is_in(*measured, fold(q_.tokens[span.last]))))
      plan_.open.push_back(q_.words_of(span));
  if (hints_.money && plan_.ask == Ask::sum)  // "how much tax did we pay": a kind of matter is no tax
    for (size_t s = 0; s + 1 < q_.spans.size(); ++s)
      if (q_.spans[s].op == "how much" && q_.spans[s + 1].first == q_.spans[s].last + 1 && is_value(q_.spans[s + 1]) &&
          measured && measured->money)
        plan_.open.push_back(q_.words_of(q_.spans[s + 1]));
  for (const Span& span : q_.spans) {  // "how many went there": of whom is not said
    if (span.what != Span::What::asking || span.op != "count" || fold(q_.words_of(span)) != "how many") continue;
    const std::string next = span.last + 1 < q_.tokens.size() ? fold(q_.tokens[span.last + 1]) : "";
    const bool verb = next == "went" || next == "came" || next == "come" || next == "did" || next == "got" ||
                      next == "go" || next == "are" || next == "were" || next == "is" || next == "was";
    const bool thing = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && (has(s, Link::What::type) || (is_field(s) && !s.loose && !s.weak));
    });
    if (verb && !thing && plan_.ask == Ask::count) plan_.open.push_back("how many");
  }
  const bool named_measure = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
    return is_field(span) && plan_.measure && span.links[0].field == plan_.measure->field;
  });
  if (plan_.ask == Ask::sum && plan_.measure && base_->named && !named_measure)
    plan_.open.push_back(spoken(plan_.measure->field));  // a credit limit is not what was billed
  const bool looked_up = plan_.ask == Ask::lookup || plan_.ask == Ask::extreme;
  if (looked_up && measured && measured->kind != Kind::text && first_of("who") < q_.tokens.size() && !says("when") &&
      !says("what") && !says("how much") && !says("howlong"))
    plan_.open.push_back("who");
  if (plan_.ask == Ask::lookup && measured && measured->kind != Kind::text && !plan_.measure->over.empty() &&
      std::none_of(
          q_.spans.begin(), q_.spans.end(), [&](const Span& s) {  // the weight of a shipment is not its claim's
            return std::any_of(s.links.begin(), s.links.end(), [&](const Link& l) {
              return (l.what == Link::What::type || l.what == Link::What::record) && l.type == plan_.measure->type;
            });
          }))
    plan_.open.push_back(spoken(plan_.measure->field));
  if (plan_.ask == Ask::lookup && measured && plan_.measure->over.empty() && !base_->time.empty() &&
      (measured->kind == Kind::number || measured->kind == Kind::minutes) && !says_which_one() && !named_otherwise()) {
    const bool timed = std::any_of(plan_.where.begin(), plan_.where.end(),
                                   [](const Condition& c) { return c.place.kind == Kind::date; });
    if (named_measure && timed)
      plan_.ask = Ask::sum;  // "what did we take in fines in 2022"
    else if (!named_measure)
      plan_.open.push_back("of which");  // "what did that book cost": each of its loans has a fine
  }
  const bool named_things = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) { return names_base(s); });
  if (plan_.ask == Ask::lookup && measured && measured->kind == Kind::text && plan_.measure->over.empty() &&
      !base_->time.empty() && !base_->named && says("who") && !named_things && !says_which_one() &&
      !named_otherwise() && std::none_of(plan_.where.begin(), plan_.where.end(), [](const Condition& c) {
        return c.place.kind == Kind::date;
      }))
    plan_.open.push_back("of which");  // "who is the operator of BC-01": each of its orders has somebody
  if (plan_.ask == Ask::top && plan_.group && plan_.group->field == "person")  // who was there caused nothing
    for (const std::string& token : q_.tokens)
      if (root_of(fold(token)) == root_of("caused")) plan_.open.push_back(token);
  for (const Condition& c : plan_.where)  // "hearings in Lyon", where only the client of the matter is there
    if (steps_of(c.place) >= 2 && c.op == "=" && std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
          return std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
            return (l.what == Link::What::type && l.type == c.place.type) ||
                   (l.what == Link::What::field && l.field == c.place.field);
          });
        }))
      plan_.open.push_back(c.shown);
  if (plan_.ask == Ask::count || plan_.ask == Ask::distinct)
    for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {  // "how many breakfasts", where complaints are about them
      const Span& next = q_.spans[s + 1];
      if (q_.spans[s].op != "count" || next.first != q_.spans[s].last + 1 || !is_value(next)) continue;
      if (std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& other) { return names_base(other); })) continue;
      for (const Link& link : next.links)
        if (const KnownField* field =
                link.what == Link::What::value && link.type == base_->name ? base_->field(link.field) : nullptr;
            field && field->theme) {
          plan_.open.push_back(q_.words_of(next));
          break;
        }
    }
}

// "Insured patients": a verb akin to a field of texts tells records apart, unless that field is used.
bool Planner::is_akin_to_text(const Span& span) const {
  if (!span.weak || span.loose || span.first != span.last || plan_.ask == Ask::lookup) return false;
  const std::string word = fold(q_.tokens[span.first]);
  if (!word.ends_with("ed") && !word.ends_with("ing")) return false;
  return std::all_of(span.links.begin(), span.links.end(), [&](const Link& l) {
    const KnownType* type = l.what == Link::What::field ? v_.type(l.type) : nullptr;
    const KnownField* field = type ? type->field(l.field) : nullptr;
    return field && field->kind == Kind::text && field->refers.empty();
  });
}

// "How many times were we down", "did we lose the belt": each that lasted is counted.
bool Planner::counts_stops(const Span& span) const {
  const bool stops = std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
    const KnownField* field = l.what == Link::What::field && l.type == base_->name ? base_->field(l.field) : nullptr;
    return field && field->kind == Kind::minutes && !field->roots.count(root_of(fold(q_.tokens[span.last])));
  });
  if (!stops || std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) { return names_base(s); }))
    return false;
  if (plan_.ask == Ask::top) return ranks_records() && !plan_.measure;  // "which machine was down most often"
  return plan_.ask == Ask::count && std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
           const std::string last = s.op == "count" ? fold(q_.tokens[s.last]) : "";
           return last == "times" || last == "often" || (last == "many" && s.last + 1 == span.first);
         });
}

// "Which part of BC-01 fails most": those of it that are told to fail.
bool Planner::names_its_points(size_t s) const {
  const TypeRule* rule = base_->rule;
  if (plan_.ask != Ask::top || !plan_.group || !rule || rule->from_text.size() < 3 ||
      plan_.group->field != rule->from_text[2] || s + 1 >= q_.spans.size())
    return false;
  const Span &kind = q_.spans[s], &thing = q_.spans[s + 1];
  return has(kind, Link::What::type) && thing.first == kind.last + 2 && fold(q_.tokens[kind.last + 1]) == "of" &&
         has(thing, Link::What::record) && used_.count(s + 1) &&
         std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) { return names_base(span); });
}

// "In the fleet list": where it is written.
bool Planner::names_container(const Span& span) const {
  static const std::set<std::string> containers = {"list", "register", "log",   "book",
                                                   "file", "overview", "table", "sheet"};
  static const std::set<std::string> in = {"in", "on", "from", "of"};
  if (span.first < 2 || span.last + 1 >= q_.tokens.size() || !containers.count(fold(q_.tokens[span.last + 1])))
    return false;
  return in.count(fold(q_.tokens[span.first - 2])) > 0 && fold(q_.tokens[span.first - 1]) == "the";
}

// "Who treated the patient of V-12": the one who did it is asked for, not what it was done to.
bool Planner::asks_doer() const {
  if (plan_.ask != Ask::lookup || !plan_.measure || q_.tokens.size() < 3 || first_of("who") != 0) return false;
  const std::string verb = fold(q_.tokens[1]);
  if (verb == "do" || verb == "does" || verb == "did" || verb == "can") return false;  // "who do we buy it off"
  if (verb == "is" || verb == "was" || verb == "are" || verb == "were" || verb == "s") return false;
  bool done_to = false;
  for (const Span& span : q_.spans) {
    if (span.first <= 1 && span.last >= 1) return false;  // the verb names it: "who supplied D-7"
    for (const Link& link : span.links)
      done_to = done_to || (link.what == Link::What::field && link.field == plan_.measure->field) ||
                (link.what == Link::What::type && reach_type(v_, *base_, link.type) &&
                 reach_type(v_, *base_, link.type)->field == plan_.measure->field);
  }
  return done_to;
}

// "Did spending rise", "what does a night cost", "who paid most": a number of records or of nights is no answer. A word
// of money that names records or a value of theirs ("invoices", "paid ones") asks for none.
bool Planner::measures_money() const {
  if (money_word_.empty() || plan_.ask == Ask::count || plan_.ask == Ask::distinct || plan_.ask == Ask::list ||
      plan_.ask == Ask::exists || plan_.ask == Ask::mtbf)
    return true;
  for (const Span& span : q_.spans)
    if (span.what == Span::What::names && (has(span, Link::What::type) || is_value(span)))
      for (size_t i = span.first; i <= span.last; ++i)
        if (q_.tokens[i] == money_word_) return true;
  if (!plan_.measure) return false;
  const KnownType* owner = v_.type(plan_.measure->type);
  const KnownField* field = owner ? owner->field(plan_.measure->field) : nullptr;
  const bool named = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
    const std::string before = span.first > 0 ? fold(q_.tokens[span.first - 1]) : "";
    return is_field(span) && !span.weak && !span.loose && span.links[0].field == plan_.measure->field &&
           before != "per" && before != "a" && before != "an" && before != "each";
  });
  if (!income_.empty() && !named && field && !field->roots.count(income_)) return false;  // fees are no salary
  const bool amount = says("how much") || (says("what") && !says("which") && !says("who"));
  if (field && field->kind == Kind::minutes) return named || (hints_.duration && !says("how much"));
  if (field && field->kind == Kind::text && amount && plan_.ask == Ask::lookup) return named;
  return !field || field->kind != Kind::number || field->money || field->roots.count(root_of(fold(money_word_))) > 0;
}

}  // namespace freehold::papers
