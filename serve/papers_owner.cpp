// What counts for all who ask a library: decisions on what papers say differently, the schema with the lexicon, labels.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "library/review.h"
#include "library/schema.h"
#include "library/values.h"
#include "serve/answer_shapes.h"
#include "serve/keys.h"
#include "serve/papers.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;
using papers::Database;

constexpr size_t most_items = 2'000, most_decided = 2'000, most_terms = 10'000, most_labelled = 10'000;

ApiError not_for_this_key(std::string message, std::string code) {
  return {.status = 403, .message = std::move(message), .type = "permission_error", .code = std::move(code)};
}

// Whether the caller sees all papers, now and later.
Result<bool> sees_all(const Caller& caller, const Path& library) {
  TRY_ASSIGN(const papers::Labels labels, labels_for(caller, library));
  const std::set<std::string> held = held_labels(caller);
  for (const auto& [path, names] : labels.of)
    if (!std::includes(held.begin(), held.end(), names.begin(), names.end())) return false;
  return true;
}

std::optional<ApiError> check_sees_all(const Caller& caller, const Path& library) {
  const auto all = sees_all(caller, library);
  if (!all) return papers_error(all.error(), "library");
  if (*all) return std::nullopt;
  return not_for_this_key("what counts for everybody is changed by keys that hold all labels of the library",
                          "label_missing");
}

// For a change that counts for everybody.
tl::expected<papers::Store, ApiError> open_to_change(const Caller& caller, const Path& folder,
                                                     const std::string& name) {
  auto store = open_named(folder, name, Database::Mode::write);
  if (!store) return store;
  if (auto fault = check_sees_all(caller, file_of_library(folder, name))) return Refused(std::move(*fault));
  return store;
}

bool may_label(const Caller& caller) { return caller.key_id.empty() || (caller.scopes & scope_admin) != 0; }

Path beside(const Path& library, const char* ending) {
  return library.parent_path() / (library.stem().string() + ending);
}

// A file with this text; an empty one takes it away.
Result<Done> keep_file(const Path& path, const std::string& text) {
  if (!text.empty()) return replace_file(path, text, 0600);
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return io_error("{}: {}", path.filename().string(), error.message());
  return Done{};
}

}  // namespace

Papers::Answer Papers::review(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string library;
  fields.text("library", library);
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, library);
  if (!store) return Refused(std::move(store.error()));
  const auto items = papers::review_list(store->database());
  if (!items) return Refused(papers_error(items.error(), "library"));
  const auto decided = papers::decisions(store->database());
  if (!decided) return Refused(papers_error(decided.error(), "library"));
  const auto all = sees_all(caller, file_of_library(folder_, library));
  if (!all) return Refused(papers_error(all.error(), "library"));
  Json list = Json::array(), taken = Json::array();
  for (const papers::ReviewItem& item : *items) {
    if (list.size() == most_items) break;
    list.push_back(papers::json_of(item));
  }
  for (auto one = decided->rbegin(); one != decided->rend() && taken.size() < most_decided; ++one)
    taken.push_back(papers::json_of(*one));
  return Json{{"library", library}, {"items", std::move(list)},         {"count", items->size()},
              {"may_decide", *all}, {"decided_count", decided->size()}, {"decided", std::move(taken)}};
}

Papers::Answer Papers::decide(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name, id, value, by;
  fields.text("library", name);
  fields.text("id", id);
  const bool corrects = fields.text("value", value);
  if (fields.text("by", by) && !caller.key_id.empty())
    fields.fail(invalid("by", "is the name of the key; it is not asked for"));
  if (by.size() > 64) fields.fail(invalid("by", "expected at most 64 bytes"));
  if (value.size() > 1'000) fields.fail(invalid("value", "expected at most 1000 bytes"));
  if (corrects && value.empty()) fields.fail(invalid("value", "is empty"));
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_to_change(caller, folder_, name);
  if (!store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name);
  const auto domain = papers::domain_of_library(library);
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  const std::string who = !caller.key_id.empty() ? caller.name : by.empty() ? "owner" : by;
  const std::string day = papers::today();
  const auto done = papers::decide(*store, *domain, id, corrects ? std::optional(value) : std::nullopt, who, day);
  if (!done) return Refused(papers_error(done.error(), corrects ? "value" : "id"));
  return Json{{"library", name}, {"id", id}, {"who", who}, {"day", day}};
}

Papers::Answer Papers::schema(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name;
  fields.text("library", name);
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, name);
  if (!store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name);
  const auto domain = papers::domain_of_library(library);
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  const auto text = papers::schema_of(store->database(), *domain);
  if (!text) return Refused(papers_error(text.error(), "library"));
  auto schema = parse_json(*text, "schema");
  if (!schema) return Refused(papers_error(schema.error(), "library"));
  const auto terms = papers::lexicon_of(store->database(), most_terms);
  if (!terms) return Refused(papers_error(terms.error(), "library"));
  const auto all = sees_all(caller, library);
  if (!all) return Refused(papers_error(all.error(), "library"));
  if (!*all) schema->erase("terms"), schema->erase("not_terms");  // they may name what is not seen
  Json lexicon = Json::array(), kinds = Json::array();
  for (const papers::KnownTerm& term : *terms) {
    Json one = {{"text", term.text}, {"type", term.type}, {"field", term.field}, {"value", term.value}};
    if (!term.file.empty()) one["file"] = term.file, one["locator"] = term.place;
    lexicon.push_back(std::move(one));
  }
  for (const papers::Kind kind : {papers::Kind::text, papers::Kind::number, papers::Kind::minutes, papers::Kind::date})
    kinds.push_back(papers::name_of(kind));
  std::error_code error;
  return Json{{"library", name},
              {"schema", std::move(*schema)},
              {"lexicon", std::move(lexicon)},
              {"kinds", std::move(kinds)},
              {"declared", std::filesystem::exists(beside(library, ".schema.json"), error)},
              {"may_change", *all}};
}

Papers::Answer Papers::declare(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name;
  fields.text("library", name);
  const Json* schema = fields.find("schema");  // none: null
  if (!body.contains("schema")) fields.fail(invalid("schema", "is missing"));
  if (schema && !schema->is_object()) fields.fail(invalid("schema", "expected an object or null"));
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_to_change(caller, folder_, name);
  if (!store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name);
  const std::string text = schema ? text_of(*schema) + "\n" : "";
  if (!text.empty())
    if (const auto read = papers::read_domain(text, "schema"); !read)
      return Refused(invalid("schema", read.error().what));
  if (const auto kept = keep_file(beside(library, ".schema.json"), text); !kept)
    return Refused(papers_error(kept.error(), "schema"));
  const auto domain = papers::domain_of_library(library);
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  if (const auto made = papers::build_records(*store, *domain); !made)
    return Refused(papers_error(made.error(), "library"));
  return Json{{"library", name}, {"declared", !text.empty()}};
}

Papers::Answer Papers::labels(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name;
  fields.text("library", name);
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, name);
  if (!store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name);
  const auto labels = papers::labels_of(library);
  if (!labels) return Refused(papers_error(labels.error(), "library"));
  const auto all = sees_all(caller, library);
  if (!all) return Refused(papers_error(all.error(), "library"));
  Json of = Json::object();
  const std::set<std::string> held = held_labels(caller);
  for (const auto& [path, list] : labels->of)  // of paths that the caller may see: a path is a name of a paper
    if (*all || std::includes(held.begin(), held.end(), list.begin(), list.end())) of[path] = list;
  return Json{{"library", name},
              {"labels", std::move(of)},
              {"keys", !caller.key_id.empty()},
              {"held", caller.labels},
              {"may_change", *all && may_label(caller)}};
}

Papers::Answer Papers::label(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name;
  fields.text("library", name);
  const Json* labels = fields.find("labels");
  if (!labels || !labels->is_object())
    fields.fail(invalid("labels", "expected an object of paths and lists of labels"));
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  if (auto store = open_named(folder_, name, Database::Mode::read); !store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name);
  if (!may_label(caller))
    return Refused(not_for_this_key("labels are changed by keys with the scope admin", "scope_missing"));
  if (auto fault = check_sees_all(caller, library)) return Refused(std::move(*fault));
  const std::string text = text_of(*labels) + "\n";
  const auto read = papers::read_labels(text, "labels");
  if (!read) return Refused(invalid("labels", read.error().what));
  if (read->of.size() > most_labelled) return Refused(invalid("labels", fmt::format("over {} paths", most_labelled)));
  const std::set<std::string> held = held_labels(caller);
  for (const auto& [path, names] : read->of) {
    const bool folder = path.ends_with('/');
    if (path != "/" && check_paper_path(std::string_view(path).substr(0, path.size() - folder)))
      return Refused(invalid("labels", fmt::format("{}: expected a paper, a folder with '/' at its end, or '/' for all",
                                                   printable(path))));
    for (const std::string& one : names) {
      if (!is_key_word(one)) return Refused(invalid("labels", "expected labels of 1 to 64 bytes without commas"));
      if (!caller.key_id.empty() && !held.count(one))
        return Refused(not_for_this_key("a key gives only labels that it holds itself", "label_missing"));
    }
  }
  const std::lock_guard lock(views_);
  if (const auto kept = keep_file(beside(library, ".labels.json"), read->of.empty() ? "" : text); !kept)
    return Refused(papers_error(kept.error(), "labels"));
  if (const auto gone = papers::drop_views(library); !gone) return Refused(papers_error(gone.error(), "library"));
  return Json{{"library", name}, {"paths", read->of.size()}};
}

}  // namespace freehold
