// What of the records is meant: the field that is added up, ranked by, grouped by or looked up.
#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {

std::optional<Place> Planner::sole_number() const {
  std::optional<Place> sole;
  for (const KnownField& field : base_->fields)
    if (field.kind == Kind::number) {
      if (sole) return std::nullopt;
      sole = Place{"", field.name, base_->name, field.kind};
    }
  return sole;
}

void Planner::fields() {
  const bool measuring = plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme ||
                         plan_.ask == Ask::top || plan_.ask == Ask::trend;
  const size_t most = std::min(first_of("most"), first_of("least"));
  std::vector<std::pair<size_t, Place>> texts, numbers, dates;
  for (size_t s = 0; s < q_.spans.size(); ++s) {
    const Span& span = q_.spans[s];
    const bool asked_for = s > 0 && q_.spans[s - 1].what == Span::What::asking && follows(s - 1, span.first) &&
                           (q_.spans[s - 1].op == "which" || q_.spans[s - 1].op == "list");
    if (span.what != Span::What::names || (used_.count(s) && !asked_for)) continue;
    std::optional<Place> chosen;
    for (const Link& link : span.links)
      if (link.what == Link::What::field && !used_.count(s))
        if (const auto place = reach(v_, *base_, link.type, link.field);
            place && (!chosen || (chosen->over.size() > 0 && place->over.empty())))
          chosen = place;
    if (!chosen || (asked_for && has(span, Link::What::type) && !names_base(span)))
      for (const Link& link : span.links)  // "which machine", "which pump": the field that refers to machines
        if ((link.what == Link::What::type || (asked_for && link.what == Link::What::value)) &&
            link.type != base_->name)
          if (const auto place = reach_type(v_, *base_, link.type)) chosen = place;
    if (span.weak && chosen && chosen->kind == Kind::date && !(plan_.ask == Ask::lookup && says("when"))) continue;
    if (span.weak && (!chosen || plan_.ask == Ask::list)) continue;
    const bool names_value = plan_.ask == Ask::lookup && !is_field(span) && s + 1 < q_.spans.size() &&
                             used_.count(s + 1) && q_.spans[s + 1].first == span.last + 1 && is_value(q_.spans[s + 1]);
    if (names_value || (!chosen && is_per(span))) continue;  // "room 303 beds"; "per night" of its price
    if (!chosen && is_field(span) && !has(span, Link::What::type) && !used_.count(s) && !span.loose) {
      missing(span);
      continue;
    }
    if (!chosen) continue;
    if (plan_.ask == Ask::list && texts.empty()) plan_.several = is_plural(q_.tokens[span.last]);
    const bool grouping = asked_for && (plan_.ask == Ask::top || plan_.ask == Ask::list);
    if (chosen->kind == Kind::text || grouping)  // "which floor", "in which room": though it is a number
      texts.push_back({span.first, *chosen});
    else if (chosen->kind == Kind::date)
      dates.push_back({span.first, *chosen});
    else
      numbers.push_back({span.first, *chosen});
  }
  if (hints_.money)  // "what does the room cost per night": the night is no price
    std::erase_if(numbers, [&](const auto& number) {
      const std::string before = number.first > 0 ? fold(q_.tokens[number.first - 1]) : "";
      return before == "per" || before == "a" || before == "an" || before == "each";
    });
  if (measuring && !numbers.empty() && !(plan_.ask == Ask::top && (ranks_records() || only_usually())))
    plan_.measure = numbers.front().second;
  if (!plan_.measure &&
      (plan_.ask == Ask::sum || plan_.ask == Ask::mean || (plan_.ask == Ask::extreme && says("longest"))))
    plan_.measure = amount_meant(*base_, hints_);
  if (!plan_.measure && !says("how much") &&
      (plan_.ask == Ask::sum || plan_.ask == Ask::mean ||
       (plan_.ask == Ask::extreme && !says("latest") && !says("earliest"))))
    for (const KnownField& field : base_->fields)
      if (field.kind == Kind::minutes && !plan_.measure) plan_.measure = Place{"", field.name, base_->name, field.kind};
  if (!plan_.measure && (plan_.ask == Ask::sum || plan_.ask == Ask::mean)) plan_.measure = sole_number();
  if (!plan_.measure && plan_.ask == Ask::extreme)
    plan_.measure = dates.empty() ? Place{"", base_->time, base_->name, Kind::date} : dates.front().second;
  if (plan_.ask == Ask::trend && !plan_.measure && hints_.money) plan_.measure = amount_meant(*base_, hints_);
  if (plan_.ask == Ask::top && !plan_.measure)
    for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {  // "the highest invoice": by its amount, not by how many
      const std::string word = fold(q_.tokens[q_.spans[s].first]);
      static const std::set<std::string> sizes = {"highest", "largest",  "biggest", "greatest",
                                                  "lowest",  "smallest", "heaviest"};
      if (q_.spans[s].what != Span::What::asking || q_.spans[s].first != q_.spans[s].last || !sizes.count(word))
        continue;
      if (q_.spans[s + 1].first != q_.spans[s].last + 1 || !names_base(q_.spans[s + 1]) || base_->key.empty()) continue;
      const size_t next = q_.spans[s + 1].last + 1;  // "the largest failure count": of them there are most
      if (const std::string after = next < q_.tokens.size() ? fold(q_.tokens[next]) : "";
          after == "count" || after == "number" || after == "tally")
        continue;
      plan_.measure = hints_.money ? amount_meant(*base_, hints_) : sole_number();
      plan_.group = Place{"", base_->key, base_->name, Kind::text};
      if (!plan_.measure) plan_.open.push_back(word);
      return;
    }
  if (plan_.ask == Ask::top && !plan_.measure && says("how much")) plan_.measure = amount_meant(*base_, hints_);
  if (plan_.ask == Ask::top) {
    if (!plan_.period.empty()) return;
    const size_t which = std::min(first_of("which"), first_of("what"));
    const Place* group = nullptr;
    size_t nearest = q_.tokens.size();
    for (const auto& [at, place] : texts) {
      const bool itself = (!plan_.measure || texts.size() > 1) && place.over.empty() &&
                          place.field == base_->key;  // each is one of itself; "the pupil with most days of absence"
      if (itself && !(says("which") && at > which && at <= which + 2)) continue;
      const bool given = std::any_of(plan_.where.begin(), plan_.where.end(), [&place = place](const Condition& c) {
        return c.place.field == place.field && c.place.over == place.over && c.records.size() + c.texts.size() == 1;
      });
      if (given) continue;  // "what fails on that machine"
      const size_t from_which = at > which             ? at - which
                                : says_which_of_told() ? which - at
                                : at + 1 == which      ? 1  // "the machine which had"
                                                       : q_.tokens.size(),
                   from_most = at > most                   ? at - most
                               : which == q_.tokens.size() ? most - at  // "machine most failures"
                                                           : q_.tokens.size();
      const size_t distance = std::min(from_which, from_most);
      if (distance < nearest) nearest = distance, group = &place;
    }
    const bool highest = std::any_of(numbers.begin(), numbers.end(),
                                     [&](const auto& n) { return n.first > most && n.first <= most + 2; });
    if (!group && plan_.measure && highest && !only_usually() && says("what") && !says("which") && !says("who")) {
      plan_.ask = Ask::extreme;  // "what was the highest result"
      return;
    }
    if (!group && says_which_of_told()) plan_.open.push_back("which one");
    if (const KnownField* about = says_about() && says("what") ? about_field() : nullptr)
      plan_.group = Place{"", about->name, base_->name, about->kind};  // "what do clients complain about most"
    else if (group)
      plan_.group = *group;
    else if (base_->rule && base_->rule->from_text.size() > 2 && (!says("who") || says("which") || says("what")) &&
             base_->field(base_->rule->from_text[2]))
      plan_.group = Place{"", base_->rule->from_text[2], base_->name, Kind::text};
    else if (const KnownField* kind = plan_.measure ? nullptr : about_field())  // "the most common repair"
      plan_.group = Place{"", kind->name, base_->name, kind->kind};
    else if (!base_->named && says("who") && !says("which"))
      group_who();
    else if (!base_->key.empty() && plan_.measure)
      plan_.group = Place{"", base_->key, base_->name, Kind::text};
    for (const Span& span : q_.spans)  // "top 3"
      if (span.what == Span::What::asking && span.op == "most" && span.last + 1 < q_.tokens.size())
        if (const auto n = number_of(q_.tokens[span.last + 1], Mark::point);
            n && *n >= 1 && *n <= 50 && q_.tokens[span.last + 1].size() <= 2)
          plan_.limit = static_cast<int>(*n), std::erase(plan_.missing, q_.tokens[span.last + 1]);
    return;
  }
  if ((plan_.ask == Ask::distinct || bare_) && plan_.group) return;
  if (plan_.ask == Ask::list || plan_.ask == Ask::distinct || plan_.ask == Ask::exists) {
    if (const auto thing =
            first_of("which") == 0 && texts.empty() && says_which_of_told() ? sole_thing() : std::nullopt)
      texts.push_back({0, *thing}), plan_.several = fold(q_.tokens[1]) == "ones";  // "which ones tore a belt"
    if (says_which_of_told() && texts.empty()) plan_.open.push_back("which one");
    if (!texts.empty())
      plan_.group = texts.front().second;
    else if (!base_->key.empty()) {
      plan_.group = Place{"", base_->key, base_->name, Kind::text};
      for (const Span& span : q_.spans)
        if (names_base(span)) plan_.several = is_plural(q_.tokens[span.last]);
    }
    plan_.not_grouped = plan_.ask == Ask::list && says("without");
  }
  const Place* grouped = nullptr;  // "by machine", "per technician"
  for (const auto& [at, place] : texts)
    for (const Span& span : q_.spans)
      if (span.what == Span::What::asking && (span.op == "per" || span.op == "by") && span.last + 1 == at &&
          (span.first == 0 || !q_.tokens[span.first - 1].ends_with("ed")) &&  // "caused by operators" asks for one
          std::none_of(plan_.where.begin(), plan_.where.end(), [&place = place](const Condition& c) {
            return c.place.over == place.field && place.over.empty();  // "visits by patients from Wels"
          }))
        grouped = &place;
  if ((plan_.ask == Ask::count || plan_.ask == Ask::sum || plan_.ask == Ask::mean) &&
      (grouped || !plan_.period.empty())) {
    const bool each = grouped && plan_.ask == Ask::mean && grouped->over.empty() && grouped->field == base_->key;
    if (each && plan_.period.empty()) return;  // "the average credit per complaint"
    if (grouped) plan_.group = *grouped;
    plan_.averaged = plan_.ask == Ask::mean;
    plan_.ask = Ask::series;
  }
  if (plan_.ask == Ask::lookup && says("who") && base_->named && !is_verb_to_be() && texts.empty() && !plan_.measure &&
      std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
        return c.place.over.empty() && c.place.field != base_->key && c.place.kind == Kind::text;
      })) {  // "who works at reception"
    plan_.ask = Ask::list, plan_.group = Place{"", base_->key, base_->name, Kind::text};
    return;
  }
  if (plan_.ask == Ask::lookup) {
    if (says("howlong") && numbers.empty())
      for (const KnownField& field : base_->fields)
        if (field.kind == Kind::minutes && !plan_.measure)
          plan_.measure = Place{"", field.name, base_->name, field.kind};
    if (plan_.measure) return;
    if (says("who") && texts.empty() && !base_->time.empty() && says_which_one()) plan_.measure = sole_person();
    if (plan_.measure) return;
    const bool others = texts.size() + numbers.size() + dates.size() > 1;
    std::erase_if(texts, [&](const auto& text) {  // "the price of the part X from our parts list": not the part's name
      return text.second.over.empty() && text.second.field == base_->key && says_which_one() && others;
    });
    if (says("when") && !dates.empty())
      plan_.measure = dates.front().second;
    else if (!texts.empty())
      plan_.measure = texts.front().second;
    else if (!numbers.empty())
      plan_.measure = numbers.front().second;
    else if (!dates.empty())
      plan_.measure = dates.front().second;
    else if (const KnownField* about = says_about() ? about_field() : nullptr)
      plan_.measure = Place{"", about->name, base_->name, about->kind};
    else if (const auto place = says("where") ? place_field() : std::nullopt)
      plan_.measure = place;
    else if (const auto amount = says("what") ? amount_meant(*base_, hints_) : std::nullopt;
             amount && (hints_.money || hints_.duration))
      plan_.measure = amount;
    else if (says("when") && !base_->time.empty() && says_which()) {
      plan_.measure = Place{"", base_->time, base_->name, Kind::date};
      if (!sole_date() && !says_happened()) plan_.open.push_back("when");  // it was booked, it left, it arrived
    } else if (((says("who") || says("what")) && (named_otherwise() || named_by_number())) ||
               (bare_ && says_which_one()))  // "who is patient 17"
      plan_.measure = Place{"", base_->key, base_->name, Kind::text};
  }
}

// What something happens to, if there is one kind of such things only.
std::optional<Place> Planner::sole_thing() const {
  std::optional<Place> sole;
  for (const KnownField& field : base_->fields) {
    if (field.refers.empty() || base_->time.empty()) continue;
    if (sole) return std::nullopt;
    sole = Place{"", field.name, base_->name, field.kind};
  }
  return sole;
}

// "Who missed the most days": of things with names that the records are of, if there is one kind only.
void Planner::group_who() {
  plan_.group = sole_person();
  if (!plan_.group) plan_.open.push_back("who");
}

// "Who did S-17": of things with names that a record is of, the only one.
std::optional<Place> Planner::sole_person() const {
  std::optional<Place> sole;
  for (const KnownField& field : base_->fields) {
    const KnownType* there = field.refers.empty() ? nullptr : v_.type(field.refers);
    if (!there || !there->named) continue;
    if (sole) return std::nullopt;
    sole = Place{"", field.name, base_->name, field.kind};
  }
  return sole;
}

// "Who is guest 17", not "who works at reception".
bool Planner::is_verb_to_be() const {
  const size_t next = first_of("who") + 1;
  if (next >= q_.tokens.size()) return true;
  const std::string verb = fold(q_.tokens[next]);
  return verb == "is" || verb == "was" || verb == "are" || verb == "were" || verb == "has" || verb == "had" ||
         verb == "s";
}

// "Which machines", "which of the machines".
bool Planner::follows(size_t asking, size_t first) const {
  const size_t last = q_.spans[asking].last;
  if (first <= last + 2) return true;
  return first <= last + 4 && fold(q_.tokens[last + 1]) == "of";
}

// The records whose day is asked for are named: by what they are, or one of them by its key. "When was BC-01 sold"
// names neither.
bool Planner::says_which() const {
  return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) { return names_base(span); }) ||
         says_which_one();
}
bool Planner::says_which_one() const {
  return std::any_of(plan_.where.begin(), plan_.where.end(),
                     [&](const Condition& c) { return c.place.over.empty() && c.place.field == base_->key; });
}

// "Which one was it": one of what was told, whatever that is.
bool Planner::says_which_of_told() const {
  const auto word = [&](size_t i) { return i < q_.tokens.size() ? fold(q_.tokens[i]) : ""; };
  const size_t next = first_of("which") + 1;
  return (word(next) == "one" || word(next) == "ones") && word(next + 1) != "of";
}

bool Planner::sole_date() const {
  return std::count_if(base_->fields.begin(), base_->fields.end(),
                       [](const KnownField& field) { return field.kind == Kind::date; }) == 1;
}
// No verb tells which of its days is meant: "when was it", "when did it happen".
bool Planner::says_happened() const {
  static const std::set<std::string> plain = {"happen", "happened", "occur", "occurred",
                                              "place",  "done",     "made",  "recorded"};
  bool verb = false;
  for (size_t i = 0; i < q_.tokens.size(); ++i) {
    const std::string word = fold(q_.tokens[i]);
    if (plain.count(word)) return true;
    verb = verb || word == "did" || word == "does" || word == "do" || (word.ends_with("ed") && word.size() > 4);
  }
  return !verb;
}

// "How many days between breakdowns", "average time between two successive failures", "from one failure to the next".
bool Planner::asks_between() const {
  if (!says("mean") && !says("howlong") && !says("count") && !says("how much")) return false;
  return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
    if (span.what != Span::What::names || !has(span, Link::What::type)) return false;
    static const std::set<std::string> counted = {"one", "two", "successive", "consecutive"};
    const auto word = [&](size_t i) { return i < q_.tokens.size() ? fold(q_.tokens[i]) : ""; };
    size_t first = span.first;
    while (first > 0 && counted.count(word(first - 1))) --first;
    if (first == 0) return false;
    const bool to_next = word(span.last + 2) == "the" && word(span.last + 3) == "next";
    return word(first - 1) == "between" || (to_next && word(first - 1) == "from" && word(span.last + 1) == "to");
  });
}

bool Planner::says_about() const {
  for (size_t i = 0; i < q_.tokens.size(); ++i)
    if ((i >= q_.told.size() || !q_.told[i]) && fold(q_.tokens[i]) == "about") return true;
  return false;
}

const KnownField* Planner::about_field() const {
  for (const KnownField& field : base_->fields)
    if (field.about) return &field;
  return nullptr;
}

std::optional<Place> Planner::place_field() const {
  for (const char* way : {"to", "from"})
    if (std::any_of(q_.tokens.begin(), q_.tokens.end(), [&](const std::string& t) { return fold(t) == way; })) {
      const auto [first, last] = v_.names.equal_range(way);
      for (auto it = first; it != last; ++it)
        if (it->second.what == Link::What::field)
          if (const auto place = reach(v_, *base_, it->second.type, it->second.field)) return place;
    }
  return std::nullopt;
}

}  // namespace freehold::papers
