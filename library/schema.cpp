#include "library/schema.h"

#include <algorithm>

namespace freehold::papers {
namespace {

Json json_of(const TypeRule& rule) {
  Json kinds = Json::object();
  for (const auto& [kind, words] : rule.kinds) kinds[kind] = words;
  Json json = {{"words", rule.words}, {"needs", rule.needs}};
  const auto add = [&](const char* key, const Json& value) {
    if (!value.empty() && value != "") json[key] = value;
  };
  add("never", rule.never), add("key", rule.key), add("time", rule.time), add("text", rule.text);
  add("aliases", rule.aliases), add("soft_key", rule.soft_key), add("valid_from", rule.valid_from);
  add("valid_to", rule.valid_to), add("kind", rule.kind), add("kinds", kinds);
  add("kind_columns", rule.kind_columns), add("kind_texts", rule.kind_texts), add("kind_else", rule.kind_else);
  add("kind_counted", rule.kind_counted), add("precedence", rule.precedence), add("from_text", rule.from_text);
  return json;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text + "\n")
    if (c != '\n')
      line += c;
    else if (!line.empty())
      lines.push_back(std::exchange(line, ""));
  return lines;
}

std::string spoken(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace

Result<std::string> schema_of(Database& database, const Domain& domain) {
  Json types = Json::object(), fields = Json::object();
  TRY_ASSIGN(Statement all, database.prepare("SELECT name, key, time FROM record_type ORDER BY rowid"));
  TRY_ASSIGN(Statement of, database.prepare("SELECT name, kind, headers FROM field WHERE type = ? ORDER BY rowid"));
  TRY(all.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) break;
    const std::string name = all.text(0);
    TypeRule rule;
    rule.name = name, rule.words = {spoken(name)}, rule.key = all.text(1), rule.time = all.text(2);
    TRY(of.begin({name}));
    for (;;) {
      TRY_ASSIGN(const bool next, of.next());
      if (!next) break;
      const auto headers = lines_of(of.text(2));
      if (headers.empty()) continue;  // made by a rule, not read from a column
      if (rule.needs.size() < 3 || of.text(0) == rule.key) rule.needs.push_back({of.text(0)});
      Json& field = fields[of.text(0)];
      const FieldWords* known = domain.field(of.text(0));
      if (field.is_null())
        field = {{"headers", known ? known->headers : std::vector<std::string>{}},
                 {"words", known ? known->words : std::vector<std::string>{spoken(of.text(0))}}};
      if (known && !known->kind.empty()) field["kind"] = known->kind;
      for (const std::string& header : headers)
        if (std::find(field["headers"].begin(), field["headers"].end(), header) == field["headers"].end())
          field["headers"].push_back(header);
    }
    types[name] = json_of(domain.type(name) ? *domain.type(name) : rule);
  }
  Json schema = {{"types", types}, {"fields", fields}};
  for (const TermRule& term : domain.terms)
    schema["terms"].push_back({{"text", term.text}, {"type", term.type}, {"field", term.field}, {"value", term.value}});
  if (!domain.not_terms.empty()) schema["not_terms"] = domain.not_terms;
  return schema.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::vector<KnownTerm>> lexicon_of(Database& database, size_t most) {
  TRY_ASSIGN(
      Statement all,
      database.prepare("SELECT DISTINCT t.text, t.type, t.field, t.value, coalesce(f.path, ''), coalesce(s.place, "
                       "'') FROM term t LEFT JOIN source_row s ON s.id = t.source_row LEFT JOIN file f ON f.id = "
                       "s.file ORDER BY t.text COLLATE NOCASE, t.rowid LIMIT ?"));
  TRY(all.begin({static_cast<int64_t>(most)}));
  std::vector<KnownTerm> terms;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return terms;
    terms.push_back({all.text(0), all.text(1), all.text(2), all.text(3), all.text(4), all.text(5)});
  }
}

}  // namespace freehold::papers
