#include "library/domain.h"

#include <algorithm>

#include "base/limits.h"
#include "library/words.h"

namespace freehold::papers {

std::vector<std::string_view> built_in_domain_texts();  // made by CMake

namespace {

Result<std::vector<std::string>> list_of(const Json& json, const char* key, std::string_view name) {
  if (!json.is_array()) return malformed("{}: {}: expected a list of strings", name, key);
  std::vector<std::string> out;
  for (const Json& one : json) {
    if (!one.is_string()) return malformed("{}: {}: expected a list of strings", name, key);
    out.push_back(one.get<std::string>());
  }
  return out;
}
Result<std::vector<std::string>> strings(const Json& object, const char* key, std::string_view name) {
  const auto found = object.find(key);
  if (found == object.end()) return std::vector<std::string>();
  return list_of(*found, key, name);
}
// A list of such lists.
Result<std::vector<std::vector<std::string>>> lists(const Json& object, const char* key, std::string_view name) {
  std::vector<std::vector<std::string>> out;
  if (const auto found = object.find(key); found != object.end() && found->is_array())
    for (const Json& json : *found) {
      TRY_ASSIGN(auto one, list_of(json, key, name));
      out.push_back(std::move(one));
    }
  return out;
}
// {"most": ["most common", "top"]} as pairs of a phrase and what it stands for, longer phrases first.
Result<std::vector<std::pair<std::string, std::string>>> phrases_of(const Json& object, const char* key,
                                                                    std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto found = object.find(key);
  if (found == object.end()) return out;
  if (!found->is_object()) return malformed("{}: {}: expected an object of lists", name, key);
  for (const auto& [meaning, list] : found->items()) {
    TRY_ASSIGN(const auto phrases, list_of(list, key, name));
    for (const std::string& phrase : phrases) out.emplace_back(phrase, meaning);
  }
  return out;
}
Result<std::vector<std::pair<std::string, std::string>>> pairs_of(const Json& object, const char* key,
                                                                  std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto found = object.find(key);
  if (found == object.end()) return out;
  if (!found->is_object()) return malformed("{}: {}: expected an object of strings", name, key);
  for (const auto& [from, to] : found->items()) {
    if (!to.is_string()) return malformed("{}: {}: {}: expected a string", name, key, printable(from));
    out.emplace_back(from, to.get<std::string>());
  }
  return out;
}
// A phrase that is a part of another comes behind it.
void sort_by_words(std::vector<std::pair<std::string, std::string>>& phrases) {
  const auto blanks = [](const std::string& text) { return std::count(text.begin(), text.end(), ' '); };
  std::stable_sort(phrases.begin(), phrases.end(),
                   [&](const auto& a, const auto& b) { return blanks(a.first) > blanks(b.first); });
}
std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<TypeRule> read_type(const std::string& type_name, const Json& json, std::string_view name) {
  TypeRule type;
  type.name = type_name;
  if (!json.is_object()) return malformed("{}: type {}: expected an object", name, printable(type_name));
  TRY_ASSIGN(type.words, strings(json, "words", name));
  TRY_ASSIGN(type.never, strings(json, "never", name));
  TRY_ASSIGN(type.aliases, strings(json, "aliases", name));
  TRY_ASSIGN(type.soft_key, strings(json, "soft_key", name));
  TRY_ASSIGN(type.kind_columns, strings(json, "kind_columns", name));
  TRY_ASSIGN(type.kind_texts, strings(json, "kind_texts", name));
  TRY_ASSIGN(type.from_text, strings(json, "from_text", name));
  type.key = text(json, "key"), type.time = text(json, "time"), type.text = text(json, "text"),
  type.kind = text(json, "kind");
  type.valid_from = text(json, "valid_from"), type.valid_to = text(json, "valid_to");
  type.kind_else = text(json, "kind_else"), type.kind_counted = text(json, "kind_counted");
  TRY_ASSIGN(type.needs, lists(json, "needs", name));
  if (const auto kinds = json.find("kinds"); kinds != json.end() && kinds->is_object())
    for (const auto& [kind, words] : kinds->items()) {
      TRY_ASSIGN(auto list, strings(*kinds, kind.c_str(), name));
      type.kinds.push_back({kind, std::move(list)});
    }
  if (const auto before = json.find("precedence"); before != json.end() && before->is_object())
    for (const auto& [field, list] : before->items()) {
      TRY_ASSIGN(type.precedence[field], strings(*before, field.c_str(), name));
    }
  return type;
}

Result<std::vector<TermRule>> read_terms(const Json& json, std::string_view name) {
  std::vector<TermRule> terms;
  const auto found = json.find("terms");
  if (found == json.end()) return terms;
  if (!found->is_array()) return malformed("{}: terms: expected a list of objects", name);
  for (const Json& one : *found) {
    TermRule term;
    if (one.is_object()) term = {text(one, "text"), text(one, "type"), text(one, "field"), text(one, "value")};
    if (term.text.empty() || term.type.empty() || term.field.empty() || term.value.empty())
      return malformed("{}: terms: expected objects of text, type, field and value, each a text that is not empty",
                       name);
    terms.push_back(std::move(term));
  }
  return terms;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

const FieldWords* Domain::field(std::string_view name) const {
  for (const FieldWords& one : fields)
    if (one.name == name) return &one;
  return nullptr;
}
const TypeRule* Domain::type(std::string_view name) const {
  for (const TypeRule& one : types)
    if (one.name == name) return &one;
  return nullptr;
}

std::string Domain::root(std::string_view word) const {
  const std::string bare = root_of(word);
  const auto family = families.find(bare);
  return family == families.end() ? bare : family->second;
}
std::string Domain::roots_of(std::string_view text) const {
  auto words = words_of(text);
  for (std::string& word : words) word = root(word);
  std::sort(words.begin(), words.end());
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

Result<Domain> read_domain(std::string_view json_text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(json_text, name));
  if (!json.is_object()) return malformed("{}: expected an object", name);
  Domain domain;
  TRY_ASSIGN(domain.total_words, strings(json, "total_words", name));
  TRY_ASSIGN(domain.correction_words, strings(json, "correction_words", name));
  TRY_ASSIGN(domain.filler_words, strings(json, "filler_words", name));
  TRY_ASSIGN(domain.alias_headers, strings(json, "alias_headers", name));
  TRY_ASSIGN(domain.term_headers, strings(json, "term_headers", name));
  TRY_ASSIGN(domain.phrases, phrases_of(json, "phrases", name));
  TRY_ASSIGN(domain.comparisons, phrases_of(json, "comparisons", name));
  TRY_ASSIGN(domain.slips, pairs_of(json, "slips", name));
  TRY_ASSIGN(domain.verb_words, strings(json, "verb_words", name));
  TRY_ASSIGN(domain.active_verb_words, strings(json, "active_verb_words", name));
  TRY_ASSIGN(domain.idle_words, strings(json, "idle_words", name));
  TRY_ASSIGN(domain.crew_words, strings(json, "crew_words", name));
  TRY_ASSIGN(domain.currency_words, strings(json, "currency_words", name));
  TRY_ASSIGN(domain.unit_words, strings(json, "unit_words", name));
  domain.unit_words.insert(domain.unit_words.end(), domain.currency_words.begin(), domain.currency_words.end());
  TRY_ASSIGN(domain.header_noise, strings(json, "header_noise", name));
  TRY_ASSIGN(domain.meaning_headers, strings(json, "meaning_headers", name));
  TRY_ASSIGN(domain.organisation_words, strings(json, "organisation_words", name));
  TRY_ASSIGN(domain.title_words, strings(json, "title_words", name));
  TRY_ASSIGN(domain.container_words, strings(json, "container_words", name));
  TRY_ASSIGN(domain.quantity_words, strings(json, "quantity_words", name));
  TRY_ASSIGN(domain.about_words, strings(json, "about_words", name));
  TRY_ASSIGN(domain.money_words, strings(json, "money_words", name));
  TRY_ASSIGN(domain.income_words, strings(json, "income_words", name));
  TRY_ASSIGN(domain.theme_words, strings(json, "theme_words", name));
  TRY_ASSIGN(const auto families, lists(json, "word_families", name));
  for (const auto& words : families)
    for (const std::string& word : words) domain.families.emplace(root_of(word), root_of(words[0]));
  TRY_ASSIGN(const auto verbs, lists(json, "irregular_verbs", name));
  for (const auto& forms : verbs)
    for (const std::string& form : forms)
      if (form != forms[0]) domain.base_forms.emplace(form, forms[0]);
  TRY_ASSIGN(domain.synonyms, lists(json, "synonyms", name));
  TRY_ASSIGN(domain.terms, read_terms(json, name));
  TRY_ASSIGN(domain.not_terms, strings(json, "not_terms", name));
  if (const auto fields = json.find("fields"); fields != json.end() && fields->is_object())
    for (const auto& [field, words] : fields->items()) {
      FieldWords one{field, {}, {}, text(words, "kind")};
      TRY_ASSIGN(one.headers, strings(words, "headers", name));
      TRY_ASSIGN(one.words, strings(words, "words", name));
      domain.fields.push_back(std::move(one));
    }
  if (const auto types = json.find("types"); types != json.end() && types->is_object())
    for (const auto& [type, rule] : types->items()) {
      TRY_ASSIGN(TypeRule one, read_type(type, rule, name));
      domain.types.push_back(std::move(one));
    }
  return domain;
}

namespace {

// What `more` adds to a domain that comes before it: of two types or fields of one name the first is found.
void join(Domain& all, const Domain& more) {
  all.fields.insert(all.fields.end(), more.fields.begin(), more.fields.end());
  all.types.insert(all.types.end(), more.types.begin(), more.types.end());
  all.terms.insert(all.terms.end(), more.terms.begin(), more.terms.end());
  for (auto words :
       {&Domain::total_words,    &Domain::correction_words,   &Domain::filler_words, &Domain::alias_headers,
        &Domain::term_headers,   &Domain::meaning_headers,    &Domain::verb_words,   &Domain::active_verb_words,
        &Domain::idle_words,     &Domain::crew_words,         &Domain::unit_words,   &Domain::currency_words,
        &Domain::header_noise,   &Domain::organisation_words, &Domain::title_words,  &Domain::container_words,
        &Domain::quantity_words, &Domain::about_words,        &Domain::money_words,  &Domain::income_words,
        &Domain::theme_words,    &Domain::not_terms})
    append(all.*words, more.*words);
  for (auto pairs : {&Domain::phrases, &Domain::comparisons, &Domain::slips}) {
    (all.*pairs).insert((all.*pairs).end(), (more.*pairs).begin(), (more.*pairs).end());
    sort_by_words(all.*pairs);
  }
  all.synonyms.insert(all.synonyms.end(), more.synonyms.begin(), more.synonyms.end());
  all.base_forms.insert(more.base_forms.begin(), more.base_forms.end());
  all.families.insert(more.families.begin(), more.families.end());
}

Result<Done> join_built_in(Domain& all) {
  for (const std::string_view part : built_in_domain_texts()) {
    TRY_ASSIGN(const Domain one, read_domain(part, "domain"));
    join(all, one);
  }
  return Done{};
}

}  // namespace

Result<Domain> built_in_domain() {
  Domain all;
  TRY(join_built_in(all));
  return all;
}

Result<Domain> domain_of_library(const Path& library) {
  std::vector<Path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(library.parent_path().parent_path() / "domains", error), end;
       !error && it != end; it.increment(error))
    if (it->path().extension() == ".json") files.push_back(it->path());
  std::sort(files.begin(), files.end());
  const Path schema = library.parent_path() / (library.stem().string() + ".schema.json");
  if (std::filesystem::exists(schema, error)) files.insert(files.begin(), schema);
  Domain all;
  for (const Path& file : files) {
    TRY_ASSIGN(const std::string text, read_file(file, limits::json_bytes));
    TRY_ASSIGN(const Domain one, read_domain(text, file.filename().string()));
    join(all, one);
    all.declared += text;
  }
  TRY(join_built_in(all));
  return all;
}

}  // namespace freehold::papers
