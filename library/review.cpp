#include "library/review.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/sha256.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr int64_t most_rows_told = 12;

// What finds a record again after the papers were read anew: its key; without one, what its copies would share.
std::string identity_of(const RecordType& type, const Record& record) {
  if (const Value& key = RecordType::value(record, type.find(type.key)); !key.empty()) return canon(key.text);
  std::string all;
  if (type.rule && !type.rule->soft_key.empty()) {
    for (const std::string& field : type.rule->soft_key)
      all += (all.empty() ? "" : " ") + RecordType::value(record, type.find(field)).text;
    return all;
  }
  for (const Value& value : record.values) all += value.text + " ";
  return shortened(all, 200);
}

std::string id_of(const ReviewItem& item) {
  return sha256_of(fmt::format("{}\n{}\n{}\n{}\n{}#{}", item.type, item.record, item.field, item.other, item.file,
                               item.place))
      .substr(0, 8);
}

// False for a library of an older version, opened for reading.
Result<bool> has_decisions(Database& database) {
  TRY_ASSIGN(Statement there, database.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'decision'"));
  TRY(there.begin({}));
  TRY_ASSIGN(const bool any, there.next());
  return any && there.integer(0) > 0;
}

// Type, record, field.
using Subject = std::tuple<std::string, std::string, std::string>;

// The papers that a record, or a line, was told by.
Result<std::string> papers_of(Database& database, const ReviewItem& item) {
  std::set<std::string> papers = {item.file};
  TRY_ASSIGN(
      Statement all,
      database.prepare("SELECT DISTINCT f.path FROM conflict c JOIN evidence e ON e.type = c.type AND e.record = "
                       "c.record JOIN source_row s ON s.id = e.source_row JOIN file f ON f.id = s.file WHERE "
                       "c.type = ? AND c.of = ? AND c.field = ?"));
  TRY(all.begin({item.type, item.record, item.field}));
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) break;
    papers.insert(all.text(0));
  }
  return fmt::format("\n{}\n", fmt::join(papers, "\n"));
}

Result<std::set<Subject>> decided_subjects(Database& database) {
  std::set<Subject> subjects;
  TRY_ASSIGN(const auto all, decisions(database));
  for (const Decided& one : all) subjects.insert({one.type, one.record, one.field});
  return subjects;
}

}  // namespace

Result<std::vector<Decided>> decisions(Database& database) {
  std::vector<Decided> list;
  TRY_ASSIGN(const bool any, has_decisions(database));
  if (!any) return list;
  TRY_ASSIGN(Statement all,
             database.prepare("SELECT day, who, type, record, field, was, value FROM decision ORDER BY id"));
  TRY(all.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return list;
    list.push_back({all.text(0), all.text(1), all.text(2), all.text(3), all.text(4), all.text(5), all.text(6)});
  }
}

Json json_of(const ReviewItem& item) {
  Json told_by = Json::array();
  for (const auto& [file, place] : item.told_by) told_by.push_back({{"file", file}, {"locator", place}});
  return {{"id", item.id},         {"type", item.type},
          {"record", item.record}, {"field", item.field},
          {"used", item.used},     {"other", item.other},
          {"why", item.why},       {"file", item.file},
          {"locator", item.place}, {"told_by", std::move(told_by)}};
}

Json json_of(const Decided& decided) {
  return {{"day", decided.day},     {"who", decided.who}, {"type", decided.type},  {"record", decided.record},
          {"field", decided.field}, {"was", decided.was}, {"value", decided.value}};
}

Result<std::vector<ReviewItem>> review_list(Database& database) {
  TRY_ASSIGN(const std::set<Subject> decided, decided_subjects(database));
  std::vector<ReviewItem> list;
  const auto add = [&](ReviewItem item) {
    if (decided.count({item.type, item.record, item.field})) return;
    item.id = id_of(item);
    list.push_back(std::move(item));
  };
  TRY_ASSIGN(
      Statement rows,
      database.prepare("SELECT DISTINCT f.path, s.place FROM evidence e JOIN source_row s ON s.id = e.source_row "
                       "JOIN file f ON f.id = s.file WHERE e.type = ? AND e.record = ? LIMIT ?"));
  const auto told_by = [&](const std::string& type, int64_t record) -> Result<decltype(ReviewItem::told_by)> {
    decltype(ReviewItem::told_by) places;
    TRY(rows.begin({type, record, most_rows_told}));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.next());
      if (!more) return places;
      places.emplace_back(rows.text(0), rows.text(1));
    }
  };
  TRY_ASSIGN(
      Statement conflicts,
      database.prepare("SELECT c.type, c.of, c.field, c.used, c.other, c.rule, f.path, s.place, c.record FROM conflict "
                       "c JOIN source_row s ON s.id = c.source_row JOIN file f ON f.id = s.file ORDER BY c.rowid"));
  TRY(conflicts.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, conflicts.next());
    if (!more) break;
    TRY_ASSIGN(auto places, told_by(conflicts.text(0), conflicts.integer(8)));
    add({"", conflicts.text(0), conflicts.text(1), conflicts.text(2), conflicts.text(3), conflicts.text(4),
         conflicts.text(5), conflicts.text(6), conflicts.text(7), std::move(places)});
  }
  TRY_ASSIGN(Statement lines,
             database.prepare("SELECT f.path, s.place, s.raw FROM open_line o JOIN source_row s ON s.id = "
                              "o.source_row JOIN file f ON f.id = s.file ORDER BY o.rowid"));
  TRY(lines.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, lines.next());
    if (!more) return list;
    const std::string at = fmt::format("{}#{}", lines.text(0), lines.text(1));
    add({"", "", at, "", "not counted", shortened(lines.text(2), 300),
         "names a thing and a day, but nothing known of it", lines.text(0), lines.text(1)});
  }
}

Result<Done> decide(Store& store, const Domain& domain, const std::string& item,
                    const std::optional<std::string>& value, const std::string& who, const std::string& day) {
  Database& database = store.database();
  TRY_ASSIGN(const std::vector<ReviewItem> list, review_list(database));
  const auto found = std::find_if(list.begin(), list.end(), [&](const ReviewItem& one) { return one.id == item; });
  if (found == list.end()) return usage_error("{}: nothing in the review list has this number", printable(item));
  if (value && found->field.empty()) return usage_error("{}: a line has no value to correct; it can be accepted", item);
  if (value) {
    TRY_ASSIGN(Statement kind, database.prepare("SELECT kind FROM field WHERE type = ? AND name = ?"));
    TRY(kind.begin({found->type, found->field}));
    TRY_ASSIGN(const bool known, kind.next());
    const Kind what = known ? kind_of(kind.text(0)).value_or(Kind::text) : Kind::text;
    if (value_of({*value, false}, {.kind = what}).empty())
      return usage_error("{}: expected a {} for {}", printable(*value), name_of(what), found->field);
  }
  TRY_ASSIGN(const std::string papers, papers_of(database, *found));
  {
    TRY_ASSIGN(Statement add,
               database.prepare("INSERT INTO decision(day, who, type, record, field, was, value, papers) "
                                "VALUES(?,?,?,?,?,?,?,?)"));
    TRY(add.run({day, who, found->type, found->record, found->field, found->used, value.value_or(""), papers}));
  }
  TRY(build_records(store, domain));
  return Done{};
}

Result<Done> apply_decisions(Database& database, Records& records) {
  std::map<Subject, Decided> last;
  TRY_ASSIGN(const auto all, decisions(database));
  for (const Decided& one : all) last.insert_or_assign({one.type, one.record, one.field}, one);
  for (RecordType& type : records.types) {
    std::map<std::string, size_t> at;
    std::vector<std::string> names;
    for (const Record& record : type.records) {
      names.push_back(identity_of(type, record));
      at.emplace(names.back(), names.size() - 1);
    }
    for (Conflict& conflict : type.conflicts) conflict.of = names[static_cast<size_t>(conflict.record)];
    for (const auto& [subject, decision] : last) {
      const auto record = at.find(decision.record);
      const int field = type.find(decision.field);
      if (decision.type != type.name || decision.value.empty() || record == at.end() || field < 0) continue;
      const Value value = value_of({decision.value, false}, {.kind = type.fields[static_cast<size_t>(field)].kind});
      Record& meant = type.records[record->second];
      const std::string before = RecordType::value(meant, field).text;
      if (value.empty() || before == value.text) continue;
      const int64_t row = meant.evidence.empty() ? 0 : meant.evidence.front().row;
      type.conflicts.push_back({static_cast<int>(record->second), decision.field, value.text, before,
                                fmt::format("decided by {} on {}", decision.who, decision.day), row, record->first});
      type.set(meant, field, value);
    }
  }
  return Done{};
}

namespace {

// Their columns, of those that rest on no other than these papers.
Result<Done> each_resting_on(Database& database, const std::set<std::string>& papers,
                             const std::function<Result<Done>(const std::vector<Bound>&)>& tell) {
  TRY_ASSIGN(const bool any, has_decisions(database));
  if (!any) return Done{};
  TRY_ASSIGN(Statement all,
             database.prepare("SELECT day, who, type, record, field, was, value, papers FROM decision ORDER BY id"));
  TRY(all.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return Done{};
    std::string paper;
    bool seen = true;
    for (const char c : all.text(7))
      if (c != '\n')
        paper += c;
      else if (!paper.empty())
        seen = seen && papers.count(paper) > 0, paper.clear();
    std::vector<Bound> values;
    for (int c = 0; c < all.columns(); ++c) values.emplace_back(all.text(c));
    if (seen) TRY(tell(values));
  }
}

}  // namespace

Result<Done> copy_decisions(Database& from, Database& to, const std::set<std::string>& papers) {
  TRY_ASSIGN(Statement add, to.prepare("INSERT INTO decision(day, who, type, record, field, was, value, papers) "
                                       "VALUES(?,?,?,?,?,?,?,?)"));
  return each_resting_on(from, papers, [&](const std::vector<Bound>& values) { return add.run(values); });
}

Result<std::string> decisions_resting_on(Database& database, const std::set<std::string>& papers) {
  std::string all;
  TRY(each_resting_on(database, papers, [&](const std::vector<Bound>& values) -> Result<Done> {
    for (const Bound& value : values) all += std::get<std::string>(value) + "\n";
    return Done{};
  }));
  return all;
}

Result<Done> forget_decisions(Database& database, const std::string& paper) {
  TRY_ASSIGN(Statement gone, database.prepare("DELETE FROM decision WHERE instr(papers, ?) > 0"));
  return gone.run({fmt::format("\n{}\n", paper)});
}

}  // namespace freehold::papers
