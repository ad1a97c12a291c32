// Api: the routes of the server and what each answers. Called on the thread that reads requests.
#pragma once

#include "serve/accounts.h"
#include "serve/answer_job.h"
#include "serve/embeddings.h"
#include "serve/grammars.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/model_side.h"
#include "serve/papers.h"

namespace freehold {

// What is known of the server beside the model.
struct Surroundings {
  std::string version, address;  // where it listens
  bool this_machine_only = false;
  bool receipts = false;  // with every answer, not only where a client asks for one
  bool sealed = false;
};

// A model with what computes with it. Both must outlive whoever holds this.
struct Served {
  const ModelSide& side;
  Scheduler& scheduler;
};

class Api {
 public:
  // All must outlive it and all exchanges. encoder: a second model, which makes vectors for the first one.
  Api(const ModelSide& side, Scheduler& scheduler, Guard& guard, Accounts& accounts, Surroundings surroundings = {},
      std::unique_ptr<Papers> papers = nullptr, std::optional<Served> encoder = std::nullopt)
      : side_(side),
        scheduler_(scheduler),
        guard_(guard),
        accounts_(accounts),
        surroundings_(std::move(surroundings)),
        metrics_(side.name),
        grammars_(side.tokenizer, side.facts.vocabulary),
        encoder_(encoder),
        adapted_(adapted_sides(side)),
        papers_(std::move(papers)) {}
  void handle(HttpRequest request, std::shared_ptr<Exchange> exchange);

 private:
  using Answer = tl::expected<HttpAnswer, ApiError>;
  using Route = Answer (Api::*)(const Json& body);
  Answer health(const Json&);
  Answer models(const Json&);
  Answer metrics(const Json&);
  Answer adapters(const Json&);
  // state.cpp:
  Answer state(const Json&);
  Answer usage(const Json& query);
  Answer budget(const Json&);
  Answer props(const Json&);
  Answer slots(const Json& query);
  Answer ollama_tags(const Json&);
  Answer ollama_ps(const Json&);
  Answer ollama_version(const Json&);
  Answer ollama_show(const Json& body);
  // api.cpp:
  Answer tokenizer_info(const Json& body);
  Answer tokenize(const Json& body);
  Answer detokenize(const Json& body);
  Answer apply_template(const Json& body);
  Answer count_tokens(const Json& body);
  // What computes: the answer comes later, from the engine.
  using Job = std::optional<ApiError> (Api::*)(const Json& body, Style style, Client client,
                                               std::shared_ptr<Exchange> exchange);
  std::optional<ApiError> complete(const Json& body, Style style, Client client, std::shared_ptr<Exchange> exchange);
  std::optional<ApiError> embed(const Json& body, Style style, Client client, std::shared_ptr<Exchange> exchange);
  std::optional<ApiError> rerank(const Json& body, Style style, Client client, std::shared_ptr<Exchange> exchange);
  void begin_vectors(const Served& served, EmbeddingRequest request, Client client, std::shared_ptr<Exchange> exchange);
  tl::expected<Client, ApiError> client_of(const HttpRequest& request, const Json& body) const;
  // The model that a request is for: the encoder where vectors are made of texts and no other is named.
  Served served_for(std::string_view path, const Json& body) const;
  const ModelSide& side_for(const Json& body) const;  // the adapter that is named, or the model itself
  std::vector<const ModelSide*> sides() const;        // all that have a name
  std::optional<ApiError> check_model(const Served& served, const Caller& caller, const Json& body) const;
  static std::vector<ModelSide> adapted_sides(const ModelSide& side);

  const ModelSide& side_;
  Scheduler& scheduler_;
  Guard& guard_;
  Accounts& accounts_;
  const Surroundings surroundings_;
  Metrics metrics_;
  Grammars grammars_;
  const std::optional<Served> encoder_;
  const std::vector<ModelSide> adapted_;  // one for each adapter
  const std::unique_ptr<Papers> papers_;  // null: none are served; last: its threads use the metrics
};

}  // namespace freehold
