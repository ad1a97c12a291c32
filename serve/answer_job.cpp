#include "serve/answer_job.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "serve/fields.h"

namespace freehold {

AnswerJob::AnswerJob(const ModelSide& side, Metrics& metrics, Accounts& accounts, Client client,
                     AnswerRequest request, std::shared_ptr<Exchange> exchange)
    : side_(side),
      metrics_(metrics),
      request_(std::move(request)),
      exchange_(std::move(exchange)),
      shapes_(shapes_for(
          side, request_,
          [this](std::string data, std::string name) { exchange_->event(std::move(data), std::move(name)); })),
      spending_(side, metrics, accounts, std::move(client)) {
  size_t count = 0;
  for (const Ask& ask : request_.asks) {
    count += static_cast<size_t>(ask.answers);
    spending_.add_prompt(ask.prompt.size());
  }
  choices_.resize(count);
  if (request_.tools.syntax != ToolSyntax::none)
    for (Choosing& choice : choices_) choice.reader.emplace(request_.tools);
  prompt_scores_.resize(request_.asks.size());
  offsets_.resize(count);
  last_token_.resize(count);
}

void AnswerJob::start(Scheduler& scheduler) {
  std::vector<std::shared_ptr<Request>> requests;
  for (size_t i = 0; i < request_.asks.size(); ++i) {
    Ask ask = request_.asks[i];
    ask.user = spending_.user();
    auto request = scheduler.submit(std::move(ask), [job = weak_from_this(), i] {  // weak: the job holds its requests
      if (const auto self = job.lock()) self->exchange_->post([self, i] { self->drain(i); });
    });
    if (!request) {
      for (const auto& earlier : requests) earlier->cancel();
      const ApiError error = api_error(request.error(), request_.param());
      metrics_.http(error.status);
      return exchange_->answer(answer_of(error, request_.style));
    }
    requests.push_back(std::move(*request));
  }
  exchange_->post([self = shared_from_this(), requests = std::move(requests)]() mutable {
    self->requests_ = std::move(requests);
    self->exchange_->on_gone([self] { self->abandon(); });
    for (size_t i = 0; i < self->requests_.size(); ++i) self->drain(i);
  });
}

void AnswerJob::drain(size_t ask) {
  if (requests_.empty() || over_) return;  // start() comes back to it
  for (Event& event : requests_[ask]->take()) {
    if (over_) return;
    take(ask, event);
  }
}

void AnswerJob::take(size_t ask, Event& event) {
  const size_t index = ask * static_cast<size_t>(request_.asks[0].answers) + static_cast<size_t>(event.answer);
  switch (event.kind) {
    case Event::Kind::begun:
      spending_.begun(ask, event.reused);
      if (!request_.stream) return;
      open_stream();
      for (size_t i = index; i < index + static_cast<size_t>(request_.asks[ask].answers); ++i) {
        shapes_->begin(static_cast<int>(i), spending_.usage());
        if (request_.echo && !request_.scores_prompt())
          shapes_->say(static_cast<int>(i), {.text = request_.prompts[ask]}, spending_.usage());
      }
      return;
    case Event::Kind::progress:
      spending_.computed(ask, event.computed);
      if (request_.stream)
        shapes_->progress(static_cast<int>(request_.asks[ask].prompt.size()), event.computed,
                          spending_.ms(), spending_.usage());
      return;
    case Event::Kind::scored:
      return take_scores(ask, event);
    case Event::Kind::token:
      spending_.computed(ask, static_cast<int>(request_.asks[ask].prompt.size()));
      return take_token(index, event);
    case Event::Kind::ended:
      return end_one(index, event);
    case Event::Kind::done:
      if (++done_ == requests_.size()) complete();
      return;
    case Event::Kind::failed:
      return failed(api_error(event.error, request_.param()));
  }
}

void AnswerJob::open_stream() {
  if (std::exchange(streaming_, true)) return;
  metrics_.http(200);
  exchange_->begin_events(ignored_header(request_.ignored),
                          is_ollama(request_.style) ? StreamForm::lines : StreamForm::events);
}

void AnswerJob::take_scores(size_t ask, Event& event) {
  const auto answers = static_cast<size_t>(request_.asks[ask].answers);
  for (size_t i = ask * answers; i < (ask + 1) * answers; ++i) {
    offsets_[i] = characters(request_.prompts[ask]);
    if (request_.stream)
      shapes_->say(static_cast<int>(i), {.text = request_.prompts[ask], .prompt_scores = &event.scores},
                   spending_.usage());
  }
  if (!request_.stream) prompt_scores_[ask] = std::move(event.scores);
}

void AnswerJob::take_token(size_t index, Event& event) {
  const auto now = Clock::now();
  if (last_token_[index] != Clock::time_point{})
    metrics_.between_tokens(std::chrono::duration<double>(now - last_token_[index]).count());
  last_token_[index] = now;
  spending_.token(now, event.thinking);
  const bool scored = request_.logprobs >= 0 && !event.thinking;
  Choosing& choice = choices_[index];
  Said said = hear(choice, std::move(event.parts), false);
  if (request_.stream) {
    if (scored) said.token = &event.choice, said.text_offset = offsets_[index];
    shapes_->say(static_cast<int>(index), said, spending_.usage());
    if (scored) offsets_[index] += length_in_answer(side_, event.choice.token);
  } else if (scored) {
    choice.tokens.push_back(std::move(event.choice));
  }
}

// Adds to the choice, and returns, what of new text is thinking, answer and calls.
Said AnswerJob::hear(Choosing& choice, std::vector<Part> parts, bool last) {
  Said said;
  for (Part& part : parts) (part.voice == Voice::thinking ? said.thinking : said.text) += part.text;
  if (choice.reader) {
    ToolReader::Heard heard = choice.reader->hear(said.text);
    said.text = std::move(heard.text);
    said.calls = std::move(heard.calls);
    if (last) {
      heard = choice.reader->finish();
      said.text += heard.text;
      std::move(heard.calls.begin(), heard.calls.end(), std::back_inserter(said.calls));
    }
  }
  choice.text += said.text;
  choice.thinking += said.thinking;
  choice.calls.insert(choice.calls.end(), said.calls.begin(), said.calls.end());
  return said;
}

void AnswerJob::end_one(size_t index, Event& event) {
  if (event.stop == Stop::cancelled) return failed(api_error({Fault::cancelled, "the server is ending"}, ""));
  Choosing& choice = choices_[index];
  Said said = hear(choice, std::move(event.parts), true);
  spending_.foreseen(event.drafts.right);
  choice.stop = event.stop;
  choice.stopped_by = std::move(event.stopped_by);
  // The older form lists the token that ended the answer too: whoever counts tokens from the end relies on it.
  const bool scored = request_.style == Style::text && request_.logprobs >= 0 && event.choice.token >= 0;
  if (!request_.stream) {
    if (scored) choice.tokens.push_back(std::move(event.choice));
    return;
  }
  if (scored) said.token = &event.choice, said.text_offset = offsets_[index];
  shapes_->say(static_cast<int>(index), said, spending_.usage());
  shapes_->finish(static_cast<int>(index), choice, spending_.usage());
}

void AnswerJob::complete() {
  over_ = true;
  const Json receipt = spending_.settle(choices_[0].stop == Stop::end ? "stop" : "length");
  if (request_.stream) {
    shapes_->last(spending_.usage(), receipt);
    return exchange_->end_events();
  }
  if (request_.echo)
    for (size_t i = 0; i < choices_.size(); ++i) {
      const size_t ask = i / static_cast<size_t>(request_.asks[0].answers);
      choices_[i].text = request_.prompts[ask] + choices_[i].text;
      if (request_.scores_prompt()) choices_[i].prompt_scores = &prompt_scores_[ask];
    }
  metrics_.http(200);
  Json whole = shapes_->whole(choices_, spending_.usage());
  if (!receipt.is_null()) whole["freehold"] = receipt;
  HttpAnswer answer{200, text_of(whole)};
  answer.headers = ignored_header(request_.ignored);
  exchange_->answer(std::move(answer));
}

void AnswerJob::failed(ApiError error) {
  over_ = true;
  spending_.settle("error");
  for (const auto& request : requests_) request->cancel();
  if (!streaming_) {
    metrics_.http(error.status);
    return exchange_->answer(answer_of(error, request_.style));
  }
  shapes_->failed(error);
  exchange_->end_events();
}

// The client has gone.
void AnswerJob::abandon() {
  if (over_) return;
  over_ = true;
  spending_.settle("abort");
  for (const auto& request : requests_) request->cancel();
}

}  // namespace freehold
