#include "serve/answer_job.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace freehold {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

AnswerJob::AnswerJob(const ModelSide& side, Metrics& metrics, Accounts& accounts, AnswerRequest request,
                     std::shared_ptr<Exchange> exchange)
    : side_(side),
      metrics_(metrics),
      request_(std::move(request)),
      exchange_(std::move(exchange)),
      shapes_(shapes_for(
          side, request_,
          [this](std::string data, std::string name) { exchange_->event(std::move(data), std::move(name)); })),
      accounts_(accounts),
      computed_(request_.asks.size()) {
  size_t count = 0;
  for (const Ask& ask : request_.asks) {
    count += static_cast<size_t>(ask.answers);
    usage_.prompt += static_cast<int>(ask.prompt.size());
  }
  choices_.resize(count);
  if (request_.tools.syntax != ToolSyntax::none)
    for (Choosing& choice : choices_) choice.reader.emplace(request_.tools);
  offsets_.resize(count);
  last_token_.resize(count);
  times_.prompt_tokens = usage_.prompt;
  times_.answers = static_cast<int>(count);
}

void AnswerJob::start(Scheduler& scheduler, Client client) {
  client_ = std::move(client);
  std::vector<std::shared_ptr<Request>> requests;
  for (size_t i = 0; i < request_.asks.size(); ++i) {
    Ask ask = request_.asks[i];
    ask.user = client_.user;
    auto request = scheduler.submit(std::move(ask), [job = weak_from_this(), i] {  // weak: the job holds its requests
      if (const auto self = job.lock()) self->exchange_->post([self, i] { self->drain(i); });
    });
    if (!request) {
      for (const auto& earlier : requests) earlier->cancel();
      const ApiError error = api_error(request.error(), request_.chat() ? "messages" : "prompt");
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
      if (account_ == 0) account_ = accounts_.begin();
      computed_[ask] = event.reused;
      if (times_.queue == 0) times_.queue = seconds_between(arrived_, Clock::now());
      usage_.cached += event.reused;
      if (!request_.stream) return;
      open_stream();
      for (size_t i = index; i < index + static_cast<size_t>(request_.asks[ask].answers); ++i) {
        shapes_->begin(static_cast<int>(i), usage_);
        if (request_.echo) shapes_->say(static_cast<int>(i), {.text = request_.prompts[ask]}, usage_);
      }
      return;
    case Event::Kind::progress:
      computed(ask, event.computed);
      if (request_.stream)
        shapes_->progress(static_cast<int>(request_.asks[ask].prompt.size()), event.computed,
                          1000 * seconds_between(arrived_, Clock::now()), usage_);
      return;
    case Event::Kind::token:
      computed(ask, static_cast<int>(request_.asks[ask].prompt.size()));
      accounts_.work(account_, 1);
      return take_token(index, event);
    case Event::Kind::ended:
      return end_one(index, event);
    case Event::Kind::done:
      if (++done_ == requests_.size()) complete();
      return;
    case Event::Kind::failed:
      return failed(api_error(event.error, request_.chat() ? "messages" : "prompt"));
  }
}

void AnswerJob::open_stream() {
  if (std::exchange(streaming_, true)) return;
  metrics_.http(200);
  exchange_->begin_events(headers());
}

Headers AnswerJob::headers() const {
  if (request_.ignored.empty()) return {};
  std::string names;
  for (const std::string& name : request_.ignored) {
    if (names.size() + name.size() > 2000) break;
    names += (names.empty() ? "" : ", ") + name;
  }
  for (char& c : names)
    if (c < 0x20 || c > 0x7e) c = '?';
  return {{"X-Freehold-Ignored", names}};
}

void AnswerJob::take_token(size_t index, Event& event) {
  const auto now = Clock::now();
  if (times_.first == 0) {
    times_.first = seconds_between(arrived_, now);
    times_.prompt = times_.first - times_.queue;
  }
  if (last_token_[index] != Clock::time_point{}) metrics_.between_tokens(seconds_between(last_token_[index], now));
  last_token_[index] = now;
  ++usage_.completion;
  usage_.reasoning += event.thinking;
  const bool scored = request_.logprobs >= 0 && !event.thinking;
  Choosing& choice = choices_[index];
  Said said = hear(choice, std::move(event.parts), false);
  if (request_.stream) {
    if (scored) said.token = &event.choice, said.text_offset = offsets_[index];
    shapes_->say(static_cast<int>(index), said, usage_);
    if (scored) offsets_[index] += static_cast<int>(side_.tokenizer.bytes_of(event.choice.token).size());
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
  const Said said = hear(choice, std::move(event.parts), true);
  usage_.foreseen += event.drafts.right;
  choice.stop = event.stop;
  choice.stopped_by = std::move(event.stopped_by);
  if (!request_.stream) return;
  shapes_->say(static_cast<int>(index), said, usage_);
  shapes_->finish(static_cast<int>(index), choice, usage_);
}

// So much of a prompt is computed: what is new of it counts as work.
void AnswerJob::computed(size_t ask, int tokens) {
  if (tokens <= computed_[ask]) return;
  accounts_.work(account_, tokens - computed_[ask]);
  computed_[ask] = tokens;
}

// The answer is over, in whatever way.
void AnswerJob::settle(std::string_view outcome) {
  over_ = true;
  times_.total = seconds_between(arrived_, Clock::now());
  times_.answer_tokens = usage_.completion;
  metrics_.ended(times_, outcome);
  if (account_ == 0) return;  // nothing was computed
  LedgerEntry entry;
  entry.model = side_.name, entry.weights = side_.weights();
  entry.outcome = outcome;
  for (const int tokens : computed_) entry.prompt += tokens;  // all, unless it was broken off
  entry.cached = usage_.cached;
  entry.reasoning = usage_.reasoning, entry.output = usage_.completion;
  entry.queue_ms = 1000 * times_.queue, entry.prefill_ms = 1000 * times_.prompt;
  if (times_.first > 0) entry.decode_ms = 1000 * (times_.total - times_.first);
  receipt_ = accounts_.settle(account_, client_.caller, std::move(entry));
}

void AnswerJob::complete() {
  settle(choices_[0].stop == Stop::end ? "stop" : "length");
  const Json receipt = client_.receipt && receipt_ ? receipt_->json() : Json(nullptr);
  if (request_.stream) {
    shapes_->last(usage_, receipt);
    return exchange_->end_events();
  }
  if (request_.echo)
    for (size_t i = 0; i < choices_.size(); ++i)
      choices_[i].text = request_.prompts[i / static_cast<size_t>(request_.asks[0].answers)] + choices_[i].text;
  metrics_.http(200);
  Json whole = shapes_->whole(choices_, usage_);
  if (!receipt.is_null()) whole["freehold"] = receipt;
  HttpAnswer answer{200, text_of(whole)};
  answer.headers = headers();
  exchange_->answer(std::move(answer));
}

void AnswerJob::failed(ApiError error) {
  settle("error");
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
  settle("abort");
  for (const auto& request : requests_) request->cancel();
}

}  // namespace freehold
