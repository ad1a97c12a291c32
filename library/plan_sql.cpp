// A plan as JSON, and as SQL over the tables of record types.
#include "library/plan.h"

namespace freehold::papers {

std::string_view name_of(Ask ask) {
  constexpr std::string_view names[] = {"count",  "distinct", "top",  "sum",    "mean",   "extreme", "list",
                                        "series", "trend",    "mtbf", "exists", "lookup", "define"};
  return names[static_cast<size_t>(ask)];
}

namespace {

std::string shown(const Place& place) {
  return place.over.empty() ? place.field : fmt::format("{}.{}", place.over, place.field);
}
std::string joined_name(const std::string& over) { return quoted_name(fmt::format("j_{}", over)); }
std::string table_name(const std::string& type) { return quoted_name(fmt::format("r_{}", type)); }

}  // namespace

Json json_of(const Plan& plan) {
  Json where = Json::array();
  for (const Condition& c : plan.where) {
    Json one = {{"field", shown(c.place)}, {"op", c.op}};
    if (c.op == "record")
      one["records"] = c.records;
    else if (!c.texts.empty())
      one["value"] = c.texts;
    else
      one["value"] = c.number;
    where.push_back(one);
  }
  Json json = {{"ask", std::string(name_of(plan.ask))}, {"of", plan.type}};
  if (plan.measure) json["measure"] = shown(*plan.measure);
  if (plan.group) json["group"] = shown(*plan.group);
  if (!plan.period.empty()) json["period"] = plan.period;
  if (plan.time) json["time"] = shown(*plan.time);
  if (plan.averaged) json["averaged"] = true;
  if (plan.ask == Ask::top) json["order"] = plan.ascending ? "asc" : "desc", json["limit"] = plan.limit;
  json["where"] = where;
  return json;
}

std::string column_of(const Place& place) {
  return fmt::format("{}.{}", place.over.empty() ? "b" : joined_name(place.over), quoted_name(place.field));
}

namespace {

// The tables that conditions, measure and group are in: over -> type, a step before the step that starts from it.
std::map<std::string, std::string> joins_of(const Plan& plan, const KnownType* base) {
  std::map<std::string, std::string> joins;
  const auto need = [&](const Place& place) {
    if (place.over.empty()) return;
    joins[place.over] = place.type;
    const size_t dot = place.over.find('.');
    const KnownField* first = base && dot != std::string::npos ? base->field(place.over.substr(0, dot)) : nullptr;
    if (first) joins[first->name] = first->refers;
  };
  for (const Condition& c : plan.where) need(c.place);
  for (const auto* place : {&plan.measure, &plan.group, &plan.time})
    if (*place) need(**place);
  return joins;
}

std::string marks(size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all.append(i > 0 ? ",?" : "?");
  return all;
}

std::string condition(const Condition& c, const KnownType* base, std::vector<Bound>& values) {
  if (c.op == "record") {
    const KnownField* field = base ? base->field(c.place.field) : nullptr;
    const bool refers = c.place.over.empty() && field && !field->refers.empty();
    for (const int64_t record : c.records) values.emplace_back(record);
    const std::string from = c.place.over.empty() ? "b" : joined_name(c.place.over);
    const std::string id = refers ? quoted_name(fmt::format("{}__record", c.place.field)) : "id";
    return fmt::format("{}.{} IN ({})", from, id, marks(c.records.size()));
  }
  if (c.op == "=") {
    for (const std::string& text : c.texts) values.emplace_back(text);
    return fmt::format("{} IN ({})", column_of(c.place), marks(c.texts.size()));
  }
  if (c.texts.empty())
    values.emplace_back(c.number);
  else
    values.emplace_back(c.texts[0]);
  return fmt::format("{} {} ?", column_of(c.place), c.op);
}

}  // namespace

Query source_of(const Plan& plan, const Vocabulary& vocabulary, int without) {
  Query query;
  const KnownType* base = vocabulary.type(plan.type);
  query.sql = fmt::format(" FROM {} b", table_name(plan.type));
  for (const auto& [over, type] : joins_of(plan, base)) {
    const size_t dot = over.find('.');
    const std::string from = dot == std::string::npos ? "b" : joined_name(over.substr(0, dot));
    const std::string field = dot == std::string::npos ? over : over.substr(dot + 1);
    query.sql += fmt::format(" LEFT JOIN {} {} ON {}.id = {}.{}", table_name(type), joined_name(over),
                             joined_name(over), from, quoted_name(fmt::format("{}__record", field)));
  }
  bool first = true;
  for (size_t i = 0; i < plan.where.size(); ++i) {
    if (static_cast<int>(i) == without) continue;
    query.sql += fmt::format("{}{}", first ? " WHERE " : " AND ", condition(plan.where[i], base, query.values));
    first = false;
  }
  return query;
}

}  // namespace freehold::papers
