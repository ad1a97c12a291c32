#include "library/question.h"

#include <algorithm>

#include "library/focus.h"
#include "library/spelling.h"
#include "library/times.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// "The main cause" is the most common one.
const std::vector<std::string> principal = {"main", "chief", "principal", "leading", "primary"};
// What parts from a verb: "put BC-01 in".
const std::vector<std::string> particles = {"in", "up", "out", "down", "off", "on", "over", "from"};
// Before or after the name of a field they say no more than it does.
const std::vector<std::string> measures = {"size",   "capacity",    "volume", "value", "level", "reading",
                                           "sum",    "designation", "figure", "code",  "name",  "number",
                                           "amount", "details",     "data",   "entry", "info",  "date"};
// They narrow what follows: "first visits", "last year".
const std::vector<std::string> narrowing = {"first", "last", "full", "long", "short", "same"};
const std::vector<std::string> relative = {"last", "this", "next", "past", "previous", "current"};
// These leave something out, and are no misspellings.
const std::vector<std::string> excluding = {"except", "excluding", "besides", "apart", "unlike"};
// These are no nouns, whatever stands before them.
const std::vector<std::string> pasts = {
    "gave",    "took",   "made",  "had",   "got",   "went", "came", "became", "ran",   "kept", "held", "began",
    "grew",    "fell",   "broke", "threw", "wrote", "drew", "knew", "spent",  "sent",  "sold", "told", "stood",
    "brought", "heard",  "paid",  "met",   "sat",   "left", "lost", "won",    "found", "put",  "set",  "bought",
    "taught",  "caught", "chose", "drove", "rose",  "led",  "cost", "saw",    "gets"};
struct Reader {
  const Vocabulary& vocabulary;
  const Names& more;
  const Domain& domain;
  Question& q;
  std::vector<std::string> low;
  std::vector<bool> used;
  std::set<std::string> verbs, active_verbs;  // stems
  Focus focus;

  bool word(size_t i, std::initializer_list<std::string_view> any) const {
    return i < low.size() && std::find(any.begin(), any.end(), low[i]) != any.end();
  }
  void add(Span span) {
    for (size_t i = span.first; i <= span.last; ++i) used[i] = true;
    q.spans.push_back(std::move(span));
  }
  void times() {
    for (TimeSpan& time : times_in(q.tokens, low)) {
      add({Span::What::time,
           time.first,
           time.last,
           {},
           std::move(time.from),
           std::move(time.to),
           "",
           0,
           false,
           false,
           false,
           false});
      if (!time.unknowable.empty() && !focus.told[time.first]) q.unknown.push_back(time.unknowable);
    }
  }
  void compares() {
    for (size_t i = 0; i < low.size(); ++i)
      for (const auto& [phrase, op] : domain.comparisons) {
        const auto words = words_of(phrase);
        if (used[i] || i + words.size() >= low.size() ||
            !std::equal(words.begin(), words.end(), low.begin() + static_cast<long>(i)))
          continue;
        const size_t n = i + words.size();
        if (used[n]) continue;  // "over 2022", a time
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
        add(std::move(span));
        break;
      }
  }
  // "an hour and a half", "two hours", "half an hour": minutes, and of how many words.
  std::pair<double, size_t> spoken_minutes(size_t n) const {
    static constexpr std::string_view numbers[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                                   "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    if (word(n, {"half"}) && word(n + 1, {"an"}) && word(n + 2, {"hour"})) return {30, 3};
    static constexpr std::string_view tens[] = {"ten",   "twenty",  "thirty", "forty", "fifty",
                                                "sixty", "seventy", "eighty", "ninety"};
    const auto found = std::find(std::begin(numbers), std::end(numbers), word_at(n));
    double count = found == std::end(numbers) ? 0 : static_cast<double>(found - std::begin(numbers));
    if (const auto ten = std::find(std::begin(tens), std::end(tens), word_at(n)); ten != std::end(tens))
      count = 10 * static_cast<double>(ten - std::begin(tens) + 1);
    if (word(n, {"a", "an"})) count = 1;
    if (count == 0 || !word(n + 1, {"hour", "hours", "minute", "minutes", "day", "days"})) return {0, 0};
    const bool half = word(n + 2, {"and"}) && word(n + 3, {"a"}) && word(n + 4, {"half"});
    const double unit = low[n + 1].starts_with("hour") ? 60 : low[n + 1].starts_with("day") ? 1440 : 1;
    return {(count + (half ? 0.5 : 0)) * unit, half ? 5 : 2};
  }
  std::string word_at(size_t i) const { return i < low.size() && !used[i] ? low[i] : ""; }
  bool filler(const std::string& token) const { return among(domain.filler_words, token); }
  bool verb(const std::string& token) const {
    return verbs.count(stem(token)) > 0 || active_verbs.count(stem(token)) > 0;
  }
  std::vector<Link> links_of(size_t i, size_t n) const {
    std::string text, raw;
    for (size_t j = i; j < i + n; ++j) text += (j > i ? " " : "") + low[j], raw += q.tokens[j];
    std::vector<Link> links;
    if (n == 1 && filler(low[i]) && word(i + 1, {"which", "what", "whom", "whose", "where", "when"}))
      return links;  // "to which shipment" names no field "to"
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
                        !(i > 0 && low[i] != "a" && low[i] != "i" && is_header(i - 1)) &&  // "model x"
                        !std::isdigit(static_cast<unsigned char>(low[i][0]));
    if (single || (n == 1 && filler(low[i]) && low[i] == q.tokens[i])) {
      if (single) return links;
      take(key_of(text), false);  // a filler word may still name a field ("part", "line") but no value
      std::erase_if(links, [](const Link& l) { return l.what == Link::What::value || l.what == Link::What::record; });
      return links;
    }
    if (const std::string key = key_of(text); !key.empty()) take(key, false);
    prefer_order(text, links);
    if (n > 1 && (filler(low[i]) || filler(low[i + n - 1])))  // "packed up", "borrowed on": types and fields, no values
      std::erase_if(links, [](const Link& l) { return l.what == Link::What::value; });
    take(fmt::format("#{}", canon(text)), true);
    const auto base = n > 1 && links.empty() ? domain.base_forms.find(low[i]) : domain.base_forms.end();
    if (base != domain.base_forms.end()) {  // "bitten the dust", of which "bite the dust" is known
      take(key_of(base->second + text.substr(low[i].size())), false);
      std::erase_if(links, [](const Link& l) { return l.what == Link::What::value || l.what == Link::What::record; });
    }
    if (n == 1 && low[i].ends_with('s') && stem(low[i]) != low[i] && !verb(low[i]) &&
        names_no_kind(links)) {  // "belts"
      const auto [first, last] = vocabulary.firsts.equal_range(stem(low[i]));
      for (auto it = first; it != last; ++it) links.push_back(it->second);
    }
    if (links.empty() && n == 1 && is_plural_of_capitals(q.tokens[i]))  // "WOs"
      take(key_of(low[i].substr(0, low[i].size() - 1)), false);
    return links;
  }
  // "Roller press", where papers also know a press roller: of values those whose words stand as they were written.
  static void prefer_order(std::string_view text, std::vector<Link>& links) {
    const auto other = [words = stems_of(text)](const Link& l) {
      return l.what == Link::What::value && stems_of(l.value) != words;
    };
    const bool written = std::any_of(links.begin(), links.end(),
                                     [&](const Link& l) { return l.what == Link::What::value && !other(l); });
    if (written) std::erase_if(links, [&](const Link& l) { return other(l) && key_of(l.value) == key_of(text); });
  }
  static std::vector<std::string> stems_of(std::string_view text) {
    std::vector<std::string> stems = freehold::papers::words_of(text);
    for (std::string& word : stems) word = stem(word);
    return stems;
  }
  static bool names_no_kind(const std::vector<Link>& links) {
    return std::all_of(links.begin(), links.end(), [](const Link& l) { return l.what == Link::What::field; });
  }
  static bool is_plural_of_capitals(const std::string& token) {
    return token.size() >= 3 && token.back() == 's' &&
           std::all_of(token.begin(), token.end() - 1, [](unsigned char c) { return std::isupper(c); });
  }
  // "When did they put BC-01 in": a verb and its particle, with the thing between them.
  void parted_verbs() {
    for (size_t i = 0; i < low.size(); ++i)
      for (size_t j = i + 2; j < std::min(i + 8, low.size()); ++j) {
        if (used[i] || used[j] || !among(particles, low[j]) || has_digit(low[i])) continue;
        if (j + 1 < low.size() && has_digit(low[j + 1])) continue;  // "in 2021"
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
        const bool kind = low[i].ends_with("ed") && names_records(i + 1);  // "planned jobs"
        if (n == 1 && !kind && (low[i].ends_with("ed") || (loose && verb(low[i]))))
          std::erase_if(links, [&](const Link& l) {
            return l.what == Link::What::value && fold(l.value) != low[i] && fold(l.value) + "s" != low[i];
          });
        if (!links.empty())
          add({Span::What::names, i, i + n - 1, std::move(links), "", "", "", 0, false, loose, n == 1 && filler(low[i]),
               weak});
      }
    }
  }
  bool names_records(size_t i) const {  // by their type, or by what numbers them
    const auto links = i < low.size() ? links_of(i, 1) : std::vector<Link>{};
    return std::any_of(links.begin(), links.end(), [&](const Link& l) {
      const KnownType* type = vocabulary.type(l.type);
      return l.what == Link::What::type || (l.what == Link::What::field && type && type->key == l.field);
    });
  }
  bool named_at(size_t i, Link::What what, bool weakly) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && s.first == i && (weakly || !s.weak) &&
             std::any_of(s.links.begin(), s.links.end(), [&](const Link& l) { return l.what == what; });
    });
  }
  bool named_at(size_t i, const std::string& type) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.first == i && std::any_of(s.links.begin(), s.links.end(),
                                         [&](const Link& l) { return l.what == Link::What::type && l.type == type; });
    });
  }
  bool ends_before(size_t i, Link::What what) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && s.last + 1 == i &&
             std::any_of(s.links.begin(), s.links.end(), [&](const Link& l) { return l.what == what; });
    });
  }
  bool field_before(size_t i) const { return ends_before(i, Link::What::field); }
  bool value_before(size_t i) const { return ends_before(i, Link::What::value) || ends_before(i, Link::What::record); }
  bool field_at(size_t i) const { return named_at(i, Link::What::field, true); }
  bool type_at(size_t i) const { return named_at(i, Link::What::type, false); }
  void asking(bool first_pass) {
    for (const auto& [phrase, meaning] : domain.phrases) {
      const auto words = words_of(phrase);
      if (first_pass != (words.size() > 1)) continue;
      for (size_t i = 0; i + words.size() <= low.size(); ++i) {
        if (!std::equal(words.begin(), words.end(), low.begin() + static_cast<long>(i))) continue;
        if (std::any_of(used.begin() + static_cast<long>(i), used.begin() + static_cast<long>(i + words.size()),
                        [](bool u) { return u; }))
          continue;
        if (low[i] == "number" && i > 0 && !filler(low[i - 1]) && !links_of(i - 1, 1).empty())
          continue;  // "the lease number of": what it is called by
        if (phrase == "list" && i > 0 && i + 1 < low.size() &&
            !word(i - 1, {"please", "kindly", "to", "and", "you", "me", "just", "then"}))
          continue;  // a noun
        if (phrase == "when" && i + 1 < low.size() && !focus.told[i] && (i < focus.from || only_says_when(i))) {
          used[i] = true;  // "when it goes, how long"
          continue;
        }
        if (meaning.empty()) {
          std::fill_n(used.begin() + static_cast<long>(i), words.size(), true);
          continue;
        }
        if (word(i, {"kept", "keep"}) && words.size() == 1 && !(i + 1 < low.size() && low[i + 1].ends_with("ing")))
          continue;                                                                       // "what kept breaking"
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
  bool is_header(size_t i) const {
    const auto links = links_of(i, 1);
    return std::any_of(links.begin(), links.end(), [](const Link& l) { return l.what == Link::What::field; });
  }
  // "In pounds", "in kg": as what an amount is wanted, where it is no header. The planner sees whether it is.
  void in_units() {
    for (size_t i = 0; i + 1 < low.size(); ++i)
      if (!used[i] && !used[i + 1] && low[i] == "in" && low[i + 1].size() >= 2 &&
          among(domain.unit_words, low[i + 1]) && !is_header(i + 1))
        add({Span::What::asking, i, i + 1, {}, "", "", "in unit", 0, false, false, false, false});
  }
  // "How long are we down when a belt edge fails": something else is asked for, and no day.
  bool only_says_when(size_t i) const {
    if (i == 0 || word(i - 1, {"and", "or", "know", "me", "us", "exactly"}) ||
        word(i + 1, {"was", "were", "is", "are", "did", "do", "does", "has", "have", "exactly"}))
      return false;
    return std::any_of(low.begin() + static_cast<long>(focus.from), low.begin() + static_cast<long>(i),
                       [](const std::string& w) { return w == "how" || w == "which" || w == "what" || w == "who"; });
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
      const bool of_texts = std::all_of(span.links.begin(), span.links.end(), [&](const Link& l) {
        const KnownType* type = l.what == Link::What::field ? vocabulary.type(l.type) : nullptr;
        const KnownField* field = type ? type->field(l.field) : nullptr;
        return field && field->kind == Kind::text && field->refers.empty();
      });
      if (of_texts && verbs.count(stem(low[i])) > 0) continue;  // "stationed", "transported": said of all of them
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
    if (word(i, {"bit", "bits", "lot"}) && word(i - 1, {"which", "what", "whose"})) return false;  // it is asked for
    if (word(i, {"good", "old", "poor", "dear"}))                                                  // "good old Bertha"
      return i + 1 < low.size() && !has_digit(low[i + 1]) &&
             (named_at(i + 1, Link::What::record, false) || (low[i] == "good" && says_little(i + 1)));
    if (word(i, {"quarter", "week"}) && word(i - 1, {"that"}))  // a time that was told
      return std::any_of(q.spans.begin(), q.spans.end(),
                         [&](const Span& s) { return s.what == Span::What::time && s.last < i; });
    if (among(domain.idle_words, low[i])) return !tells_apart(i);
    if (word(i, {"next"}))  // "from one failure to the next"
      return word(i - 1, {"the"}) && word(i - 2, {"and", "to"}) && ends_before(i - 2, Link::What::type);
    if (word(i, {"successive", "consecutive"})) return type_at(i + 1) && low[i + 1].ends_with('s');
    if (word(i, {"pass", "passes", "passed", "elapse", "elapses", "elapsed"})) return word(i + 1, {"between", "from"});
    if (among(domain.organisation_words, low[i]))  // "the clinic", not "the tax office"
      return !tells_apart(i) && !(i > 0 && value_before(i));
    if (among(domain.crew_words, low[i]))                              // "did the lads do"
      return word(i - 1, {"did", "do", "have"}) || value_before(i) ||  // "Wels people"
             (word(i - 1, {"the", "our", "my", "your"}) &&
              word(i - 2, {"did", "do", "does", "have", "has", "had", "can", "could", "by", "for", "with", "were",
                           "was", "are", "is"}));
    if (among(measures, low[i]) &&  // "tank size", "the amount of the fees"
        ((i > 0 && field_before(i)) || (word(i + 1, {"of"}) && (field_at(i + 2) || field_at(i + 3)))))
      return true;
    if (word(i, {"again", "then", "like"}) && i + 1 == low.size()) return true;
    if (word(i, {"back"}))  // "back in 2018", not "came back in 2018"
      return word(i + 1, {"in"}) && (i == 0 || !verb(low[i - 1]) || word(i - 1, {"had", "have"})) &&
             std::any_of(q.spans.begin(), q.spans.end(),
                         [&](const Span& s) { return s.what == Span::What::time && s.first <= i + 2 && i < s.first; });
    if (low[i].ends_with("ly") && word(i + 1, {"as"}) && word(i - 1, {"known", "called"})) return true;
    if (low[i].ends_with("ly") && word(i + 1, {"known", "called"})) return true;  // "locally called Old Bertha"
    if (low[i] != "list" && i > 0 && !in_names(i) &&
        word(i + 1, {"record", "records", "log", "logs", "papers", "documents", "files", "history",
                     "archive"}))  // "maintenance records"
      return true;
    if (word(i, {"current", "present", "exact", "actual", "full", "official", "complete", "overall", "correct",
                 "right"}) &&
        field_at(i + 1))
      return true;
    if (word(i, {"single"})) return word(i - 1, {"which", "what", "any", "every", "each", "a", "the"});
    if (word(i, {"other", "others", "another"}))
      return word(i - 1, {"any", "all", "the", "each"}) && word(i - 2, {"than"});
    if (among(domain.title_words, low[i]) && in_names(i + 1)) return true;
    return false;
  }
  // "Business bookings", "repeat guests": a word that is passed over elsewhere says here which of them are meant.
  bool tells_apart(size_t i) const {
    if (!type_at(i + 1) || filler(low[i])) return false;
    if (word(i - 1, {"most", "least"}) && low[i].ends_with("ed")) return false;  // "the most ordered test"
    if (i == 0) return !verb(low[i]);
    return word(i - 1,
                {"many",  "most", "fewest", "least", "of",        "all",   "any",   "the", "no",   "a",    "an",  "our",
                 "which", "what", "number", "total", "different", "these", "those", "are", "were", "list", "more"});
  }
  // "Invoices paid in 2021", "which fines were paid": what was done to some of them tells those apart.
  bool passive(size_t i) const {
    static const std::vector<std::string> participles = {"paid", "sent",   "written", "driven", "sold",
                                                         "lent", "taught", "built",   "read"};
    if (!low[i].ends_with("ed") && !among(participles, low[i])) return false;
    if (word(i - 1, {"were", "was", "are", "is", "been", "be", "being", "got", "get"}))
      return !q.says("what") || q.says("most");  // "what amount was paid in fines"
    const bool ranked = std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::asking && s.first > i && s.first <= i + 2 && (s.op == "most" || s.op == "least");
    });
    return i > 0 && ends_before(i, Link::What::type) && !helped(i) && !ranked;
  }
  bool helped(size_t i) const {
    return std::any_of(low.begin(), low.begin() + static_cast<std::ptrdiff_t>(i), [](const auto& w) {
      return w == "did" || w == "does" || w == "do" || w == "to" || w == "can" || w == "could" || w == "will";
    });
  }
  // A word that may be a verb, and is none here: "in which building", "about the lift", "our fuel bill"; or one that
  // narrows what follows: "how many disputed fines".
  bool is_noun(size_t i) const {
    if (i == 0 || among(pasts, low[i])) return false;
    if (low[i].ends_with("ing") && (low[i - 1] == "which" || low[i - 1] == "what")) return true;
    if (low[i].ends_with("ed"))
      return in_names(i + 1) && !has_digit(low[i + 1]) &&
             word(i - 1, {"many", "the", "all", "any", "of", "a", "an", "no", "different"});
    if (i >= 2 && word(i - 1, {"the", "a"}) && word(i - 2, {"about", "with", "by"})) return true;
    return !helped(i) && !low[i].ends_with("s") && !low[i - 1].ends_with("s") && !has_digit(low[i - 1]) &&
           in_names(i - 1) && low[i - 1] == q.tokens[i - 1];
  }
  // A filler that means something here: it says which of what follows, or a time that nobody can know.
  bool says_which(size_t i) const {
    if (used[i] || i + 1 >= low.size()) return false;
    if (among(relative, low[i]) && word(i + 1, {"year", "month", "week", "quarter"})) return true;
    return among(narrowing, low[i]) && type_at(i + 1);
  }
  // "Not counting BC-01" leaves something out.
  bool leaves_out(size_t i) const {
    return !used[i] && word(i, {"counting", "including", "considering", "with", "on"}) && word(i - 1, {"not"});
  }
  bool says_nothing(size_t i) const {
    if (filler(low[i])) return !says_which(i);
    if (!verb(low[i]) || is_noun(i) || tells_apart(i)) return false;
    return verbs.count(stem(low[i])) > 0 || q.says("how much") || !passive(i);
  }
  // "Whose fault was the breakdown": nobody's that records tell of.
  bool asks_whose(size_t i) const {
    if (focus.told[i] || low[i] != "whose" || !type_at(i + 1)) return false;
    return std::none_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {  // "whose sample is S-17": one of its own
      return std::any_of(s.links.begin(), s.links.end(), [&](const Link& l) {
        const KnownType* type = vocabulary.type(l.type);
        return (l.what == Link::What::value || l.what == Link::What::record) && type && type->key == l.field &&
               named_at(i + 1, l.type);
      });
    });
  }
  // A word nobody knows that only tells: it may be anything, if it is no name of a thing.
  bool only_told(size_t i) const {
    const bool number = std::all_of(low[i].begin(), low[i].end(), ::isdigit) && !focus.refers_back;
    return focus.told[i] && (!has_digit(low[i]) || number) &&
           !(focus.refers_back && low[i] != q.tokens[i] && low[i] != "i" && i > 0 && !names_one());
  }
  // What "it" is, is known: one thing by its key.
  bool names_one() const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return std::any_of(s.links.begin(), s.links.end(), [](const Link& l) { return l.what == Link::What::record; });
    });
  }
  // What kinds of entries are told of says little of which are asked for: "the inspection interval of BC-05".
  bool is_kind(const Link& link) const {
    const TypeRule* rule = domain.type(link.type);
    return rule && rule->kind == link.field;
  }
  // "Installed after 2018": a day by which the time after it is meant.
  bool dates_next(const Span& span) const {
    const bool day = std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
      const KnownType* type = l.what == Link::What::field ? vocabulary.type(l.type) : nullptr;
      const KnownField* field = type ? type->field(l.field) : nullptr;
      return field && field->kind == Kind::date;
    });
    return day && std::any_of(q.spans.begin(), q.spans.end(),
                              [&](const Span& s) { return s.what == Span::What::time && s.first == span.last + 1; });
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
    // One thing is told of, and it alone is meant: "SP-03 got a new impeller, so how often did it fail".
    const bool it = focus.refers_back && names_one() &&
                    std::none_of(low.begin() + static_cast<long>(focus.from), low.end(),
                                 [](const std::string& w) { return w == "such" || w == "those" || w == "these"; });
    for (Span& span : q.spans) {
      if (!told(span) || span.what != Span::What::names) continue;
      const bool of_it = it && std::none_of(low.begin() + static_cast<long>(span.first),
                                            low.begin() + static_cast<long>(span.last) + 1, has_digit);
      if (dates_next(span)) continue;
      const bool plain =
          span.first == span.last && low[span.first] == q.tokens[span.first] && !has_digit(low[span.first]);
      std::erase_if(span.links, [&](const Link& l) {
        return (l.what != Link::What::value && l.what != Link::What::record) || span.loose || span.weak ||
               (plain && !focus.refers_back) || (of_it && l.what == Link::What::value) || is_kind(l) ||
               asked.count({l.type, l.field});
      });
    }
    const bool compared = std::any_of(q.spans.begin(), q.spans.end(),
                                      [&](const Span& s) { return s.what == Span::What::compare && !told(s); });
    const Span* last_told = nullptr;  // of the times
    for (const Span& span : q.spans)
      if (span.what == Span::What::time && told(span) && (!last_told || span.first > last_told->first))
        last_told = &span;
    std::vector<Span> kept;
    for (const Span& span : q.spans) {
      const bool unit = span.op == "hours" || span.op == "minutes" || span.op == "days";
      const bool in_unit = unit && (low[span.first] == "in" || (span.first > 0 && low[span.first - 1] == "in"));
      if (!told(span) || (span.what == Span::What::compare && !compared) ||
          (span.what == Span::What::names && !span.links.empty()) ||
          (span.what == Span::What::time && !timed && &span == last_told) ||
          (span.what == Span::What::asking && in_unit))
        kept.push_back(span);
    }
    q.spans = std::move(kept);
  }
  // "Nobody knows when BC-01 was installed, so when was that": the day that was told of.
  void take_back_day() {
    if (!q.says("when") || !focus.refers_back) return;
    const Span* last = nullptr;
    for (const Span& span : q.spans)
      if (span.what == Span::What::names && focus.told[span.first] && (!last || span.first > last->first) &&
          std::any_of(span.links.begin(), span.links.end(), [&](const Link& l) {
            const KnownType* type = vocabulary.type(l.type);
            const KnownField* field = l.what == Link::What::field && type ? type->field(l.field) : nullptr;
            return field && field->kind == Kind::date;
          }))
        last = &span;
    if (!last) return;
    for (size_t i = last->first; i <= last->last; ++i) focus.told[i] = false;
    q.told = focus.told;
  }
  bool is_number(size_t i) const {
    static const std::vector<std::string> numbers = {"two",     "three",  "four",   "five",  "six",
                                                     "seven",   "eight",  "nine",   "ten",   "twelve",
                                                     "fifteen", "twenty", "thirty", "fifty", "hundred"};
    return has_digit(low[i]) || among(numbers, low[i]);
  }
  // "We have to give the number of visits in 2021, so how many were there": what asks names nothing, and means the last
  // thing that was told, with all words that say which of it.
  void take_back() {
    const auto told = [&](const Span& s) { return focus.told[s.first] && focus.told[s.last]; };
    const bool named = std::any_of(q.spans.begin(), q.spans.end(),
                                   [&](const Span& s) { return s.what == Span::What::names && !told(s) && !s.filler; });
    if (named) return;
    const Span* last = nullptr;
    for (const Span& span : q.spans)
      if (span.what == Span::What::names && told(span) && !span.weak && named_at(span.first, Link::What::type, false) &&
          (!last || span.first > last->first))
        last = &span;
    if (!last) {
      take_back_day();
      return;
    }
    size_t from = last->first, to = last->last;
    while (from > 0 && focus.told[from] && !is_number(from - 1) &&
           !word(from, {"the", "a", "an", "all", "our", "number", "many", "these", "those", "of"}))
      --from;
    while (to + 1 < low.size() && focus.told[to + 1] && !word(to + 1, {"so", "and", "but", "each", "every", "per"}) &&
           !word(to + 2, {"each", "every"}) &&
           !(word(to + 1, {"a", "an"}) && word(to + 2, {"year", "month", "quarter"})))
      ++to;
    if (!focus.told[from]) return;
    std::fill(focus.told.begin() + static_cast<std::ptrdiff_t>(from),
              focus.told.begin() + static_cast<std::ptrdiff_t>(to) + 1, false);
    q.told = focus.told;
  }
  void explain() {
    q.spans.clear(), q.unknown.clear();
    used.assign(low.size(), false);
    times();
    compares();
    asking(true);
    in_units();
    names();
    asking(false);
    last_ones();
    families();
  }
  // A word that is nothing, and nearly something: a name of the library, or a word of asking; or a synonym of one.
  void repair() {
    const Spelling spelling(vocabulary, domain);
    const auto replace = [&](size_t i, const std::string& known) {
      q.repaired.push_back(fmt::format("'{}' read as '{}'", low[i], known));
      low[i] = q.tokens[i] = known;
    };
    for (size_t i = 0; i < low.size(); ++i) {
      if (used[i] || focus.told[i] || filler(low[i]) || verb(low[i]) || low[i].size() < 2 || has_digit(low[i]))
        continue;
      if (const std::string known = spelling.synonym(low[i]); !known.empty()) {
        replace(i, known);
        continue;
      }
      if (among(domain.idle_words, low[i]) || among(excluding, low[i])) continue;
      if (low[i].size() == 3 && low[i] != q.tokens[i] && i > 0) continue;
      if (const std::string known = spelling.meant(low[i], i > 0 && low[i] != q.tokens[i]); !known.empty())
        replace(i, known);
    }
  }
};

// Stems of a verb's forms: short words have several ("move", "moved").
void add_forms(const std::string& verb, std::set<std::string>& stems) {
  const std::string bare = verb.ends_with('e') ? verb.substr(0, verb.size() - 1) : verb;
  stems.insert(stem(verb)), stems.insert(stem(verb + "s"));
  if (verb.size() > 3) stems.insert(stem(bare + "ed")), stems.insert(stem(bare + "ing"));
}

// "longer then" for "longer than", "pls" for "please".
void replace_slips(Words& words, const Domain& domain) {
  for (const auto& [slip, meant] : domain.slips) {
    const auto typed = words_of(slip), right = words_of(meant);
    for (size_t i = 0; i + typed.size() <= words.tokens.size(); ++i) {
      if (!std::equal(typed.begin(), typed.end(), words.tokens.begin() + static_cast<long>(i),
                      [](const std::string& a, const std::string& b) { return a == fold(b); }))
        continue;
      const bool begins = words.begins[i];
      const auto at = static_cast<long>(i);
      const auto n = static_cast<long>(typed.size());
      words.tokens.erase(words.tokens.begin() + at, words.tokens.begin() + at + n);
      words.begins.erase(words.begins.begin() + at, words.begins.begin() + at + n);
      words.tokens.insert(words.tokens.begin() + at, right.begin(), right.end());
      words.begins.insert(words.begins.begin() + at, right.size(), false);
      if (!right.empty()) words.begins[i] = begins;
      i += right.size() - 1;
    }
  }
}

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
  Words words = words_in(text);
  replace_slips(words, domain);
  name_pointed(words);
  q.tokens = words.tokens;
  Reader reader{vocabulary, more, domain, q, {}, std::vector<bool>(q.tokens.size()), {}, {}, {}};
  for (const std::string& verb : domain.verb_words) add_forms(verb, reader.verbs);
  for (const std::string& verb : domain.active_verb_words) add_forms(verb, reader.active_verbs);
  for (std::string& one : q.tokens) {
    if (one.ends_with("-wise") && one.size() > 8) one.resize(one.size() - 5);  // "breakdown-wise"
    reader.low.push_back(fold(one));
  }
  reader.focus = focus_of(reader.low, words.begins);
  q.told = reader.focus.told;
  reader.explain();
  reader.repair();
  if (!q.repaired.empty()) reader.explain();
  reader.take_back();
  for (size_t i = 0; i < q.tokens.size(); ++i)
    if (reader.asks_whose(i) || reader.leaves_out(i) ||
        (!reader.used[i] && !reader.says_nothing(i) && !reader.says_little(i) && !reader.only_told(i)))
      q.unknown.push_back(q.tokens[i]);
  reader.drop_told();
  std::sort(q.spans.begin(), q.spans.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
  return q;
}

}  // namespace freehold::papers
