#include "serve/papers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "library/answer.h"
#include "library/places.h"
#include "serve/answer_shapes.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;
using papers::Database;
using papers::Store;

constexpr std::string_view incoming = "/freehold/libraries/";
constexpr size_t most_libraries = 1'000, most_listed = 20'000, most_cited = 2'000;
constexpr int most_around = 200;

}  // namespace

std::optional<ApiError> settled(const Fields& fields) {
  if (fields.error()) return fields.error();
  for (const std::string& name : fields.unknown()) return unsupported_field(name, "is not known");
  return std::nullopt;
}

ApiError papers_error(const Error& error, std::string param) {
  ApiError made = api_error(error, std::move(param));
  if (error.fault == Fault::cancelled) made = {.status = 503, .message = error.what, .code = "cancelled"};
  return made;
}

ApiError no_library(const std::string& name) {
  return {.status = 404,
          .message = "no such library: " + printable(name),
          .type = "not_found_error",
          .param = "library",
          .code = "library_not_found"};
}

tl::expected<Store, ApiError> open_named(const Path& folder, const std::string& name, Database::Mode mode) {
  if (auto fault = check_library_name(name)) return Refused(std::move(*fault));
  const Path path = file_of_library(folder, name);
  if (std::error_code error; !std::filesystem::is_regular_file(path, error)) return Refused(no_library(name));
  auto store = Store::open(path, mode);
  if (!store) return Refused(papers_error(store.error(), "library"));
  return std::move(*store);
}

std::optional<ApiError> check_library_name(std::string_view name) {
  if (is_plain_name(name) && !name.starts_with('.') && name.size() <= 100) return std::nullopt;
  return invalid("library", "expected a plain name of at most 100 bytes");
}

std::optional<ApiError> check_paper_path(std::string_view path) {
  bool plain = !path.empty() && path.size() <= 1000;
  int depth = 0;
  for (std::string_view rest = path; plain;) {
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    plain = is_plain_name(name) && !name.starts_with('.') && !name.starts_with("~$") && ++depth < 32;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (plain) return std::nullopt;
  return invalid("file", "expected plain names joined by '/', none of them hidden, 1000 bytes at most");
}

std::set<std::string> held_labels(const Caller& caller) { return {caller.labels.begin(), caller.labels.end()}; }

Result<papers::Labels> labels_for(const Caller& caller, const Path& library) {
  if (caller.key_id.empty()) return papers::Labels{};
  return papers::labels_of(library);
}

std::optional<ApiError> check_seen(const Caller& caller, const Path& library, const std::string& file) {
  const auto labels = labels_for(caller, library);
  if (!labels) return papers_error(labels.error(), "library");
  if (labels->allow(file, held_labels(caller))) return std::nullopt;
  return ApiError{.status = 403,
                  .message = "the labels of this key do not let it see papers of that name",
                  .type = "permission_error",
                  .param = "file",
                  .code = "label_missing"};
}

Result<std::unique_ptr<Papers>> Papers::make(Path folder, PaperReader* reader, papers::Programs programs) {
  return std::unique_ptr<Papers>(new Papers(std::move(folder), reader, std::move(programs)));
}

tl::expected<Store, ApiError> Papers::open_seen(const Caller& caller, const std::string& name) const {
  auto whole = open_named(folder_, name, Database::Mode::read);
  if (!whole || caller.key_id.empty()) return whole;
  const Path library = file_of_library(folder_, name);
  const auto domain = papers::domain_of_library(library);
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  const std::lock_guard lock(views_);
  auto view = papers::open_view(library, held_labels(caller), *domain);
  if (!view) return Refused(papers_error(view.error(), "library"));
  return std::move(*view);
}

bool Papers::handle(HttpRequest& request, const Way& exchange, Metrics& metrics) {
  struct Entry {
    std::string_view path;
    Answer (Papers::*answer)(const Caller&, const Json&) const;
    Worker Papers::*worker;
  };
  static constexpr Entry posts[] = {{"/freehold/ask", &Papers::ask, &Papers::asking_},
                                    {"/freehold/papers", &Papers::list, &Papers::reading_},
                                    {"/freehold/place", &Papers::place, &Papers::reading_},
                                    {"/freehold/review", &Papers::review, &Papers::reading_},
                                    {"/freehold/schema", &Papers::schema, &Papers::reading_},
                                    {"/freehold/labels", &Papers::labels, &Papers::reading_},
                                    {"/freehold/forget", &Papers::forget, &Papers::writing_},
                                    {"/freehold/decide", &Papers::decide, &Papers::writing_},
                                    {"/freehold/declare", &Papers::declare, &Papers::writing_},
                                    {"/freehold/label", &Papers::label, &Papers::writing_},
                                    {"/freehold/ingest", nullptr, &Papers::writing_}};
  const auto reply = [exchange, &metrics](Answer answer) {
    metrics.http(answer ? 200 : answer.error().status);
    exchange->answer(answer ? HttpAnswer{200, text_of(*answer)} : answer_of(answer.error()));
  };
  const auto later = [&](Worker& worker, std::function<void()> job) {
    if (!worker.add(std::move(job)))
      reply(Refused({.status = 429,
                     .message = "too much waits for the papers; try again",
                     .type = "rate_limit_error",
                     .code = "queue_full"}));
    return true;
  };
  const auto wrong_method = [&](const char* method) {
    reply(Refused({.status = 405, .message = fmt::format("expected {}", method), .code = "method_not_allowed"}));
    return true;
  };
  if (request.path == "/freehold/libraries") {
    if (request.method != "GET") return wrong_method("GET");
    return later(reading_, [this, reply, caller = request.caller] { reply(libraries(caller)); });
  }
  if (request.path.starts_with(incoming)) {
    if (request.method != "PUT") return wrong_method("PUT");
    auto bytes = std::make_shared<std::string>(std::move(request.body));
    return later(reading_, [this, reply, bytes, caller = request.caller, path = request.path.substr(incoming.size())] {
      reply(take_in(caller, path, *bytes));
    });
  }
  const auto found =
      std::find_if(std::begin(posts), std::end(posts), [&](const Entry& e) { return e.path == request.path; });
  if (found == std::end(posts)) return false;
  if (request.method != "POST") return wrong_method("POST");
  Result<Json> body = parse_json(request.body, "request body");
  if (!body || !body->is_object()) {
    reply(Refused(
        {.message = body ? "request body: expected a JSON object" : body.error().what, .code = "invalid_json"}));
    return true;
  }
  if (found->answer == nullptr)
    return later(this->*found->worker, [this, exchange, &metrics, caller = request.caller, json = std::move(*body)] {
      ingest(caller, json, exchange, metrics);
    });
  return later(this->*found->worker, [this, reply, answer = found->answer, caller = request.caller,
                                      json = std::move(*body)] { reply((this->*answer)(caller, json)); });
}

Papers::Answer Papers::libraries(const Caller& caller) const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const Path& path = it->path();
    if (path.extension() == ".sqlite" && !check_library_name(path.stem().string()) && names.size() < most_libraries)
      names.push_back(path.stem().string());
  }
  std::sort(names.begin(), names.end());
  Json list = Json::array();
  for (const std::string& name : names) {
    auto store = open_seen(caller, name);
    auto held = store ? papers::holdings(store->database()) : Result<papers::Holdings>(failure(Fault::io, ""));
    Json one = {{"name", name}, {"takes_papers", std::filesystem::is_directory(folder_ / (name + ".papers"), error)}};
    if (held)
      one["papers"] = held->papers, one["failed"] = held->failed, one["rows"] = held->rows;
    else
      one["fault"] = "cannot be read";
    list.push_back(std::move(one));
  }
  return Json{{"libraries", std::move(list)}};
}

Papers::Answer Papers::ask(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string library, question;
  fields.text("library", library);
  if (!fields.text("question", question)) fields.fail(invalid("question", "is missing"));
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, library);
  if (!store) return Refused(std::move(store.error()));
  auto domain = papers::domain_of_library(file_of_library(folder_, library));
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  auto vocabulary = papers::load_vocabulary(store->database(), *domain);
  if (!vocabulary) return Refused(papers_error(vocabulary.error(), "library"));
  const papers::Writer model = reader_ ? reader_->writer_for(caller) : papers::Writer();
  auto answer = papers::answer_question(store->database(), *vocabulary, *domain, question, most_cited, model);
  if (!answer) return Refused(papers_error(answer.error(), "question"));
  Json json = papers::json_of(*answer);
  json["bars"] = answer->bars;
  return json;
}

Papers::Answer Papers::list(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string library;
  fields.text("library", library);
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, library);
  if (!store) return Refused(std::move(store.error()));
  auto held = papers::held_papers(store->database(), most_listed);
  if (!held) return Refused(papers_error(held.error(), "library"));
  Json list = Json::array();
  for (const papers::HeldPaper& paper : *held) {
    Json one = {{"file", paper.path}, {"read_as", paper.read_as}, {"bytes", paper.bytes}, {"rows", paper.rows}};
    if (!paper.title.empty()) one["title"] = paper.title;
    if (!paper.fault.empty()) one["fault"] = paper.fault;
    if (auto notes = parse_json(paper.notes, "library: notes"); notes && !notes->empty()) one["notes"] = *notes;
    list.push_back(std::move(one));
  }
  return Json{{"library", library}, {"papers", std::move(list)}};
}

Papers::Answer Papers::place(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string library, file, locator;
  int around = 6;
  fields.text("library", library);
  fields.text("file", file);
  fields.text("locator", locator);
  fields.integer("around", 0, most_around, around);
  if (auto fault = settled(fields)) return Refused(std::move(*fault));
  auto store = open_seen(caller, library);
  if (!store) return Refused(std::move(store.error()));
  auto shown = papers::show_place(store->database(), file, locator, around);
  if (!shown) return Refused(papers_error(shown.error(), "locator"));
  Json rows = Json::array();
  for (const papers::ShownRow& row : shown->rows) {
    Json one = {{"locator", row.place}, {"cells", row.cells}};
    if (!row.heading.empty()) one["heading"] = row.heading;
    if (row.meant) one["meant"] = true;
    rows.push_back(std::move(one));
  }
  return Json{{"file", shown->file},
              {"title", shown->title},
              {"headers", shown->headers},
              {"rows", std::move(rows)},
              {"more_before", shown->more_before},
              {"more_after", shown->more_after}};
}

}  // namespace freehold
