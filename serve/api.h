// Api: the routes of the server and what each answers. Called on the thread that reads requests.
#pragma once

#include "serve/answer_job.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/model_side.h"
#include "serve/papers.h"

namespace freehold {

// What the page tells of the server beside the model.
struct Surroundings {
  std::string version, address;  // where it listens
  bool this_machine_only = false;
  std::optional<bool> sealed = std::nullopt;  // absent: this build has no seal
};

class Api {
 public:
  // Both must outlive it and all exchanges.
  Api(const ModelSide& side, Scheduler& scheduler, Surroundings surroundings = {},
      std::unique_ptr<Papers> papers = nullptr)
      : side_(side),
        scheduler_(scheduler),
        surroundings_(std::move(surroundings)),
        metrics_(side.name),
        papers_(std::move(papers)) {}
  void handle(HttpRequest request, std::shared_ptr<Exchange> exchange);

 private:
  using Answer = tl::expected<HttpAnswer, ApiError>;
  using Route = Answer (Api::*)(const Json& body);
  Answer health(const Json&);
  Answer models(const Json&);
  Answer metrics(const Json&);
  Answer state(const Json&);  // state.cpp
  Answer tokenize(const Json& body);
  Answer detokenize(const Json& body);
  Answer apply_template(const Json& body);
  Answer count_tokens(const Json& body);
  void complete(const HttpRequest& request, const Json& body, Style style, std::shared_ptr<Exchange> exchange);
  Json model_json() const;

  const ModelSide& side_;
  Scheduler& scheduler_;
  const Surroundings surroundings_;
  Metrics metrics_;
  const std::unique_ptr<Papers> papers_;  // null: none are served; last: its threads use the metrics
};

}  // namespace freehold
