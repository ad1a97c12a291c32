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

// A notice that corrects a record of a type without a rule: its key, one of its fields by name, and a value that stands
// after the key ("the amount of INV-1 should be 20, not 30").
void corrections_of_text(const Sources& sources, const Domain& domain, Records& records) {
  std::map<std::string, const RecordType*> keys;
  for (const RecordType& type : records.types)
    if (!type.rule)
      for (const Record& record : type.records)
        for (const std::string& field : {type.key, type.code})
          if (const Value& key = RecordType::value(record, type.find(field)); has_digit(key.text))
            keys.emplace(canon(key.text), &type);
  for (const SourceLine& line : sources.lines) {
    if (line.heading == "quoted" || line.text.size() > 2000) continue;
    const std::string words = padded(line.text);
    if (std::none_of(domain.correction_words.begin(), domain.correction_words.end(),
                     [&](const std::string& w) { return says(words, w); }))
      continue;
    std::string text = line.text;
    for (const char* word : {", not ", " instead of ", " rather than ", " and not "})
      if (const size_t at = text.find(word); at != std::string::npos) text.resize(at);
    std::vector<std::string> tokens;
    std::string token;
    for (const char c : text + " ") {
      if (!std::isspace(static_cast<unsigned char>(c)) && c != ';') {
        token += c;
        continue;
      }
      while (!token.empty() && std::string_view(".,:!?)").find(token.back()) != std::string_view::npos)
        token.pop_back();
      if (!token.empty()) tokens.push_back(std::move(token));
      token.clear();
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto found = keys.find(canon(tokens[i]));
      if (found == keys.end()) continue;
      const RecordType& type = *found->second;
      for (size_t f = 0; f < type.fields.size(); ++f) {
        const Field& field = type.fields[f];
        const bool named = std::any_of(field.headers.begin(), field.headers.end(), [&](const std::string& header) {
          const std::string core = core_of_header(header, domain);
          return !core.empty() && says(words, core);
        });
        if (!named || field.name == type.key || field.kind == Kind::text) continue;
        for (size_t j = i + 1; j < tokens.size(); ++j) {
          if (!has_digit(tokens[j])) continue;
          ColumnType as;
          as.kind = field.kind;
          const size_t comma = tokens[j].rfind(','), point = tokens[j].rfind('.');
          const bool cents = comma != std::string::npos && tokens[j].size() - comma == 3;
          as.mark = cents || (comma != std::string::npos && point != std::string::npos && comma > point) ? Mark::comma
                                                                                                         : Mark::point;
          if (const Value value = value_of({tokens[j], false}, as); !value.empty())
            records.corrections.push_back({type.name, found->first, field.name, value, line.id});
          break;
        }
      }
      break;
    }
  }
}

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
