// The firm's language, from its own papers: tables and lines that say what a term means, other names of things, and the
// word sequences that coded records use.
#include <algorithm>

#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Where a text is a value: of which field of which type, as which value.
struct Home {
  std::string type, field, value;
};
std::map<std::string, Home> homes_of(const Records& records) {
  std::map<std::string, Home> homes;
  for (const RecordType& type : records.types)
    for (size_t f = 0; f < type.fields.size(); ++f) {
      if (type.fields[f].kind != Kind::text) continue;
      const bool is_key = type.fields[f].name == type.key && (!type.rule || type.rule->time.empty());
      std::map<std::string, std::pair<std::string, size_t>> values;
      size_t filled = 0;
      for (const Record& record : type.records)
        if (const Value& v = RecordType::value(record, static_cast<int>(f)); !v.empty() && v.text.size() <= 80) {
          auto& one = values[key_of(v.text)];
          one.first = v.text, ++one.second, ++filled;
        }
      if (!is_key && values.size() * 3 > filled && values.size() > 12) continue;  // free text
      for (const auto& [key, value] : values)
        if (is_key || !homes.count(key)) homes[key] = {type.name, type.fields[f].name, value.first};
    }
  return homes;
}

// The words of a meaning whose first letters are the code: "integrated pest management" of IPM.
std::string spelled_out(std::string_view code, const std::string& meaning) {
  const auto words = words_of(meaning);
  std::string spelled;
  for (size_t i = 0; i < code.size(); ++i) {
    if (i >= words.size() || words[i][0] != code[i] - 'A' + 'a') return "";
    spelled += (i > 0 ? " " : "") + words[i];
  }
  return spelled;
}

void add_pair(const std::string& left, const std::string& right, int64_t row, bool surely,
              const std::map<std::string, Home>& homes, Records& records) {
  if (left.empty() || right.empty() || left.size() > 60 || right.size() > 200) return;
  const auto a = homes.find(key_of(left)), b = homes.find(key_of(right));
  const bool is_code =
      left.size() <= 6 && std::all_of(left.begin(), left.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (a != homes.end() && is_code && !surely) {  // "IPM - integrated pest management round, a visit to ..."
    const std::string meaning = trimmed_text(right.substr(0, right.find_first_of(",;:.(")));
    if (meaning.empty()) return;
    records.terms.push_back({meaning, a->second.type, a->second.field, a->second.value, row});
    if (const std::string spelled = spelled_out(left, meaning); !spelled.empty() && spelled != meaning)
      records.terms.push_back({spelled, a->second.type, a->second.field, a->second.value, row});
  } else if (b != homes.end() && b->second.value != left) {
    records.terms.push_back({left, b->second.type, b->second.field, b->second.value, row});
  } else if (a != homes.end() && surely) {  // a code in use, and what it means
    records.terms.push_back({a->second.value, a->second.type, a->second.field, right, row});
  } else if (!surely) {
    return;
  }
  records.meanings.emplace(canon(left), right);
}

}  // namespace

void learn_terms(const Sources& sources, const Domain& domain, Records& records) {
  auto homes = homes_of(records);
  for (const SourceTable& table : sources.tables) {
    if (domain.type(table.type)) continue;
    const size_t columns = table.headers.size();
    for (const TypeRule& rule : domain.types)  // other names of keys, in a table of their own
      for (size_t k = 0; k < columns; ++k)
        for (size_t a = 0; table.fields[k] == rule.key && rule.time.empty() && a < columns; ++a)
          if (std::find(rule.aliases.begin(), rule.aliases.end(), table.fields[a]) != rule.aliases.end())
            for (const SourceRow& row : table.rows)
              if (k < row.cells.size() && a < row.cells.size() && !row.cells[a].text.empty() &&
                  !row.cells[k].text.empty())
                records.terms.push_back({row.cells[a].text, rule.name, rule.key, row.cells[k].text, row.id});
    if (!defines_terms(table, domain)) continue;
    for (const SourceRow& row : table.rows)
      if (row.cells.size() >= 2) add_pair(row.cells[0].text, row.cells[1].text, row.id, true, homes, records);
  }
  for (const Term& term : records.terms)  // a code's meaning may itself have other names
    homes.emplace(key_of(term.value), Home{term.type, term.field, term.value});
  for (const SourceLine& line : sources.lines) {
    if (line.text.size() > 200) continue;
    std::string_view mark;  // the first in the line
    size_t at = std::string::npos;
    for (const std::string_view one :
         {" = ", " means ", " stands for ", " is short for ", " is what we call ", ": ", " - ", " \xe2\x80\x93 "})
      if (const size_t found = line.text.find(one); found < at) at = found, mark = one;
    if (at != std::string::npos) {
      std::string left = line.text.substr(0, at), right = line.text.substr(at + mark.size());
      const auto bare = [](std::string text) {
        while (!text.empty() && std::string_view(" *-\"'`.").find(text.front()) != std::string_view::npos)
          text.erase(0, 1);
        while (!text.empty() && std::string_view(" *\"'`.").find(text.back()) != std::string_view::npos)
          text.pop_back();
        for (const char* article : {"the ", "a ", "an "})
          if (fold(text).starts_with(article)) text = text.substr(std::string_view(article).size());
        return text;
      };
      left = bare(left), right = bare(right);
      if (words_of(left).size() > 4 || words_of(right.substr(0, right.find_first_of(",;:.("))).size() > 10) continue;
      const bool surely = mark == " = " || mark == " means " || mark == " stands for " || mark == " is short for ";
      add_pair(left, right, line.id, surely, homes, records);
    }
  }
}

void declare_terms(const Domain& domain, Records& records) {
  for (const std::string& word : domain.not_terms) {
    std::erase_if(records.terms, [&](const Term& term) { return key_of(term.text) == key_of(word); });
    records.meanings.erase(canon(word));
  }
  for (const TermRule& rule : domain.terms) {
    const RecordType* type = records.type(rule.type);
    const int field = type ? type->find(rule.field) : -1;
    if (field < 0) continue;
    const bool held = std::any_of(type->records.begin(), type->records.end(), [&](const Record& record) {
      return canon(RecordType::value(record, field).text) == canon(rule.value);
    });
    if (!held) continue;  // nor does a view tell of a value that it does not hold
    std::erase_if(records.terms,
                  [&](const Term& term) { return key_of(term.text) == key_of(rule.text) && term.row > 0; });
    records.terms.push_back({rule.text, rule.type, rule.field, rule.value, 0});
    records.meanings.insert_or_assign(canon(rule.text), rule.value);
  }
}

namespace {
std::vector<std::string> stems_of(std::string_view text) {
  auto words = words_of(text);
  for (std::string& word : words) word = stem(word);
  return words;
}
std::string joined(const std::vector<std::string>& words, size_t from, size_t count) {
  std::string out;
  for (size_t i = from; i < from + count; ++i) out += (i > from ? " " : "") + words[i];
  return out;
}
}  // namespace

Wordings::Wordings(const Records& records, const RecordType& type, std::string_view field) {
  const int place = type.find(field);
  for (const Record& record : type.records)
    if (const Value& v = RecordType::value(record, place); !v.empty() && v.text.size() < 80) {
      const auto words = stems_of(v.text);
      known_.emplace(joined(words, 0, words.size()), v.text);
    }
  for (const Term& term : records.terms)
    if (term.type == type.name && term.field == field) {
      const auto words = stems_of(term.text);
      known_.emplace(joined(words, 0, words.size()), term.value);
    }
  known_.erase("");
}

void Wordings::learn(const RecordType& type, std::string_view field, std::string_view text_field) {
  const int place = type.find(field), text = type.find(text_field);
  if (place < 0 || text < 0) return;
  std::map<std::string, std::map<std::string, size_t>> seen;  // sequence -> value -> records
  for (const Record& record : type.records) {
    const Value &value = RecordType::value(record, place), &said = RecordType::value(record, text);
    if (value.empty() || said.empty() || said.text.size() > 500) continue;
    const auto words = stems_of(said.text);
    std::set<std::string> mine;
    for (size_t n = 1; n <= 3; ++n)
      for (size_t i = 0; i + n <= words.size(); ++i)
        if (const std::string sequence = joined(words, i, n); sequence.size() >= 4 && !has_digit(sequence))
          mine.insert(sequence);
    if (seen.size() > 500'000) break;
    for (const std::string& sequence : mine) ++seen[sequence][value.text];
  }
  for (const auto& [sequence, values] : seen) {
    size_t all = 0;
    const std::string* best = nullptr;
    size_t most = 0;
    for (const auto& [value, count] : values) {
      all += count;
      if (count > most) most = count, best = &value;
    }
    if (all >= 5 && most * 100 >= all * 97) learned_.emplace(sequence, *best);
  }
}

std::string Wordings::find(std::string_view text) const {
  if (text.size() > 2000) return "";
  const auto words = stems_of(text);
  for (const auto* table : {&known_, &learned_})
    for (size_t n = std::min<size_t>(words.size(), 6); n > 0; --n)
      for (size_t i = 0; i + n <= words.size(); ++i)
        if (const auto found = table->find(joined(words, i, n)); found != table->end()) return found->second;
  // The words of one value, near each other in another order: "edge of the belt torn". Only when no other value fits.
  std::string only;
  for (const auto& [wording, value] : known_) {
    const auto wanted = words_of(wording);
    if (wanted.size() < 2 || value == only) continue;
    for (size_t i = 0; i < words.size(); ++i) {
      const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
      const auto last = words.begin() + static_cast<std::ptrdiff_t>(std::min(words.size(), i + wanted.size() + 2));
      if (!std::all_of(wanted.begin(), wanted.end(),
                       [&](const std::string& w) { return std::find(first, last, w) != last; }))
        continue;
      if (!only.empty()) return "";
      only = value;
      break;
    }
  }
  return only;
}

}  // namespace freehold::papers
