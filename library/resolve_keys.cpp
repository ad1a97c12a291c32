// Identity: which field of a type is its key, which fields of other types hold such keys, what other names a key has,
// and which record a name means on a given day.
#include <algorithm>

#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// Where a field's value comes again, in another paper, it is told of one thing only if the rest mostly agrees too: a
// register kept twice does, the readings of one pump in the sheets of two weeks do not.
bool repeats_agree(const RecordType& type, int field) {
  std::map<std::string, const Record*> first;
  size_t compared = 0, equal = 0;
  for (const Record& record : type.records) {
    const Value& value = RecordType::value(record, field);
    if (value.empty()) continue;
    const auto [found, is_new] = first.emplace(canon(value.text), &record);
    for (size_t f = 0; !is_new && f < type.fields.size(); ++f) {
      if (static_cast<int>(f) == field) continue;
      const Value &a = RecordType::value(*found->second, static_cast<int>(f)),
                  &b = RecordType::value(record, static_cast<int>(f));
      if (a.empty() || b.empty()) continue;
      ++compared, equal += canon(a.text) == canon(b.text);
    }
  }
  return equal * 10 >= compared * 6;
}

// A header of the field names another type's records: "Shipment" of an invoice.
bool names_others(const Field& field, const std::set<std::string>& others, const Domain& domain) {
  return std::any_of(field.headers.begin(), field.headers.end(), [&](const std::string& header) {
    return others.count(key_of(core_of_header(header, domain))) > 0;
  });
}

// A field filled nearly always, with a different short value in nearly every record, with digits in it.
// One whose header names another type's records refers to those instead. `named`: of those called a name only.
std::string key_by_shape(const RecordType& type, const std::set<std::string>& others, bool named,
                         const Domain& domain) {
  if (type.records.size() < 3) return "";
  for (size_t f = 0; f < type.fields.size() && f < 4; ++f) {
    const auto& headers = type.fields[f].headers;
    const bool is_name = std::any_of(headers.begin(), headers.end(), [](const std::string& header) {
      const auto words = words_of(header);
      return !words.empty() && words.back() == "name";
    });
    if (named != is_name) continue;
    if (!named && names_others(type.fields[f], others, domain)) continue;
    if (type.fields[f].kind == Kind::date || type.fields[f].kind == Kind::minutes) continue;
    std::set<std::pair<std::string, std::string>> seen;  // in one paper
    size_t filled = 0, digits = 0;
    for (const Record& record : type.records) {
      const Value& value = RecordType::value(record, static_cast<int>(f));
      if (value.empty() || value.text.size() > 40) continue;
      ++filled, digits += has_digit(value.text);
      seen.insert({record.order, canon(value.text)});
    }
    if (filled * 100 >= type.records.size() * 98 && seen.size() * 100 >= filled * 98 &&
        repeats_agree(type, static_cast<int>(f)) && (named || digits * 10 >= filled * 9 || f == 0) &&
        type.fields[f].kind == Kind::text)
      return type.fields[f].name;
  }
  return "";
}

// Registers: the same key twice is another machine when the first was gone by then, else two papers about one.
void join_entities(RecordType& type) {
  const int key = type.find(type.key), from = type.rule ? type.find(type.rule->valid_from) : -1,
            to = type.rule ? type.find(type.rule->valid_to) : -1;
  if (key < 0 || (type.rule && !type.rule->time.empty())) return;
  std::map<std::string, std::vector<size_t>> groups;
  for (size_t i = 0; i < type.records.size(); ++i)
    if (const Value& value = RecordType::value(type.records[i], key); !value.empty())
      groups[canon(value.text)].push_back(i);
  std::vector<Record> joined;
  std::vector<Conflict> conflicts;

  for (Record& record : type.records)
    if (RecordType::value(record, key).empty()) joined.push_back(std::move(record));
  for (auto& [name, members] : groups) {
    std::stable_sort(members.begin(), members.end(),
                     [&](size_t a, size_t b) { return type.records[a].order < type.records[b].order; });
    std::vector<size_t> mine;  // records of this key in `joined`
    for (const size_t m : members) {
      Record& record = type.records[m];
      size_t same = joined.size();
      for (const size_t j : mine) {
        const std::string &a_from = RecordType::value(joined[j], from).text,
                          &b_from = RecordType::value(record, from).text;
        const std::string &a_to = RecordType::value(joined[j], to).text, &b_to = RecordType::value(record, to).text;
        const bool apart = (!a_to.empty() && !b_from.empty() && a_to <= b_from) ||
                           (!b_to.empty() && !a_from.empty() && b_to <= a_from);
        if (!apart) same = j;
      }
      if (same == joined.size()) {
        mine.push_back(same);
        joined.push_back(std::move(record));
        continue;
      }
      Record& kept = joined[same];
      bool differs = false;
      for (size_t f = 0; f < record.values.size(); ++f) {
        const Value& other = record.values[f];
        const Value used = RecordType::value(kept, static_cast<int>(f));
        if (other.empty()) continue;
        if (!used.empty() && canon(used.text) != canon(other.text)) {  // the later paper wins
          differs = true;
          conflicts.push_back({static_cast<int>(same), type.fields[f].name, other.text, used.text,
                               "the later paper counts", kept.evidence.front().row});
        }
        type.set(kept, static_cast<int>(f), other);
      }
      for (Evidence& e : kept.evidence) e.role = differs ? Role::contradicts : e.role;
      for (const Evidence& e : record.evidence)
        kept.evidence.push_back({e.row, differs ? Role::states : Role::repeats});
    }
  }
  type.records = std::move(joined);
  type.conflicts = std::move(conflicts);
}

// Fields beside the key that tell its records apart as well: the fleet number of a vehicle that is called by its plate.
// Not the number of another thing, though it comes once: a shipment's number is no other name of its only invoice.
std::vector<int> other_numbers(const RecordType& type, const std::set<std::string>& others, const Domain& domain) {
  std::vector<int> fields;
  if (type.rule || type.records.size() < 3) return fields;
  for (size_t f = 0; f < type.fields.size(); ++f) {
    if (type.fields[f].kind != Kind::text || type.fields[f].name == type.key || type.fields[f].name == type.code ||
        names_others(type.fields[f], others, domain))
      continue;
    std::set<std::string> different;
    size_t numbers = 0;
    for (const Record& record : type.records)
      if (const Value& value = RecordType::value(record, static_cast<int>(f));
          !value.empty() && value.text.size() <= 20 && has_digit(value.text))
        ++numbers, different.insert(canon(value.text));
    if (numbers * 100 >= type.records.size() * 98 && different.size() == numbers) fields.push_back(static_cast<int>(f));
  }
  return fields;
}

void index_keys(RecordType& type, const std::set<std::string>& others, const Domain& domain) {
  const int key = type.find(type.key);
  const std::vector<int> numbers = key < 0 ? std::vector<int>{} : other_numbers(type, others, domain);
  type.by_key.clear();
  for (size_t i = 0; i < type.records.size(); ++i) {
    if (const Value& value = RecordType::value(type.records[i], key); !value.empty())
      type.by_key.emplace(canon(value.text), static_cast<int>(i));
    if (const Value& code = RecordType::value(type.records[i], type.find(type.code)); !code.empty())
      type.by_key.emplace(canon(code.text), static_cast<int>(i));
    for (const int number : numbers)
      if (const Value& value = RecordType::value(type.records[i], number); !value.empty())
        type.by_key.emplace(canon(value.text), static_cast<int>(i));
    if (!type.rule) continue;
    for (const std::string& alias : type.rule->aliases)
      if (const Value& value = RecordType::value(type.records[i], type.find(alias)); !value.empty()) {
        std::string part;
        for (const char c : value.text + ",") {  // several names in one cell
          if (c != ',' && c != ';' && c != '/') {
            part += c;
          } else {
            if (!canon(part).empty()) type.by_key.emplace(canon(part), static_cast<int>(i));
            part.clear();
          }
        }
      }
  }
}

}  // namespace

// What a register's records are called, by which other papers mean them: a text without digits that differs from record
// to record, and to which most values of a field of another type belong.
std::string name_by_use(const RecordType& type, const Records& records) {
  if (type.records.size() < 3) return "";
  for (size_t f = 0; f < type.fields.size() && f < 5; ++f) {
    if (type.fields[f].kind != Kind::text || type.fields[f].name == type.code) continue;
    std::set<std::string> names;
    std::set<std::pair<std::string, std::string>> seen;  // in one paper
    size_t filled = 0, digits = 0;
    for (const Record& record : type.records)
      if (const Value& value = RecordType::value(record, static_cast<int>(f)); !value.empty()) {
        ++filled, digits += has_digit(value.text), names.insert(canon(value.text));
        seen.insert({record.order, canon(value.text)});
      }
    if (filled * 100 < type.records.size() * 98 || seen.size() * 100 < filled * 98 || digits * 2 > filled ||
        !repeats_agree(type, static_cast<int>(f)))
      continue;
    for (const RecordType& other : records.types)
      for (const Field& field : other.fields) {
        if (&other == &type || field.kind != Kind::text) continue;
        const int place = static_cast<int>(&field - other.fields.data());
        size_t all = 0, hits = 0;
        std::set<std::string> different;
        for (const Record& record : other.records)
          if (const Value& value = RecordType::value(record, place); !value.empty())
            ++all, hits += names.count(canon(value.text)), different.insert(canon(value.text));
        if (different.size() >= 3 && all >= 5 && hits * 10 >= all * 8) return type.fields[f].name;
      }
  }
  return "";
}

namespace {

// A field that numbers things: most values have digits, or a header says so. False without the field.
bool has_numbers(const RecordType& type, const std::string& field) {
  const int place = type.find(field);
  if (place < 0) return false;
  static const std::set<std::string> says_so = {"code", "no", "nr", "number", "id", "ref", "key", "abbreviation"};
  for (const std::string& header : type.fields[static_cast<size_t>(place)].headers)
    if (const auto words = words_of(header); !words.empty() && says_so.count(words.back())) return true;
  size_t numbers = 0;
  for (const Record& record : type.records) numbers += has_digit(RecordType::value(record, place).text);
  return numbers * 2 > type.records.size();
}

// The record that a name means; -1: none, or several.
int only_meant(const RecordType& type, const std::string& name) {
  const auto [first, last] = type.by_key.equal_range(canon(name));
  return first != last && std::next(first) == last ? first->second : -1;
}

// Two fields of a type that refer to one register are one, "Farm" and "Member no.", when they never name different
// records, and call them by their name and their number, or never stand together and name the same ones.
bool refer_alike(const RecordType& type, int a, int b, const RecordType& target) {
  const auto is_identity = [&](int field) {
    const std::string& name = type.fields[static_cast<size_t>(field)].name;
    return name == target.key || name == target.code;
  };
  bool together = false;
  std::set<int> of_a, of_b;
  for (const Record& record : type.records) {
    const std::string &first = RecordType::value(record, a).text, &second = RecordType::value(record, b).text;
    const int one = first.empty() ? -1 : only_meant(target, first),
              two = second.empty() ? -1 : only_meant(target, second);
    if (one >= 0) of_a.insert(one);
    if (two >= 0) of_b.insert(two);
    if (first.empty() || second.empty()) continue;
    if (one < 0 || one != two) return false;
    together = true;
  }
  const bool numbered = !target.code.empty() && has_numbers(target, target.code);
  if (numbered && (is_identity(a) || is_identity(b)) && (together || (is_identity(a) && is_identity(b)))) return true;
  return !together && of_a.size() >= 2 && of_a == of_b;
}

void join_references(RecordType& type, const Records& records) {
  for (size_t b = 1; b < type.fields.size(); ++b)
    for (size_t a = 0; a < b; ++a) {
      if (type.fields[a].refers.empty() || type.fields[a].refers != type.fields[b].refers) continue;
      if (type.fields[b].name == type.key || type.fields[b].name == type.code) continue;
      const auto target = std::find_if(records.types.begin(), records.types.end(),
                                       [&](const RecordType& one) { return one.name == type.fields[a].refers; });
      if (!refer_alike(type, static_cast<int>(a), static_cast<int>(b), *target)) continue;
      for (Record& record : type.records) {
        if (RecordType::value(record, static_cast<int>(a)).empty())
          if (const Value other = RecordType::value(record, static_cast<int>(b)); !other.empty())
            type.set(record, static_cast<int>(a), other);
        if (b < record.values.size()) record.values.erase(record.values.begin() + static_cast<std::ptrdiff_t>(b));
      }
      type.fields[a].headers.merge(type.fields[b].headers);
      type.fields.erase(type.fields.begin() + static_cast<std::ptrdiff_t>(b));
      --b;
      break;
    }
}

}  // namespace

void resolve_keys(const Domain& domain, Records& records) {
  for (RecordType& type : records.types) {
    std::set<std::string> others;
    for (const RecordType& other : records.types)
      if (&other != &type) others.insert(key_of(other.name));
    if (type.key.empty() && !type.rule) {
      type.code = key_by_shape(type, others, false, domain);
      type.key = key_by_shape(type, others, true, domain);
      if (type.key.empty() && !type.code.empty() && !has_numbers(type, type.code))
        std::swap(type.key, type.code);  // "Contractor"
      if (type.key.empty()) type.key = name_by_use(type, records);
      if (type.key.empty()) type.key = type.code, type.code.clear();
    }
    join_entities(type);
    index_keys(type, others, domain);
    for (const Term& term : records.terms)  // "old tag", "also called": names of keys in tables of their own
      if (term.type == type.name && term.field == type.key) {
        const auto [first, last] = type.by_key.equal_range(canon(term.value));
        std::vector<int> meant;
        for (auto it = first; it != last; ++it) meant.push_back(it->second);
        for (const int record : meant) type.by_key.emplace(canon(term.text), record);
      }
  }
  for (RecordType& type : records.types)
    for (Field& field : type.fields) {
      if (field.kind != Kind::text) continue;
      std::map<std::string, size_t> values;
      for (const Record& record : type.records)
        if (const Value& value = RecordType::value(record, static_cast<int>(&field - type.fields.data()));
            !value.empty())
          ++values[canon(value.text)];
      size_t all = 0;
      for (const auto& [value, count] : values) all += count;
      if (all == 0) continue;
      size_t most = 0;
      for (const RecordType& target : records.types) {
        if (&target == &type || target.key.empty() ||
            (target.rule && !target.rule->time.empty() && field.name != target.key))
          continue;
        // Names of one thing in two registers: the fuller one is referred to.
        const bool same_name = target.key == field.name;
        if (same_name && field.name == type.key && target.fields.size() <= type.fields.size()) continue;
        size_t hits = 0;
        for (const auto& [value, count] : values) hits += target.by_key.count(value) ? count : 0;
        const bool few = values.size() < 3 && (values.size() < 2 || hits < all || all < 5);
        if (hits * 10 < all * (same_name ? 5 : 8) || (!same_name && few)) continue;
        const size_t weight = hits * 1000 + std::min<size_t>(target.fields.size(), 999);
        if (weight > most) field.refers = target.name, most = weight;
      }
    }
  for (RecordType& type : records.types) join_references(type, records);
}

void refer(Records& records) {
  for (RecordType& type : records.types) {
    const int time = type.rule ? type.find(type.rule->time) : -1;
    for (Record& record : type.records) {
      record.refers.assign(type.fields.size(), -1);
      for (size_t f = 0; f < type.fields.size(); ++f) {
        if (type.fields[f].refers.empty()) continue;
        RecordType* target = records.type(type.fields[f].refers);
        const Value& value = RecordType::value(record, static_cast<int>(f));
        if (!target || value.empty()) continue;
        const int from = target->rule ? target->find(target->rule->valid_from) : -1,
                  to = target->rule ? target->find(target->rule->valid_to) : -1;
        const std::string day = RecordType::value(record, time).text;
        int best = -1;
        std::string best_from;
        const auto [first, last] = target->by_key.equal_range(canon(value.text));
        for (auto it = first; it != last; ++it) {
          const Record& candidate = target->records[static_cast<size_t>(it->second)];
          const std::string &since = RecordType::value(candidate, from).text,
                            &until = RecordType::value(candidate, to).text;
          const bool valid = day.empty() || ((since.empty() || since <= day) && (until.empty() || day < until));
          if (best < 0 || (valid && since >= best_from)) best = it->second, best_from = valid ? since : "";
        }
        record.refers[f] = best;
        if (best >= 0) {  // shown by its own name
          const Value& own = RecordType::value(target->records[static_cast<size_t>(best)], target->find(target->key));
          if (!own.empty()) type.set(record, static_cast<int>(f), own);
        }
      }
    }
  }
}

}  // namespace freehold::papers
