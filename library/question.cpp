#include "library/question.h"

#include <algorithm>

#include "library/focus.h"
#include "library/phrases.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

struct Unit {
  std::string from, to;  // both days included
  size_t last = 0;
};

bool is_year(const std::string& token) {
  return token.size() == 4 && std::all_of(token.begin(), token.end(), ::isdigit) &&
         (token[0] == '1' || token[0] == '2') && token >= "1900" && token <= "2100";
}
int month_number(const std::string& token) {
  const auto date = find_date("1 " + token + " 2020", true);
  return date && token.size() >= 3 && std::isalpha(static_cast<unsigned char>(token[0]))
             ? std::stoi(date->iso.substr(5, 2))
             : 0;
}
std::string end_of_month(int year, int month) {
  return date_of_days(days_of(iso_date(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1)) - 1);
}
Unit months(int year, int first, int count, size_t last) {
  return {iso_date(year, first, 1), end_of_month(year, first + count - 1), last};
}

// A year, month, quarter, half or day that begins at token i.
std::optional<Unit> unit_at(const std::vector<std::string>& raw, const std::vector<std::string>& low, size_t i) {
  const auto year_near = [&](size_t at, size_t& last) {
    for (size_t j = at; j < std::min(at + 2, low.size()); ++j) {
      if (is_year(low[j])) return last = j, std::stoi(low[j]);
      if (low[j] != "of" && low[j] != "in") break;
    }
    return 0;
  };
  std::string joined;
  for (size_t n = 1; n <= 4 && i + n <= raw.size(); ++n) {  // a whole date
    joined += (n > 1 ? " " : "") + raw[i + n - 1];
    const auto date = find_date(joined, true);
    if (date && date->at == 0 && date->length == joined.size()) return Unit{date->iso, date->iso, i + n - 1};
  }
  size_t last = i;
  if (is_year(low[i])) return months(std::stoi(low[i]), 1, 12, i);
  if (const int month = month_number(low[i])) {
    if (const int year = year_near(i + 1, last)) return months(year, month, 1, last);
    return std::nullopt;
  }
  if (low[i].size() == 9 && (low[i][4] == '-' || low[i][4] == '/') && is_year(low[i].substr(0, 4)) &&
      is_year(low[i].substr(5)) && low[i].substr(0, 4) < low[i].substr(5))  // 2021-2023
    return Unit{iso_date(std::stoi(low[i].substr(0, 4)), 1, 1), iso_date(std::stoi(low[i].substr(5)), 12, 31), i};
  if (low[i].size() == 7 && is_year(low[i].substr(0, 4)) && low[i][4] == '-') {
    const int month = std::atoi(low[i].c_str() + 5);
    if (month >= 1 && month <= 12) return months(std::stoi(low[i].substr(0, 4)), month, 1, i);
  }
  static constexpr std::string_view ordinals[] = {"first", "second", "third", "fourth"};
  for (int q = 0; q < 4; ++q) {
    const bool short_form = low[i] == "q" + std::to_string(q + 1);
    const bool named =
        i + 1 < low.size() &&
        (low[i] == ordinals[q] || low[i] == std::to_string(q + 1) + "st" || low[i] == std::to_string(q + 1) + "nd" ||
         low[i] == std::to_string(q + 1) + "rd" || low[i] == std::to_string(q + 1) + "th");
    if (short_form || (named && low[i + 1] == "quarter"))
      if (const int year = year_near(i + (short_form ? 1 : 2), last)) return months(year, q * 3 + 1, 3, last);
    if (named && q < 2 && low[i + 1] == "half")
      if (const int year = year_near(i + 2, last)) return months(year, q * 6 + 1, 6, last);
  }
  return std::nullopt;
}

// "The main cause" is the most common one.
const std::vector<std::string> principal = {"main", "chief", "principal", "leading", "primary"};
// What parts from a verb: "put BC-01 in".
const std::vector<std::string> particles = {"in", "up", "out", "down", "off", "on", "over", "from"};
// They narrow what follows: "first visits", "last year".
const std::vector<std::string> narrowing = {"first", "last", "full", "long", "short", "same"};
const std::vector<std::string> relative = {"last", "this", "next", "past", "previous", "current"};
// These leave something out, and are no misspellings.
const std::vector<std::string> excluding = {"except", "excluding", "besides", "apart", "unlike"};
// These are no nouns, whatever stands before them.
const std::vector<std::string> pasts = {"gave", "took",  "made",  "had",  "got",  "went",  "came",   "became", "ran",
                                        "kept", "held",  "began", "grew", "fell", "broke", "threw",  "wrote",  "drew",
                                        "knew", "spent", "sent",  "sold", "told", "stood", "brought"};
// Words of asking that are short and often lose or change a letter.
const std::vector<std::string> short_asking = {"have", "were", "many", "what", "when", "with",  "much",
                                               "that", "from", "does", "than", "most", "which", "where"};

struct Reader {
  const Vocabulary& vocabulary;
  const Names& more;
  const Domain& domain;
  Question& q;
  std::vector<std::string> low;
  std::vector<bool> used;
  std::set<std::string> verbs;  // stems
  Focus focus;

  bool word(size_t i, std::initializer_list<std::string_view> any) const {
    return i < low.size() && std::find(any.begin(), any.end(), low[i]) != any.end();
  }
  void add(Span span) {
    for (size_t i = span.first; i <= span.last; ++i) used[i] = true;
    q.spans.push_back(std::move(span));
  }
  void times() {
    for (size_t i = 0; i < low.size(); ++i) {
      if (used[i]) continue;
      const auto unit = unit_at(q.tokens, low, i);
      if (!unit) continue;
      Span span{Span::What::time, i, unit->last, {}, unit->from, unit->to, "", 0, false, false, false, false};
      size_t start = i;  // "since the year 2021", "in the calendar year 2020"
      if (word(i - 1, {"year", "month"}))
        for (--start; word(start - 1, {"the", "calendar"});) --start;
      const bool edge = start >= 2 && word(start - 1, {"of"}) && word(start - 2, {"beginning", "start", "end"});
      if (edge) start -= word(start - 3, {"the"}) ? 3 : 2;
      const size_t before = start == 0 ? low.size() : start - 1, before2 = start < 2 ? low.size() : start - 2;
      size_t next = unit->last + 1;
      if (word(next, {"and", "to", "until", "till", "through"}) && next + 1 < low.size())
        if (const auto other = unit_at(q.tokens, low, next + 1);
            other && (word(before, {"between", "from"}) || word(next, {"to", "through", "until", "till"}))) {
          span.to = other->to, span.last = other->last, span.first = word(before, {"between", "from"}) ? before : i;
          add(span);
          i = span.last;
          continue;
        }
      if (word(before, {"after", "past"}) || (word(before, {"than"}) && word(before2, {"later", "newer"})))
        span.from = date_of_days(days_of(unit->to) + 1), span.to.clear();
      else if (word(before, {"since"}) ||
               (word(before, {"from"}) && before2 < low.size() && low[before2].ends_with("ed")))
        span.to.clear();  // "installed from 2019"; "receipts from 2019" are of that year
      else if (word(before, {"before"}) || (word(before, {"than"}) && word(before2, {"earlier", "older"})))
        span.to = date_of_days(days_of(unit->from) - 1), span.from.clear();
      else if (word(before, {"until", "till", "through"}) || (word(before, {"to"}) && word(before2, {"up"})))
        span.from.clear();
      else if (word(next, {"or"}) && word(next + 1, {"later", "after", "newer"}))
        span.to.clear(), span.last = next + 1;
      else if (word(next, {"or"}) && word(next + 1, {"earlier", "before", "older"}))
        span.from.clear(), span.last = next + 1;
      else if (word(next, {"onwards", "onward", "on"}))
        span.to.clear(), span.last = next;
      if (edge) {  // "since the beginning of 2021"; "at the end of 2021" is a time that nobody can know
        const bool ends = word(i - 2, {"end"});
        const bool whole = word(before, {"since", "from"}) ? !ends : ends && word(before, {"until", "till", "by"});
        if (whole && word(before, {"from"})) span.to.clear();
        if (whole && word(before, {"by"})) span.from.clear();
        if (!whole) q.unknown.push_back(q.tokens[i - 2]);
        span.first = start;
      }
      if (before < low.size() &&
          word(before, {"after", "past", "since", "from", "before", "until", "till", "through", "in", "during", "on",
                        "than", "to"}) &&
          !used[before]) {
        span.first = before;
        if (word(before, {"than", "to"}) && before2 < low.size() && !used[before2]) span.first = before2;
      }
      add(span);
      i = span.last;
    }
  }
  void compares() {
    static const std::pair<std::vector<std::string>, std::string> forms[] = {
        {{"more", "than"}, ">"},  {{"longer", "than"}, ">"},  {{"greater", "than"}, ">"}, {{"over"}, ">"},
        {{"above"}, ">"},         {{"exceeding"}, ">"},       {{"at", "least"}, ">="},    {{"less", "than"}, "<"},
        {{"fewer", "than"}, "<"}, {{"shorter", "than"}, "<"}, {{"under"}, "<"},           {{"below"}, "<"},
        {{"at", "most"}, "<="}};
    for (size_t i = 0; i < low.size(); ++i)
      for (const auto& [words, op] : forms) {
        if (used[i] || i + words.size() >= low.size() ||
            !std::equal(words.begin(), words.end(), low.begin() + static_cast<long>(i)))
          continue;
        const size_t n = i + words.size();
        size_t length = 0;
        const std::string two = low[n] + (n + 1 < low.size() ? " " + low[n + 1] : "");
        Span span{Span::What::compare, i, n, {}, "", "", op, 0, false, false, false, false};
        if (const auto minutes = duration_at(two, length)) {
          span.number = *minutes, span.minutes = true;
          span.last = length > low[n].size() ? n + 1 : n;
        } else if (const auto [spoken, count] = spoken_minutes(n); count > 0) {
          span.number = spoken, span.minutes = true, span.last = n + count - 1;
        } else if (const auto number = number_of(low[n], Mark::point);
                   number && has_digit(low[n]) && std::isdigit(static_cast<unsigned char>(low[n][0]))) {
          span.number = *number;
        } else {
          continue;
        }
        if (std::find(domain.unit_words.begin(), domain.unit_words.end(), word_at(span.last + 1)) !=
            domain.unit_words.end())
          ++span.last;
        add(span);
        break;
      }
  }
  // "an hour and a half", "two hours", "half an hour": minutes, and of how many words.
  std::pair<double, size_t> spoken_minutes(size_t n) const {
    static constexpr std::string_view numbers[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                                   "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    if (word(n, {"half"}) && word(n + 1, {"an"}) && word(n + 2, {"hour"})) return {30, 3};
    const auto found = std::find(std::begin(numbers), std::end(numbers), word_at(n));
    double count = found == std::end(numbers) ? 0 : static_cast<double>(found - std::begin(numbers));
    if (word(n, {"a", "an"})) count = 1;
    if (count == 0 || !word(n + 1, {"hour", "hours", "minute", "minutes", "day", "days"})) return {0, 0};
    const bool half = word(n + 2, {"and"}) && word(n + 3, {"a"}) && word(n + 4, {"half"});
    const double unit = low[n + 1].starts_with("hour") ? 60 : low[n + 1].starts_with("day") ? 1440 : 1;
    return {(count + (half ? 0.5 : 0)) * unit, half ? 5 : 2};
  }
  std::string word_at(size_t i) const { return i < low.size() && !used[i] ? low[i] : ""; }
  bool filler(const std::string& token) const { return among(domain.filler_words, token); }
  bool verb(const std::string& token) const { return verbs.count(stem(token)) > 0; }
  std::vector<Link> links_of(size_t i, size_t n) const {
    std::string text, raw;
    for (size_t j = i; j < i + n; ++j) text += (j > i ? " " : "") + low[j], raw += q.tokens[j];
    std::vector<Link> links;
    const auto take = [&](const std::string& key, bool names_only) {
      for (const Names* names : {&vocabulary.names, &more}) {
        const auto [first, last] = names->equal_range(key);
        for (auto it = first; it != last; ++it)
          if (!names_only || it->second.what != Link::What::type) links.push_back(it->second);
      }
    };
    const bool single = n == 1 && low[i].size() == 1 &&
                        !(std::isupper(static_cast<unsigned char>(q.tokens[i][0])) && q.tokens[i] != "I" &&
                          (q.tokens[i] != "A" || i > 0)) &&
                        !std::isdigit(static_cast<unsigned char>(low[i][0]));
    if (single || (n == 1 && filler(low[i]) && low[i] == q.tokens[i])) {
      if (single) return links;
      take(key_of(text), false);  // a filler word may still name a field ("part", "line") but no value
      std::erase_if(links, [](const Link& l) { return l.what == Link::What::value || l.what == Link::What::record; });
      return links;
    }
    if (const std::string key = key_of(text); !key.empty()) take(key, false);
    if (n > 1 && (filler(low[i]) || filler(low[i + n - 1])))  // "packed up", "borrowed on": types and fields, no values
      std::erase_if(links, [](const Link& l) { return l.what == Link::What::value; });
    take(fmt::format("#{}", canon(text)), true);
    if (links.empty() && n == 1 && is_plural_of_capitals(q.tokens[i]))  // "WOs"
      take(key_of(low[i].substr(0, low[i].size() - 1)), false);
    return links;
  }
  static bool is_plural_of_capitals(const std::string& token) {
    return token.size() >= 3 && token.back() == 's' &&
           std::all_of(token.begin(), token.end() - 1, [](unsigned char c) { return std::isupper(c); });
  }
  // "When did they put BC-01 in": a verb and its particle, with the thing between them.
  void parted_verbs() {
    for (size_t i = 0; i < low.size(); ++i)
      for (size_t j = i + 2; j < std::min(i + 5, low.size()); ++j) {
        if (used[i] || used[j] || !among(particles, low[j]) || has_digit(low[i])) continue;
        bool thing = false;
        for (size_t k = i + 1; k < j; ++k) thing |= has_digit(low[k]) || word(k, {"it", "them", "us", "that", "this"});
        if (!thing) continue;
        const auto [first, last] = vocabulary.names.equal_range(key_of(low[i] + " " + low[j]));
        std::vector<Link> links;
        for (auto it = first; it != last; ++it)
          if (it->second.what == Link::What::type || it->second.what == Link::What::field) links.push_back(it->second);
        if (links.empty()) continue;
        add({Span::What::names, i, i, std::move(links), "", "", "", 0, false, false, false, false});
        used[j] = true;
      }
  }
  void names() {
    for (size_t n = 6; n > 0; --n) {
      if (n == 1) parted_verbs();
      for (size_t i = 0; i + n <= low.size(); ++i) {
        if (std::any_of(used.begin() + static_cast<long>(i), used.begin() + static_cast<long>(i + n),
                        [](bool u) { return u; }))
          continue;
        auto links = links_of(i, n);
        const bool loose = n == 1 && (verb(low[i]) || filler(low[i]));
        // "stationed" is no station, though akin to it
        const bool weak = n == 1 && (low[i].ends_with("ed") || (verb(low[i]) && low[i].size() >= 4)) &&
                          !vocabulary.words.count(low[i]);
        // What was parked was not fined for parking, and "how long do guests stay" asks for no status "stayed".
        if (n == 1 && (low[i].ends_with("ed") || (loose && verb(low[i]))))
          std::erase_if(links, [&](const Link& l) {
            return l.what == Link::What::value && fold(l.value) != low[i] && fold(l.value) + "s" != low[i];
          });
        if (!links.empty())
          add({Span::What::names, i, i + n - 1, std::move(links), "", "", "", 0, false, loose, n == 1 && filler(low[i]),
               weak});
      }
    }
  }
  bool named_at(size_t i, Link::What what, bool weakly) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && s.first == i && (weakly || !s.weak) &&
             std::any_of(s.links.begin(), s.links.end(), [&](const Link& l) { return l.what == what; });
    });
  }
  bool field_at(size_t i) const { return named_at(i, Link::What::field, true); }
  bool type_at(size_t i) const { return named_at(i, Link::What::type, false); }
  void asking(bool first_pass) {
    for (const auto& [phrase, meaning] : phrases) {
      const auto words = words_of(phrase);
      if (first_pass != (words.size() > 1)) continue;
      for (size_t i = 0; i + words.size() <= low.size(); ++i) {
        if (!std::equal(words.begin(), words.end(), low.begin() + static_cast<long>(i))) continue;
        if (std::any_of(used.begin() + static_cast<long>(i), used.begin() + static_cast<long>(i + words.size()),
                        [](bool u) { return u; }))
          continue;
        if (phrase == "list" && i > 0 && !word(i - 1, {"please", "kindly", "to", "and", "you", "me", "just", "then"}))
          continue;  // a noun
        if (phrase == "when" && i < focus.from && i + 1 < low.size() && !focus.told[i]) {  // "when it goes, how long"
          used[i] = true;
          continue;
        }
        if (meaning.empty()) {
          std::fill_n(used.begin() + static_cast<long>(i), words.size(), true);
          continue;
        }
        if (among(principal, low[i]) && words.size() == 1 && !field_at(i + 1)) continue;  // "main bearing"
        add({Span::What::asking,
             i,
             i + words.size() - 1,
             {},
             "",
             "",
             std::string(meaning),
             0,
             false,
             false,
             false,
             false});
      }
    }
  }
  // "When was the last failure": of several the latest.
  void last_ones() {
    for (size_t i = 0; i + 1 < low.size(); ++i) {
      if (used[i] || !word(i, {"last", "first"}) || low[i + 1].ends_with('s')) continue;
      if (!type_at(i + 1)) continue;
      const char* which = low[i] == "last" ? "latest" : "earliest";
      add({Span::What::asking, i, i, {}, "", "", which, 0, false, false, false, false});
    }
  }
  // Verbs and other forms of a header's words: "weighed" for the weight. What repeats a known word otherwise is
  // explained.
  void families() {
    for (size_t i = 0; i < low.size(); ++i) {
      if (used[i] || filler(low[i]) || low[i].size() < 4 || has_digit(low[i])) continue;
      const std::string root = domain.root(low[i]);
      Span span{Span::What::names, i, i, {}, "", "", "", 0, false, true, false, true};
      const auto [first, last] = vocabulary.roots.equal_range(root);
      for (auto it = first; it != last; ++it) span.links.push_back(it->second);
      if (!span.links.empty())
        add(std::move(span));
      else if (low[i].size() >= 5 && vocabulary.known_roots.count(root) && repeats(root))
        used[i] = true;
    }
  }
  // A word of this root is in something that the question names: a verb that says it once more ("which guests were
  // booked on bookings"). A word of a name that the question does not have narrows what is asked, and is not
  // understood.
  bool repeats(const std::string& root) const {
    const auto has_root = [&](const std::string& text) {
      const auto words = words_of(text);
      return std::any_of(words.begin(), words.end(), [&](const std::string& w) { return domain.root(w) == root; });
    };
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& span) {
      if (span.what != Span::What::names) return false;
      for (size_t i = span.first; i <= span.last; ++i)
        if (domain.root(low[i]) == root) return true;
      return std::any_of(span.links.begin(), span.links.end(),
                         [&](const Link& l) { return has_root(l.type) || has_root(l.field) || has_root(l.value); });
    });
  }
  bool in_names(size_t i) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && !s.weak && s.first <= i && i <= s.last;
    });
  }
  // A word that no name explains and that narrows nothing: a title before a name, the owner ("the clinic"), or the verb
  // between two things that are named ("which carrier moved the most shipments", "did Salomon treat").
  bool says_little(size_t i) const {
    if (among(domain.organisation_words, low[i]) || among(domain.idle_words, low[i])) return true;
    if (among(domain.crew_words, low[i]))  // "did the lads do"
      return word(i - 1, {"did", "do", "have"}) ||
             (word(i - 1, {"the", "our", "my", "your"}) &&
              word(i - 2, {"did", "do", "does", "have", "has", "had", "can", "could", "by", "for", "with"}));
    if (word(i, {"again", "then"}) && i + 1 == low.size()) return true;
    if (low[i] != "list" && i > 0 && !in_names(i) &&
        word(i + 1, {"record", "records", "log", "logs", "papers", "documents", "files"}))  // "maintenance records"
      return true;
    if (word(i, {"single"})) return word(i - 1, {"which", "what", "any", "every", "each", "a", "the"});
    if (word(i, {"other", "others", "another"}))
      return word(i - 1, {"any", "all", "the", "each"}) && word(i - 2, {"than"});
    if (among(domain.title_words, low[i]) && in_names(i + 1)) return true;
    if (low[i] != q.tokens[i] || has_digit(low[i]) || low[i].size() < 4 || i == 0) return false;
    const size_t past = low[i].ends_with("ed") && word(i + 1, {"over", "up", "out", "through", "off"}) ? i + 1 : i;
    const auto superlative = [&](size_t at) {
      return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
        return s.what == Span::What::asking && s.first == at && (s.op == "most" || s.op == "least");
      });
    };
    const bool most = (past > i && (superlative(past + 1) || (word(past + 1, {"the"}) && superlative(past + 2)))) ||
                      word(i + 1, {"most", "fewest", "least"}) ||
                      (word(i + 1, {"the"}) && word(i + 2, {"most", "fewest", "least"}));
    if (in_names(i - 1) && most)  // "which machine coughed most": what it did is what is counted
      return std::any_of(q.spans.begin(), q.spans.end(),
                         [&](const Span& s) { return s.what == Span::What::names && s.first > i; });
    if (low[i].ends_with("ed") && word(i + 1, {"by", "to", "from", "with", "through", "via", "at", "into"}) &&
        in_names(i + 2))
      return true;
    if (!in_names(i - 1) || low[i].ends_with("ed")) return false;
    const auto helper = std::find_if(low.begin(), low.begin() + static_cast<std::ptrdiff_t>(i),
                                     [](const std::string& w) { return w == "did" || w == "does" || w == "do"; });
    return helper != low.begin() + static_cast<std::ptrdiff_t>(i) &&
           low.begin() + static_cast<std::ptrdiff_t>(i) - helper <= 6;
  }
  // A word that may be a verb, and is none here: "in which building", "about the lift", "our fuel bill"; or one that
  // narrows what follows: "how many disputed fines".
  bool is_noun(size_t i) const {
    if (i == 0 || among(pasts, low[i])) return false;
    if (low[i].ends_with("ing") && (low[i - 1] == "which" || low[i - 1] == "what")) return true;
    if (low[i].ends_with("ed"))
      return in_names(i + 1) && !has_digit(low[i + 1]) &&
             word(i - 1, {"many", "most", "fewest", "least", "the", "all", "any", "of", "a", "an", "no", "different"});
    if (i >= 2 && word(i - 1, {"the", "a"}) && word(i - 2, {"about", "with", "by"})) return true;
    const bool helper = std::any_of(low.begin(), low.begin() + static_cast<std::ptrdiff_t>(i), [](const auto& w) {
      return w == "did" || w == "does" || w == "do" || w == "to" || w == "can" || w == "could" || w == "will";
    });
    return !helper && !low[i].ends_with("s") && !low[i - 1].ends_with("s") && !has_digit(low[i - 1]) &&
           in_names(i - 1) && low[i - 1] == q.tokens[i - 1];
  }
  // A filler that means something here: it says which of what follows, or a time that nobody can know.
  bool says_which(size_t i) const {
    if (used[i] || i + 1 >= low.size()) return false;
    if (among(relative, low[i]) && word(i + 1, {"year", "month", "week", "quarter"})) return true;
    return among(narrowing, low[i]) && type_at(i + 1);
  }
  bool says_nothing(size_t i) const { return (filler(low[i]) && !says_which(i)) || (verb(low[i]) && !is_noun(i)); }
  // A word nobody knows that only tells: it may be anything, if it is no name of a thing.
  bool only_told(size_t i) const {
    return focus.told[i] && !has_digit(low[i]) &&
           !(focus.refers_back && low[i] != q.tokens[i] && low[i] != "i" && i > 0);
  }
  // What kinds of entries are told of says little of which are asked for: "the inspection interval of BC-05".
  bool is_kind(const Link& link) const {
    const TypeRule* rule = domain.type(link.type);
    return rule && rule->kind == link.field;
  }
  // What is told says of what and when, as far as what is asked leaves it open; nothing else of it is meant.
  void drop_told() {
    const auto told = [&](const Span& s) { return focus.told[s.first] && focus.told[s.last]; };
    const bool timed = std::any_of(q.spans.begin(), q.spans.end(),
                                   [&](const Span& s) { return s.what == Span::What::time && !told(s); });
    std::set<std::pair<std::string, std::string>> asked;  // fields that what is asked gives a value of
    for (const Span& span : q.spans)
      for (const Link& link : span.links)
        if (!told(span) && (link.what == Link::What::value || link.what == Link::What::record))
          asked.insert({link.type, link.field});
    for (Span& span : q.spans) {
      if (!told(span) || span.what != Span::What::names) continue;
      const bool plain =
          span.first == span.last && low[span.first] == q.tokens[span.first] && !has_digit(low[span.first]);
      std::erase_if(span.links, [&](const Link& l) {
        return (l.what != Link::What::value && l.what != Link::What::record) || span.loose || span.weak ||
               (plain && !focus.refers_back) || is_kind(l) || asked.count({l.type, l.field});
      });
    }
    const Span* last_told = nullptr;  // of the times
    for (const Span& span : q.spans)
      if (span.what == Span::What::time && told(span) && (!last_told || span.first > last_told->first))
        last_told = &span;
    std::vector<Span> kept;
    for (const Span& span : q.spans) {
      const bool unit = span.op == "hours" || span.op == "minutes" || span.op == "days";
      const bool in_unit = unit && (low[span.first] == "in" || (span.first > 0 && low[span.first - 1] == "in"));
      if (!told(span) || span.what == Span::What::compare || (span.what == Span::What::names && !span.links.empty()) ||
          (span.what == Span::What::time && !timed && &span == last_told) ||
          (span.what == Span::What::asking && in_unit))
        kept.push_back(span);
    }
    q.spans = std::move(kept);
  }
  void explain() {
    q.spans.clear(), q.unknown.clear();
    used.assign(low.size(), false);
    times();
    compares();
    asking(true);
    names();
    asking(false);
    last_ones();
    families();
  }
  // How well a word that is nothing may be a misspelling of one that is known: the less the better, 0 is it, none is
  // no. People seldom mistype the first letter, except that it changes places: "home" is no "come", "night" no "might".
  std::optional<int> misspells(const std::string& typed, const std::string& known, bool asks) const {
    const bool same_letters = std::is_permutation(known.begin(), known.end(), typed.begin(), typed.end());
    if (!same_letters && known[0] != typed[0]) return std::nullopt;
    int most = typed.size() >= 8 || (same_letters && typed.size() >= 5) ? 2 : 1;
    if (typed.size() == 3)  // "teh": its letters changed places, or it is another word; "hav"
      most = asks && (same_letters || (known.size() == 4 && among(short_asking, known))) ? 1 : 0;
    else if (typed.size() == 4)
      most = same_letters || (asks && known.size() >= 4) ? 1 : 0;
    const bool no_vowel = typed.find_first_of("aeiouy") == std::string::npos;
    if (typed.size() == 4 && no_vowel) most = 1;  // "clss" is no other word
    if (asks && typed.size() < 7 && !same_letters && typed.size() == known.size() && !among(short_asking, known))
      return std::nullopt;  // "fires" are no files
    const int apart = edit_distance(typed, known, most);
    if (apart > most || (apart == 0 && most == 0)) return std::nullopt;
    return apart * 8 + (same_letters ? 0 : 4) + (known[0] == typed[0] ? 0 : 2) + (asks ? 0 : 1);
  }
  // Another word for it that the library knows: "doc" for its doctors, "slips" for its receipts.
  std::string synonym(const std::string& typed) const {
    const std::string one = stem(typed);
    for (const auto& group : domain.synonyms)
      for (const std::string& same : group) {
        if (stem(same) != one) continue;
        for (const std::string& other : group)
          if (other != same && (vocabulary.names.count(key_of(other)) || among_asking(other)))
            return typed.ends_with('s') && stem(typed) != typed ? plural(other) : other;
      }
    return "";
  }
  static bool among_asking(const std::string& word) {
    return std::any_of(std::begin(phrases), std::end(phrases), [&](const auto& p) { return p.first == word; });
  }
  // A word that is nothing, and nearly something: a name of the library, or a word of asking; or a synonym of one.
  void repair() {
    std::set<std::string> asking_words;
    for (const auto& [phrase, meaning] : phrases)
      for (const std::string& part : words_of(phrase))
        if (part.size() >= 3) asking_words.insert(part);
    for (const std::string& filler_word : domain.filler_words)
      if (filler_word.size() >= 3) asking_words.insert(filler_word);
    const auto replace = [&](size_t i, const std::string& known) {
      q.repaired.push_back(fmt::format("'{}' read as '{}'", low[i], known));
      low[i] = q.tokens[i] = known;
    };
    if (word(0, {"were", "wear"}) && word(1, {"is", "was", "are", "do", "can"})) replace(0, "where");
    for (size_t i = 0; i < low.size(); ++i) {
      if (used[i] || focus.told[i] || filler(low[i]) || verb(low[i]) || low[i].size() < 2 || has_digit(low[i]))
        continue;
      if (const std::string known = synonym(low[i]); !known.empty()) {
        replace(i, known);
        continue;
      }
      if (low[i].size() < 3 || among(domain.idle_words, low[i]) || among(excluding, low[i])) continue;
      if (low[i].size() == 3 && low[i] != q.tokens[i] && i > 0) continue;
      std::string best;
      int lowest = 1000;
      for (const bool asks : {false, true})
        for (const std::string& known : asks ? asking_words : vocabulary.words)
          for (const bool many : {false, true}) {
            if (many && (asks || known.size() < 4 || known.ends_with('s') || !low[i].ends_with('s'))) continue;
            const std::string& one = many ? known + "s" : known;
            if (const auto cost = misspells(low[i], one, asks); cost && *cost < lowest) lowest = *cost, best = one;
          }
      if (!best.empty() && best != low[i]) replace(i, best);
    }
  }
};

}  // namespace

std::string Question::words_of(const Span& span) const {
  std::string words;
  for (size_t i = span.first; i <= span.last; ++i) words += (i > span.first ? " " : "") + tokens[i];
  return words;
}

bool Question::says(std::string_view asking) const {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& s) { return s.what == Span::What::asking && s.op == asking; });
}

Question take_apart(std::string_view text, const Vocabulary& vocabulary, const Domain& domain, const Names& more) {
  Question q;
  q.text = text;
  const Words words = words_in(text);
  q.tokens = words.tokens;
  Reader reader{vocabulary, more, domain, q, {}, std::vector<bool>(q.tokens.size()), {}, {}};
  for (const std::string& verb : domain.verb_words) reader.verbs.insert(stem(verb));
  for (std::string& one : q.tokens) {
    if (one.ends_with("-wise") && one.size() > 8) one.resize(one.size() - 5);  // "breakdown-wise"
    reader.low.push_back(fold(one));
  }
  reader.focus = focus_of(reader.low, words.begins);
  q.told = reader.focus.told;
  reader.explain();
  reader.repair();
  if (!q.repaired.empty()) reader.explain();
  for (size_t i = 0; i < q.tokens.size(); ++i)
    if (!reader.used[i] && !reader.says_nothing(i) && !reader.says_little(i) && !reader.only_told(i))
      q.unknown.push_back(q.tokens[i]);
  reader.drop_told();
  std::sort(q.spans.begin(), q.spans.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
  return q;
}

}  // namespace freehold::papers
