// Api: the routes of the server and what each answers. Called on the thread that reads requests.
#pragma once

#include "serve/answer_job.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/model_side.h"

namespace freehold {

class Api {
 public:
  // Both must outlive it and all exchanges.
  Api(const ModelSide& side, Scheduler& scheduler) : side_(side), scheduler_(scheduler), metrics_(side.name) {}
  void handle(HttpRequest request, std::shared_ptr<Exchange> exchange);

 private:
  using Answer = tl::expected<HttpAnswer, ApiError>;
  using Route = Answer (Api::*)(const Json& body);
  Answer health(const Json&);
  Answer models(const Json&);
  Answer metrics(const Json&);
  Answer tokenize(const Json& body);
  Answer detokenize(const Json& body);
  Answer apply_template(const Json& body);
  Answer count_tokens(const Json& body);
  void complete(const HttpRequest& request, const Json& body, Style style, std::shared_ptr<Exchange> exchange);
  Json model_json() const;

  const ModelSide& side_;
  Scheduler& scheduler_;
  Metrics metrics_;
};

}  // namespace freehold
