#include "library/faithful.h"

#include <algorithm>

#include "library/reach.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// These leave something out: what is said without them asks for more.
const std::vector<std::string> excluding = {"except",   "excluding", "besides",      "apart",   "unlike", "leaving",
                                            "ignoring", "omitting",  "disregarding", "not",     "other",  "without",
                                            "unless",   "neither",   "nor",          "skipping"};

bool is_told(const Question& q, size_t token) { return token < q.told.size() && q.told[token]; }

// "BC-01" and "BC 01" have the same.
std::set<std::string> numbers_in(const Question& question, bool told_too) {
  std::set<std::string> numbers;
  for (size_t t = 0; t < question.tokens.size(); ++t) {
    const std::string& token = question.tokens[t];
    for (size_t i = 0; i < token.size() && (told_too || !is_told(question, t));) {
      size_t end = i;
      while (end < token.size() && token[end] >= '0' && token[end] <= '9') ++end;
      if (end > i) numbers.insert(token.substr(i, end - i));
      i = end + 1;
    }
  }
  return numbers;
}

bool is_value(const Link& link) { return link.what == Link::What::value || link.what == Link::What::record; }

// Nothing that was asked is gone, and nothing is new. What only tells may go, unless it is all that there is.
template <class T>
bool is_same(const std::set<T>& said, const std::set<T>& asked, const std::set<T>& all) {
  return std::includes(said.begin(), said.end(), asked.begin(), asked.end()) &&
         std::includes(all.begin(), all.end(), said.begin(), said.end()) && said.empty() == all.empty();
}

using Times = std::set<std::pair<std::string, std::string>>;
Times times_in(const Question& q, bool told_too) {
  Times times;
  for (const Span& span : q.spans)
    if (span.what == Span::What::time && (told_too || !is_told(q, span.first))) times.insert({span.from, span.to});
  return times;
}
std::set<std::pair<std::string, double>> amounts_in(const Question& q) {
  std::set<std::pair<std::string, double>> amounts;
  for (const Span& span : q.spans)
    if (span.what == Span::What::compare) amounts.insert({span.op, span.number});
  return amounts;
}

bool meets(const Condition& c, const Link& link) {
  if (c.op == "record")
    return link.what == Link::What::record &&
           std::find(c.records.begin(), c.records.end(), link.record) != c.records.end();
  return c.op == "=" && link.field == c.place.field && among(c.texts, link.value);
}

class Comparison {
 public:
  Comparison(const Question& q, const Question& again, const Plan& plan, const Vocabulary& v)
      : q_(q), again_(again), plan_(plan), v_(v) {}

  std::string changed() const {
    if (!is_same(numbers_in(again_, true), numbers_in(q_, false), numbers_in(q_, true))) return "its numbers";
    if (!is_same(times_in(again_, true), times_in(q_, false), times_in(q_, true))) return "its times";
    if (amounts_in(q_) != amounts_in(again_)) return "its amounts";
    const std::vector<Ask> left = asks_left(q_);
    if (!left.empty() && std::find(left.begin(), left.end(), plan_.ask) == left.end()) return "what is asked";
    if (q_.says("without") != again_.says("without")) return "\"no\"";
    for (const std::string& word : excluding)
      if (has_word(q_, word) && !has_word(again_, word)) return fmt::format("\"{}\"", word);
    for (const auto* place : {&plan_.measure, &plan_.group})
      if (*place && is_new(**place)) return "what of them: " + (*place)->shown();
    for (const Condition& c : plan_.where)
      if ((c.op == "=" || c.op == "record") && !c.by_rule && !is_given(c)) return fmt::format("\"{}\"", c.shown);
    for (const Span& span : q_.spans)
      if (span.what == Span::What::names && !span.loose && !span.weak && !is_told(q_, span.first) && !is_kept(span))
        return fmt::format("\"{}\"", q_.words_of(span));
    return lost_word();
  }

 private:
  static bool has_word(const Question& q, const std::string& word) {
    return std::any_of(q.tokens.begin(), q.tokens.end(), [&](const std::string& t) { return fold(t) == word; });
  }
  // What happened is told apart and measured in many ways: only one that the question names is meant, or the usual.
  bool is_new(const Place& place) const {
    const KnownType* type = v_.type(plan_.type);
    const KnownField* field = type && place.over.empty() ? type->field(place.field) : nullptr;
    if (!field || type->time.empty() || !field->refers.empty() || field->name == type->time) return false;
    const bool usual = type->rule && type->rule->from_text.size() > 2 && type->rule->from_text[2] == field->name;
    const bool lasts = field->kind == Kind::minutes;
    if (usual || (lasts && (says_any({"hours", "minutes", "days", "howlong", "longest", "shortest"})))) return false;
    return std::none_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
      return std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
        return l.what == Link::What::field && l.type == place.type && l.field == place.field;
      });
    });
  }
  bool says_any(std::initializer_list<std::string_view> words) const {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return q_.says(word); });
  }
  // A condition is of a value that the question names.
  bool is_given(const Condition& c) const {
    return std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& span) {
      return std::any_of(span.links.begin(), span.links.end(),
                         [&](const Link& l) { return is_value(l) && meets(c, l); });
    });
  }
  // What a name stands for is in the plan.
  bool is_kept(const Span& span) const {
    const KnownType* base = v_.type(plan_.type);
    return std::any_of(span.links.begin(), span.links.end(), [&](const Link& link) {
      if (is_value(link))
        return std::any_of(plan_.where.begin(), plan_.where.end(), [&](const Condition& c) { return meets(c, link); });
      if (link.what == Link::What::type)
        return link.type == plan_.type || (base && reach_type(v_, *base, link.type).has_value());
      const auto same = [&](const std::optional<Place>& place) { return place && place->field == link.field; };
      const KnownField* field = base && link.type == plan_.type ? base->field(link.field) : nullptr;
      if (field && field->kind == Kind::minutes && plan_.ask == Ask::count) return true;  // "how often did it stop"
      return same(plan_.measure) || same(plan_.group) || same(plan_.time) ||
             std::any_of(plan_.where.begin(), plan_.where.end(),
                         [&](const Condition& c) { return c.place.field == link.field; });
    });
  }
  // Words that nothing explained, gone, right before a name, or where what is asked for would stand ("how many gearbox
  // fires"): they said which.
  std::string lost_word() const {
    const auto lost = [&](size_t i) {
      return i < q_.tokens.size() && !is_told(q_, i) && among(q_.unknown, q_.tokens[i]) &&
             !has_word(again_, fold(q_.tokens[i]));
    };
    for (size_t i = 0; i < q_.tokens.size(); ++i) {
      if (!lost(i)) continue;
      const bool before_name = i + 1 < q_.tokens.size() && !has_digit(q_.tokens[i + 1]) &&
                               std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
                                 return s.what == Span::What::names && !s.weak && !s.filler && s.first == i + 1;
                               });
      const bool asked_for = lost(i + 1) && std::any_of(q_.spans.begin(), q_.spans.end(), [&](const Span& s) {
                               return s.what == Span::What::asking && s.last + 1 == i;
                             });
      if (before_name || asked_for) return fmt::format("\"{}\"", q_.tokens[i]);
    }
    return "";
  }

  const Question& q_;
  const Question& again_;
  const Plan& plan_;
  const Vocabulary& v_;
};

}  // namespace

std::string changed_in(const Question& question, const Question& again, const Plan& plan,
                       const Vocabulary& vocabulary) {
  return Comparison(question, again, plan, vocabulary).changed();
}

}  // namespace freehold::papers
