// Ollama's own routes, for programs that know no other.
#include "apps/net/conformance/parts.h"

namespace freehold::conformance {
namespace {

Json ollama_body(Probe& p, Json body, std::string_view options) {
  body["model"] = p.model();
  body["options"] = {{"temperature", 0}, {"num_predict", 16}, {"seed", 11}};
  body["options"].update(Json::parse(options));
  if (p.chat_body("{}").contains("chat_template_kwargs")) body["think"] = false;  // what keeps this model from thinking
  return body;
}

Json chat_of(Probe& p, std::string_view members = "{}", std::string_view options = "{}") {
  Json body = {{"messages", Json::array({{{"role", "user"}, {"content", p.question()}}})}, {"stream", false}};
  body.update(Json::parse(members));
  return ollama_body(p, std::move(body), options);
}

Reply ollama_chat(Probe& p, std::string_view members = "{}", std::string_view options = "{}") {
  return p.post("/api/chat", chat_of(p, members, options));
}

Reply generate(Probe& p, std::string_view members = "{}") {
  Json body = {{"prompt", p.question()}, {"stream", false}};
  body.update(Json::parse(members));
  return p.post("/api/generate", ollama_body(p, std::move(body), "{}"));
}

std::string said(const Json& json) {
  return text_in(json, "message/thinking") + text_in(json, "message/content") + text_in(json, "response");
}

// What is missing of an answer that is complete; "" for nothing.
std::string missing(const Json& json) {
  if (in(json, "done") != Json(true)) return "done is not true";
  for (const char* name : {"total_duration", "prompt_eval_count", "eval_count", "eval_duration"})
    if (count_in(json, name) < 0) return std::string("there is no ") + name;
  return text_in(json, "done_reason").empty() ? "there is no done_reason" : "";
}

Outcome tags(Probe& p) {
  const Reply reply = p.get("/api/tags");
  if (auto no = refusal(reply)) return *no;
  for (const Json& one : reply.at("models")) {
    const std::string name = text_in(one, "name");
    if ((name == p.model() || name == p.model() + ":latest") && count_in(one, "size") >= 0 &&
        in(one, "details").is_object())
      return honoured(printable(name) + " is listed");
  }
  return wrong("the model is not listed with its size and details");
}

Outcome version(Probe& p) {
  const Reply reply = p.get("/api/version");
  if (auto no = refusal(reply)) return *no;
  const std::string number = reply.text("version");
  if (number.empty() || number[0] < '0' || number[0] > '9') return wrong("version is no number");
  return honoured(printable(number, 30));
}

Outcome running(Probe& p) {
  const Reply reply = p.get("/api/ps");
  if (auto no = refusal(reply)) return *no;
  if (!reply.at("models").is_array()) return wrong("no list of models");
  return honoured(fmt::format("{} in memory", reply.at("models").size()));
}

Outcome show(Probe& p) {
  const Reply reply = p.post("/api/show", {{"model", p.model()}});
  if (auto no = refusal(reply)) return *no;
  if (!reply.at("details").is_object() || !reply.at("model_info").is_object())
    return wrong("no details and model_info");
  if (!reply.at("capabilities").is_array()) return wrong("no capabilities");
  return honoured("details, model_info and capabilities");
}

Outcome chat(Probe& p) {
  const Reply reply = ollama_chat(p);
  if (auto no = refusal(reply)) return *no;
  if (reply.text("message/role") != "assistant") return wrong("no message of the assistant");
  if (const std::string what = missing(reply.json); !what.empty()) return wrong(what);
  if (said(reply.json) != p.greedy()) return wrong("another answer than that of /v1/chat/completions");
  return honoured("the answer of /v1/chat/completions, with its numbers");
}

Outcome streamed(Probe& p, const char* path, Json body) {
  const std::string whole = said(p.post(path, body).json);
  body.erase("stream");
  const Reply reply = p.post(path, body);
  if (reply.http.status != 200 || !reply.http.fault.empty()) return refusal(reply).value_or(wrong(reply.told()));
  std::string text;
  std::string_view rest = reply.http.body;
  int lines = 0;
  Json last;
  for (; !rest.empty(); ++lines) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return wrong("the last line has no end");
    if (in(last, "done") == Json(true)) return wrong("lines after the one that is done");
    last = json_of(rest.substr(0, end));
    if (!last.is_object()) return wrong("a line that is no JSON: " + printable(rest.substr(0, end), 60));
    text += said(last);
    rest.remove_prefix(end + 1);
  }
  if (const std::string what = missing(last); !what.empty()) return wrong("at the end " + what);
  if (lines < 3) return ignored(fmt::format("{} lines, though stream is true by itself", lines));
  if (text != whole) return wrong("the lines are not the answer that comes without stream");
  return honoured(fmt::format("{} lines join to the same answer", lines));
}

Outcome length(Probe& p) {
  const Reply reply = ollama_chat(p, "{}", R"({"num_predict":5})");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("eval_count");
  if (tokens > 5) return ignored(fmt::format("5 asked for, {} came", tokens));
  if (tokens == 5 && reply.text("done_reason") != "length") return wrong("done_reason is not length");
  return honoured(fmt::format("{} tokens, done_reason {}", tokens, printable(reply.text("done_reason"), 20)));
}

Outcome seed(Probe& p) {
  if (!p.random()) return not_shown("this model says the same whatever the temperature");
  const auto at = [&](int number) {
    return ollama_chat(p, "{}", fmt::format(R"({{"temperature":2,"top_k":0,"top_p":1,"seed":{}}})", number));
  };
  const Reply one = at(1), again = at(1);
  if (auto no = refusal(one)) return *no;
  if (said(one.json) != said(again.json)) return ignored("the same seed gives two answers");
  if (said(one.json) == said(at(2).json) && said(one.json) == said(at(3).json))
    return ignored("other seeds give no others");
  return honoured("the same seed the same answer, other seeds others");
}

Outcome stop(Probe& p) {
  const std::string whole = said(ollama_chat(p).json);
  std::string stop;
  for (size_t i = whole.size() / 3; i < whole.size() && stop.empty(); ++i)
    if (whole[i] > ' ' && whole[i] < 0x7f) stop = whole.substr(i, 1);
  if (stop.empty()) return not_shown("no answer of this model has a text to stop at");
  const Reply reply = ollama_chat(p, "{}", with("{}", member("stop", Json::array({stop}))));
  if (auto no = refusal(reply)) return *no;
  if (said(reply.json) != whole.substr(0, whole.find(stop))) return ignored("the answer does not end before it");
  return honoured("ends before it");
}

Outcome format(Probe& p) {
  const Reply reply =
      ollama_chat(p, with("{}", member("format", Json::parse(small_schema))), R"({"temperature":1,"num_predict":200})");
  if (auto no = refusal(reply)) return *no;
  if (!fits_small_schema(json_of(reply.text("message/content"))))
    return ignored_by(reply, "the answer does not fit: " + printable(reply.text("message/content"), 40));
  return honoured("the answer fits");
}

Outcome tools(Probe& p) {
  const Reply plain = ollama_chat(p), reply = ollama_chat(p, std::string(R"({"tools":[)") + weather_tool + "]}");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("prompt_eval_count") - plain.count("prompt_eval_count");
  if (tokens <= 0) return ignored_by(reply, "the prompt is not longer for them");
  return honoured(fmt::format("{} more tokens in the prompt", tokens));
}

Outcome images(Probe& p) {
  const Json message = {{"role", "user"}, {"content", p.question()}, {"images", Json::array({"iVBORw0KGgo="})}};
  const Reply reply = ollama_chat(p, with("{}", member("messages", Json::array({message}))));
  if (auto no = refusal(reply)) return *no;
  if (said(reply.json) == p.greedy()) return ignored("answered as if no picture were there");
  return not_shown("a picture is taken; whether it is seen depends on the model");
}

Outcome prompt(Probe& p) {
  const Reply reply = generate(p);
  if (auto no = refusal(reply)) return *no;
  if (!reply.at("response").is_string()) return wrong("there is no response");
  if (const std::string what = missing(reply.json); !what.empty()) return wrong(what);
  return honoured(fmt::format("a response of {} tokens", reply.count("eval_count")));
}

Outcome raw(Probe& p) {
  const Reply plain = generate(p), reply = generate(p, R"({"raw":true})");
  if (auto no = refusal(reply)) return *no;
  const int64_t fewer = plain.count("prompt_eval_count") - reply.count("prompt_eval_count");
  if (fewer <= 0) return ignored_by(reply, "the prompt is no shorter without the template");
  return honoured(fmt::format("{} tokens fewer, without the template", fewer));
}

Outcome system(Probe& p) {
  const Reply plain = generate(p, R"({"system":"Be brief."})"),
              reply = generate(p, with("{}", member("system", long_instruction)));
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("prompt_eval_count") - plain.count("prompt_eval_count");
  if (tokens <= 0) return ignored_by(reply, "a long one makes the prompt no longer than a short one");
  return honoured(fmt::format("a long one has {} tokens more than a short one", tokens));
}

Outcome load(Probe& p) {
  const Reply reply = p.post("/api/generate", {{"model", p.model()}});
  if (auto no = refusal(reply)) return *no;
  if (reply.at("done") != Json(true) || reply.text("done_reason") != "load")
    return wrong("it does not say that it is loaded");
  return honoured("done_reason load");
}

Outcome embed(Probe& p) {
  const Reply one = p.post("/api/embed", {{"input", "The sea is blue"}}),
              two = p.post("/api/embed", {{"input", Json::array({"Red", "The sea is blue"})}});
  if (auto no = refusal(one)) return *no;
  if (auto no = refusal(two)) return *no;
  if (two.at("embeddings").size() != 2) return wrong("two texts, another number of vectors");
  if (one.at("embeddings/0").empty() || one.at("embeddings/0") != two.at("embeddings/1"))
    return wrong("a text has another vector in company");
  return honoured(fmt::format("vectors of {} numbers", one.at("embeddings/0").size()));
}

Outcome error(Probe& p) {
  Json body = chat_of(p);
  body["model"] = "a-model-that-is-none";
  const Reply reply = p.post("/api/chat", body);
  if (reply.ok()) return ignored("a model that is none answers");
  if (reply.http.status != 404 || reply.text("error").empty())
    return wrong("expected 404 and a text, came " + reply.told());
  return honoured("404, the error is a text");
}

constexpr Check checks[] = {
    {"GET /api/tags", Level::should, tags},
    {"GET /api/version", Level::should, version},
    {"GET /api/ps", Level::should, running},
    {"/api/show", Level::should, show},
    {"/api/chat", Level::should, chat},
    {"/api/chat: stream", Level::should, [](Probe& p) { return streamed(p, "/api/chat", chat_of(p)); }},
    {"/api/chat: options.num_predict", Level::honest, length},
    {"/api/chat: options.seed", Level::honest, seed},
    {"/api/chat: options.stop", Level::honest, stop},
    {"/api/chat: format", Level::honest, format},
    {"/api/chat: tools", Level::honest, tools},
    {"/api/chat: images", Level::honest, images},
    {"/api/generate", Level::should, prompt},
    {"/api/generate: stream", Level::should,
     [](Probe& p) {
       return streamed(p, "/api/generate", ollama_body(p, {{"prompt", p.question()}, {"stream", false}}, "{}"));
     }},
    {"/api/generate: raw", Level::honest, raw},
    {"/api/generate: system", Level::honest, system},
    {"/api/generate without a prompt", Level::should, load},
    {"/api/embed", Level::should, embed},
    {"/api: a model that is none", Level::should, error},
};

}  // namespace

const std::span<const Check> ollama_checks = checks;

}  // namespace freehold::conformance
