// POST /v1/embeddings: texts become vectors (run/pooled.h). Read and checked whole before anything reaches the engine.
// POST /v1/rerank is such a request too, of which its vectors are not the answer (rerank.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "run/scheduler.h"
#include "serve/http.h"
#include "serve/spending.h"

namespace freehold {

struct EmbeddingRequest {
  std::vector<std::vector<Token>> inputs;
  Pooling pooling = Pooling::mean;
  size_t dimensions = 0;  // of each vector: the first so many numbers, scaled to length 1 again
  bool base64 = false;    // little-endian floats; else a list of numbers
  std::vector<std::string> ignored;
  Style style = Style::chat;  // whose words the answer has: OpenAI's, or Ollama's
  // What is answered instead of the vectors, but for model and usage.
  std::function<Json(std::span<const std::vector<float>> vectors)> made_of = {};
};
tl::expected<EmbeddingRequest, ApiError> read_embedding_request(const ModelSide& side, const Json& body);
// The tokens of which the vector of a text is made; an error where they do not fit. What looks like a special token in
// it is text: texts are people's and papers'.
tl::expected<std::vector<Token>, ApiError> tokens_for_vector(const ModelSide& side, std::string_view text,
                                                             const std::string& param);

// One such request on its way. The scheduler has only a few of its inputs at a time, so that a long list takes neither
// the whole queue nor all places.
class EmbeddingJob : public std::enable_shared_from_this<EmbeddingJob> {
 public:
  // All but the request and the client must outlive it.
  EmbeddingJob(const ModelSide& side, Metrics& metrics, Accounts& accounts, Scheduler& scheduler, Client client,
               EmbeddingRequest request, std::shared_ptr<Exchange> exchange);
  void start();

 private:
  // On the thread of the connections:
  void submit_more();
  void drain(size_t input);
  void take(size_t input, Event& event);
  std::string written(std::span<const float> vector) const;
  std::string list_of_vectors();
  Json rest() const;
  void complete();
  void failed(const ApiError& error);
  void abandon();
  void cancel_all();

  const ModelSide& side_;
  Metrics& metrics_;
  Scheduler& scheduler_;
  EmbeddingRequest request_;
  const std::shared_ptr<Exchange> exchange_;
  Spending spending_;
  std::vector<std::shared_ptr<Request>> asked_;  // one for each input that was submitted
  std::vector<std::string> vectors_;             // as they are sent
  std::vector<std::vector<float>> numbers_;      // where something else is made of them
  size_t done_ = 0;
  bool over_ = false;
};

}  // namespace freehold
