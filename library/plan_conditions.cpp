// Which records are meant: the values, times and amounts that a question names.
#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

double minutes_in(std::string_view unit) {
  return unit.starts_with("minute") ? 1
         : unit.starts_with("hour") ? 60
         : unit.starts_with("day")  ? 1440
         : unit.starts_with("week") ? 10080
                                    : 0;
}

}  // namespace

void Planner::conditions() {
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
    bool tie = false;  // "in Hamburg", where shipments come from there and go there
    std::set<int64_t> records;
    std::vector<Link> links = span.links;
    if (before)  // "to DEHAM": another name of a value that the field named before has too
      for (const Link& link : span.links) {
        const auto [first, last] = v_.names.equal_range(key_of(link.value));
        for (auto it = first; it != last; ++it)
          for (const Link& f : before->links)
            if (link.what == Link::What::value && f.what == Link::What::field && it->second.what == Link::What::value &&
                it->second.field == f.field && it->second.type == f.type)
              links.push_back(it->second);
      }
    for (const Link& link : links) {
      if (link.what != Link::What::value && link.what != Link::What::record) continue;
      const auto place = reach(v_, *base_, link.type, link.field);
      if (!place) continue;
      double score = 1 - 0.2 * static_cast<double>(steps_of(*place));
      if (link.what == Link::What::record) score += 0.5;
      for (const Span* near : {before, after})
        if (near)
          for (const Link& f : near->links)
            if (f.what == Link::What::field && f.field == link.field) score += 3;
      if (score > best + 1e-9)
        tie = false;
      else if (score > best - 1e-9 && link.what == Link::What::value && chosen.op == "=" && place->over.empty() &&
               chosen.place.over.empty() && chosen.place.field != place->field && !chosen.texts.empty() &&
               link.value == chosen.texts[0])
        tie = true;
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
      const bool told = span.first < q_.told.size() && q_.told[span.first];  // of something else
      if (!told && !has(span, Link::What::type) && !has(span, Link::What::field)) missing(span);
      continue;
    }
    if (best < 2 && chosen.op == "=" && !base_->time.empty() && names_base(span)) continue;
    if (chosen.op == "=" && chosen.place.over.empty() && best < 2 && chosen.texts.size() == 1) {
      const auto [first, last] =
          v_.names.equal_range(key_of(chosen.texts[0]));  // "DEHAM", a code of what two fields hold
      for (auto it = first; it != last; ++it)
        tie = tie || (it->second.what == Link::What::value && it->second.type == base_->name &&
                      it->second.field != chosen.place.field && it->second.value == chosen.texts[0]);
    }
    if (tie && best < 2) plan_.open.push_back(q_.words_of(span));
    chosen.records.assign(records.begin(), records.end());
    chosen.shown += q_.words_of(span);
    chosen.told = span.first < q_.told.size() && q_.told[span.first];
    used_.insert(s);
    if (best >= 3)
      for (const size_t near : {s - 1, s + 1})
        if (near < q_.spans.size() && (near == s - 1 ? before : after))
          for (const Link& f : q_.spans[near].links)
            if (f.what == Link::What::field && f.field == chosen.place.field) used_.insert(near);
    bool joined = false;
    for (Condition& other : plan_.where)  // A or B
      if (other.place.field == chosen.place.field && other.place.over == chosen.place.over && other.op == chosen.op) {
        for (const std::string& text : chosen.texts)
          if (!among(other.texts, text)) other.texts.push_back(text);
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
    const bool spoken = std::any_of(q_.spans.begin(), q_.spans.end(),
                                    [&](const Span& o) { return o.first <= span.last + 1 && o.last >= span.last + 1; });
    const bool titled = std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& o) {  // "patients Dr Blume"
      return o.what == Span::What::names && o.first == span.last + 2;
    });
    if (!spoken && !titled && std::isupper(static_cast<unsigned char>(next[0])) && next.size() <= 3 && next != "I")
      plan_.missing.push_back(next);
  }
}

bool Planner::about_one() const {
  return plan_.group->field != base_->key &&
         std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
           return c.place.over.empty() && c.place.field == base_->key && (c.op == "record" || c.op == "=");
         });
}

// "I think it is the seal, but what fails most": what is asked for is no condition.
void Planner::drop_guesses() {
  const std::optional<Place>& asked = plan_.ask == Ask::top || plan_.ask == Ask::list ? plan_.group : plan_.measure;
  if (asked)
    std::erase_if(plan_.where, [&](const Condition& c) {
      return c.told && c.op == "=" && c.place.field == asked->field && c.place.over == asked->over;
    });
}

std::optional<Place> Planner::only_date() const {
  std::optional<Place> only;
  for (const Span& span : q_.spans)
    for (const Link& link : span.links)
      if (link.what == Link::What::field)
        if (const auto there = reach(v_, *base_, link.type, link.field); there && there->kind == Kind::date) {
          if (only && (only->field != there->field || only->over != there->over)) return std::nullopt;
          only = there;
        }
  return only;
}

void Planner::times() {
  for (const Span& span : q_.spans) {
    if (span.what != Span::What::time) continue;
    Place place{"", base_->time, base_->name, Kind::date};
    // A date field named just before governs: "installed after 2018"; else the only one that the question names.
    if (const auto only = only_date()) place = *only;
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
      if (!place.field.empty() && plan_.ask != Ask::lookup) plan_.open.push_back("when");  // "machines sold in 2021"
    }
    if (place.field.empty()) {
      missing(span);
      continue;
    }
    if (place.over.empty()) plan_.time = place;
    if (!span.from.empty()) plan_.where.push_back({place, ">=", {span.from}, 0, {}, "from " + span.from, false});
    if (!span.to.empty()) plan_.where.push_back({place, "<=", {span.to}, 0, {}, "until " + span.to, false});
  }
}

void Planner::compares() {
  for (const Span& span : q_.spans) {
    if (span.what != Span::What::compare) continue;
    std::optional<Place> place;
    size_t nearest = q_.tokens.size(), which = 0;
    for (size_t s = 0; s < q_.spans.size(); ++s)
      for (const Link& link : q_.spans[s].links)
        if (link.what == Link::What::field)
          if (const auto there = reach(v_, *base_, link.type, link.field);
              there && there->kind == (span.minutes ? Kind::minutes : Kind::number)) {
            const size_t apart =
                q_.spans[s].first > span.last ? q_.spans[s].first - span.last : span.first - q_.spans[s].last;
            if (apart < nearest) nearest = apart, place = there, which = s;
          }
    double amount = span.number;
    if (!place && span.minutes)  // "longer than 10 days", where days are counted as numbers
      for (const KnownField& field : base_->fields)
        if (const double unit = minutes_in(fold(q_.tokens[span.last]));
            unit > 0 && !place && field.kind == Kind::number && field.roots.count(root_of(fold(q_.tokens[span.last]))))
          place = Place{"", field.name, base_->name, field.kind}, amount = span.number / unit, which = q_.spans.size();
    if (place) used_.insert(which);
    if (!place && span.minutes)
      for (const KnownField& field : base_->fields)
        if (field.kind == Kind::minutes && !place) place = Place{"", field.name, base_->name, Kind::minutes};
    const auto thing =
        std::find_if(q_.spans.begin(), q_.spans.end(), [&](const Span& s) { return s.first == span.last + 1; });
    const bool of_records = thing != q_.spans.end() && has(*thing, Link::What::type);
    if (!place && !span.minutes && !of_records) place = amount_meant(*base_, hints_);
    if (!place) {  // "more than 5 failures"
      plan_.having = span.number, plan_.having_op = span.op;
      if (plan_.ask == Ask::exists) plan_.ask = Ask::list;
      continue;
    }
    plan_.where.push_back({*place,
                           span.op,
                           {},
                           amount,
                           {},
                           span.op + " " + text_of_number(span.number) + (span.minutes ? " min" : ""),
                           false});
  }
}

bool Planner::named_otherwise() const {
  return !base_->key.empty() && std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
    return c.place.over.empty() && c.op == "=" && c.place.field != base_->key && !c.texts.empty() &&
           has_digit(c.texts[0]);
  });
}

bool Planner::named_by_number() const {
  return base_->named && std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) {
           return c.place.over.empty() && c.op == "record" && c.place.field == base_->key && has_digit(c.shown);
         });
}

}  // namespace freehold::papers
