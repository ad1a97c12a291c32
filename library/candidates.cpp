#include "library/candidates.h"

#include <algorithm>
#include <cmath>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr double least_near = 0.12;
constexpr size_t most_read = 20;  // of the nearest, that are read back

// Ways to ask: what is shown, and what people say for it. {things} the records, {one} one of them, {field} what is
// measured or looked up, {group} what is told apart.
struct Form {
  Ask ask;
  bool ascending, measured, grouped;
  std::string_view period, shown, also;
};
constexpr Form forms[] = {
    {Ask::count, false, false, false, "", "How many {things} were there", "number of {things} how often"},
    {Ask::list, false, false, true, "", "Which {groups} had {things}", "list all {groups} who had {things}"},
    {Ask::distinct, false, false, true, "", "How many different {groups} had {things}", ""},
    {Ask::top, false, false, true, "", "Which {group} had the most {things}", "most frequent common popular {group}"},
    {Ask::top, true, false, true, "", "Which {group} had the fewest {things}", "rarest least {group}"},
    {Ask::top, false, true, true, "", "Which {group} had the highest total {field} of {things}", "most {field}"},
    {Ask::top, true, true, true, "", "Which {group} had the lowest total {field} of {things}", "least {field}"},
    {Ask::top, false, false, false, "month", "Which month had the most {things}", "busiest month"},
    {Ask::top, false, false, false, "year", "Which year had the most {things}", "busiest year"},
    {Ask::sum, false, true, false, "", "What is the total {field} of {things}", "how much {field} altogether sum"},
    {Ask::mean, false, true, false, "", "What is the average {field} of {things}", "mean usual {field} per {one}"},
    {Ask::extreme, false, true, false, "", "What is the highest {field} of {things}", "latest largest maximum {field}"},
    {Ask::extreme, true, true, false, "", "What is the lowest {field} of {things}", "earliest smallest {field}"},
    {Ask::lookup, false, true, false, "", "What is the {field}", "which how much when who where {field} of {one}"},
    {Ask::trend, false, false, false, "", "Did {things} rise or fall",
     "more or fewer increase decrease number of {things}"},
    {Ask::trend, false, true, false, "", "Did the {field} of {things} rise or fall", "increase decrease {field}"},
    {Ask::mtbf, false, false, false, "", "What is the mean time between {things}", "days from one {one} to the next"},
};

std::string filled(std::string_view form, const std::map<std::string, std::string>& names) {
  std::string text;
  for (size_t i = 0; i < form.size(); ++i) {
    const size_t end = form[i] == '{' ? form.find('}', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      text += form[i];
      continue;
    }
    if (const auto found = names.find(std::string(form.substr(i + 1, end - i - 1))); found != names.end())
      text += found->second;
    i = end;
  }
  return text;
}

bool same_place(const Place& a, const Place& b) { return a.field == b.field && a.over == b.over; }
bool is_one_of(const Condition& c) { return c.op == "=" || c.op == "record"; }

std::set<std::string> trigrams_of(const std::string& text) {
  std::set<std::string> all;
  const std::string padded = fmt::format(" {} ", text);
  for (size_t i = 0; i + 3 <= padded.size(); ++i) all.insert(padded.substr(i, 3));
  return all;
}
// Dice: what two sets share, of both.
double shared(const std::set<std::string>& a, const std::set<std::string>& b) {
  const auto both = std::count_if(a.begin(), a.end(), [&](const std::string& one) { return b.count(one) > 0; });
  return a.empty() || b.empty() ? 0 : 2.0 * static_cast<double>(both) / static_cast<double>(a.size() + b.size());
}

struct Candidate {
  Plan plan;
  std::map<std::string, std::string> names;
  const Form* form = nullptr;
  double near = 0;
  bool listed = false;  // its records themselves: "which invoices", not "which invoice numbers had invoices"
};

class Finder {
 public:
  Finder(const Question& question, const Names& keys, const Vocabulary& vocabulary, const Domain& domain)
      : q_(question), keys_(keys), v_(vocabulary), domain_(domain) {
    for (const Span& span : q_.spans) {
      if (span.what == Span::What::asking) said_.insert(span.op);
      if (span.what == Span::What::names && !span.weak)
        for (const Link& link : span.links) {
          if (link.what == Link::What::type) named_.insert(link.type);
          if (link.what == Link::What::field) named_.insert(link.field);
        }
    }
    std::string masked;
    for (size_t i = 0; i < q_.tokens.size(); ++i) {
      tokens_.insert(fold(q_.tokens[i]));
      if ((i < q_.told.size() && q_.told[i]) || given(i)) continue;
      roots_.insert(domain_.root(fold(q_.tokens[i])));
      masked += fmt::format("{} ", fold(q_.tokens[i]));
    }
    trigrams_ = trigrams_of(masked);
  }

  std::vector<std::string> nearest(size_t most) {
    for (const KnownType& type : v_.types)
      if (type.records > 0) candidates_of(type);
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.near > b.near; });
    std::vector<std::string> questions;
    for (size_t i = 0; i < std::min(found_.size(), most_read) && questions.size() < most; ++i)
      if (found_[i].near >= least_near)
        if (const std::string question = read_back(found_[i]); !question.empty() && !among(questions, question))
          questions.push_back(question);
    return questions;
  }

 private:
  // A value or a time, which all candidates have.
  bool given(size_t token) const {
    return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
      if (token < span.first || token > span.last || span.weak) return false;
      if (span.what == Span::What::time || span.what == Span::What::compare) return true;
      return span.what == Span::What::names && std::any_of(span.links.begin(), span.links.end(), [](const Link& link) {
               return link.what == Link::What::value || link.what == Link::What::record;
             });
    });
  }

  void candidates_of(const KnownType& type) {
    const std::optional<Planner> narrowed = Planner(q_, v_, domain_).narrowed_to(type);
    if (!narrowed) return;
    std::vector<Place> fields, groups;
    for (const KnownField& field : type.fields) fields.push_back({"", field.name, type.name, field.kind});
    for (const KnownField& field : type.fields)
      if (const KnownType* there = field.refers.empty() ? nullptr : v_.type(field.refers); there && there != &type)
        for (const KnownField& far : there->fields)
          if (far.name != there->key) fields.push_back({field.name, far.name, there->name, far.kind});
    for (const Place& place : fields)
      if (place.kind == Kind::text) groups.push_back(place);
    for (const Form& form : forms) {
      const bool over_time = form.ask == Ask::trend || form.ask == Ask::mtbf || !form.period.empty();
      if ((over_time && type.time.empty()) || !left_open(form)) continue;
      for (const Place& field : form.measured ? fields : std::vector<Place>{{}})
        for (const Place& group : form.grouped ? groups : std::vector<Place>{{}})
          add(type, *narrowed, form, field, group);
    }
  }

  // What the words of asking leave open.
  bool left_open(const Form& form) const {
    if (form.ask == Ask::top && form.ascending != (said_.count("least") > 0)) return false;
    if (!form.period.empty() && !tokens_.count(std::string(form.period))) return false;
    const std::vector<Ask> left = asks_left(q_);
    return left.empty() || std::find(left.begin(), left.end(), form.ask) != left.end();
  }

  void add(const KnownType& type, const Planner& narrowed, const Form& form, const Place& field, const Place& group) {
    const bool own_amount = field.over.empty() && (field.kind == Kind::number || field.kind == Kind::minutes);
    if (form.measured && form.ask != Ask::lookup && form.ask != Ask::extreme && !own_amount) return;
    if (form.ask == Ask::extreme && (!field.over.empty() || field.kind == Kind::text)) return;
    if (form.ask == Ask::distinct && group.over.empty() && group.field == type.key) return;  // that many records
    if (form.ask == Ask::top && !form.measured && group.over.empty() && group.field == type.key) return;
    Candidate one;
    one.form = &form;
    Reading reading{type.name, form.ask, form.ascending, {}, {}, std::string(form.period)};
    if (form.measured) reading.field = field;
    if (form.grouped) reading.group = group;
    size_t unused = 0;
    one.plan = narrowed.with(reading, unused);
    if (!is_whole(one.plan)) return;
    bool one_record = false;
    for (const Condition& c : one.plan.where) {
      if (!is_one_of(c)) continue;
      if ((form.measured && same_place(c.place, field)) || (form.grouped && same_place(c.place, group))) return;
      one_record = one_record || (c.place.over.empty() && (c.place.field == type.key ||
                                                           (!c.texts.empty() && has_digit(c.texts[0]) && c.op == "=")));
    }
    if (one_record != (form.ask == Ask::lookup)) return;
    one.names = {{"things", type.things()}, {"one", type.things(1)}};
    if (form.measured) one.names["field"] = called(field);
    if (form.grouped) one.names["group"] = called(group), one.names["groups"] = plural(called(group));
    if (form.ask == Ask::list && group.over.empty() && group.field == type.key) one.listed = true;
    one.near = near(one, unused);
    found_.push_back(std::move(one));
  }

  std::string called(const Place& place) const {
    const FieldWords* words = domain_.field(place.field);
    return words && !words->words.empty() ? words->words[0] : spoken(place.field);
  }

  double near(const Candidate& one, size_t unused) const {
    const std::string said = filled(one.form->shown, one.names) + " " + filled(one.form->also, one.names);
    std::set<std::string> roots;
    std::string plain;
    for (const std::string& word : words_of(said)) {
      roots.insert(domain_.root(word));
      plain += fmt::format("{} ", word);
    }
    double near = 0.5 * shared(roots_, roots) + 0.5 * shared(trigrams_, trigrams_of(plain));
    for (const auto* place : {&one.plan.measure, &one.plan.group})
      if (*place) near += is_named(**place) ? 0.1 : -0.05;
    near += named_.count(one.plan.type) ? 0.1 : 0;
    near -= 0.12 * static_cast<double>(unused);
    if (one.plan.ask == Ask::distinct && !is_named(*one.plan.group))
      near -= 0.15;  // "how many" are records, most often
    const bool tells_which = one.plan.group.has_value() || one.plan.ask == Ask::lookup;
    if (!tells_which && (said_.count("which") || said_.count("who"))) near -= 0.15;
    return near;
  }
  bool is_named(const Place& place) const {
    const KnownType* owner = v_.type(place.type);
    const KnownField* field = owner ? owner->field(place.field) : nullptr;
    return named_.count(place.field) || (field && !field->refers.empty() && named_.count(field->refers)) ||
           (field && std::any_of(field->roots.begin(), field->roots.end(),
                                 [&](const std::string& root) { return roots_.count(root) > 0; }));
  }

  // The words for it that the rules read as this plan; empty: none.
  std::string read_back(const Candidate& one) const {
    const std::string text = filled(one.listed ? "Which {things} were there" : one.form->shown, one.names);
    for (const bool fields_named : {false, true}) {
      const std::string question = text + conditions_of(one.plan, fields_named) + "?";
      const Question again = take_apart(question, v_, domain_, keys_);
      if (const Plan plan = make_plan(again, v_, domain_); is_whole(plan) && same_plan(plan, one.plan)) return question;
    }
    return "";
  }
  std::string conditions_of(const Plan& plan, bool fields_named) const {
    const KnownType* base = v_.type(plan.type);
    std::string text;
    for (const Condition& c : plan.where) {
      if (c.by_rule || (c.place.kind == Kind::date && !c.texts.empty())) continue;
      text += plan.ask == Ask::lookup && text.empty() ? " of " : " with ";
      if (fields_named || !is_one_of(c)) text += fmt::format("{} ", called(c.place));
      text += is_one_of(c) ? c.shown
                           : fmt::format("{} {}",
                                         c.op == ">"    ? "more than"
                                         : c.op == ">=" ? "at least"
                                         : c.op == "<"  ? "less than"
                                                        : "at most",
                                         text_of_number(c.number));
    }
    std::string from, to;
    const Place* when = nullptr;
    for (const Condition& c : plan.where)
      if (c.place.kind == Kind::date && !c.texts.empty() && !is_one_of(c))
        (c.op == ">=" ? from : to) = c.texts[0], when = &c.place;
    if (!when) return text;
    if (!when->over.empty() || when->field != base->time) text += fmt::format(" {}", called(*when));
    if (from.ends_with("-01-01") && to == from.substr(0, 4) + "-12-31")
      return fmt::format("{} in {}", text, from.substr(0, 4));
    if (!from.empty() && !to.empty()) return fmt::format("{} from {} to {}", text, from, to);
    return fmt::format("{} {} {}", text, to.empty() ? "since" : "until", to.empty() ? from : to);
  }

  const Question& q_;
  const Names& keys_;
  const Vocabulary& v_;
  const Domain& domain_;
  std::set<std::string> said_, named_, roots_, trigrams_, tokens_;
  std::vector<Candidate> found_;
};

}  // namespace

std::vector<std::string> nearest_questions(const Question& question, const Names& keys, const Plan& by_rules,
                                           const Vocabulary& vocabulary, const Domain& domain, size_t most) {
  if (question.tokens.empty() || names_unknown(question, by_rules)) return {};
  return Finder(question, keys, vocabulary, domain).nearest(most);
}

}  // namespace freehold::papers
