// Papers: the libraries of papers over HTTP: what there is, questions, the place of a citation, papers that come in.
//
//   GET  /freehold/libraries                          what there is
//   POST /freehold/ask {library, question}            an answer with its evidence
//   POST /freehold/papers {library}                   its papers, and how each was read
//   POST /freehold/place {library, file, locator}     that place and what stands around it
//   PUT  /freehold/libraries/NAME/papers/PATH         a paper comes in; it is read with the next
//   POST /freehold/ingest {library}                   reads what has come in: events, the last one is the report
//   POST /freehold/forget {library, file}             takes a paper out for good
//   POST /freehold/review {library}                   what a person should look at, and what was decided
//   POST /freehold/decide {library, id, value}        a decision on it; without a value, what is used is right
//   POST /freehold/schema {library}                   record types and fields, and the lexicon
//   POST /freehold/declare {library, schema}          as the owner has them from now on; null: as they are found
//   POST /freehold/labels {library}                   which labels papers carry
//   POST /freehold/label {library, labels}            which they carry from now on
//
// Where keys are set up, a key sees the papers that its labels allow (NAME.labels.json, library/view.h), and nothing of
// the others: answers, lists and places come from a library of the papers that it may see; papers that it may not see
// it can neither replace nor take out. What counts for all (decisions, the schema, labels) is changed by who holds all
// labels that the library knows, so that nobody changes what he does not see; labels by keys with the scope admin.
//
// A library is NAME.sqlite; one whose papers come in here has them in the folder NAME.papers beside it. One that
// `freehold ingest` made from a folder elsewhere is only read. Names are plain and stay beneath these folders.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "base/file.h"
#include "library/domain.h"
#include "library/store.h"
#include "library/view.h"
#include "serve/api_error.h"
#include "serve/fields.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/paper_reader.h"
#include "serve/worker.h"

namespace freehold {

class Papers {
 public:
  // `folder` holds the libraries; it is made when papers come in. `reader` reads questions that the rules cannot, if
  // there is one; it must outlive this. `programs` starts those that some papers need.
  static Result<std::unique_ptr<Papers>> make(Path folder, PaperReader* reader = nullptr,
                                              papers::Programs programs = papers::start_here);
  ~Papers() {
    ending_ = true;
    if (reader_) reader_->stop();
  }
  // False: not one of its addresses. Answers come from threads of its own; `metrics` must outlive it.
  bool handle(HttpRequest& request, const std::shared_ptr<Exchange>& exchange, Metrics& metrics);

 private:
  using Answer = tl::expected<Json, ApiError>;
  using Way = std::shared_ptr<Exchange>;
  Papers(Path folder, PaperReader* reader, papers::Programs programs)
      : folder_(std::move(folder)), reader_(reader), programs_(std::move(programs)) {}
  // What the caller may see of a library.
  tl::expected<papers::Store, ApiError> open_seen(const Caller& caller, const std::string& name) const;
  Answer libraries(const Caller& caller) const;
  Answer ask(const Caller& caller, const Json& body) const;
  Answer list(const Caller& caller, const Json& body) const;
  Answer place(const Caller& caller, const Json& body) const;
  // Those that write: papers_intake.cpp.
  Answer take_in(const Caller& caller, const std::string& path, std::string_view bytes) const;
  Answer forget(const Caller& caller, const Json& body) const;
  void ingest(const Caller& caller, const Json& body, const Way& exchange, Metrics& metrics) const;
  // Those of the owner: papers_owner.cpp.
  Answer review(const Caller& caller, const Json& body) const;
  Answer decide(const Caller& caller, const Json& body) const;
  Answer schema(const Caller& caller, const Json& body) const;
  Answer declare(const Caller& caller, const Json& body) const;
  Answer labels(const Caller& caller, const Json& body) const;
  Answer label(const Caller& caller, const Json& body) const;

  const Path folder_;
  PaperReader* const reader_;
  const papers::Programs programs_;
  std::atomic<bool> ending_ = false;
  mutable std::mutex views_;                      // one is made at a time
  Worker asking_{64}, reading_{64}, writing_{8};  // last: their work uses all of the others
};

// Shared by the files of its code.
std::optional<ApiError> settled(const Fields& fields);  // a fault of the fields, or one that is not known
ApiError papers_error(const Error& error, std::string param);
ApiError no_library(const std::string& name);
inline Path file_of_library(const Path& folder, const std::string& name) { return folder / (name + ".sqlite"); }
// The library that a request names.
tl::expected<papers::Store, ApiError> open_named(const Path& folder, const std::string& name,
                                                 papers::Database::Mode mode);
// The labels of a library as far as they bind the caller: without keys none do.
Result<papers::Labels> labels_for(const Caller& caller, const Path& library);
// Papers that the caller's labels do not let it see are not its to change.
std::optional<ApiError> check_seen(const Caller& caller, const Path& library, const std::string& file);
std::set<std::string> held_labels(const Caller& caller);
std::optional<ApiError> check_library_name(std::string_view name);
// A path below a library's folder: plain names joined by '/', none of them hidden.
std::optional<ApiError> check_paper_path(std::string_view path);

}  // namespace freehold
