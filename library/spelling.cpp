#include "library/spelling.h"

#include <algorithm>

#include "library/english.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Words of asking that are short and often lose or change a letter.
const std::vector<std::string> short_asking = {"have", "were", "many", "what", "when",  "with",  "much", "that",
                                               "from", "does", "than", "most", "which", "where", "how",  "the",
                                               "did",  "fall", "rise", "took", "take",  "each",  "list"};

const std::vector<std::string> shortest_asking = {"is", "of", "it", "to", "in", "on", "at", "do", "we", "by"};

}  // namespace

Spelling::Spelling(const Vocabulary& vocabulary, const Domain& domain) : vocabulary_(vocabulary), domain_(domain) {
  const auto add = [&](const std::string& text) {
    for (const std::string& part : words_of(text))
      if (part.size() >= 3) asking_.insert(part);
  };
  for (const auto& [phrase, meaning] : domain.phrases) add(phrase), phrases_.insert(phrase);
  for (const auto& [phrase, op] : domain.comparisons) add(phrase);
  for (const auto* words : {&domain.filler_words, &domain.verb_words, &domain.active_verb_words, &domain.idle_words})
    for (const std::string& word : *words) add(word);
  for (const char* month : {"january", "february", "march", "april", "june", "july", "august", "september", "october",
                            "november", "december"})
    asking_.insert(month);
}

// "doc" for its doctors, "slips" for its receipts.
std::string Spelling::synonym(const std::string& typed) const {
  const std::string one = stem(typed);
  for (const auto& group : domain_.synonyms)
    for (const std::string& same : group) {
      const bool plural_only = same.ends_with('s') && stem(same) != same;  // "good" is no "goods"
      if (plural_only ? same != typed : stem(same) != one) continue;
      for (const std::string& other : group)
        if (other != same && (vocabulary_.names.count(key_of(other)) || phrases_.count(other) || asking_.count(other)))
          return typed.ends_with('s') && stem(typed) != typed ? plural(other) : other;
    }
  return "";
}

// The less the better, 0 is the word itself, none is no. People seldom mistype the first letter, except that it changes
// places: "home" is no "come", "night" no "might".
std::optional<int> Spelling::cost(const std::string& typed, const std::string& known, bool asks) const {
  const bool same_letters = std::is_permutation(known.begin(), known.end(), typed.begin(), typed.end());
  if (!same_letters && known[0] != typed[0]) return std::nullopt;
  int most = typed.size() >= 7 || (same_letters && typed.size() >= 5) ? 2 : 1;
  const bool proper = !asks && vocabulary_.proper.count(known) > 0;
  if (proper && !same_letters)  // a name that is nearly another one
    most = typed.size() >= 8 && typed.back() == known.back() ? 1 : 0;
  if (typed.size() == 3)  // "teh": its letters changed places, or it is another word; "hav"
    most = asks && (same_letters || (known.size() == 4 && among(short_asking, known))) ? 1 : 0;
  else if (typed.size() == 4)
    most = same_letters || (asks && known.size() >= 4) ? 1 : 0;
  const bool no_vowel = typed.find_first_of("aeiouy") == std::string::npos;
  if (typed.size() == 4 && no_vowel && !proper) most = 1;  // "clss" is no other word
  const int apart = edit_distance(typed, known, most);
  if (apart > most || (apart == 0 && most == 0)) return std::nullopt;
  return apart * 8 + (same_letters ? 0 : 4) + (known[0] == typed[0] ? 0 : 2) + (known.back() == typed.back() ? 0 : 1) +
         (asks ? 0 : 1);
}

std::string Spelling::meant(const std::string& typed, bool capital) const {
  if (typed.size() == 2 && !capital) {  // "si"
    const std::string turned = {typed[1], typed[0]};
    return among(shortest_asking, turned) ? turned : "";
  }
  if (typed.size() < 3) return "";
  if (is_english(typed)) return swapped(typed);
  std::string best;
  int lowest = 1000;
  for (const bool asks : {false, true}) {
    if (asks && capital) break;  // "Mr Sven Lang" is no "long"
    for (const std::string& known : asks ? asking_ : vocabulary_.words)
      for (const bool many : {false, true}) {
        if (many && (asks || known.size() < 4 || known.ends_with('s') || !typed.ends_with('s'))) continue;
        const std::string& one = many ? plural(known) : known;
        if (const auto found = cost(typed, one, asks); found && *found < lowest) lowest = *found, best = one;
      }
  }
  if (best.empty() && !capital) best = akin(typed);
  return best == typed ? "" : best;
}

// "minuets": a word of English whose letters are those of a word of asking, which is meant.
std::string Spelling::swapped(const std::string& typed) const {
  if (typed.size() < 6) return "";
  for (const std::string& known : asking_)
    if (known.size() == typed.size() && known[0] == typed[0] && edit_distance(typed, known, 1) <= 1 &&
        std::is_permutation(known.begin(), known.end(), typed.begin()))
      return known;
  return "";
}

// "drivng": another form of a word that is known, "driver".
std::string Spelling::akin(const std::string& typed) const {
  if (typed.size() < 5) return "";
  for (const std::string_view line : english_words()) {
    if (line[0] != typed[0]) continue;
    for (size_t at = 0; at < line.size();) {
      const size_t end = std::min(line.find(' ', at), line.size());
      const std::string word(line.substr(at, end - at));
      at = end + 1;
      if (word.size() + 1 < typed.size() || word.size() > typed.size() + 1 || edit_distance(typed, word, 1) > 1)
        continue;
      if (vocabulary_.roots.count(domain_.root(word)) || vocabulary_.names.count(key_of(word))) return word;
    }
  }
  return "";
}

}  // namespace freehold::papers
