#include "library/question.h"

#include <algorithm>

#include "library/words.h"

namespace freehold::papers {
namespace {

// Phrases of asking, longest first where one begins another; each stands for one word of the planner.
constexpr std::pair<std::string_view, std::string_view> phrases[] = {{"mean time between failures", "mtbf"},
                                                                     {"mean time between failure", "mtbf"},
                                                                     {"time between failures", "mtbf"},
                                                                     {"mtbf", "mtbf"},
                                                                     {"how many times", "count"},
                                                                     {"how many different", "distinct"},
                                                                     {"how many", "count"},
                                                                     {"how often", "count"},
                                                                     {"number of", "count"},
                                                                     {"count of", "count"},
                                                                     {"count", "count"},
                                                                     {"how much", "how much"},
                                                                     {"in total", "sum"},
                                                                     {"total", "sum"},
                                                                     {"sum", "sum"},
                                                                     {"altogether", "sum"},
                                                                     {"on average", "mean"},
                                                                     {"average", "mean"},
                                                                     {"mean", "mean"},
                                                                     {"most common", "most"},
                                                                     {"most frequent", "most"},
                                                                     {"most frequently", "most"},
                                                                     {"most often", "most"},
                                                                     {"commonest", "most"},
                                                                     {"most", "most"},
                                                                     {"highest", "most"},
                                                                     {"top", "most"},
                                                                     {"largest", "most"},
                                                                     {"biggest", "most"},
                                                                     {"worst", "most"},
                                                                     {"least common", "least"},
                                                                     {"least often", "least"},
                                                                     {"least", "least"},
                                                                     {"fewest", "least"},
                                                                     {"lowest", "least"},
                                                                     {"smallest", "least"},
                                                                     {"longest", "longest"},
                                                                     {"shortest", "shortest"},
                                                                     {"latest", "latest"},
                                                                     {"most recent", "latest"},
                                                                     {"last time", "latest"},
                                                                     {"earliest", "earliest"},
                                                                     {"first time", "earliest"},
                                                                     {"newest", "latest"},
                                                                     {"oldest", "earliest"},
                                                                     {"rise or fall", "trend"},
                                                                     {"rising or falling", "trend"},
                                                                     {"go up or down", "trend"},
                                                                     {"up or down", "trend"},
                                                                     {"increase or decrease", "trend"},
                                                                     {"increasing or decreasing", "trend"},
                                                                     {"trend", "trend"},
                                                                     {"more or fewer", "trend"},
                                                                     {"better or worse", "trend"},
                                                                     {"per month", "by month"},
                                                                     {"by month", "by month"},
                                                                     {"each month", "by month"},
                                                                     {"which month", "by month"},
                                                                     {"monthly", "by month"},
                                                                     {"per year", "by year"},
                                                                     {"by year", "by year"},
                                                                     {"each year", "by year"},
                                                                     {"which year", "by year"},
                                                                     {"yearly", "by year"},
                                                                     {"per quarter", "by quarter"},
                                                                     {"which quarter", "by quarter"},
                                                                     {"stand for", "define"},
                                                                     {"stands for", "define"},
                                                                     {"does it mean", "define"},
                                                                     {"meaning of", "define"},
                                                                     {"what is meant by", "define"},
                                                                     {"in hours", "hours"},
                                                                     {"hours", "hours"},
                                                                     {"in minutes", "minutes"},
                                                                     {"minutes", "minutes"},
                                                                     {"in days", "days"},
                                                                     {"days", "days"},
                                                                     {"is there", "exists"},
                                                                     {"are there", "exists"},
                                                                     {"was there", "exists"},
                                                                     {"were there", "exists"},
                                                                     {"has there", "exists"},
                                                                     {"which", "which"},
                                                                     {"what", "what"},
                                                                     {"when", "when"},
                                                                     {"who", "who"},
                                                                     {"list", "list"},
                                                                     {"where", "where"},
                                                                     {"how long", "howlong"},
                                                                     {"did", "did"},
                                                                     {"without", "without"},
                                                                     {"never", "without"},
                                                                     {"no", "without"},
                                                                     {"per", "per"},
                                                                     {"by", "by"}};

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

struct Reader {
  const Vocabulary& vocabulary;
  const Names& more;
  const Domain& domain;
  Question& q;
  std::vector<std::string> low;
  std::vector<bool> used;
  std::set<std::string> verbs;  // stems

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
      const size_t before = i == 0 ? low.size() : i - 1, before2 = i < 2 ? low.size() : i - 2;
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
      else if (word(before, {"since", "from"}))
        span.to.clear();
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
    take(fmt::format("#{}", canon(text)), true);
    if (const std::string key = key_of(text); !key.empty() && !(n > 1 && (filler(low[i]) || filler(low[i + n - 1]))))
      take(key, false);
    return links;
  }
  bool helped(size_t i) const {  // "did ... VERB"
    const auto end = low.begin() + static_cast<std::ptrdiff_t>(i);
    return !word(i - 1, {"many", "the", "a", "of", "for"}) &&
           std::any_of(low.begin(), end, [](const std::string& w) { return w == "did" || w == "does" || w == "do"; });
  }
  void names() {
    for (size_t n = 6; n > 0; --n)
      for (size_t i = 0; i + n <= low.size(); ++i) {
        if (std::any_of(used.begin() + static_cast<long>(i), used.begin() + static_cast<long>(i + n),
                        [](bool u) { return u; }))
          continue;
        auto links = links_of(i, n);
        const bool loose = n == 1 && (verb(low[i]) || filler(low[i]));
        if (loose && verb(low[i]) &&
            (low[i].ends_with("ed") || i + 1 == low.size() ||
             helped(i)))  // "how long do guests stay" asks for no status "stayed"
          std::erase_if(links, [&](const Link& l) { return l.what == Link::What::value && fold(l.value) != low[i]; });
        if (!links.empty())
          add({Span::What::names, i, i + n - 1, std::move(links), "", "", "", 0, false, loose, n == 1 && filler(low[i]),
               false});
      }
  }
  void asking(bool first_pass) {
    for (const auto& [phrase, meaning] : phrases) {
      const auto words = words_of(phrase);
      if (first_pass != (words.size() > 1)) continue;
      for (size_t i = 0; i + words.size() <= low.size(); ++i) {
        if (!std::equal(words.begin(), words.end(), low.begin() + static_cast<long>(i))) continue;
        if (std::any_of(used.begin() + static_cast<long>(i), used.begin() + static_cast<long>(i + words.size()),
                        [](bool u) { return u; }))
          continue;
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
      else if (low[i].size() >= 5 && vocabulary.known_roots.count(root))
        used[i] = true;
    }
  }
  bool in_names(size_t i) const {
    return std::any_of(q.spans.begin(), q.spans.end(), [&](const Span& s) {
      return s.what == Span::What::names && !s.weak && s.first <= i && i <= s.last;
    });
  }
  // A word that no name explains and that narrows nothing: a title before a name, the owner ("the clinic"), or the verb
  // between two things that are named ("which carrier moved the most shipments", "did Salomon treat").
  bool says_little(size_t i) const {
    if (among(domain.organisation_words, low[i])) return true;
    if (among(domain.title_words, low[i]) && in_names(i + 1)) return true;
    if (low[i] != q.tokens[i] || has_digit(low[i]) || low[i].size() < 4 || i == 0) return false;
    if (in_names(i - 1) && low[i].size() >= 4 &&
        (word(i + 1, {"most", "fewest", "least"}) ||
         (word(i + 1, {"the"}) && word(i + 2, {"most", "fewest", "least"}))))
      return true;
    if (low[i].ends_with("ed") && word(i + 1, {"by", "to", "from", "with", "through", "via", "at", "into"}) &&
        in_names(i + 2))
      return true;
    if (!in_names(i - 1) || low[i].ends_with("ed")) return false;
    const auto helper = std::find_if(low.begin(), low.begin() + static_cast<std::ptrdiff_t>(i),
                                     [](const std::string& w) { return w == "did" || w == "does" || w == "do"; });
    return helper != low.begin() + static_cast<std::ptrdiff_t>(i) &&
           low.begin() + static_cast<std::ptrdiff_t>(i) - helper <= 6;
  }
  // A word that is nothing, and nearly something: a name of the library, or a word of asking.
  void repair() {
    std::set<std::string> asking_words;
    for (const auto& [phrase, meaning] : phrases)
      for (const std::string& part : words_of(phrase))
        if (part.size() >= 4) asking_words.insert(part);
    for (const std::string& filler_word : domain.filler_words)
      if (filler_word.size() >= 4) asking_words.insert(filler_word);
    for (size_t i = 0; i < low.size(); ++i) {
      if (used[i] || filler(low[i]) || verb(low[i]) || low[i].size() < 4 || has_digit(low[i])) continue;
      const int most = low[i].size() >= 8 ? 2 : 1;
      std::string best;
      int distance = most + 1;
      for (const std::set<std::string>* words :
           {&vocabulary.words, static_cast<const std::set<std::string>*>(&asking_words)})
        for (const std::string& known : *words) {
          if (low[i].size() < 5 && (words == &vocabulary.words || known.size() < low[i].size())) continue;
          if (const int d = edit_distance(low[i], known, most); d < distance) distance = d, best = known;
        }
      if (best.empty() || distance == 0) continue;
      q.repaired.push_back(fmt::format("'{}' read as '{}'", low[i], best));
      low[i] = best;
    }
  }
};

}  // namespace

bool Question::says(std::string_view asking) const {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& s) { return s.what == Span::What::asking && s.op == asking; });
}

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  for (const char c : std::string(text) + " ") {
    const bool part = std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 ||
                      c == '-' || c == '/' || c == '.' || c == '_' || c == '#';
    if (part) {
      token += c;
      continue;
    }
    while (!token.empty() && std::string_view(".-/").find(token.back()) != std::string_view::npos) token.pop_back();
    if (!token.empty() && tokens.size() < 200) tokens.push_back(token);
    token.clear();
  }
  return tokens;
}

Question take_apart(std::string_view text, const Vocabulary& vocabulary, const Domain& domain, const Names& more) {
  Question q;
  q.text = text;
  q.tokens = tokens_of(text);
  Reader reader{vocabulary, more, domain, q, {}, std::vector<bool>(q.tokens.size()), {}};
  for (const std::string& verb : domain.verb_words) reader.verbs.insert(stem(verb));
  for (const std::string& one : q.tokens) reader.low.push_back(fold(one));
  reader.times();
  reader.compares();
  reader.asking(true);
  reader.names();
  reader.asking(false);
  reader.families();
  reader.repair();
  if (!q.repaired.empty()) reader.names(), reader.asking(true), reader.asking(false);
  for (size_t i = 0; i < q.tokens.size(); ++i)
    if (!reader.used[i] && !reader.filler(reader.low[i]) && !reader.verb(reader.low[i]) && !reader.says_little(i))
      q.unknown.push_back(q.tokens[i]);
  std::sort(q.spans.begin(), q.spans.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
  return q;
}

}  // namespace freehold::papers
