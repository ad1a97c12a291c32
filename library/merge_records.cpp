// Records that tell of one thing become one: equal keys always; without a key, records of one kind that agree in the
// fields of the type's soft key, of which at most one may have a key. Then corrections. The value of the better source
// stays, the other one is kept as a conflict.
#include <algorithm>

#include "library/records.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

void fold_into(RecordType& type, size_t into, const Record& from, std::vector<Conflict>& conflicts) {
  Record& kept = type.records[into];
  bool differs = false;
  for (size_t f = 0; f < from.values.size(); ++f) {
    const Value& other = from.values[f];
    if (other.empty()) continue;
    const Value used = RecordType::value(kept, static_cast<int>(f));
    if (used.empty()) {
      type.set(kept, static_cast<int>(f), other);
    } else if (canon(used.text) != canon(other.text) && type.fields[f].name != type.rule->text) {
      differs = true;
      conflicts.push_back(
          {static_cast<int>(into), type.fields[f].name, used.text, other.text,
           kept.rank > from.rank ? "the register of orders counts more than other papers" : "the first paper counts",
           from.evidence.front().row});
    }
  }
  for (const Evidence& e : from.evidence) kept.evidence.push_back({e.row, differs ? Role::contradicts : Role::repeats});
}

// Leaves the records for which `gone` is not set; conflicts follow their record.
void compact(RecordType& type, const std::vector<bool>& gone, std::vector<Conflict>& conflicts) {
  std::vector<int> now(type.records.size(), -1);
  std::vector<Record> left;
  for (size_t i = 0; i < type.records.size(); ++i)
    if (!gone[i]) now[i] = static_cast<int>(left.size()), left.push_back(std::move(type.records[i]));
  type.records = std::move(left);
  for (Conflict& conflict : conflicts) {
    conflict.record = now[static_cast<size_t>(conflict.record)];
    if (conflict.record >= 0) type.conflicts.push_back(conflict);
  }
}

void merge_events(RecordType& type, Tally& tally) {
  const int key = type.find(type.key);
  std::vector<size_t> order(type.records.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return type.records[a].rank > type.records[b].rank; });
  std::vector<bool> gone(type.records.size());
  std::vector<Conflict> conflicts;
  std::map<std::string, size_t> by_key;
  for (const size_t i : order) {
    const Value& value = RecordType::value(type.records[i], key);
    if (value.empty()) continue;
    const auto [found, is_new] = by_key.emplace(canon(value.text), i);
    if (is_new) continue;
    fold_into(type, found->second, type.records[i], conflicts);
    gone[i] = true;
    ++tally.merged_by_key;
  }
  std::map<std::string, size_t> by_soft;
  for (const size_t i : order) {
    if (gone[i] || type.rule->soft_key.empty()) continue;
    std::string soft;
    bool whole = true;
    for (const std::string& field : type.rule->soft_key) {
      const Value& value = RecordType::value(type.records[i], type.find(field));
      whole = whole && !value.empty();
      soft += canon(value.text) + "|";
    }
    if (!whole) continue;
    if (!type.rule->kind.empty()) soft += RecordType::value(type.records[i], type.find(type.rule->kind)).text;
    const auto [found, is_new] = by_soft.emplace(soft, i);
    if (is_new || !RecordType::value(type.records[i], key).empty()) continue;
    fold_into(type, found->second, type.records[i], conflicts);
    gone[i] = true;
    ++tally.merged_softly;
  }
  compact(type, gone, conflicts);
}

// Rows that are equal in everything, in two papers, are one; in one paper they are two.
void merge_copies(RecordType& type, Tally& tally) {
  std::map<std::string, std::map<std::string, std::vector<size_t>>> groups;  // values -> paper -> records
  for (size_t i = 0; i < type.records.size(); ++i) {
    std::string all;
    for (size_t f = 0; f < type.fields.size(); ++f)
      all += RecordType::value(type.records[i], static_cast<int>(f)).text + "\x1f";
    groups[all][type.records[i].order].push_back(i);
  }
  std::vector<bool> gone(type.records.size());
  std::vector<Conflict> conflicts = std::move(type.conflicts);
  type.conflicts.clear();
  for (const auto& [values, papers] : groups) {
    const auto most = std::max_element(papers.begin(), papers.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    for (const auto& [paper, members] : papers)
      for (size_t n = 0; paper != most->first && n < members.size(); ++n) {
        for (const Evidence& e : type.records[members[n]].evidence)
          type.records[most->second[n]].evidence.push_back({e.row, Role::repeats});
        gone[members[n]] = true;
        ++tally.merged_by_key;
      }
  }
  compact(type, gone, conflicts);
}

}  // namespace

void merge_records(Records& records) {
  for (RecordType& type : records.types) {
    if (type.rule && !type.rule->time.empty())
      merge_events(type, records.tally);
    else if (type.key.empty())
      merge_copies(type, records.tally);
  }
}

void apply_corrections(Records& records) {
  for (const Correction& correction : records.corrections) {
    RecordType* type = records.type(correction.type);
    if (!type) continue;
    const int key = type->find(type->key), code = type->code.empty() ? -2 : type->find(type->code),
              field = type->find(correction.field);
    if (field < 0) continue;
    for (size_t i = 0; i < type->records.size(); ++i) {
      if (canon(RecordType::value(type->records[i], key).text) != correction.key &&
          canon(RecordType::value(type->records[i], code).text) != correction.key)
        continue;
      Record& record = type->records[i];
      const std::string before = RecordType::value(record, field).text;
      if (before != correction.value.text) {
        type->conflicts.push_back({static_cast<int>(i), correction.field, correction.value.text, before,
                                   "a correction notice counts first", correction.row});
        type->set(record, field, correction.value);
        ++records.tally.corrections;
      }
      record.evidence.push_back({correction.row, Role::corrects});
      break;
    }
  }
}

}  // namespace freehold::papers
