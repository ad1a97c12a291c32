#include "serve/api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/change_request.h"
#include "serve/fields.h"
#include "serve/ollama.h"
#include "serve/page.h"
#include "serve/rerank.h"
#include "serve/routes.h"
#include "text/prompt.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// Whom the scheduler shares time between, and who never see that another's text lies in memory: keys, or, where none
// are set up, what clients bring as one, or else where they come from.
std::string user_of(const HttpRequest& request) {
  if (!request.caller.key_id.empty()) return request.caller.key_id;
  const std::string_view secret = secret_of(request);
  return secret.empty() ? "from " + request.peer : "key " + std::string(secret);
}

// "a=b&c=d" as {"a": "b", "c": "d"}; nothing that is asked for by one needs escapes.
Json json_of_query(std::string_view query) {
  Json json = Json::object();
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const size_t sign = one.find('=');
    json[std::string(one.substr(0, sign))] =
        std::string(sign == std::string_view::npos ? std::string_view() : one.substr(sign + 1));
  }
  return json;
}

HttpAnswer answer_of(const Json& json) { return {200, text_of(json)}; }

bool makes_vectors(std::string_view path) {
  return path == "/embeddings" || path == "/rerank" || path == "/api/embed" || path == "/api/embeddings";
}

Json model_json(const ModelSide& side, const ModelSide& main) {
  const ModelFacts& facts = side.facts;
  return {{"id", side.name},
          {"parent", side.adapter ? Json(main.name) : Json(nullptr)},
          {"object", "model"},
          {"created", side.created},
          {"owned_by", "freehold"},
          {"max_model_len", side.context},
          {"meta",
           {{"n_vocab", facts.vocabulary},
            {"n_ctx_train", facts.context},
            {"n_embd", facts.hidden},
            {"n_params", facts.parameters},
            {"size", facts.weight_bytes}}}};
}

ApiError may_not_use(const std::string& name) {
  return {.status = 403,
          .message = fmt::format("this key may not use {}", name),
          .type = "permission_error",
          .param = "model",
          .code = "model_not_allowed"};
}

std::optional<ApiError> refuse_to_write(const ModelSide& side) {
  if (!side.facts.encoder) return std::nullopt;
  return ApiError{.status = 501,
                  .message = fmt::format("{} is an encoder: it makes vectors of texts (/v1/embeddings, /v1/rerank) and "
                                         "writes none",
                                         side.name),
                  .type = "not_supported_error",
                  .code = "not_supported"};
}

std::optional<ApiError> refuse_vectors(const ModelSide& side) {
  if (!side.adapter) return std::nullopt;
  return ApiError{.status = 501,
                  .message = fmt::format("{} is an adapter: it writes, and makes no vectors", side.name),
                  .type = "not_supported_error",
                  .param = "model",
                  .code = "not_supported"};
}

}  // namespace

void Api::handle(HttpRequest request, std::shared_ptr<Exchange> exchange) {
  struct Entry {
    const char *method, *path;
    Route route;
    Job job = nullptr;  // one of the two
  };
  static constexpr Entry routes[] = {
      {"GET", "/health", &Api::health},
      {"GET", "/models", &Api::models},
      {"GET", "/metrics", &Api::metrics},
      {"GET", "/lora-adapters", &Api::adapters},
      {"GET", "/freehold/state", &Api::state},
      {"GET", "/freehold/usage", &Api::usage},
      {"GET", "/freehold/budget", &Api::budget},
      {"GET", "/props", &Api::props},
      {"GET", "/slots", &Api::slots},
      {"GET", "/api/tags", &Api::ollama_tags},
      {"GET", "/api/ps", &Api::ollama_ps},
      {"GET", "/api/version", &Api::ollama_version},
      {"POST", "/api/show", &Api::ollama_show},
      {"POST", "/api/chat", nullptr, &Api::complete},
      {"POST", "/api/generate", nullptr, &Api::complete},
      {"POST", "/api/embed", nullptr, &Api::embed},
      {"POST", "/api/embeddings", nullptr, &Api::embed},
      {"GET", "/tokenizer_info", &Api::tokenizer_info},
      {"POST", "/tokenize", &Api::tokenize},
      {"POST", "/detokenize", &Api::detokenize},
      {"POST", "/apply-template", &Api::apply_template},
      {"POST", "/chat/completions", nullptr, &Api::complete},
      {"POST", "/completions", nullptr, &Api::complete},
      {"POST", "/messages", nullptr, &Api::complete},
      {"POST", "/responses", nullptr, &Api::complete},
      {"POST", "/infill", nullptr, &Api::complete},
      {"POST", "/embeddings", nullptr, &Api::embed},
      {"POST", "/rerank", nullptr, &Api::rerank},
      {"POST", "/messages/count_tokens", &Api::count_tokens},
  };
  if (auto page = page_answer(request)) return metrics_.http(page->status), exchange->answer(std::move(*page));
  if (papers_ && papers_->handle(request, exchange, metrics_)) return;
  std::string_view path = without_base(request.path);
  const Style style = style_of(path);
  const auto refuse = [&](ApiError error, Headers headers = {}) {
    metrics_.http(error.status);
    HttpAnswer answer = freehold::answer_of(error, style);
    answer.headers.insert(answer.headers.end(), headers.begin(), headers.end());
    exchange->answer(std::move(answer));
  };
  if (auto fault = refuse_route(path)) return refuse(std::move(*fault));
  const ModelSide* described = &side_;
  if (path.starts_with("/models/")) {
    const auto all = sides();
    const auto named =
        std::find_if(all.begin(), all.end(), [&](const ModelSide* side) { return path.substr(8) == side->name; });
    if (named == all.end()) return refuse(check_model_name(side_, {{"model", path.substr(8)}}).value_or(ApiError{}));
    described = *named;
    path = "/models/";
  }
  const auto found = std::find_if(std::begin(routes), std::end(routes), [&](const Entry& e) { return path == e.path; });
  const char* method = path == "/models/" ? "GET" : found == std::end(routes) ? nullptr : found->method;
  if (!method)
    return refuse({.status = 404,
                   .message = "no such route: " + printable(request.path),
                   .type = "not_found_error",
                   .code = "not_found"});
  if (request.method != method)
    return refuse({.status = 405, .message = fmt::format("expected {}", method), .code = "method_not_allowed"},
                  {{"Allow", method}});
  Json body = Json::object();
  if (path == "/freehold/usage" || path == "/slots") body = json_of_query(request.query);
  if (request.method == "POST") {
    Result<Json> parsed = parse_json(request.body, "request body");
    request.body = {};
    if (!parsed) return refuse({.message = parsed.error().what, .code = "invalid_json"});
    if (!parsed->is_object())
      return refuse({.message = "request body: expected a JSON object", .code = "invalid_json"});
    body = std::move(*parsed);
    if (is_ollama(style)) settle_ollama_name(body, sides());
  }
  if (scope_for(path) == scope_inference)
    if (auto fault = check_model(found != std::end(routes) && (found->job || path == "/api/show")
                                     ? served_for(path, body)
                                     : Served{side_for(body), scheduler_},
                                 request.caller, body))
      return refuse(std::move(*fault));
  if (path == "/models/") return metrics_.http(200), exchange->answer(answer_of(model_json(*described, side_)));
  if (found->job) {
    auto client = client_of(request, body);
    if (!client) return refuse(std::move(client.error()));
    if (auto fault = (this->*found->job)(body, style, std::move(*client), exchange)) refuse(std::move(*fault));
    return;
  }
  Answer answer = (this->*found->route)(body);
  if (!answer) return refuse(std::move(answer.error()));
  metrics_.http(200);
  exchange->answer(std::move(*answer));
}

// Who asks for something that computes, and whose use it counts as.
tl::expected<Client, ApiError> Api::client_of(const HttpRequest& request, const Json& body) const {
  if (accounts_.failed())
    return Refused({.status = 503,
                    .message = "use cannot be recorded at the moment, so none is allowed",
                    .type = "unavailable_error",
                    .code = "ledger_unwritable"});
  Client client{user_of(request), request.caller,
                surroundings_.receipts || request.header("x-freehold-receipt") == "1"};
  const auto metadata = body.find("metadata");
  if (metadata == body.end() || !metadata->is_object()) return client;
  Fields fields(*metadata, "metadata.");
  std::string department;
  const bool named = fields.text("department", department);
  if (fields.error()) return Refused(*fields.error());
  if (!named) return client;
  if (!is_key_word(department))
    return Refused(invalid("metadata.department", "expected a name of 1 to 64 bytes without commas"));
  auto charged = guard_.charge(std::move(client.caller), department);
  if (!charged) return Refused(std::move(charged.error()));
  client.caller = std::move(*charged);
  return client;
}

std::vector<ModelSide> Api::adapted_sides(const ModelSide& side) {
  std::vector<ModelSide> sides;
  if (!side.changes) return sides;
  for (const ChangeFile& file : *side.changes) {
    if (file.steers) continue;
    ModelSide& one = sides.emplace_back(side);
    one.name = file.name, one.aliases = {}, one.adapter = &file;
  }
  return sides;
}

std::vector<const ModelSide*> Api::sides() const {
  std::vector<const ModelSide*> all = {&side_};
  for (const ModelSide& one : adapted_) all.push_back(&one);
  if (encoder_) all.push_back(&encoder_->side);
  return all;
}

const ModelSide& Api::side_for(const Json& body) const {
  const auto model = body.find("model");
  for (const ModelSide& one : adapted_)
    if (model != body.end() && *model == one.name) return one;
  return side_;
}

Served Api::served_for(std::string_view path, const Json& body) const {
  const Served main{side_for(body), scheduler_};
  if (!encoder_) return main;
  const auto model = body.find("model");
  const bool named = model != body.end() && model->is_string() && !model->get_ref<const std::string&>().empty();
  const bool fits = !check_model_name(encoder_->side, body);  // nothing named fits every model
  return (named ? fits : makes_vectors(path)) ? *encoder_ : main;
}

std::optional<ApiError> Api::check_model(const Served& served, const Caller& caller, const Json& body) const {
  if (!may_use(caller, served.side)) return may_not_use(served.side.name);
  auto fault = check_model_name(served.side, body);
  if (fault && fault->status == 404 && encoder_) fault->message += " and " + encoder_->side.name;
  return fault;
}

std::optional<ApiError> Api::complete(const Json& body, Style style, Client client,
                                      std::shared_ptr<Exchange> exchange) {
  const ModelSide& side = served_for("", body).side;
  if (auto fault = refuse_to_write(side)) return fault;
  if (asks_to_load(style, body)) {
    auto loaded = loaded_answer(side, style, body);
    if (!loaded) return std::move(loaded.error());
    metrics_.http(200);
    exchange->answer(std::move(*loaded));
    return std::nullopt;
  }
  auto read = style == Style::chat        ? read_chat_request(side, body)
              : style == Style::messages  ? read_messages_request(side, body)
              : style == Style::responses ? read_responses_request(side, body)
              : style == Style::infill    ? read_infill_request(side, body)
              : is_ollama(style)          ? read_ollama_request(side, style, body)
                                          : read_text_request(side, body);
  if (!read) return std::move(read.error());
  for (const std::string& change : read->changed_by)
    if (!may_use(client.caller, change)) return may_not_use(change);
  const auto constraint = grammars_.constraint(client.user, read->grammar, read->tools);
  if (!constraint) return constraint.error();
  for (Ask& ask : read->asks) ask.constraint = *constraint;
  std::make_shared<AnswerJob>(side, metrics_, accounts_, std::move(client), std::move(*read), std::move(exchange))
      ->start(scheduler_);
  return std::nullopt;
}

std::optional<ApiError> Api::embed(const Json& body, Style style, Client client, std::shared_ptr<Exchange> exchange) {
  const Served served = served_for("/embeddings", body);
  if (auto fault = refuse_vectors(served.side)) return fault;
  auto read = is_ollama(style) ? read_ollama_embedding_request(served.side, style, body)
                               : read_embedding_request(served.side, body);
  if (!read) return std::move(read.error());
  begin_vectors(served, std::move(*read), std::move(client), std::move(exchange));
  return std::nullopt;
}

std::optional<ApiError> Api::rerank(const Json& body, Style, Client client, std::shared_ptr<Exchange> exchange) {
  const Served served = served_for("/rerank", body);
  if (auto fault = refuse_vectors(served.side)) return fault;
  auto read = read_rerank_request(served.side, body);
  if (!read) return std::move(read.error());
  begin_vectors(served, std::move(*read), std::move(client), std::move(exchange));
  return std::nullopt;
}

void Api::begin_vectors(const Served& served, EmbeddingRequest request, Client client,
                        std::shared_ptr<Exchange> exchange) {
  std::make_shared<EmbeddingJob>(served.side, metrics_, accounts_, served.scheduler, std::move(client),
                                 std::move(request), std::move(exchange))
      ->start();
}

Api::Answer Api::count_tokens(const Json& body) {
  auto count = count_messages_tokens(side_, body);
  if (!count) return Refused(std::move(count.error()));
  return answer_of(Json{{"input_tokens", *count}});
}

Api::Answer Api::health(const Json&) { return answer_of(Json{{"status", "ok"}}); }

Api::Answer Api::models(const Json&) {
  Json list = Json::array();
  for (const ModelSide* side : sides()) list.push_back(model_json(*side, side_));
  return answer_of(Json{{"object", "list"}, {"data", std::move(list)}});
}

Api::Answer Api::adapters(const Json&) { return answer_of(adapters_json(side_)); }

Api::Answer Api::metrics(const Json&) {
  HttpAnswer answer{200, metrics_.text(scheduler_.counts()) + accounts_.metrics()};
  answer.type = "text/plain; version=0.0.4; charset=utf-8";
  return answer;
}

// vLLM's: what of a tokenizer's configuration clients ask for that encode and render by the server. Null: has none.
Api::Answer Api::tokenizer_info(const Json&) {
  Json json = special_tokens(side_.tokenizer);
  for (auto& [name, text] : json.items())
    if (text == "") text = nullptr;
  json["add_bos_token"] = side_.tokenizer.adds_bos();
  json["model_max_length"] = side_.context;
  json["chat_template"] = nullptr;
  if (side_.format && !side_.format->source().empty()) json["chat_template"] = side_.format->source();
  return answer_of(json);
}

// Both llama.cpp's shape (content) and vLLM's (prompt, or messages).
Api::Answer Api::tokenize(const Json& body) {
  Fields fields(body);
  std::string text;
  bool begin = false, parse = true, pieces = false;
  const bool content = fields.text("content", text);
  const bool prompt = fields.text("prompt", text);
  begin = prompt;
  fields.boolean("add_special", begin);
  fields.boolean("add_special_tokens", begin);
  fields.boolean("parse_special", parse);
  fields.boolean("with_pieces", pieces);
  fields.accept({"model"});
  std::vector<Token> tokens;
  if (const Json* messages = content || prompt ? nullptr : fields.find("messages"); messages && !fields.error()) {
    auto chat = render_request(side_, fields);
    if (!chat) return Refused(std::move(chat.error()));
    tokens = std::move(chat->tokens);
  } else if (!content && !prompt) {
    fields.fail(invalid("content", "is missing; prompt or messages would do too"));
  }
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) return Refused(*fields.error());
  if (content || prompt) {
    if (text.size() > (8u << 20)) return Refused(invalid(content ? "content" : "prompt", "is over 8 MiB"));
    tokens = side_.tokenizer.encode(text, parse ? Specials::parse : Specials::as_text);
    const auto bos = side_.tokenizer.bos();
    if (begin && side_.tokenizer.adds_bos() && bos && (tokens.empty() || tokens[0] != *bos))
      tokens.insert(tokens.begin(), *bos);
  }
  Json list = Json::array();
  for (const Token token : tokens) {
    if (pieces)
      list.push_back({{"id", token}, {"piece", side_.tokenizer.decode({&token, 1})}});
    else
      list.push_back(token);
  }
  Json json = {{"tokens", std::move(list)}};
  if (!content) json["count"] = tokens.size(), json["max_model_len"] = side_.context;
  return answer_of(json);
}

Api::Answer Api::detokenize(const Json& body) {
  Fields fields(body);
  const Json* list = fields.find("tokens");
  if (!list || !list->is_array()) fields.fail(invalid("tokens", "expected a list of token ids"));
  fields.accept({"model"});
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) return Refused(*fields.error());
  std::vector<Token> tokens;
  for (const Json& id : *list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= side_.facts.vocabulary)
      return Refused(invalid("tokens", fmt::format("expected token ids below {}", side_.facts.vocabulary)));
    tokens.push_back(id.get<Token>());
  }
  const std::string text = side_.tokenizer.decode(tokens);
  return answer_of(Json{{"content", text}, {"prompt", text}});
}

Api::Answer Api::apply_template(const Json& body) {
  Fields fields(body);
  fields.accept({"model"});
  auto chat = render_request(side_, fields);
  if (!chat) return Refused(std::move(chat.error()));
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) return Refused(*fields.error());
  return answer_of(Json{{"prompt", chat->text}});
}

}  // namespace freehold
