// Planner: the rules that turn a question taken apart into a plan, one step after another (Planner::make). What it asks
// for and of which records: plan.cpp; which of them: plan_conditions.cpp; what of them: plan_fields.cpp. What is asked
// in another way, and what a plan tells of its question: plan_reading.cpp.
#pragma once

#include <algorithm>

#include "library/plan.h"
#include "library/reach.h"

namespace freehold::papers {

class Planner {
 public:
  Planner(const Question& question, const Vocabulary& vocabulary, const Domain& domain);
  Plan make();
  // For candidates (library/candidates.h): records of that type, with the values, times and amounts that the question
  // names; none where one of them has no place there.
  std::optional<Planner> narrowed_to(const KnownType& type) const;
  // What is asked of them. `unused`: how many names of the question that plan has no use for.
  Plan with(const Reading& reading, size_t& unused) const;

 private:
  bool says(std::string_view word) const { return q_.says(word); }
  static bool has(const Span& span, Link::What what) {
    return std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) { return l.what == what; });
  }
  bool is_value(const Span& span) const {
    return span.what == Span::What::names && (has(span, Link::What::value) || has(span, Link::What::record));
  }
  bool is_field(const Span& span) const { return span.what == Span::What::names && has(span, Link::What::field); }
  size_t first_of(std::string_view word) const;
  bool minutes_field_named() const;
  // "The total price of all bookings", where a header already says total; not of one thing that is named by its number.
  bool names_total() const;
  static bool is_unit(const std::string& token);
  // "How many hours were recorded": a field that holds amounts stands where the things to count would.
  bool counts_field();
  bool counts_nothing() const;
  Plan definition();
  void choose_ask();
  void choose_unit();
  bool asks_meaning() const;
  bool asks_what_it_is() const;
  bool asks_between() const;
  bool asks_where() const;
  bool names_field() const;
  void read_bare();
  void read_without();
  bool values_named(const Span& span) const;
  bool only_usually() const;
  void uncovered();
  void misread();
  bool is_akin_to_text(const Span& span) const;
  bool names_container(const Span& span) const;
  bool follows_none(const Span& span) const;
  bool ranks_records() const;
  bool is_per(const Span& span) const;
  bool asks_pay() const;
  bool asks_doer() const;
  bool measures_money() const;
  void choose_type();
  bool refers_to(const KnownType& type, const std::string& other) const;
  // Which of a value's links is meant: one of the field named just before it, else the nearest.
  void conditions();
  static bool is_plural(std::string_view word) { return word.ends_with("s") && !word.ends_with("ss"); }
  // The question names one record by its key, and asks for something else of it.
  bool about_one() const;
  bool names_base(const Span& span) const;
  void drop_guesses();
  bool counts_stops(const Span& span) const;
  bool names_its_points(size_t s) const;
  void missing(const Span& span);
  std::optional<Place> only_date() const;
  // "How many patients did Dr. Blume see": of visits, how many different patients.
  void distinct_things();
  // "How many towels were delivered": where goods stand beside their quantity, the pieces are meant, not the rows.
  void pieces();
  void times();
  void compares();
  std::optional<Place> sole_number() const;
  void fields();
  void group_who();
  std::optional<Place> sole_thing() const;
  std::optional<Place> sole_person() const;
  bool is_verb_to_be() const;
  bool follows(size_t asking, size_t first) const;
  bool sole_date() const;
  bool says_happened() const;
  bool says_about() const;
  bool says_which() const;
  bool says_which_of_told() const;
  bool says_which_one() const;
  const KnownField* about_field() const;
  // "Where was it going to": the field that is headed so.
  std::optional<Place> place_field() const;
  // A condition says which record is meant, and not by the name that it is shown by.
  bool named_otherwise() const;
  bool named_by_number() const;  // one of what has names
  void conventions();

  const Question& q_;
  const Vocabulary& v_;
  const KnownType* base_ = nullptr;
  AmountHints hints_;
  std::string money_word_;  // that says so
  std::string income_;      // the root of what somebody earns, if that is asked for
  bool bare_ = false;       // no word says what it asks for
  bool how_much_ = false;   // asks for a sum, without saying of what
  std::set<size_t> used_;   // spans that became conditions
  Plan plan_;
};

}  // namespace freehold::papers
