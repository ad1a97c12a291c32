// AnswerJob: one request for completions on its way: gives it to the scheduler, and what comes back to the client, in
// pieces or whole.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "serve/answer_request.h"
#include "serve/answer_shapes.h"
#include "serve/http.h"
#include "serve/spending.h"

namespace freehold {

class AnswerJob : public std::enable_shared_from_this<AnswerJob> {
 public:
  AnswerJob(const ModelSide& side, Metrics& metrics, Accounts& accounts, Client client, AnswerRequest request,
            std::shared_ptr<Exchange> exchange);
  void start(Scheduler& scheduler);  // answers at once when the scheduler refuses

 private:
  using Clock = std::chrono::steady_clock;
  // On the thread of the connections:
  void drain(size_t ask);
  void take(size_t ask, Event& event);
  void take_scores(size_t ask, Event& event);
  void take_token(size_t index, Event& event);
  void open_stream();
  void end_one(size_t index, Event& event);
  void complete();
  void failed(ApiError error);
  void abandon();
  Said hear(Choosing& choice, std::vector<Part> parts, bool last);

  const ModelSide& side_;
  Metrics& metrics_;
  const AnswerRequest request_;
  const std::shared_ptr<Exchange> exchange_;
  const std::unique_ptr<AnswerShapes> shapes_;
  std::vector<std::shared_ptr<Request>> requests_;  // one for each ask
  std::vector<Choosing> choices_;                   // answer i of ask k is choice k * n + i
  std::vector<std::vector<Choice>> prompt_scores_;  // of each ask, where they are asked for
  std::vector<int> offsets_;                        // characters of text so far
  std::vector<Clock::time_point> last_token_;
  size_t done_ = 0;  // asks
  bool streaming_ = false, over_ = false;
  Spending spending_;
};

}  // namespace freehold
