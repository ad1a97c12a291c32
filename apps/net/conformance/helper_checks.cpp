// Routes that compute nothing: tokens, templates, what is served, how it is.
#include "apps/net/conformance/parts.h"

namespace freehold::conformance {
namespace {

constexpr const char* sentence = R"("The sea is blue.")";

Outcome tokenize(Probe& p, const char* field) {
  const Reply reply = p.post("/tokenize", Json::parse(fmt::format(R"({{"{}":{}}})", field, sentence)));
  if (auto no = refusal(reply)) return *no;
  const Json& tokens = reply.at("tokens");
  if (!tokens.is_array() || tokens.empty() || !tokens[0].is_number_integer()) return wrong("no list of tokens");
  return honoured(fmt::format("{} tokens", tokens.size()));
}

Outcome tokenize_messages(Probe& p) {
  const Reply reply = p.post("/tokenize", {{"messages", p.chat_body("{}")["messages"]}});
  if (auto no = refusal(reply)) return *no;
  const int64_t used = p.chat().count("usage/prompt_tokens");
  if (static_cast<int64_t>(reply.at("tokens").size()) != used)
    return wrong(fmt::format("{} tokens, a chat of them has {}", reply.at("tokens").size(), used));
  return honoured(fmt::format("{} tokens, as usage has it", used));
}

Outcome with_pieces(Probe& p) {
  const Reply reply = p.post("/tokenize", Json::parse(fmt::format(R"({{"content":{},"with_pieces":true}})", sentence)));
  if (auto no = refusal(reply)) return *no;
  std::string text;
  for (const Json& token : reply.at("tokens")) text += text_in(token, "piece");
  if (text.empty()) return ignored("there are no pieces");
  return text.ends_with("The sea is blue.") ? honoured("the pieces join to the text")
                                            : wrong("the pieces do not join to the text");
}

Outcome detokenize(Probe& p) {
  const Reply tokens = p.post("/tokenize", Json::parse(fmt::format(R"({{"content":{}}})", sentence)));
  const Reply reply = p.post("/detokenize", {{"tokens", tokens.at("tokens")}});
  if (auto no = refusal(reply)) return *no;
  const std::string text = reply.text("content").empty() ? reply.text("prompt") : reply.text("content");
  return text.ends_with("The sea is blue.") ? honoured("tokens become the text again")
                                            : wrong("another text: " + printable(text, 40));
}

Outcome apply_template(Probe& p) {
  const Reply reply = p.post("/apply-template", {{"messages", p.chat_body("{}")["messages"]}});
  if (auto no = refusal(reply)) return *no;
  if (reply.text("prompt").find(p.question()) == std::string::npos)
    return wrong("the prompt does not hold the message");
  return honoured(fmt::format("a prompt of {} bytes", reply.text("prompt").size()));
}

Outcome infill(Probe& p) {
  const Reply reply =
      p.post("/infill", {{"input_prefix", "def add(a, b):\n    "}, {"input_suffix", "\n"}, {"n_predict", 8}});
  if (auto no = refusal(reply)) return *no;
  if (!reply.at("content").is_string() || reply.count("tokens_predicted") > 8)
    return wrong("no content, or more tokens than asked for");
  return honoured(fmt::format("{} tokens", reply.count("tokens_predicted")));
}

Outcome models(Probe& p) {
  const Reply reply = p.get("/v1/models");
  if (auto no = refusal(reply)) return *no;
  for (const Json& one : reply.at("data"))
    if (text_in(one, "id") == p.model() && text_in(one, "object") == "model")
      return honoured(printable(p.model()) + " is listed");
  return wrong("the model is not listed");
}

Outcome one_model(Probe& p) {
  const Reply reply = p.get("/v1/models/" + p.model());
  if (auto no = refusal(reply)) return *no;
  return reply.text("id") == p.model() ? honoured("the model is described") : wrong("another id");
}

Outcome there(Probe& p, const char* path) {
  const Reply reply = p.get(path);
  if (auto no = refusal(reply)) return *no;
  return honoured(fmt::format("200, {} bytes of JSON", reply.http.body.size()));
}

Outcome alias(Probe& p, const char* path) {
  const Reply reply = p.post(path, p.chat_body("{}"));
  if (auto no = refusal(reply)) return *no;
  return reply.said() == p.greedy() ? honoured("answers as /v1/chat/completions") : wrong("answers otherwise");
}

Outcome request_id(Probe& p) {
  const Reply reply = p.get("/v1/models", {"x-request-id: conformance-17"});
  if (reply.http.header("x-request-id") == "conformance-17") return honoured("comes back");
  return ignored("does not come back");
}

constexpr Check checks[] = {
    {"GET /v1/models", Level::must, models},
    {"GET /v1/models/{id}", Level::should, one_model},
    {"GET /health", Level::must,
     [](Probe& p) {
       const Reply reply = p.get("/health");
       return reply.http.status == 200 ? honoured("200") : refusal(reply).value_or(wrong("no answer"));
     }},
    {"/chat/completions without /v1", Level::should, [](Probe& p) { return alias(p, "/chat/completions"); }},
    {"/beta/chat/completions", Level::should, [](Probe& p) { return alias(p, "/beta/chat/completions"); }},
    {"x-request-id", Level::should, request_id},
    {"tokenize: content", Level::should, [](Probe& p) { return tokenize(p, "content"); }},
    {"tokenize: prompt", Level::should, [](Probe& p) { return tokenize(p, "prompt"); }},
    {"tokenize: messages", Level::should, tokenize_messages},
    {"tokenize: with_pieces", Level::should, with_pieces},
    {"detokenize", Level::should, detokenize},
    {"apply-template", Level::should, apply_template},
    {"infill", Level::honest, infill},
    {"GET /props", Level::should, [](Probe& p) { return there(p, "/props"); }},
    {"GET /slots", Level::should, [](Probe& p) { return there(p, "/slots"); }},
};

}  // namespace

const std::span<const Check> helper_checks = checks;

}  // namespace freehold::conformance
