// A plan in which a model chose what is asked and of what; the rules place the rest and check it.
#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

bool same(const Place& a, const Place& b) { return a.over == b.over && a.field == b.field; }
bool same(const std::optional<Place>& a, const Place& b) { return a && same(*a, b); }

}  // namespace

Plan Planner::make_as(const Reading& reading) {
  plan_.ask = reading.ask, plan_.ascending = reading.ascending;
  plan_.type = reading.type, plan_.period = reading.period;
  base_ = v_.type(plan_.type);
  choose_unit();
  conditions();
  times();
  compares();
  if (plan_.ask == Ask::top || plan_.ask == Ask::distinct || plan_.ask == Ask::list || plan_.ask == Ask::series)
    plan_.group = reading.group;  // others have no use for one
  if (plan_.ask != Ask::count && plan_.ask != Ask::distinct && plan_.ask != Ask::list) plan_.measure = reading.field;
  for (const Meaning& meaning : reading.words)
    if (meaning.what == Meaning::What::value) narrow(meaning);
  uncovered();
  conventions();
  plan_.missing.insert(plan_.missing.end(), q_.unknown.begin(), q_.unknown.end());
  settle(reading);
  for (const auto* place : {&plan_.measure, &plan_.group})
    if (*place && !is_named(**place, reading)) plan_.missing.push_back((*place)->field);
  return plan_;
}

std::optional<Planner> Planner::narrowed_to(const KnownType& type) const {
  Planner narrowed = *this;
  narrowed.plan_.type = type.name;
  narrowed.base_ = &type;
  narrowed.choose_unit();
  narrowed.conditions();
  narrowed.times();
  narrowed.compares();
  for (size_t s = 0; s < q_.spans.size(); ++s)
    if (is_value(q_.spans[s]) && !q_.spans[s].loose && !q_.spans[s].weak && !narrowed.used_.count(s)) return std::nullopt;
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

// The words only; what is asked, and of what, the rules find by themselves.
Plan Planner::make_with(const Reading& reading) {
  make();
  if (plan_.type.empty()) return plan_;
  settle(reading);
  return plan_;
}

// A word that was read is open no more if the plan has what it stands for, and open if not.
void Planner::settle(const Reading& reading) {
  for (const Meaning& meaning : reading.words)
    if (explains(meaning) && !narrows(meaning, reading)) {
      std::erase(plan_.open, meaning.word);
      std::erase(plan_.missing, meaning.word);
    } else if (std::find(plan_.open.begin(), plan_.open.end(), meaning.word) == plan_.open.end()) {
      plan_.open.push_back(meaning.word);
    }
}

// A value that a word stands for: a condition of its own, or what one is meant of several.
void Planner::narrow(const Meaning& meaning) {
  for (Condition& c : plan_.where)
    if (same(c.place, meaning.place)) {
      if (c.op == "=" && std::find(c.texts.begin(), c.texts.end(), meaning.value) != c.texts.end())
        c.texts = {meaning.value};
      return;  // else explains() finds it unused
    }
  plan_.where.push_back({meaning.place, "=", {meaning.value}, 0, {}, meaning.word, false});
}

bool Planner::explains(const Meaning& meaning) const {
  switch (meaning.what) {
    case Meaning::What::nothing:
    case Meaning::What::records:
      return true;
    case Meaning::What::field:
      return same(plan_.measure, meaning.place) || same(plan_.group, meaning.place) ||
             same(plan_.time, meaning.place) ||
             std::any_of(plan_.where.begin(), plan_.where.end(),
                         [&](const Condition& c) { return same(c.place, meaning.place); });
    case Meaning::What::value:
      return std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
        return same(c.place, meaning.place) && c.texts == std::vector<std::string>{meaning.value};
      });
    case Meaning::What::other:
      return false;
  }
  return false;
}

// A word that is said to mean nothing, right before what is counted or asked for: "fatal failures" are not all
// failures.
bool Planner::narrows(const Meaning& meaning, const Reading& reading) const {
  if (meaning.what != Meaning::What::nothing) return false;
  for (const Span& span : q_.spans)  // the name of a field means that field
    if (is_field(span) && !span.weak && !span.loose && q_.words_of(span) == meaning.word) return true;
  const auto at = std::find(q_.tokens.begin(), q_.tokens.end(), meaning.word);
  if (at == q_.tokens.end() || at + 1 == q_.tokens.end()) return false;
  const auto next = static_cast<size_t>(at + 1 - q_.tokens.begin());
  if (has_digit(q_.tokens[next])) return false;  // the verb before a machine
  return std::any_of(q_.spans.begin(), q_.spans.end(),
                     [&](const Span& s) {
                       return s.what == Span::What::names && !s.weak && !s.filler && s.first <= next && next <= s.last;
                     }) ||
         std::any_of(reading.words.begin(), reading.words.end(),
                     [&](const Meaning& m) { return m.word == q_.tokens[next] && m.what != Meaning::What::nothing; });
}

// Something in the question leads to the field: a name, a word of its headers, a word that was found to stand for it,
// or what is asked ("when", "how much", "how many hours"); or it is what records of this type are told apart by.
bool Planner::is_named(const Place& place, const Reading& reading) const {
  const KnownType* owner = v_.type(place.type);
  const KnownField* field = owner ? owner->field(place.field) : nullptr;
  if (!field) return false;
  for (const Meaning& meaning : reading.words)
    if (meaning.what == Meaning::What::field && same(meaning.place, place)) return true;
  for (const Span& span : q_.spans)
    for (const Link& link : span.links) {
      if (link.what == Link::What::field && link.field == place.field) return true;
      if (link.what == Link::What::type &&
          (link.type == field->refers || (place.field == owner->key && link.type == owner->name)))
        return true;
    }
  if (std::any_of(field->roots.begin(), field->roots.end(),
                  [&](const std::string& root) { return hints_.roots.count(root) > 0; }))
    return true;
  if (field->kind == Kind::date && says("when")) return true;
  if (field->kind == Kind::minutes && (hints_.duration || !plan_.unit.empty())) return true;
  if (field->money && hints_.money) return true;
  return plan_.ask == Ask::top && place.over.empty() && base_->rule && base_->rule->from_text.size() > 2 &&
         base_->rule->from_text[2] == place.field;
}

}  // namespace freehold::papers
