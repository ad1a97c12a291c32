#include "library/plan.h"

#include <algorithm>

#include "library/reach.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

class Planner {
 public:
  Planner(const Question& question, const Vocabulary& vocabulary, const Domain& domain) : q_(question), v_(vocabulary) {
    for (const std::string& token : q_.tokens) {
      const std::string word = fold(token);
      if (!among(domain.filler_words, word)) hints_.roots.insert(domain.root(word));
      hints_.money |=
          among(domain.money_words, word) || (among(domain.unit_words, word) && word.size() >= 3 && word != "percent");
      hints_.duration |= word == "hours" || word == "minutes" || word == "days" || word == "nights" || word == "weeks";
    }
    hints_.duration |= says("howlong");
    if (says("how much") && !hints_.duration) hints_.money = true;
  }

  Plan make() {
    const bool meant = !q_.tokens.empty() && fold(q_.tokens.back()) == "mean" && says("what");  // "what does D12 mean"
    if (q_.says("define") || meant) return definition();
    choose_ask();
    choose_type();
    if (plan_.type.empty()) return plan_;
    base_ = v_.type(plan_.type);
    if (how_much_ && plan_.ask == Ask::count && sole_number()) plan_.ask = Ask::sum;
    distinct_things();
    pieces();
    if (plan_.unit.empty())
      for (const std::string& token : q_.tokens)
        if (const std::string word = fold(token); word == "hours" || word == "minutes") plan_.unit = word;
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

  // "The total price of all bookings", where a header already says total; not of one thing that is named by its number.
  bool names_total() const {
    bool total = false;
    for (const Span& span : q_.spans) {
      if (is_field(span) && fold(q_.tokens[span.first]) == "total") total = true;
      for (size_t i = span.first; is_value(span) && i <= span.last; ++i)
        if (has_digit(q_.tokens[i])) return false;
    }
    return total;
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
    else if ((says("how much") || names_total()) && !counts)
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
        bool reached = false, own = false, named = false, direct = false, near = false;
        for (const Link& link : span.links) {
          if (link.what == Link::What::type)
            named = named || link.type == type.name,
            reached = reached || link.type == type.name || reach_type(v_, type, link.type),
            near = near || link.type == type.name || refers_to(type, link.type);
          else if (const auto place = reach(v_, type, link.type, link.field))
            reached = true, own = own || place->over.empty(), near = near || steps_of(*place) < 2,
            direct = direct || (link.what == Link::What::field && place->over.empty());
        }
        if ((span.weak || span.loose) && !reached) {
          score -= span.loose && !span.filler && !span.weak ? 4 : 0;
          continue;
        }
        any = any || reached;
        score += near ? 2 : reached ? 1 : -6;
        if (named) score += 5 - 0.1 * static_cast<double>(span.first), asked = std::min(asked, span.first);
        if (own) score += 0.5;
        if (direct && plan_.ask == Ask::lookup) score += 3;
        if (direct && (plan_.ask == Ask::sum || plan_.ask == Ask::mean || plan_.ask == Ask::extreme)) score += 3;
      }
      const bool amounts = std::any_of(type.fields.begin(), type.fields.end(), [](const KnownField& f) {
        return f.kind == Kind::number || f.kind == Kind::minutes;
      });
      if (!amounts && (plan_.ask == Ask::sum || plan_.ask == Ask::mean)) score -= 5;
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
      std::vector<Link> links = span.links;
      if (before)  // "to DEHAM": another name of a value that the field named before has too
        for (const Link& link : span.links) {
          const auto [first, last] = v_.names.equal_range(key_of(link.value));
          for (auto it = first; it != last; ++it)
            for (const Link& f : before->links)
              if (link.what == Link::What::value && f.what == Link::What::field &&
                  it->second.what == Link::What::value && it->second.field == f.field && it->second.type == f.type)
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
      if (best >= 3)
        for (const size_t near : {s - 1, s + 1})
          if (near < q_.spans.size() && (near == s - 1 ? before : after))
            for (const Link& f : q_.spans[near].links)
              if (f.what == Link::What::field && f.field == chosen.place.field) used_.insert(near);
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

  std::optional<Place> only_date() const {
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
  // "How many patients did Dr. Blume see": of visits, how many different patients.
  void distinct_things() {
    if (plan_.ask != Ask::count || says("how often")) return;
    for (size_t s = 0; s + 1 < q_.spans.size(); ++s) {
      const Span& next = q_.spans[s + 1];
      if (q_.spans[s].what != Span::What::asking || q_.spans[s].op != "count" || next.first > q_.spans[s].last + 2 ||
          !has(next, Link::What::type) || names_base(next) || fold(q_.tokens[q_.spans[s].last]) == "times")
        continue;
      for (const Link& link : next.links)
        if (link.what == Link::What::type)
          if (const auto place = reach_type(v_, *base_, link.type)) {
            plan_.ask = Ask::distinct, plan_.group = place, used_.insert(s + 1);
            return;
          }
    }
  }

  // "How many towels were delivered": where goods stand beside their quantity, the pieces are meant, not the rows.
  void pieces() {
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

  void times() {
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
  void compares() {
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
      if (!chosen || (asked_for && has(span, Link::What::type) && !names_base(span)))
        for (const Link& link : span.links)  // "which machine", "which pump": the field that refers to machines
          if ((link.what == Link::What::type || (asked_for && link.what == Link::What::value)) &&
              link.type != base_->name)
            if (const auto place = reach_type(v_, *base_, link.type)) chosen = place;
      if (span.weak && chosen && chosen->kind == Kind::date && !(plan_.ask == Ask::lookup && says("when"))) continue;
      if (span.weak && (!chosen || plan_.ask == Ask::list)) continue;
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
    if (measuring && !numbers.empty()) plan_.measure = numbers.front().second;
    if (!plan_.measure &&
        (plan_.ask == Ask::sum || plan_.ask == Ask::mean || (plan_.ask == Ask::extreme && says("longest"))))
      plan_.measure = amount_meant(*base_, hints_);
    if (!plan_.measure && !says("how much") &&
        (plan_.ask == Ask::sum || plan_.ask == Ask::mean ||
         (plan_.ask == Ask::extreme && !says("latest") && !says("earliest"))))
      for (const KnownField& field : base_->fields)
        if (field.kind == Kind::minutes && !plan_.measure)
          plan_.measure = Place{"", field.name, base_->name, field.kind};
    if (!plan_.measure && (plan_.ask == Ask::sum || plan_.ask == Ask::mean)) plan_.measure = sole_number();
    if (!plan_.measure && plan_.ask == Ask::extreme)
      plan_.measure = dates.empty() ? Place{"", base_->time, base_->name, Kind::date} : dates.front().second;
    if (plan_.ask == Ask::top && !plan_.measure && says("how much")) plan_.measure = amount_meant(*base_, hints_);
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
    if (plan_.ask == Ask::distinct && plan_.group) return;
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
      else if (const KnownField* about = says_about() ? about_field() : nullptr)
        plan_.measure = Place{"", about->name, base_->name, about->kind};
      else if (const auto place = says("where") ? place_field() : std::nullopt)
        plan_.measure = place;
      else if (const auto amount = says("what") ? amount_meant(*base_, hints_) : std::nullopt;
               amount && (hints_.money || hints_.duration))
        plan_.measure = amount;
      else if (says("when") && !base_->time.empty())
        plan_.measure = Place{"", base_->time, base_->name, Kind::date};
      else if ((says("who") || says("what")) && named_otherwise())  // "who is patient 17"
        plan_.measure = Place{"", base_->key, base_->name, Kind::text};
    }
  }
  bool says_about() const {
    return std::any_of(q_.tokens.begin(), q_.tokens.end(), [](const std::string& t) { return fold(t) == "about"; });
  }
  const KnownField* about_field() const {
    for (const KnownField& field : base_->fields)
      if (field.about) return &field;
    return nullptr;
  }
  // "Where was it going to": the field that is headed so.
  std::optional<Place> place_field() const {
    for (const char* way : {"to", "from"})
      if (std::any_of(q_.tokens.begin(), q_.tokens.end(), [&](const std::string& t) { return fold(t) == way; })) {
        const auto [first, last] = v_.names.equal_range(way);
        for (auto it = first; it != last; ++it)
          if (it->second.what == Link::What::field)
            if (const auto place = reach(v_, *base_, it->second.type, it->second.field)) return place;
      }
    return std::nullopt;
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
  AmountHints hints_;
  bool how_much_ = false;  // asks for a sum, without saying of what
  std::set<size_t> used_;  // spans that became conditions
  Plan plan_;
};

}  // namespace

Plan make_plan(const Question& question, const Vocabulary& vocabulary, const Domain& domain) {
  return Planner(question, vocabulary, domain).make();
}

}  // namespace freehold::papers
