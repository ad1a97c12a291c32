// Papers that come in over HTTP: kept as files in the library's own folder, then read from there as `freehold ingest`
// reads any folder.
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "library/answer.h"
#include "library/forget.h"
#include "library/records.h"
#include "serve/answer_shapes.h"
#include "serve/papers.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

constexpr uint64_t room_left = 256ull << 20;  // of the disk, that papers never take

// "%20" and the like; nothing for what is broken, or hides a byte that no name has.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return out;
}

ApiError made_elsewhere() {
  return {.status = 409,
          .message = "this library was made by `freehold ingest` from a folder elsewhere; papers go there",
          .param = "library",
          .code = "library_made_elsewhere"};
}

bool is_folder(const Path& path) {
  std::error_code error;
  return std::filesystem::is_directory(std::filesystem::symlink_status(path, error));
}

// The folder of a paper below `top`, made level by level; no level may be a link.
Result<Done> make_folders(const Path& top, const Path& below) {
  Path at = top;
  const auto make = [](const Path& path) -> Result<Done> {
    std::error_code error;
    if (std::filesystem::create_directory(path, error))
      std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
    if (!is_folder(path)) return usage_error("file: a folder of that name cannot be made");
    return Done{};
  };
  std::error_code error;
  std::filesystem::create_directories(top.parent_path(), error);
  TRY(make(at));
  for (const Path& name : below) TRY(make(at /= name));
  return Done{};
}

std::string_view status_of(const papers::FileReport& file) {
  return !file.fault.empty() ? "not read" : file.unchanged ? "unchanged" : "read";
}

// Of the papers that `seen` allows; how many records there are of all only where it allows all.
Json json_of(const papers::IngestReport& report, const papers::Tally& tally,
             const std::function<bool(const std::string&)>& seen) {
  Json files = Json::array();
  bool all = true;
  for (const papers::FileReport& file : report.files) {
    all = all && seen(file.path);
    if (!seen(file.path)) continue;
    Json one = {{"file", file.path}, {"status", status_of(file)}, {"rows", file.rows}};
    if (!file.read_as.empty()) one["read_as"] = file.read_as;
    if (!file.fault.empty()) one["fault"] = file.fault;
    if (!file.notes.empty()) one["notes"] = file.notes;
    files.push_back(std::move(one));
  }
  if (!all) return {{"files", std::move(files)}};
  return {{"files", std::move(files)},
          {"removed", report.removed},
          {"merged", tally.merged_by_key + tally.merged_softly},
          {"from_text", tally.from_text},
          {"corrections", tally.corrections},
          {"lines_open", tally.lines_open}};
}

Result<Json> read_papers(const Path& library, const Path& papers, const Caller& caller,
                         const papers::Programs& programs, const std::function<bool(double)>& on_progress) {
  TRY_ASSIGN(const papers::Labels labels, labels_for(caller, library));
  TRY_ASSIGN(const papers::Domain domain, papers::domain_of_library(library));
  TRY_ASSIGN(papers::Store store, papers::Store::open(library, papers::Database::Mode::write));
  TRY_ASSIGN(const papers::IngestReport report, store.add_folder(papers, domain, on_progress, programs));
  TRY_ASSIGN(const papers::Tally tally, papers::build_records(store, domain));
  return json_of(report, tally, [&](const std::string& file) { return labels.allow(file, held_labels(caller)); });
}

}  // namespace

Papers::Answer Papers::take_in(const Caller& caller, const std::string& target, std::string_view bytes) const {
  constexpr std::string_view middle = "/papers/";
  const size_t at = target.find(middle);
  const auto name = decoded(std::string_view(target).substr(0, at));
  const auto file =
      at == std::string::npos ? std::nullopt : decoded(std::string_view(target).substr(at + middle.size()));
  if (!name || !file) return Refused(invalid("file", "expected /freehold/libraries/NAME/papers/PATH"));
  if (auto fault = check_library_name(*name)) return Refused(std::move(*fault));
  if (auto fault = check_paper_path(*file)) return Refused(std::move(*fault));
  if (auto fault = check_seen(caller, file_of_library(folder_, *name), *file)) return Refused(std::move(*fault));
  if (bytes.size() > limits::paper_bytes)
    return Refused(
        {.status = 413, .message = "a paper has at most 64 MiB", .param = "file", .code = "request_too_large"});
  const Path papers = folder_ / (*name + ".papers"), path = papers / *file;
  std::error_code error;
  if (!is_folder(papers) && std::filesystem::exists(file_of_library(folder_, *name), error))
    return Refused(made_elsewhere());
  if (auto made = make_folders(papers, Path(*file).parent_path()); !made)
    return Refused(papers_error(made.error(), "file"));
  if (const auto space = std::filesystem::space(papers, error); !error && space.available < bytes.size() + room_left)
    return Refused({.status = 507, .message = "the disk is nearly full", .type = "server_error", .code = "disk_full"});
  if (is_folder(path))
    return Refused({.status = 409, .message = "there is a folder of that name", .param = "file", .code = "name_taken"});
  if (auto kept = replace_file(path, bytes, 0600); !kept) return Refused(papers_error(kept.error(), "file"));
  return Json{{"library", *name}, {"file", *file}, {"bytes", bytes.size()}};
}

void Papers::ingest(const Caller& caller, const Json& body, const Way& exchange, Metrics& metrics) const {
  const auto refuse = [&](const ApiError& error) {
    metrics.http(error.status);
    exchange->answer(answer_of(error));
  };
  Fields fields(body);
  std::string name;
  fields.text("library", name);
  if (fields.error()) return refuse(*fields.error());
  if (auto fault = check_library_name(name)) return refuse(*fault);
  const Path library = file_of_library(folder_, name), papers = folder_ / (name + ".papers");
  if (!is_folder(papers)) {
    std::error_code error;
    if (std::filesystem::exists(library, error)) return refuse(made_elsewhere());
    return refuse(no_library(name));
  }
  auto gone = std::make_shared<std::atomic<bool>>(false);
  exchange->on_gone([gone] { *gone = true; });
  metrics.http(200);
  exchange->begin_events({}, StreamForm::events);
  int said = -1;
  const auto report = read_papers(library, papers, caller, programs_, [&](double done) {
    const int percent = static_cast<int>(done * 100);
    if (percent != std::exchange(said, percent)) exchange->event(text_of(Json{{"done", done}}));
    return !*gone && !ending_;
  });
  exchange->event(report ? text_of(Json{{"report", *report}}) : body_of(papers_error(report.error(), "library")));
  exchange->end_events();
}

Papers::Answer Papers::forget(const Caller& caller, const Json& body) const {
  Fields fields(body);
  std::string name, file;
  fields.text("library", name);
  fields.text("file", file);
  if (fields.error()) return Refused(*fields.error());
  auto store = open_named(folder_, name, papers::Database::Mode::write);
  if (!store) return Refused(std::move(store.error()));
  const Path library = file_of_library(folder_, name), papers = folder_ / (name + ".papers");
  if (auto fault = check_seen(caller, library, file)) return Refused(std::move(*fault));
  const auto domain = papers::domain_of_library(library);
  if (!domain) return Refused(papers_error(domain.error(), "library"));
  const auto done = papers::forget_paper(*store, library, *domain, file);
  if (!done) return Refused(papers_error(done.error(), "file"));
  if (is_folder(papers) && !check_paper_path(file)) {
    std::error_code error;
    std::filesystem::remove(papers / file, error);
  }
  return Json{{"rows", done->rows}, {"searched", done->searched}, {"found", done->left.size()}};
}

}  // namespace freehold
