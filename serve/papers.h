// Papers: the libraries of papers over HTTP: what there is, questions, the place of a citation, papers that come in.
//
//   GET  /freehold/libraries                          what there is
//   POST /freehold/ask {library, question}            an answer with its evidence
//   POST /freehold/papers {library}                   its papers, and how each was read
//   POST /freehold/place {library, file, locator}     that place and what stands around it
//   PUT  /freehold/libraries/NAME/papers/PATH         a paper comes in; it is read with the next
//   POST /freehold/ingest {library}                   reads what has come in: events, the last one is the report
//   POST /freehold/forget {library, file}             takes a paper out for good
//
// A library is NAME.sqlite; one whose papers come in here has them in the folder NAME.papers beside it. One that
// `freehold ingest` made from a folder elsewhere is only read. Names are plain and stay beneath these folders.
#pragma once

#include <atomic>
#include <memory>

#include "base/file.h"
#include "library/domain.h"
#include "library/store.h"
#include "serve/api_error.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/worker.h"

namespace freehold {

class Papers {
 public:
  // `folder` holds the libraries; it is made when papers come in.
  static Result<std::unique_ptr<Papers>> make(Path folder);
  ~Papers() { ending_ = true; }
  // False: not one of its addresses. Answers come from threads of its own; `metrics` must outlive it.
  bool handle(HttpRequest& request, const std::shared_ptr<Exchange>& exchange, Metrics& metrics);

 private:
  using Answer = tl::expected<Json, ApiError>;
  using Way = std::shared_ptr<Exchange>;
  explicit Papers(Path folder) : folder_(std::move(folder)) {}
  Answer libraries() const;
  Answer ask(const Json& body) const;
  Answer list(const Json& body) const;
  Answer place(const Json& body) const;
  // Those that write: papers_intake.cpp.
  Answer take_in(const std::string& path, std::string_view bytes) const;
  Answer forget(const Json& body) const;
  void ingest(const Json& body, const Way& exchange, Metrics& metrics) const;

  const Path folder_;
  std::atomic<bool> ending_ = false;
  Worker reading_{64}, writing_{8};  // last: their work uses all of the others
};

// Shared by the two files of its code.
ApiError papers_error(const Error& error, std::string param);
ApiError no_library(const std::string& name);
// The library that a request names.
tl::expected<papers::Store, ApiError> open_named(const Path& folder, const std::string& name,
                                                 papers::Database::Mode mode);
std::optional<ApiError> check_library_name(std::string_view name);
// A path below a library's folder: plain names joined by '/', none of them hidden.
std::optional<ApiError> check_paper_path(std::string_view path);

}  // namespace freehold
