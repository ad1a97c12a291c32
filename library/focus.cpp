#include "library/focus.h"

#include <algorithm>
#include <set>

#include "library/words.h"

namespace freehold::papers {
namespace {

using Set = std::set<std::string_view>;

const Set interrogatives = {"how", "what", "which", "who", "whose", "whom", "when", "where",
                            "did", "does", "is",    "are", "was",   "were", "has",  "have"};
const Set requests = {"list",   "name",     "state",    "give",    "show",    "tell",      "count",
                      "report", "indicate", "identify", "provide", "specify", "determine", "calculate",
                      "find",   "quote",    "confirm",  "add",     "compute"};
const Set polite = {"please", "kindly", "so",    "and", "but", "then",      "could", "can",  "would", "you",
                    "now",    "ok",     "hello", "hi",  "hey", "therefore", "hence", "thus", "sorry", "thanks", "namely"};
const Set connectors = {"so", "but", "therefore"};
const Set concessions = {"even", "although", "though", "because"};
const Set leads = {"know", "tell",   "me",         "us",    "see",    "out",       "check",   "say", "state",
                   "ask",  "wonder", "understand", "learn", "please", "determine", "clarify", "to"};
// Somebody wants what follows: "wants to know for his speech how many".
const Set wishes = {"know",  "knows", "tell",  "see",  "check", "learn", "understand", "ask",    "asks",
                    "asked", "want",  "wants", "need", "needs", "like",  "wonder",     "curious"};
const Set wants = {"need", "needs", "want", "wants", "require", "requires", "know"};
const Set articles = {"the", "a", "an", "its", "their", "his", "her", "your", "our", "one"};
// What a figure is wanted for: "for the audit," says nothing of which figure.
const Set purposes = {"report",  "audit",    "meeting",  "budget", "calculation", "calculations", "statistics", "statistic",
                      "summary", "review",   "slide",    "slides", "presentation", "form",        "newsletter", "handover",
                      "forecast", "planning", "quote",    "return", "notes",       "speech",       "insurance",  "bank",
                      "boss",    "controller", "board",  "minutes", "spreadsheet", "dashboard",   "settlement", "negotiation",
                      "negotiations", "protocol", "plan", "comparison", "analysis", "archive", "intranet", "website"};
// A clause that begins so and has one of these, or a verb, is a sentence of its own.
const Set pronouns = {"one", "ones", "it", "is", "was", "that", "this", "they", "are", "were", "he", "she",
                      "would", "will", "be"};
const Set openers = {"the", "a", "an", "our", "my", "some", "this", "that", "there", "it", "every", "each"};
const Set tellings = {"keeps",  "keep",     "says",   "say",      "said",      "claims", "claimed",
                      "thinks", "believes", "swears", "complain", "complains", "asks",   "told",
                      "makes",  "gets",     "seems",  "likes",    "hates",     "went",   "goes",
                      "came",   "comes",    "wants",  "needs",    "offers",    "doubts", "argues",
                      "argue",  "called",   "calls",  "wonders",  "wonder",    "insists", "pretends",
                      "think",  "believe",  "expects", "expect",  "looks",     "feels",  "became",
                      "got",    "took",     "takes",  "lost",     "left",      "would",  "should",
                      "could",  "can",      "will",   "does",     "did",       "answers", "answer",
                      "asked",  "wrote",    "writes", "demands",  "suspects",  "fears",  "hopes", "starts", "started"};
const Set prepositions = {"in",   "on", "at",    "to",     "for",   "from", "of",
                          "with", "by", "under", "during", "since", "among"};
const Set persons = {"i",        "we",      "you",       "he",       "she",    "me",     "us",  "my",
                     "somebody", "someone", "everybody", "everyone", "nobody", "people", "they"};
const Set states = {"is",   "are", "was",   "were", "am",    "be",   "been", "has",
                    "have", "had", "wants", "want", "needs", "need", "must"};
const Set back = {"it", "its", "them", "they", "their", "he", "she", "him", "her", "his"};
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
          i == 0 || begins[i] || (connectors.count(low[i]) && i + 1 < low.size()) ||
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
    if (any_of(clause.first, from, persons) || any_of(clause.first, from, wishes)) mark(focus, clause.first, from);
    for (size_t i = from; i <= clause.last; ++i)
      focus.refers_back |=
          back.count(low_[i]) > 0 || (pointing.count(low_[i]) && i < clause.last && i > from && points(i + 1));
    return focus;
  }

 private:
  // The last one that asks; a request counts where none does, and "which was a bad year" after another asks nothing.
  size_t asking_clause() const {
    size_t asking = clauses_.size(), requesting = clauses_.size();
    for (size_t c = 0; c < clauses_.size(); ++c) {
      const size_t from = asks_from(clauses_[c]);
      if (from > clauses_[c].last) continue;
      const bool says_more = from < clauses_[c].last && (states.count(low_[from + 1]) || low_[from + 1].ends_with("ed"));
      const bool relative =
          (asking < clauses_.size() && from == clauses_[c].first &&
           ((low_[from] == "which" && says_more) || low_[from].starts_with("who"))) ||
          (c > 0 && points_back(from, clauses_[c].last));
      if (requests.count(low_[from]) || articles.count(low_[from]))
        requesting = c;
      else if (!relative)
        asking = c;
    }
    return asking < clauses_.size() ? asking : requesting;
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
  // "that machine", not "that was installed".
  bool points(size_t next) const {
    return !states.count(low_[next]) && !persons.count(low_[next]) && !prepositions.count(low_[next]) &&
           !low_[next].ends_with("ed") && low_[next] != "the";
  }
  // The word from which a clause asks; one past it where it does not.
  size_t asks_from(const Clause& clause) const {
    size_t led_to = clause.last + 1;  // "to see where it would help I want to know which machines": the last one
    for (size_t i = clause.first; i <= clause.last; ++i) {
      const bool start = std::all_of(low_.begin() + static_cast<std::ptrdiff_t>(clause.first),
                                     low_.begin() + static_cast<std::ptrdiff_t>(i),
                                     [](const std::string& word) { return polite.count(word) > 0; });
      if (start && requests.count(low_[i])) {  // "tell me when" asks from "when" on
        const Clause rest{i + 1, clause.last};
        const size_t inner = i < clause.last ? asks_from(rest) : i;
        return i < clause.last && inner <= clause.last ? inner : i;
      }
      if ((low_[i] == "if" || low_[i] == "whether") && i > clause.first && i < clause.last &&
          any_of(clause.first, i, wishes))
        return i + 1;  // "please check if the failures rose or fell"
      if (!interrogatives.count(low_[i])) continue;
      if (start && asks_at(i)) return i;
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
    if (led_to <= clause.last) return led_to;
    for (size_t i = clause.first + 1; i <= clause.last; ++i)  // "I must state in the form when it was installed"
      if (interrogatives.count(low_[i]) && !states.count(low_[i]) && low_[i] != "did" && low_[i] != "does" &&
          (any_of(clause.first, i, persons) || any_of(clause.first, i, wishes)))
        return i;
    for (size_t i = clause.last; i > clause.first; --i)
      if (articles.count(low_[i]) && wanted(i - 1) &&
          (any_of(clause.first, i, persons) || any_of(clause.first, i, states)))
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
    if (i > 1 && low_[i - 2] == "to" && (low_[i] == "in" || low_[i] == "up" || low_[i] == "down")) return true;
    return low_[i - 1] == "to";  // "I have to enter the litres"
  }
  // Before what asks: a clause of its own, with somebody or something that is or does. "Of all pumps that are green,"
  // and "in 2021," belong to what asks.
  bool tells(const Clause& clause) const {
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
    return any_of(clause.first, clause.last + 1, persons) || concessions.count(low_[clause.first]) > 0;
  }

  const std::vector<std::string>& low_;
  std::vector<Clause> clauses_;
};

}  // namespace

Words words_in(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> signs[] = {
      {">=", " at least "}, {"<=", " at most "},   {">", " more than "},
      {"<", " less than "}, {"# ", " number of "}, {"\xc3\x98 ", " average "}};
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
  bool begins = false;
  spelled += ' ';
  for (size_t i = 0; i < spelled.size(); ++i) {
    const char c = spelled[i];
    const bool part = std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 ||
                      c == '-' || c == '/' || c == '.' || c == '_' || c == '#';
    if (part) {
      token += c;
      continue;
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

Focus focus_of(const std::vector<std::string>& low, const std::vector<bool>& begins) {
  if (low.empty()) return {};
  return Reading(low, begins).read();
}

}  // namespace freehold::papers
