// Every row of the table of errors that can be brought about from outside without harm, and the guard of addresses.
#include "apps/net/conformance/parts.h"

namespace freehold::conformance {
namespace {

// An error of this status, in OpenAI's form.
Outcome error_as(const Reply& reply, int status, std::string_view code = "") {
  if (reply.ok()) return ignored("answered with 200");
  if (reply.http.status == 0) return wrong("no answer came: " + reply.http.fault);
  if (reply.http.status != status && !(status == 400 && reply.http.status == 422))
    return wrong(fmt::format("{}, expected {}", reply.told(), status));
  const Json& error = reply.at("error");
  for (const char* key : {"message", "type", "param", "code"})
    if (!error.is_object() || !error.contains(key))
      return wrong(fmt::format("{}, and the error lacks \"{}\"", reply.told(), key));
  if (!in(error, "message").is_string() || !in(error, "type").is_string()) return wrong("message or type is no text");
  if (!code.empty() && text_in(error, "code") != code)
    return wrong(fmt::format("{}, expected code {}", reply.told(), code));
  return honoured(reply.told());
}

Outcome raw(Probe& p, std::string body, int status, std::string type = "application/json") {
  return error_as(p.send({.path = Probe::chat_path, .body = std::move(body), .type = std::move(type)}), status);
}

Outcome too_long(Probe& p) {
  const Reply models = p.get("/v1/models");
  int64_t context = -1;
  for (const Json& one : models.at("data"))
    if (text_in(one, "id") == p.model()) context = count_in(one, "max_model_len");
  if (context <= 0 || context > 300'000)
    return not_shown("the server does not tell a context of at most 300,000 tokens (max_model_len)");
  std::string prompt;
  for (int64_t i = 0; i < context + 64; ++i) prompt += "sea ";
  return error_as(p.chat(with("{}", member("messages", Json::array({{{"role", "user"}, {"content", prompt}}})))), 400,
                  "context_length_exceeded");
}

Outcome wrong_key(Probe& p, const char* path, const Json& body) {
  const std::vector<std::string> headers = {"Authorization: Bearer no-such-key"};
  const Reply reply = body.is_null() ? p.get(path, headers) : p.post(path, body, headers);
  if (reply.ok() && p.client().key().empty()) return not_shown("the server asks for no key");
  if (reply.http.status == 404 || reply.http.status == 405) return {Verdict::refused, reply.told()};
  return error_as(reply, 401);
}

Outcome anthropic_key(Probe& p) {
  if (p.client().key().empty()) return not_shown("no --key was given");
  const Reply reply = p.get("/v1/models", {"Authorization:", "x-api-key: " + p.client().key()});
  return reply.ok() ? honoured("lets in") : wrong(reply.told());
}

Outcome too_large(Probe& p) {
  const Reply reply =
      p.send({.path = Probe::chat_path, .body = std::string((64u << 20) + 1, ' ') + "{}", .seconds = 60});
  if (reply.http.status == 0) return wrong("a body of 64 MiB: " + reply.http.fault);
  return error_as(reply, 413);
}

Outcome other_host(Probe& p) { return error_as(p.get("/v1/models", {"Host: rebound.example"}), 421); }
Outcome other_origin(Probe& p) { return error_as(p.get("/v1/models", {"Origin: http://elsewhere.example"}), 403); }

Outcome preflight(Probe& p) {
  const Reply reply = p.send({.method = "OPTIONS",
                              .path = Probe::chat_path,
                              .headers = {"Origin: http://elsewhere.example", "Access-Control-Request-Method: POST"}});
  const std::string allowed = reply.http.header("access-control-allow-origin");
  if (allowed.empty()) return honoured(fmt::format("{}, and no origin is allowed", reply.http.status));
  return wrong("any page may ask: access-control-allow-origin " + printable(allowed, 40));
}

Outcome deep(Probe& p) {
  return raw(p, with("{}", std::string("\"messages\":").append(5000, '[').append(5000, ']')), 400);
}

Outcome vectors_of_none(Probe& p) {
  const Reply reply = p.post("/v1/rerank", {{"query", "a"}, {"documents", Json::array({"b"})}});
  if (reply.ok()) return not_shown("the server ranks");
  return error_as(reply, 501, "not_supported");
}

Outcome tested(Probe&) { return {Verdict::elsewhere, "cannot be brought about from outside without harm"}; }

constexpr Check checks[] = {
    {"400 a value that is none", Level::must,
     [](Probe& p) { return error_as(p.chat(R"({"temperature":"hot"})"), 400); }},
    {"400 a body that is no JSON", Level::must, [](Probe& p) { return raw(p, "{\"messages\":", 400); }},
    {"400 a body that is no object", Level::must, [](Probe& p) { return raw(p, "[]", 400); }},
    {"400 a body that is no UTF-8", Level::should, [](Probe& p) { return raw(p, "{\"messages\":\"\xff\xfe\"}", 400); }},
    {"400 a body nested 5,000 deep", Level::must, deep},
    {"400 messages missing", Level::must, [](Probe& p) { return raw(p, "{}", 400); }},
    {"400 a prompt over the context", Level::must, too_long},
    {"401 a key that is none", Level::must, [](Probe& p) { return wrong_key(p, Probe::chat_path, p.chat_body("{}")); }},
    {"401 the same at /metrics", Level::should, [](Probe& p) { return wrong_key(p, "/metrics", nullptr); }},
    {"401 the same at /tokenize", Level::should,
     [](Probe& p) {
       return wrong_key(p, "/tokenize", {{"content", "a"}});
     }},
    {"x-api-key", Level::should, anthropic_key},
    {"402 a budget that is spent", Level::must, tested},
    {"403 a page of another origin", Level::should, other_origin},
    {"403 a model the key may not use", Level::must, tested},
    {"404 a model that is none", Level::must,
     [](Probe& p) { return error_as(p.chat(R"({"model":"no-such-model"})"), 404, "model_not_found"); }},
    {"404 a route that is none", Level::must, [](Probe& p) { return error_as(p.get("/v1/no-such-route"), 404); }},
    {"413 a body of 64 MiB", Level::must, too_large},
    {"415 a body of another type", Level::should,
     [](Probe& p) { return raw(p, p.chat_body("{}").dump(), 415, "text/plain"); }},
    {"421 another Host", Level::should, other_host},
    {"429 a queue that is full, with Retry-After", Level::must, tested},
    {"500 a bug", Level::must, tested},
    {"501 ranking without an encoder", Level::should, vectors_of_none},
    {"503 a model that is loading", Level::must, tested},
    {"CORS", Level::should, preflight},
};

}  // namespace

const std::span<const Check> error_checks = checks;

}  // namespace freehold::conformance
