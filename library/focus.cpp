#include "library/focus.h"

#include <algorithm>
#include <set>

#include "library/words.h"

namespace freehold::papers {
namespace {

using Set = std::set<std::string_view>;

const Set interrogatives = {"how", "what", "which", "who", "whose", "whom", "when", "where",
                            "did", "does", "is",    "are", "was",   "were", "has",  "have"};
const Set requests = {"list",      "name",     "state",     "give",      "show",    "tell",      "count",
                      "report",    "indicate", "identify",  "provide",   "specify", "determine", "calculate",
                      "find",      "quote",    "confirm",   "add",       "compute", "advise",    "clarify",
                      "establish", "outline",  "disclose",  "enumerate", "itemise", "itemize",   "ascertain",
                      "verify",    "inform",   "summarise", "summarize"};
const Set polite = {"please", "kindly", "so", "and", "but",       "then",  "could", "can",   "would",  "you",   "now",
                    "ok",     "hello",  "hi", "hey", "therefore", "hence", "thus",  "sorry", "thanks", "namely"};
const Set connectors = {"so", "but", "therefore"};
const Set concessions = {"even", "although", "though", "because"};
// A clause begins there without a comma. The first give a reason, whatever its time; the others where it is none of
// what was: "before I order one", not "before we moved it".
const Set reasons = {"because", "although", "though", "whereas"};
const Set conjunctions = {"as", "since", "before", "after", "until", "while", "when", "where"};
const Set pasts = {"was",  "were", "had",  "did",   "got", "went", "came", "made", "took",  "gave", "put",   "bought",
                   "sold", "left", "lost", "broke", "ran", "kept", "held", "saw",  "began", "sent", "built", "brought"};
const Set subjects = {"i",        "we",      "you",       "he",       "she",    "they",
                      "somebody", "someone", "everybody", "everyone", "nobody", "people"};
const Set exclusions = {"leaving", "excluding", "ignoring",     "omitting", "except",
                        "without", "skipping",  "disregarding", "besides"};
// What says nothing but that something was told: "which one is that".
const Set pointers = {"one", "ones", "it",    "is", "was",   "that",  "this", "they",
                      "are", "were", "would", "be", "those", "these", "gets"};
// "which makes me ask what": what follows asks.
const Set linking = {"makes", "made", "is", "was", "means", "brings", "leads", "led", "has", "had"};
const Set leads = {"know", "tell",   "me",         "us",    "see",    "out",       "check",   "say", "state",
                   "ask",  "wonder", "understand", "learn", "please", "determine", "clarify", "to"};
// Somebody wants what follows: "wants to know for his speech how many".
const Set wishes = {"know",    "knows", "tell",       "see",   "check",   "learn", "understand", "ask",
                    "asks",    "asked", "want",       "wants", "need",    "needs", "like",       "wonder",
                    "curious", "hear",  "interested", "find",  "discuss", "argue", "prove",      "decide"};
const Set wants = {"need", "needs", "want", "wants", "require", "requires", "know"};
const Set hearers = {"me", "us", "them", "him", "her", "you"};
// "Compare it with the number of": whatever is done with it, it is asked for.
const Set amounts = {"number", "total", "average", "mean", "date", "count", "sum", "names"};
const Set articles = {"the", "a", "an", "its", "their", "his", "her", "your", "our", "one"};
// What a figure is wanted for: "for the audit," says nothing of which figure.
const Set purposes = {
    "report",       "audit",      "meeting", "budget",     "calculation",  "calculations", "statistics", "statistic",
    "summary",      "review",     "slide",   "slides",     "presentation", "form",         "newsletter", "handover",
    "forecast",     "planning",   "quote",   "return",     "notes",        "speech",       "insurance",  "bank",
    "boss",         "controller", "board",   "minutes",    "spreadsheet",  "dashboard",    "settlement", "negotiation",
    "negotiations", "protocol",   "plan",    "comparison", "analysis",     "archive",      "intranet",   "website"};
// A clause that begins so and has one of these, or a verb, is a sentence of its own.
const Set pronouns = {"one", "ones", "it", "is",  "was",   "that", "this", "they",
                      "are", "were", "he", "she", "would", "will", "be"};
const Set openers = {"the", "a", "an", "our", "my", "some", "this", "that", "there", "it", "every", "each"};
const Set tellings = {
    "keeps",    "keep",      "says",   "say",     "said",     "claims", "claimed", "thinks",  "believes", "swears",
    "complain", "complains", "asks",   "told",    "makes",    "gets",   "seems",   "likes",   "hates",    "went",
    "goes",     "came",      "comes",  "wants",   "needs",    "offers", "doubts",  "argues",  "argue",    "called",
    "calls",    "wonders",   "wonder", "insists", "pretends", "think",  "believe", "expects", "expect",   "looks",
    "feels",    "became",    "got",    "took",    "takes",    "lost",   "left",    "would",   "should",   "could",
    "can",      "will",      "does",   "did",     "answers",  "answer", "asked",   "wrote",   "writes",   "demands",
    "suspects", "fears",     "hopes",  "starts",  "started"};
const Set prepositions = {"in",   "on", "at",    "to",     "for",   "from", "of",
                          "with", "by", "under", "during", "since", "among"};
const Set persons = {"i",        "we",      "you",       "he",       "she",    "me",     "us",  "my",
                     "somebody", "someone", "everybody", "everyone", "nobody", "people", "they"};
const Set states = {"is",   "are", "was",   "were", "am",    "be",   "been", "has",
                    "have", "had", "wants", "want", "needs", "need", "must"};
const Set reckonings = {"add", "sum", "count", "calculate", "compute", "total"};
const Set results = {"figure", "result", "answer", "total", "number", "sum"};
const Set measured = {"how", "which", "what"};
const Set relatives = {"that", "which", "who", "with", "whose"};
const Set verbs = {"is",   "are", "was", "were",  "has",  "have", "had",   "do",
                   "does", "did", "don", "doesn", "didn", "will", "would", "can"};
const Set back = {"it", "its", "them", "they", "their", "he", "she", "him", "her", "his"};
const Set periods = {"year", "month", "quarter", "week", "day", "time", "period"};
const Set pointing = {"that", "this", "these", "those"};
// After these words a point ends no sentence.
const Set abbreviations = {"dr", "mr", "mrs", "ms", "prof", "st", "no", "nr", "co", "inc", "ltd", "approx"};

struct Clause {
  size_t first, last;  // `last` included
};

class Reading {
 public:
  Reading(const std::vector<std::string>& low, const std::vector<bool>& begins) : low_(low) {
    for (size_t i = 0; i < low.size(); ++i) {
      const bool new_one =
          i == 0 || begins[i] || (connectors.count(low[i]) && i + 1 < low.size()) || joins(i) ||
          (low[i] == "and" && i + 1 < low.size() && (requests.count(low[i + 1]) || persons.count(low[i + 1])));
      if (new_one)
        clauses_.push_back({i, i});
      else
        clauses_.back().last = i;
    }
  }

  Focus read() const {
    Focus focus;
    focus.told.assign(low_.size(), false);
    const size_t main = asking_clause();
    if (main == clauses_.size()) return focus;
    for (size_t c = 0; c < clauses_.size(); ++c)
      if (c < main ? tells(clauses_[c]) : c > main && adds(clauses_[c]))
        mark(focus, clauses_[c].first, clauses_[c].last + 1);
    const Clause& clause = clauses_[main];
    const size_t from = focus.from = asks_from(clause);
    mark(focus, clause.first, from);  // all of it leads to what asks
    for (size_t i = from; i <= clause.last; ++i)
      focus.refers_back |=
          back.count(low_[i]) > 0 || (pointing.count(low_[i]) && i > from && (i == clause.last || points(i + 1)));
    return focus;
  }

 private:
  bool joins(size_t i) const {
    if (i + 2 >= low_.size()) return false;
    if (reasons.count(low_[i])) return true;
    return conjunctions.count(low_[i]) && subjects.count(low_[i + 1]) && !pasts.count(low_[i + 2]) &&
           !low_[i + 2].ends_with("ed");
  }
  // ", which I wrote here", ", who were asleep": says more of what stands before it.
  bool is_aside(const Clause& clause) const {
    return clause.first > 0 && clause.first < clause.last && says_more(clause.first);
  }
  // "Which I wrote", "who were asleep".
  bool says_more(size_t i) const {
    if (i + 1 >= low_.size() || (low_[i] != "which" && low_[i] != "who")) return false;
    const std::string& next = low_[i + 1];
    return states.count(next) || next.ends_with("ed") || (low_[i] == "which" && subjects.count(next));
  }
  // The last one that asks; an aside or a request counts where none does.
  size_t asking_clause() const {
    const size_t none = clauses_.size();
    size_t asking = none, requesting = none, aside = none;
    for (size_t c = 0; c < none; ++c) {
      const size_t from = asks_from(clauses_[c]);
      if (from > clauses_[c].last) continue;
      const bool first = from == clauses_[c].first;
      if (requests.count(low_[from]) || articles.count(low_[from]))
        requesting = requesting < none && asks_result(clauses_[requesting], from, clauses_[c].last) ? requesting : c;
      else if (first && is_aside(clauses_[c]))
        aside = c;
      else if (!(c > 0 && points_back(from, clauses_[c].last)) &&
               !(asking < none && first && low_[from].starts_with("who")))
        asking = c;
    }
    if (asking < none) return asking;
    return aside < none && (requesting == none || requesting < aside) ? aside : requesting;
  }
  // "Add up its downtime and give me the figure in minutes": the result of what was requested before.
  bool asks_result(const Clause& before, size_t from, size_t last) const {
    if (!any_of(before.first, before.last + 1, reckonings)) return false;
    size_t i = requests.count(low_[from]) ? from + 1 : from;
    if (i <= last && hearers.count(low_[i])) ++i;
    return i < last && low_[i] == "the" && results.count(low_[i + 1]) && (i + 1 == last || low_[i + 2] == "in");
  }
  // "Which one it is": asks for what was said before.
  bool points_back(size_t from, size_t last) const {
    return from < last && (low_[from] == "which" || low_[from] == "what" || low_[from] == "who") &&
           std::all_of(low_.begin() + static_cast<std::ptrdiff_t>(from) + 1,
                       low_.begin() + static_cast<std::ptrdiff_t>(last) + 1,
                       [](const std::string& word) { return pronouns.count(word) > 0; });
  }
  // "When was it bought" asks, "when it breaks" does not.
  bool asks_at(size_t i) const {
    if (!interrogatives.count(low_[i])) return false;
    if (low_[i] != "when" && low_[i] != "where") return true;
    const size_t next = i + 1 < low_.size() && (low_[i + 1] == "exactly" || low_[i + 1] == "precisely") ? i + 2 : i + 1;
    return next < low_.size() &&
           (interrogatives.count(low_[next]) || low_[next] == "do" || low_[next] == "can" || low_[next] == "had");
  }
  bool any_of(size_t first, size_t end, const Set& set) const {
    return std::any_of(low_.begin() + static_cast<std::ptrdiff_t>(first),
                       low_.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](const std::string& word) { return set.count(word) > 0; });
  }
  static void mark(Focus& focus, size_t first, size_t end) {
    std::fill(focus.told.begin() + static_cast<std::ptrdiff_t>(first),
              focus.told.begin() + static_cast<std::ptrdiff_t>(end), true);
  }
  // "that machine", not "that was installed", nor "that year".
  bool points(size_t next) const {
    return !states.count(low_[next]) && !persons.count(low_[next]) && !prepositions.count(low_[next]) &&
           !low_[next].ends_with("ed") && low_[next] != "the" && !periods.count(low_[next]);
  }
  // The word from which a clause asks; one past it where it does not.
  size_t asks_from(const Clause& clause) const {
    size_t led_to = clause.last + 1;  // "to see where it would help I want to know which machines": the last one
    for (size_t i = clause.first; i <= clause.last; ++i) {
      const bool start = std::all_of(low_.begin() + static_cast<std::ptrdiff_t>(clause.first),
                                     low_.begin() + static_cast<std::ptrdiff_t>(i),
                                     [](const std::string& word) { return polite.count(word) > 0; });
      const bool asks_me = i > clause.first && i < clause.last && (low_[i + 1] == "me" || low_[i + 1] == "us");
      if (requests.count(low_[i]) && (start || asks_me)) {  // "tell me when" asks from "when" on
        if (i + 1 < clause.last && (low_[i + 1] == "whether" || low_[i + 1] == "if")) return i + 2;
        const Clause rest{i + 1, clause.last};
        const size_t inner = i < clause.last ? asks_from(rest) : i;
        return i < clause.last && inner <= clause.last ? inner : i;
      }
      if ((low_[i] == "if" || low_[i] == "whether") && i > clause.first && i < clause.last &&
          (any_of(clause.first, i, wishes) || leads.count(low_[i - 1])))
        return i + 1;  // "please check if the failures rose or fell"
      if (!interrogatives.count(low_[i])) continue;
      if (start && asks_at(i)) {
        if (i == clause.first && i > 0 && i < clause.last && linking.count(low_[i + 1]))
          for (size_t j = i + 2; j <= clause.last; ++j)
            if ((interrogatives.count(low_[j]) && !states.count(low_[j]) && leads.count(low_[j - 1])) ||
                (articles.count(low_[j]) && wanted(j - 1) && any_of(i, j, persons)))
              return j;
        return i;
      }
      if (start) continue;
      if (states.count(low_[i]) || low_[i] == "did" || low_[i] == "does") continue;
      if (leads.count(low_[i - 1])) {
        led_to = i;
        continue;
      }
      const bool led = prepositions.count(low_[i - 1]) &&
                       (i - 1 == clause.first || leads.count(low_[i - 2]) || polite.count(low_[i - 2]));
      if (led) return i - 1;
    }
    for (size_t i = clause.last; i > led_to; --i)  // "to see what we did not make I need the total"
      if (articles.count(low_[i]) && (wants.count(low_[i - 1]) || (low_[i - 1] == "like" && low_[i - 2] == "would")))
        return i;
    if (led_to <= clause.last) return led_to;
    for (size_t i = clause.first + 1; i <= clause.last; ++i)  // "I must state in the form when it was installed"
      if (interrogatives.count(low_[i]) && !says_more(i) && !prepositions.count(low_[i - 1]) &&
          !states.count(low_[i]) && low_[i] != "did" && low_[i] != "does" &&
          !(low_[i] == "when" && !asks_at(i) && any_of(clause.first, i, measured)) &&  // "how long are we down when"
          (any_of(clause.first, i, persons) || any_of(clause.first, i, wishes)))
        return i;
    for (size_t i = clause.last; i > clause.first; --i)
      if (articles.count(low_[i]) && (wanted(i - 1) || (i < clause.last && amounts.count(low_[i + 1]))) &&
          (low_[clause.first] == "to" || any_of(clause.first, i, persons) || any_of(clause.first, i, states)))
        return i;
    return clause.last + 1;
  }
  // "I need", "asks for", "we have to know": what follows is what is asked for.
  bool wanted(size_t i) const {
    if (wants.count(low_[i])) return true;
    if (i == 0) return false;
    if (low_[i] == "for")
      return low_[i - 1].starts_with("ask") || low_[i - 1] == "looking" || (i > 1 && low_[i - 2].starts_with("ask"));
    if (low_[i] == "out") return low_[i - 1] == "find";
    if (hearers.count(low_[i])) return requests.count(low_[i - 1]) || leads.count(low_[i - 1]);  // "tell them the"
    if (low_[i] == "like" && low_[i - 1] == "would") return true;
    if (low_[i] == "have" && hearers.count(low_[i - 1])) return true;  // "let me have the"
    if (i > 1 && low_[i - 2] == "to" && (low_[i] == "in" || low_[i] == "up" || low_[i] == "down")) return true;
    return low_[i - 1] == "to";  // "I have to enter the litres"
  }
  // Before what asks: a clause of its own, with somebody or something that is or does. "Of all pumps that are green,"
  // and "in 2021," belong to what asks.
  bool tells(const Clause& clause) const {
    if (is_aside(clause)) return true;
    for (size_t i = clause.first; i <= std::min(clause.first + 2, clause.last); ++i)
      if (low_[i] == "all" && i > clause.first && (low_[i - 1] == "of" || low_[i - 1] == "among"))
        return false;  // "of all pumps that we have,"
    size_t first = clause.first;
    while (first < clause.last && polite.count(low_[first])) ++first;
    if (exclusions.count(low_[first])) return false;  // "so leaving out those of 2018,"
    if (first < clause.last && low_[first] == "when" && articles.count(low_[first + 1]) &&
        !any_of(first, clause.last + 1, persons))
      return false;                                                          // "when a belt edge fails,": a condition
    if (low_[clause.first] == "why" || asks_at(clause.first)) return false;  // another question
    if (any_of(clause.first, clause.last + 1, persons)) return true;
    if (low_[clause.first] == "for" && any_of(clause.first, clause.last + 1, purposes)) return true;
    if (prepositions.count(low_[clause.first])) {
      for (size_t i = clause.first + 1; i <= clause.last; ++i)
        if (states.count(low_[i]) && low_[i - 1] != "that" && low_[i - 1] != "which" && low_[i - 1] != "who")
          return true;
      return false;
    }
    if (clause.last - clause.first >= 2 && any_of(clause.first + 1, clause.last + 1, tellings)) return true;
    if (openers.count(low_[clause.first]) && clause.last - clause.first >= 4 &&
        (any_of(clause.first, clause.last + 1, tellings) ||
         std::any_of(low_.begin() + static_cast<std::ptrdiff_t>(clause.first) + 2,
                     low_.begin() + static_cast<std::ptrdiff_t>(clause.last),
                     [](const std::string& w) { return w.size() > 5 && w.ends_with("ing"); })))
      return true;
    return any_of(clause.first, clause.last + 1, states) || clause.last - clause.first >= 6;
  }
  // After it: "even if the papers do not agree", "and they want it in hours"; not "in hours".
  bool adds(const Clause& clause) const {
    if (low_[clause.first] == "for" && any_of(clause.first, clause.last + 1, purposes)) return true;
    for (size_t i = clause.first; i < clause.last; ++i)
      if (low_[i] == "i" && low_[i + 1] == "mean") return false;  // says it once more
    if (clause.last - clause.first >= 2) {                        // "the others do not count", "since the board asks"
      const std::string &first = low_[clause.first], &next = low_[clause.first + 1];
      if ((first == "since" || first == "as") && openers.count(next)) return true;
      if ((first == "the" || first == "it" || first == "that") && next != "one" && next != "ones" &&
          any_of(clause.first + 1, clause.last + 1, verbs) && !any_of(clause.first, clause.last + 1, relatives))
        return true;
    }
    return any_of(clause.first, clause.last + 1, persons) || concessions.count(low_[clause.first]) > 0;
  }

  const std::vector<std::string>& low_;
  std::vector<Clause> clauses_;
};

// The words, from the first to before the second, of what a relative clause says more of: "depot" of "the depot that
// spends most", "ward" of "paint one ward, the one with most beds". None: both are 0.
std::pair<size_t, size_t> noun_before(const std::vector<std::string>& low, size_t relative) {
  static const Set determiners = {"each", "every", "that", "this"};
  const auto is_determiner = [&](size_t i) { return articles.count(low[i]) > 0 || determiners.count(low[i]) > 0; };
  if (!relatives.count(low[relative])) return {0, 0};
  if (low[relative - 1] == "one") {
    for (size_t i = relative - 1; i-- > 1;)
      if (low[i - 1] == "one" && !prepositions.count(low[i])) return {i, i + 1};
    return {0, 0};
  }
  size_t first = relative;
  while (first > 1 && relative - first < 3 && !is_determiner(first - 1) && !states.count(low[first - 1]) &&
         !persons.count(low[first - 1]))
    --first;
  return first < relative && is_determiner(first - 1) ? std::pair(first, relative) : std::pair<size_t, size_t>(0, 0);
}

}  // namespace

Words words_in(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> signs[] = {
      {">=", " at least "},  {"<=", " at most "},        {">", " more than "},   {"<", " less than "},
      {"# ", " number of "}, {"\xc3\x98 ", " average "}, {"\xe2\x80\x99", "'"},  {"\xe2\x80\x98", "'"},
      {"\xe2\x80\x93", "-"}, {"\xe2\x80\x94", " - "},    {"\xe2\x80\xa6", ". "}, {"\xe2\x80\x9c", " "},
      {"\xe2\x80\x9d", " "}};
  static constexpr std::pair<std::string_view, std::string_view> contractions[] = {
      {"d", "would"}, {"m", "am"}, {"re", "are"}, {"ve", "have"}, {"ll", "shall"}};
  static const Set takes_is = {"it", "that", "there", "he", "she", "here", "this"};  // of others it may be the owner's
  std::string spelled;
  const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\'' && (i == 0 || text[i - 1] == ' ') && digit(i + 1) && digit(i + 2) && !digit(i + 3)) {
      spelled += text[i + 1] <= '4' ? "20" : "19";  // "in '21"
      ++i;
      continue;
    }
    const auto sign = std::find_if(std::begin(signs), std::end(signs),
                                   [&](const auto& s) { return text.substr(i).starts_with(s.first); });
    if (sign == std::end(signs))
      spelled += text[i++];
    else
      spelled += sign->second, i += sign->first.size();
  }
  Words words;
  std::string token;
  bool begins = false, shortened = false;  // `shortened`: an apostrophe stood before it
  spelled += ' ';
  for (size_t i = 0; i < spelled.size(); ++i) {
    const char c = spelled[i];
    const bool part = std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 ||
                      c == '-' || c == '/' || c == '.' || c == '_' || c == '#';
    if (part) {
      if (token.empty())
        shortened = i > 1 && spelled[i - 1] == '\'' && std::isalpha(static_cast<unsigned char>(spelled[i - 2]));
      token += c;
      continue;
    }
    if (shortened) {
      for (const auto& [written, meant] : contractions)
        if (token == written) token = meant;
      if (token == "s" && !words.tokens.empty() && takes_is.count(fold(words.tokens.back()))) token = "is";
    }
    const bool point = token.ends_with('.');
    while (!token.empty() && std::string_view(".-/").find(token.back()) != std::string_view::npos) token.pop_back();
    const bool dash = token.empty() && i > 0 && spelled[i - 1] == '-';
    if (!token.empty() && words.tokens.size() < 200) {
      words.tokens.push_back(token), words.begins.push_back(begins);
      begins = point && !abbreviations.count(fold(token));
    }
    begins |= dash || std::string_view(";:!?").find(c) != std::string_view::npos ||
              (c == ',' && i + 1 < spelled.size() && spelled[i + 1] == ' ');
    token.clear();
  }
  return words;
}

void name_pointed(Words& words) {
  std::vector<std::string> low;
  for (const std::string& token : words.tokens) low.push_back(fold(token));
  size_t which = low.size();
  while (which > 0 && pointers.count(low[which - 1])) --which;
  if (which < 2 || which == low.size()) return;
  --which;
  if (low[which] != "which" && low[which] != "who" && low[which] != "what") return;
  const auto begins = [&](size_t i) { return words.begins[i] || connectors.count(low[i]) > 0; };
  size_t end = which;  // of what is told
  while (end > 0 && !begins(end)) --end;
  for (size_t relative = end; relative-- > 1;) {
    const auto [first, last] = noun_before(low, relative);
    if (first == last || relative + 1 == end) continue;
    std::vector<std::string> asked(words.tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                   words.tokens.begin() + static_cast<std::ptrdiff_t>(last));
    asked.insert(asked.begin(), "which");
    for (size_t i = relative; i < end && (i == relative || !begins(i)); ++i) asked.push_back(words.tokens[i]);
    words.tokens.resize(which), words.begins.resize(which);
    words.tokens.insert(words.tokens.end(), asked.begin(), asked.end());
    words.begins.push_back(true);
    words.begins.resize(words.tokens.size(), false);
    return;
  }
}

Focus focus_of(const std::vector<std::string>& low, const std::vector<bool>& begins) {
  if (low.empty()) return {};
  return Reading(low, begins).read();
}

}  // namespace freehold::papers
