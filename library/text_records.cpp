// One wording for one thing in every field, the kind of each entry, and lines of text as records: what, when, where,
// how long, found by the library's own names and words. A line that gives less than a record needs stays text.
#include <algorithm>

#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Variants of a value (case, plural, word order; codes; rare misspellings) become its most frequent form.
void settle_field(RecordType& type, int place, Records& records) {
  const std::string& field = type.fields[static_cast<size_t>(place)].name;
  std::map<std::string, std::string> terms;  // canon -> value
  for (const Term& term : records.terms)
    if (term.type == type.name && term.field == field) terms[canon(term.text)] = term.value;
  std::map<std::string, std::map<std::string, size_t>> forms;  // key -> surface -> count
  size_t filled = 0;
  for (Record& record : type.records) {
    Value value = RecordType::value(record, place);
    if (value.empty()) continue;
    ++filled;
    if (const auto term = terms.find(canon(value.text)); term != terms.end())
      value.text = term->second, type.set(record, place, value);
    ++forms[key_of(value.text)][value.text];
  }
  if (forms.size() > 2000 || forms.size() * 2 > filled) return;  // free text, identifiers
  std::map<std::string, std::string> shown;
  std::map<std::string, size_t> counts;
  for (const auto& [key, surfaces] : forms) {
    size_t most = 0;
    for (const auto& [surface, count] : surfaces) {
      counts[key] += count;
      if (count > most) most = count, shown[key] = surface;
    }
  }
  for (const auto& [key, count] : counts)
    if (count <= 3 && key.size() >= 6 && !has_digit(key))
      for (const auto& [other, much] : counts)
        if (much >= 5 * count && much >= 5 && !has_digit(other) &&
            edit_distance(key, other, key.size() >= 9 ? 2 : 1) <= (key.size() >= 9 ? 2 : 1)) {
          shown[key] = shown[other];
          break;
        }
  for (Term& term : records.terms)
    if (term.type == type.name && term.field == field)
      if (const auto form = shown.find(key_of(term.value)); form != shown.end()) term.value = form->second;
  for (Record& record : type.records) {
    Value value = RecordType::value(record, place);
    if (value.empty()) continue;
    const std::string& form = shown[key_of(value.text)];
    if (form != value.text) value.text = form, type.set(record, place, value);
  }
}

std::string padded(std::string_view text) {
  std::string out = " ";
  for (const std::string& word : words_of(text)) out += word + " ";
  return out;
}
bool says(const std::string& padded_text, const std::string& phrase) {
  return padded_text.find(padded(phrase)) != std::string::npos;
}

std::string kind_of_entry(const TypeRule& rule, const std::string& columns, const std::string& text) {
  for (const auto& [kind, words] : rule.kinds)
    for (const std::string& word : words)
      if (says(columns, word) || (words_of(word).size() >= 2 && says(text, word))) return kind;
  return rule.kind_else;
}

std::string shape_of_key(std::string_view canonical) {
  std::string shape;
  for (const char c : canonical)
    shape += std::isdigit(static_cast<unsigned char>(c)) ? '9' : c;  // the letters are part of it
  return shape;
}

// Names inside a text: sequences of up to four words that are keys or other names of a type.
struct NameFinder {
  const std::multimap<std::string, int>& names;
  // The names in the order in which they stand, each as its record's place.
  std::vector<int> find(std::string_view text) const {
    std::vector<std::string> parts;
    std::string part;
    for (const char c : std::string(text) + " ") {
      if (std::isspace(static_cast<unsigned char>(c)) ||
          std::string_view(",;:()[]\"'").find(c) != std::string_view::npos) {
        while (!part.empty() && std::string_view(".!?").find(part.back()) != std::string_view::npos) part.pop_back();
        if (!part.empty()) parts.push_back(canon(part));
        part.clear();
      } else {
        part += c;
      }
    }
    std::vector<int> found;
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t n = std::min<size_t>(4, parts.size() - i); n > 0; --n) {
        std::string name;
        for (size_t j = i; j < i + n; ++j) name += parts[j];
        if (name.size() < 3) continue;
        if (const auto hit = names.find(name); hit != names.end()) {
          found.push_back(hit->second);
          i += n - 1;
          break;
        }
      }
    return found;
  }
};

struct LineReader {
  const Domain& domain;
  Records& records;
  RecordType& type;
  RecordType& things;  // what the lines are about
  std::set<std::string> keys, shapes;
  Wordings points;
  std::string asset_field, point_field, time_field, minutes_field;

  std::string order_in(std::string_view text) const {
    std::vector<std::string> parts;
    std::string part;
    for (const char c : std::string(text) + " ")
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '/' || c == '_')
        part += c;
      else if (!part.empty())
        parts.push_back(canon(part)), part.clear();
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t n = 1; n <= 2 && i + n <= parts.size(); ++n) {
        const std::string name = parts[i] + (n == 2 ? parts[i + 1] : "");
        if (name.size() < 4 || !has_digit(name)) continue;
        if (keys.count(name)) return name;
        const bool letters = std::isalpha(static_cast<unsigned char>(name[0])) != 0;
        if ((letters || name.size() >= 7) && shapes.count(shape_of_key(name))) return name;
      }
    return "";
  }
  Value minutes_in(std::string_view text, bool after_not) const {
    for (size_t i = 0; i < text.size(); ++i) {
      if (!std::isdigit(static_cast<unsigned char>(text[i])) ||
          (i > 0 && (std::isalnum(static_cast<unsigned char>(text[i - 1])) || text[i - 1] == '.' ||
                     text[i - 1] == '-' || text[i - 1] == '/')))
        continue;
      size_t length = 0;
      const auto minutes = duration_at(text.substr(i), length);
      if (!minutes) continue;
      const auto before = words_of(text.substr(0, i));
      const std::string last = before.empty() ? "" : before.back();
      if (after_not && (last == "not" || last == "of" || last == "from" || last == "instead" || last == "than"))
        continue;
      return {text_of_number(*minutes), *minutes};
    }
    return {};
  }
  void correction(const SourceLine& line, const std::string& order) {
    std::string text = line.text;  // what comes after "not" or "instead of" is the old value
    if (const Value minutes = minutes_in(text, true); !minutes.empty() && !minutes_field.empty())
      records.corrections.push_back({type.name, order, minutes_field, minutes, line.id});
    for (const char* word : {", not ", " not the ", " instead of ", " rather than ", " and not "})
      if (const size_t at = text.find(word); at != std::string::npos && at > 8) text = text.substr(0, at);
    if (const std::string point = points.find(text); !point.empty())
      records.corrections.push_back({type.name, order, point_field, {point, 0}, line.id});
  }
  bool record(const SourceLine& line, std::string_view text, int thing, const std::string& day) {
    Record made;
    made.evidence.push_back({line.id, Role::states});
    made.order = line.path;
    const std::string point = points.find(text);
    const std::string order = order_in(text);
    if (day.empty() || (point.empty() && order.empty())) return false;
    if (point.empty() && !keys.count(order)) return false;
    const auto set = [&](const std::string& field, Value value, Kind kind) {
      if (!field.empty() && !value.empty()) type.set(made, type.find_or_add(field, kind), std::move(value));
    };
    set(asset_field, RecordType::value(things.records[static_cast<size_t>(thing)], things.find(things.key)),
        Kind::text);
    set(time_field, {day, 0}, Kind::date);
    set(point_field, {point, 0}, Kind::text);
    set(minutes_field, minutes_in(text, false), Kind::minutes);
    set(type.rule->text, {std::string(text), 0}, Kind::text);
    set(type.rule->kind, {kind_of_entry(*type.rule, "", padded(text)), 0}, Kind::text);
    if (!order.empty()) set(type.key, {order, 0}, Kind::text);
    type.records.push_back(std::move(made));
    ++records.tally.from_text;
    return true;
  }
};

std::vector<std::string> sentences_of(const std::string& text) {
  std::vector<std::string> out(1);
  for (size_t i = 0; i < text.size(); ++i) {
    out.back() += text[i];
    if (text[i] == ';' || (text[i] == '.' && i + 1 < text.size() && text[i + 1] == ' ')) out.emplace_back();
  }
  return out;
}

}  // namespace

void settle_values(const Domain&, Records& records) {
  for (RecordType& type : records.types) {
    for (size_t f = 0; f < type.fields.size(); ++f)
      if (type.fields[f].kind == Kind::text && type.fields[f].refers.empty() && type.fields[f].name != type.key)
        settle_field(type, static_cast<int>(f), records);
    if (!type.rule) continue;
    for (const auto& [field, before] : type.rule->precedence) {
      const Wordings wordings(records, type, field);
      const int place = type.find(field);
      if (wordings.empty() || place < 0) continue;
      for (const std::string& other : before)
        for (Record& record : type.records)
          if (const std::string found = wordings.find(RecordType::value(record, type.find(other)).text); !found.empty())
            type.set(record, place, {found, 0});
      if (const int text = type.find(type.rule->text); text >= 0)
        for (Record& record : type.records)
          if (RecordType::value(record, place).empty())
            if (const std::string found = wordings.find(RecordType::value(record, text).text); !found.empty())
              type.set(record, place, {found, 0});
    }
    if (type.rule->kind.empty()) continue;
    const int kind = type.find_or_add(type.rule->kind, Kind::text);
    for (Record& record : type.records) {
      std::string columns, said;
      for (const std::string& field : type.rule->kind_columns)
        columns += padded(RecordType::value(record, type.find(field)).text);
      for (const std::string& field : type.rule->kind_texts)
        said += padded(RecordType::value(record, type.find(field)).text);
      type.set(record, kind, {kind_of_entry(*type.rule, columns, said), 0});
    }
  }
}

namespace {

// The words of a text without the marks around them; what was said before, "from 105 to" and "not 30", left out.
std::vector<std::string> words_that_hold(std::string text) {
  for (const char* word : {", not ", " instead of ", " rather than ", " and not "})
    if (const size_t at = text.find(word); at != std::string::npos) text.resize(at);
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (!std::isspace(static_cast<unsigned char>(c)) && c != ';') {
      word += c;
      continue;
    }
    while (!word.empty() && std::string_view(".,:!?)").find(word.back()) != std::string_view::npos) word.pop_back();
    if (!words.empty() && words.back() == "from" && has_digit(word))
      words.pop_back();
    else if (!word.empty())
      words.push_back(word);
    word.clear();
  }
  return words;
}

// Notices that correct a record of a type without a rule: its key, one of its fields by name, and a value that stands
// after that ("the amount of INV-1 should be 20, not 30"). A notice is a line, or a paper that names one record only.
struct NoticeReader {
  const Domain& domain;
  Records& records;
  std::map<std::string, const RecordType*> keys;  // canon -> whose
  std::vector<const Field*> open;                 // named by the sentence before, without a value

  bool corrects(const std::string& text) const {
    const std::string words = padded(text);
    const size_t from = text.find(" from "), to = from == std::string::npos ? from : text.find(" to ", from);
    return std::any_of(domain.correction_words.begin(), domain.correction_words.end(),
                       [&](const std::string& w) { return says(words, w); }) ||
           (to != std::string::npos && to - from < 30 && has_digit(text.substr(from, to - from)));
  }
  // The only key in a text; empty: none, or several.
  std::string only_key(const std::string& text) const {
    std::string only;
    for (const std::string& word : words_that_hold(text))
      if (const std::string name = canon(word); keys.count(name)) {
        if (!only.empty() && only != name) return "";
        only = name;
      }
    return only;
  }
  // Where the field's longest name ends among the words; 0: it is not named.
  size_t after_name(const Field& field, const std::vector<std::string>& words) const {
    size_t best = 0, longest = 0;
    for (const std::string& header : field.headers) {
      const auto name = words_of(core_of_header(header, domain));
      for (size_t i = 0; name.size() > longest && i + name.size() <= words.size(); ++i)
        if (std::equal(name.begin(), name.end(), words.begin() + static_cast<std::ptrdiff_t>(i),
                       [](const std::string& a, const std::string& b) { return a == fold(b); }))
          best = i + name.size(), longest = name.size();
    }
    return best;
  }
  // What one sentence says of the fields of the record `key`. `behind_key`: the value stands behind that, too.
  void read(const std::string& sentence, const std::string& key, bool behind_key, int64_t row) {
    const RecordType& type = *keys.at(key);
    const auto words = words_that_hold(sentence);
    size_t at = 0;
    for (size_t i = 0; behind_key && i < words.size() && at == 0; ++i)
      if (canon(words[i]) == key) at = i + 1;
    std::vector<const Field*> named;
    for (const Field& field : type.fields) {
      const size_t after = after_name(field, words);
      if (after == 0 || field.name == type.key || field.kind == Kind::text) continue;
      named.push_back(&field);
      if (value_from(field, words, std::max(after, at), key, row)) named.pop_back();
    }
    if (named.empty() && corrects(sentence))  // "The price was entered wrongly. It should be 1275."
      for (const Field* field : open) value_from(*field, words, at, key, row);
    open = std::move(named);
  }
  // The first number or date from word `at` on; what begins with a letter is a name.
  bool value_from(const Field& field, const std::vector<std::string>& words, size_t at, const std::string& key,
                  int64_t row) {
    for (size_t j = at; j < words.size(); ++j) {
      if (!has_digit(words[j]) || std::isalpha(static_cast<unsigned char>(words[j][0])) || canon(words[j]) == key)
        continue;
      ColumnType as;
      as.kind = field.kind;
      const size_t comma = words[j].rfind(','), point = words[j].rfind('.');
      const bool cents = comma != std::string::npos && words[j].size() - comma == 3;
      as.mark = cents || (comma != std::string::npos && point != std::string::npos && comma > point) ? Mark::comma
                                                                                                     : Mark::point;
      const Value value = value_of({words[j], false}, as);
      if (value.empty()) continue;
      records.corrections.push_back({keys.at(key)->name, key, field.name, value, row});
      return true;
    }
    return false;
  }
};

constexpr size_t longest_notice = 2000;

void corrections_of_text(const Sources& sources, const Domain& domain, Records& records) {
  NoticeReader reader{domain, records, {}, {}};
  for (const RecordType& type : records.types)
    if (!type.rule)
      for (const Record& record : type.records)
        for (const std::string& field : {type.key, type.code})
          if (const Value& key = RecordType::value(record, type.find(field)); has_digit(key.text))
            reader.keys.emplace(canon(key.text), &type);
  for (size_t first = 0, last; first < sources.lines.size(); first = last) {
    std::string whole;
    for (last = first; last < sources.lines.size() && sources.lines[last].path == sources.lines[first].path; ++last)
      if (sources.lines[last].heading != "quoted" && whole.size() <= longest_notice)
        whole += sources.lines[last].text + " ";
    std::string key = whole.size() <= longest_notice && reader.corrects(whole) ? reader.only_key(whole) : "";
    if (key.empty() && sources.lines[first].place == "subject" && reader.corrects(sources.lines[first].text))
      key = reader.only_key(sources.lines[first].text);  // "Correction: job R22-027", though it names a unit as well
    reader.open.clear();
    if (!key.empty()) {
      for (const std::string& sentence : sentences_of(whole))
        reader.read(sentence, key, false, sources.lines[first].id);
      continue;
    }
    for (size_t i = first; i < last; ++i) {
      const SourceLine& line = sources.lines[i];
      if (line.heading == "quoted" || line.text.size() > longest_notice || !reader.corrects(line.text)) continue;
      if (const std::string one = reader.only_key(line.text); !one.empty()) reader.read(line.text, one, true, line.id);
    }
  }
}

}  // namespace

void records_of_text(const Sources& sources, const Domain& domain, Records& records) {
  corrections_of_text(sources, domain, records);
  for (RecordType& type : records.types) {
    if (!type.rule || type.rule->from_text.size() < 3) continue;
    RecordType* things =
        records.type(type.fields[static_cast<size_t>(std::max(0, type.find(type.rule->from_text[0])))].refers);
    if (!things) continue;
    std::string minutes;
    for (const Field& field : type.fields)
      if (field.kind == Kind::minutes && minutes.empty()) minutes = field.name;
    LineReader reader{domain,
                      records,
                      type,
                      *things,
                      {},
                      {},
                      Wordings(records, type, type.rule->from_text[2]),
                      type.rule->from_text[0],
                      type.rule->from_text[2],
                      type.rule->time,
                      minutes};
    reader.points.learn(type, reader.point_field, type.rule->text);
    for (const Record& record : type.records)
      if (const Value& key = RecordType::value(record, type.find(type.key)); !key.empty()) {
        reader.keys.insert(canon(key.text));
        reader.shapes.insert(shape_of_key(canon(key.text)));
      }
    const NameFinder names{things->by_key};
    std::string last_path, order_of_paper;
    bool corrects = false;
    for (const SourceLine& line : sources.lines) {
      if (line.path != last_path) last_path = line.path, order_of_paper.clear(), corrects = false;
      if (line.heading == "quoted") continue;
      const std::string words = padded(line.text);
      const bool says_so = std::any_of(domain.correction_words.begin(), domain.correction_words.end(),
                                       [&](const std::string& w) { return says(words, w); });
      const std::string order = reader.order_in(line.text);
      if (!order.empty()) order_of_paper = order;
      corrects = corrects || (says_so && line.read_as.starts_with("mail"));
      if ((says_so || corrects) && !order_of_paper.empty()) {
        reader.correction(line, order_of_paper);
        continue;
      }
      const auto found = names.find(line.text);
      if (found.empty()) continue;
      const size_t slash = line.heading.rfind(" / ");
      const auto own = find_date(line.text, true);
      const auto governing =
          find_date(slash == std::string::npos ? line.heading : line.heading.substr(slash + 3), true);
      const std::string day = own ? own->iso : governing ? governing->iso : "";
      const std::set<int> different(found.begin(), found.end());
      if (different.size() == 1) {
        if (!day.empty() && !reader.record(line, line.text, found[0], day)) records.open_lines.push_back(line.id);
        continue;
      }
      for (const std::string& sentence : sentences_of(line.text))
        if (const auto here = names.find(sentence);
            !here.empty() && std::set<int>(here.begin(), here.end()).size() == 1)
          reader.record(line, sentence, here[0], day);
    }
  }
}

}  // namespace freehold::papers
