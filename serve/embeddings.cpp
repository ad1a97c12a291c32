#include "serve/embeddings.h"

#include <bit>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "serve/answer_shapes.h"
#include "serve/fields.h"
#include "serve/ollama.h"
#include "serve/prompts.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

constexpr size_t at_once = 16;  // inputs of one request that the scheduler has

}  // namespace

tl::expected<EmbeddingRequest, ApiError> read_embedding_request(const ModelSide& side, const Json& body) {
  if (!side.vectors)
    return Refused(ApiError{.status = 501,
                            .message = "this model's file states a way to make vectors that is not computed here",
                            .type = "not_supported_error",
                            .code = "not_supported"});
  EmbeddingRequest request;
  request.pooling = side.vectors->pooling;
  Fields fields(body);
  fields.find("model");  // checked by name
  std::string format = "float";
  fields.one_of("encoding_format", {"float", "base64"}, format);
  request.base64 = format == "base64";
  int dimensions = side.facts.hidden;
  fields.integer("dimensions", 1, side.facts.hidden, dimensions);
  request.dimensions = static_cast<size_t>(dimensions);
  fields.accept({"user", "metadata"});
  const Json* input = fields.find("input");
  if (!input) fields.fail(invalid("input", "is missing"));
  request.ignored = fields.unknown();
  if (side.strict && !request.ignored.empty()) fields.fail(unsupported_field(request.ignored.front(), "is not known"));
  if (fields.error()) return Refused(*fields.error());
  auto prompts = read_prompts(side, *input, "input", limits::embedding_inputs, Specials::as_text);
  if (!prompts) return Refused(std::move(prompts.error()));
  for (ReadPrompt& one : *prompts) {
    if (one.text) one.tokens = side.vectors->around(std::move(one.tokens));
    if (one.tokens.empty()) return Refused(invalid("input", "has no tokens"));
    if (one.tokens.size() > static_cast<size_t>(side.context))
      return Refused(too_long(side, one.tokens.size(), "input"));
    request.inputs.push_back(std::move(one.tokens));
  }
  return request;
}

tl::expected<std::vector<Token>, ApiError> tokens_for_vector(const ModelSide& side, std::string_view text,
                                                             const std::string& param) {
  auto tokens = encode_text(side, text, param, Specials::as_text);
  if (!tokens) return tokens;
  *tokens = side.vectors->around(std::move(*tokens));
  if (tokens->empty()) return Refused(invalid(param, "has no tokens"));
  if (tokens->size() > static_cast<size_t>(side.context)) return Refused(too_long(side, tokens->size(), param));
  return tokens;
}

EmbeddingJob::EmbeddingJob(const ModelSide& side, Metrics& metrics, Accounts& accounts, Scheduler& scheduler,
                           Client client, EmbeddingRequest request, std::shared_ptr<Exchange> exchange)
    : side_(side),
      metrics_(metrics),
      scheduler_(scheduler),
      request_(std::move(request)),
      exchange_(std::move(exchange)),
      spending_(side, metrics, accounts, std::move(client)),
      vectors_(request_.inputs.size()),
      numbers_(request_.inputs.size()) {
  for (const auto& tokens : request_.inputs) spending_.add_prompt(tokens.size());
}

void EmbeddingJob::start() {
  exchange_->post([self = shared_from_this()] {
    self->exchange_->on_gone([self] { self->abandon(); });
    self->submit_more();
  });
}

void EmbeddingJob::submit_more() {
  while (!over_ && asked_.size() < request_.inputs.size() && asked_.size() - done_ < at_once) {
    const size_t input = asked_.size();
    Ask ask;
    ask.prompt = request_.inputs[input];
    ask.pooling = request_.pooling;
    ask.text.raw = true;
    ask.user = spending_.user();
    auto request = scheduler_.submit(std::move(ask), [job = weak_from_this(), input] {
      if (const auto self = job.lock()) self->exchange_->post([self, input] { self->drain(input); });
    });
    if (!request) {
      // No place at the moment: those under way make some.
      if (request.error().fault == Fault::resources && asked_.size() > done_) return;
      return failed(api_error(request.error(), "input"));
    }
    request_.inputs[input] = {};
    asked_.push_back(std::move(*request));
  }
}

void EmbeddingJob::drain(size_t input) {
  for (Event& event : asked_[input]->take()) {
    if (over_) return;
    take(input, event);
  }
}

void EmbeddingJob::take(size_t input, Event& event) {
  switch (event.kind) {
    case Event::Kind::begun:
      return spending_.begun(input, event.reused);
    case Event::Kind::progress:
      return spending_.computed(input, event.computed);
    case Event::Kind::token:
    case Event::Kind::scored:
      return;
    case Event::Kind::ended:
      if (event.stop == Stop::cancelled) return failed(api_error({Fault::cancelled, "the server is ending"}, ""));
      if (event.vector.size() > request_.dimensions) {
        const std::vector<double> first(event.vector.begin(),
                                        event.vector.begin() + static_cast<std::ptrdiff_t>(request_.dimensions));
        event.vector.resize(first.size());
        if (!normalize(first, event.vector))
          return failed(invalid("dimensions", "the first numbers of a vector are all 0; ask for more"));
      }
      if (request_.made_of)
        numbers_[input] = std::move(event.vector);
      else
        vectors_[input] = written(event.vector);
      return;
    case Event::Kind::done:
      if (++done_ == request_.inputs.size()) return complete();
      return submit_more();
    case Event::Kind::failed:
      return failed(api_error(event.error, "input"));
  }
}

// In JSON. Numbers have as many digits as tell their float apart.
std::string EmbeddingJob::written(std::span<const float> vector) const {
  static_assert(std::endian::native == std::endian::little);
  if (request_.base64) return '"' + base64_of(std::as_bytes(vector)) + '"';
  return fmt::format("[{}]", fmt::join(vector, ","));
}

// Joined as text: a long list of vectors as one JSON value would keep the connections waiting.
std::string EmbeddingJob::list_of_vectors() {
  if (request_.style == Style::ollama_embed) return fmt::format(R"({{"embeddings":[{}]}})", fmt::join(vectors_, ","));
  if (request_.style == Style::ollama_embeddings) return fmt::format(R"({{"embedding":{}}})", vectors_[0]);
  std::string list = R"({"object":"list","data":[)";
  for (size_t i = 0; i < vectors_.size(); ++i)
    list += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":{}}})", i > 0 ? "," : "", i,
                        std::exchange(vectors_[i], {}));
  return list + "]}";
}

// What is told beside them.
Json EmbeddingJob::rest() const {
  const int tokens = spending_.usage().prompt;
  if (is_ollama(request_.style))
    return {{"model", side_.name},
            {"total_duration", nanoseconds(spending_.ms())},
            {"load_duration", 0},
            {"prompt_eval_count", tokens}};
  return {{"model", side_.name}, {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
}

void EmbeddingJob::complete() {
  over_ = true;
  const Json receipt = spending_.settle("stop");
  Json more = rest();
  if (!receipt.is_null()) more["freehold"] = receipt;
  HttpAnswer answer;
  answer.headers = ignored_header(request_.ignored);
  answer.body = request_.made_of ? text_of(request_.made_of(numbers_)) : list_of_vectors();
  answer.body.back() = ',';
  answer.body += text_of(more).substr(1);
  metrics_.http(200);
  exchange_->answer(std::move(answer));
}

void EmbeddingJob::failed(const ApiError& error) {
  over_ = true;
  spending_.settle("error");
  cancel_all();
  metrics_.http(error.status);
  exchange_->answer(answer_of(error, request_.style));
}

void EmbeddingJob::abandon() {
  if (over_) return;
  over_ = true;
  spending_.settle("abort");
  cancel_all();
}

void EmbeddingJob::cancel_all() {
  for (const auto& request : asked_) request->cancel();
}

}  // namespace freehold
