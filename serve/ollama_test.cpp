#include "serve/ollama.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run/byte_tokenizer.h"
#include "serve/answer_request.h"
#include "serve/answer_shapes.h"
#include "serve/routes.h"

namespace freehold {
namespace {

using Names = std::vector<std::string>;

struct Ollama : testing::Test {
  ModelFacts facts;
  Tokenizer tokenizer = byte_tokenizer();
  ModelSide side{
      .name = "m", .facts = facts, .tokenizer = tokenizer, .context = 512, .most_answers = 4, .fingerprint = "f"};

  Ollama() {
    facts.architecture = "llama";
    facts.vocabulary = 260, facts.hidden = 16;
    side.format.emplace(
        *ChatTemplate::parse("{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}", "test"));
  }
  tl::expected<AnswerRequest, ApiError> read(const char* json, Style style = Style::ollama_chat) {
    return read_ollama_request(side, style, Json::parse(json));
  }
  AnswerRequest good(const char* json, Style style = Style::ollama_chat) {
    auto request = read(json, style);
    EXPECT_TRUE(request) << json << ": " << request.error().message;
    return request ? std::move(*request) : AnswerRequest{};
  }
  std::string fault(const char* json, Style style = Style::ollama_chat) {
    const auto request = read(json, style);
    EXPECT_FALSE(request) << json;
    return request ? "" : request.error().message;
  }
  std::string prompt(const AnswerRequest& request) { return tokenizer.decode(request.asks.at(0).prompt); }
};

TEST_F(Ollama, SettingsHaveItsDefaultsAndItsNames) {
  const AnswerRequest plain = good(R"({"messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_TRUE(plain.stream);
  EXPECT_EQ(plain.style, Style::ollama_chat);
  EXPECT_EQ(plain.ignored, Names{});
  const Ask& usual = plain.asks.at(0);
  EXPECT_EQ(usual.max_tokens, -1);
  EXPECT_EQ(std::tuple(usual.sampling.temperature, usual.sampling.top_k, usual.sampling.top_p, usual.sampling.min_p,
                       usual.sampling.repetition_penalty),
            std::tuple(0.8, 40, 0.9, 0.0, 1.0));
  const AnswerRequest set = good(
      R"({"messages":[{"role":"user","content":"Hi"}],"stream":false,"keep_alive":"5m","truncate":false,"options":{"temperature":0.5,
          "top_k":7,"top_p":0.6,"min_p":0.1,"seed":9,"num_predict":3,"stop":["a","b"],"repeat_penalty":1.25,"repeat_last_n":-1,
          "presence_penalty":0.5,"frequency_penalty":-0.5,"num_ctx":512}})");
  EXPECT_FALSE(set.stream);
  EXPECT_EQ(set.ignored, Names{});
  const Ask& ask = set.asks.at(0);
  EXPECT_EQ(ask.max_tokens, 3);
  EXPECT_EQ(ask.text.stops, (Names{"a", "b"}));
  const SamplerSettings& s = ask.sampling;
  EXPECT_EQ(std::tuple(s.temperature, s.top_k, s.top_p, s.min_p, s.seed, s.repetition_penalty, s.presence_penalty,
                       s.frequency_penalty),
            std::tuple(0.5, 7, 0.6, 0.1, 9u, 1.25, 0.5, -0.5));
}

TEST_F(Ollama, MinusOneIsNoNumber) {
  const AnswerRequest one = good(
                          R"({"messages":[{"role":"user","content":"Hi"}],"options":{"seed":-1,"num_predict":-1}})"),
                      two = good(
                          R"({"messages":[{"role":"user","content":"Hi"}],"options":{"seed":-1,"num_predict":-2}})");
  EXPECT_NE(one.asks.at(0).sampling.seed, two.asks.at(0).sampling.seed);  // both are drawn
  EXPECT_EQ(two.asks.at(0).max_tokens, -1);
}

TEST_F(Ollama, WhatChangesNothingIsNamed) {
  const char* body =
      R"({"messages":[{"role":"user","content":"Hi"}],"shift":true,"temperature":0,"think":true,"options":{"num_ctx":100000,
          "num_thread":4,"repeat_last_n":64}})";
  EXPECT_EQ(good(body).ignored,
            (Names{"think", "options.repeat_last_n", "options.num_ctx", "options.num_thread", "shift", "temperature"}));
  side.strict = true;
  EXPECT_EQ(fault(body), "think: is not known, or changes nothing with this model");
  EXPECT_EQ(fault(R"({"messages":[{"role":"user","content":"Hi"}],"options":{"numa":true}})"),
            "options.numa: is not known, or changes nothing here");
}

TEST_F(Ollama, FaultsAreToldInItsWords) {
  const std::pair<const char*, const char*> bad[] = {
      {R"("options":{"temperature":9})", "options.temperature: expected a number from 0 to 2, found 9"},
      {R"("options":{"num_predict":0})", "options.num_predict: expected a whole number from 1 to 2147483647, found 0"},
      {R"("options":{"stop":3})", "options.stop: expected texts of 1 to 1024 bytes"},
      {R"("options":{"mirostat":2})", "options.mirostat: is not served yet"},
      {R"("options":{"num_ctx":"8"})", "options.num_ctx: expected a whole number from 1 to 2147483647, found 8"},
      {R"("options":[])", "options: expected an object"},
      {R"("format":"yaml")", "format: expected json or a JSON schema"},
      {R"("think":"much")", "think: expected one of low, medium, high, max, found much"},
      {R"("stream":1)", "stream: expected true or false, found 1"},
      {R"("keep_alive":[])", "keep_alive: expected a number of seconds, or a time such as \"5m\""},
      {R"("images":["aGVsbG8="])", "images: only text is read here"},
      {R"("tools":[{"type":"function","function":{"name":"f"}}])", "tools: the prompt format of this model knows none"},
      {R"("top_logprobs":3)", "top_logprobs: needs logprobs: true"},
  };
  for (const auto& [member, message] : bad)
    EXPECT_EQ(fault(fmt::format(R"({{"messages":[{{"role":"user","content":"Hi"}}],{}}})", member).c_str()), message);
  for (const char* messages :
       {R"("Hi")", R"(["Hi"])", R"([{"role":"user"}])", R"([{"role":"king","content":"Hi"}])",
        R"([{"role":"user","content":"Hi","images":["aGVsbG8="]}])",
        R"([{"role":"user","content":"Hi","colour":"red"}])", R"([{"role":"assistant","content":"Hi","thinking":3}])"})
    EXPECT_TRUE(fault(fmt::format(R"({{"messages":{}}})", messages).c_str()).starts_with("messages")) << messages;
}

TEST_F(Ollama, APromptIsAChatOrItself) {
  const auto text = [&](const char* json) { return prompt(good(json, Style::ollama_generate)); };
  EXPECT_EQ(text(R"({"prompt":"Hi"})"), "[user] Hi\n");
  EXPECT_EQ(text(R"({"prompt":"Hi","system":"Be brief."})"), "[system] Be brief.\n[user] Hi\n");
  EXPECT_EQ(text(R"({"prompt":"Hi","raw":true})"), "Hi");
  EXPECT_EQ(good(R"({"prompt":"Hi","raw":true})", Style::ollama_generate).asks.at(0).max_tokens, -1);
  EXPECT_EQ(
      good(R"({"prompt":"Hi","raw":true,"options":{"num_predict":5}})", Style::ollama_generate).asks.at(0).max_tokens,
      5);
  EXPECT_EQ(good(R"({"prompt":"Hi","raw":true,"logprobs":true,"top_logprobs":2})", Style::ollama_generate).logprobs, 2);
  const std::pair<const char*, const char*> bad[] = {
      {R"("raw":true,"system":"s")", "system: has no place in a raw prompt"},
      {R"("suffix":"x","system":"s")", "system: has no place where suffix is there"},
      {R"("template":"{{ .Prompt }}")", "template: is the model's own here; raw: true takes a prompt as it is"},
      {R"("context":[1,2])", "context: is not kept here; /api/chat takes the messages of a conversation"},
      {R"("raw":1)", "raw: expected true or false, found 1"},
  };
  for (const auto& [member, message] : bad)
    EXPECT_EQ(fault(fmt::format(R"({{"prompt":"Hi",{}}})", member).c_str(), Style::ollama_generate), message);
  EXPECT_TRUE(fault(R"({"prompt":"Hi","suffix":"x"})", Style::ollama_generate).starts_with("suffix: "));
  side.format.reset();  // a model without template goes on with the text
  EXPECT_EQ(text(R"({"prompt":"Hi"})"), "Hi");
  EXPECT_EQ(read(R"({"messages":[{"role":"user","content":"Hi"}]})").error().status, 501);
}

TEST_F(Ollama, FormsOfAnswers) {
  const auto kind = [&](const char* format) {
    return good(fmt::format(R"({{"messages":[{{"role":"user","content":"Hi"}}],"format":{}}})", format).c_str())
        .grammar.kind;
  };
  EXPECT_EQ(kind("null"), GrammarAsk::Kind::none);
  EXPECT_EQ(kind("\"\""), GrammarAsk::Kind::none);
  EXPECT_EQ(kind("\"json\""), GrammarAsk::Kind::json_object);
  EXPECT_EQ(kind(R"({"type":"object"})"), GrammarAsk::Kind::json_schema);
}

TEST_F(Ollama, NamesHaveATagAndAnOlderField) {
  ModelSide other = side;
  other.name = "x:latest";
  const ModelSide* const served[] = {&side, &other};
  const auto settled = [&](const char* json) {
    Json body = Json::parse(json);
    settle_ollama_name(body, served);
    return body;
  };
  EXPECT_EQ(settled(R"({"model":"m:latest"})"), Json::parse(R"({"model":"m"})"));
  EXPECT_EQ(settled(R"({"name":"m:latest"})"), Json::parse(R"({"model":"m"})"));
  EXPECT_EQ(settled(R"({"model":"x:latest"})"), Json::parse(R"({"model":"x:latest"})"));
  EXPECT_EQ(settled(R"({"model":"m:7b"})"), Json::parse(R"({"model":"m:7b"})"));
  EXPECT_EQ(settled(R"({"model":3})"), Json::parse(R"({"model":3})"));
  EXPECT_EQ(settled("{}"), Json::object());
}

TEST_F(Ollama, AnEmptyRequestLoads) {
  EXPECT_TRUE(asks_to_load(Style::ollama_chat, Json::parse(R"({"messages":[]})")));
  EXPECT_TRUE(asks_to_load(Style::ollama_generate, Json::parse(R"({"prompt":""})")));
  EXPECT_FALSE(asks_to_load(Style::ollama_generate, Json::parse(R"({"prompt":"","suffix":"x"})")));
  EXPECT_FALSE(asks_to_load(Style::ollama_generate, Json::parse(R"({"prompt":"Hi"})")));
  EXPECT_FALSE(asks_to_load(Style::ollama_chat, Json::parse(R"({"messages":""})")));
  EXPECT_FALSE(asks_to_load(Style::chat, Json::object()));
  const auto loaded = loaded_answer(side, Style::ollama_generate, Json::parse(R"({"keep_alive":-1})"));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(Json::parse(loaded->body)["done_reason"], "load");
  for (const char* time : {"0", "0.0", "\"0s\""})
    EXPECT_FALSE(loaded_answer(side, Style::ollama_chat, Json::parse(fmt::format(R"({{"keep_alive":{}}})", time))));
}

TEST_F(Ollama, WhatIsServedIsToldInItsWords) {
  facts.parameters = 134'515'008, facts.weight_bytes = 1000, facts.context = 8192;
  side.stored = {"gguf", "Q4_1"};
  const Json one = ollama_listed(side), running = ollama_running(side);
  EXPECT_EQ(one["model"], "m");
  EXPECT_EQ(one["details"]["parameter_size"], "134.5M");
  EXPECT_EQ(one["details"]["quantization_level"], "Q4_1");
  EXPECT_EQ(running["expires_at"], "2069-12-07T00:00:00Z");
  const auto shown = ollama_shown(side, Json::parse(R"({"model":"m","verbose":true})"));
  ASSERT_TRUE(shown);
  const Json json = Json::parse(shown->body);
  EXPECT_EQ(json["model_info"]["llama.context_length"], 512);  // served
  EXPECT_EQ(json["capabilities"], Json::array({"completion"}));
  EXPECT_EQ(shown->headers, (Headers{{"X-Freehold-Ignored", "verbose"}}));
  EXPECT_FALSE(ollama_shown(side, Json::parse(R"({"system":"Be brief."})")));
  facts.encoder = true;
  EXPECT_EQ(ollama_listed(side)["capabilities"], Json::array({"embedding"}));
}

TEST_F(Ollama, TextsForVectors) {
  side.vectors = VectorForm{};
  const auto read = [&](const char* json, Style style = Style::ollama_embed) {
    return read_ollama_embedding_request(side, style, Json::parse(json));
  };
  const auto two =
      read(R"({"input":["Hi","Ho"],"dimensions":8,"truncate":true,"options":{"num_ctx":9},"keep_alive":0})");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->inputs.size(), 2u);
  EXPECT_EQ(two->dimensions, 8u);
  EXPECT_EQ(two->ignored, (Names{"truncate", "options"}));
  EXPECT_EQ(read(R"({"prompt":"Hi"})", Style::ollama_embeddings)->inputs.size(), 1u);
  EXPECT_EQ(read(R"({"prompt":["Hi"]})", Style::ollama_embeddings).error().message, "prompt: expected a string");
  EXPECT_EQ(read("{}", Style::ollama_embeddings).error().message, "prompt: is missing");
  EXPECT_EQ(read(R"({"input":"Hi","dimensions":17})").error().message.substr(0, 12), "dimensions: ");
}

// A stream and the whole answer, of a thought, a text and a call.
TEST_F(Ollama, AnswersAsLinesAndWhole) {
  const AnswerRequest request = good(R"({"messages":[{"role":"user","content":"Hi"}]})");
  std::vector<Json> lines;
  const auto shapes = shapes_for(side, request, [&](const std::string& data, const std::string& name) {
    EXPECT_EQ(name, "");
    lines.push_back(Json::parse(data));
  });
  const Usage usage{.prompt = 7, .cached = 2, .completion = 3, .prompt_ms = 1.5, .answer_ms = 2};
  std::vector<Choosing> choices(1);
  Choosing& choice = choices[0];
  choice.text = "Let me see.", choice.thinking = "Hm.";
  choice.calls = {{"call_1", "weather", R"({"city": "Paris"})"}};
  shapes->begin(0, usage);
  shapes->say(0, {.thinking = "Hm."}, usage);
  shapes->say(0, {}, usage);  // a token that gave no text yet
  shapes->say(0, {.text = "Let me see."}, usage);
  shapes->say(0, {.calls = choice.calls}, usage);
  shapes->finish(0, choice, usage);
  shapes->last(usage, nullptr);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0]["message"], Json::parse(R"({"role":"assistant","content":"","thinking":"Hm."})"));
  EXPECT_EQ(lines[1]["message"]["content"], "Let me see.");
  EXPECT_EQ(lines[2]["message"]["tool_calls"],
            Json::parse(R"([{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city":"Paris"}}}])"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(lines[static_cast<size_t>(i)]["done"], false);
  EXPECT_EQ(lines[3]["done"], true);
  EXPECT_EQ(lines[3]["done_reason"], "stop");
  EXPECT_EQ(lines[3]["prompt_eval_count"], 7);
  EXPECT_EQ(lines[3]["eval_duration"], 2'000'000);
  EXPECT_GE(lines[3]["total_duration"], 0);
  const Json whole = shapes_for(side, request, {})->whole(choices, usage);
  EXPECT_EQ(whole["message"]["content"], "Let me see.");
  EXPECT_EQ(whole["message"]["thinking"], "Hm.");
  EXPECT_EQ(whole["message"]["tool_calls"], lines[2]["message"]["tool_calls"]);
  EXPECT_EQ(whole["done"], true);
  const AnswerRequest text = good(R"({"prompt":"Hi"})", Style::ollama_generate);
  EXPECT_EQ(shapes_for(side, text, {})->whole(choices, usage)["response"], "Let me see.");
  choice.stop = Stop::length;
  EXPECT_EQ(shapes_for(side, text, {})->whole(choices, usage)["done_reason"], "length");
}

TEST(OllamaRoutes, ErrorsAreAText) {
  const ApiError error{.status = 404, .message = "model: is not served here", .param = "model"};
  EXPECT_EQ(answer_of(error, style_of("/api/chat")).body, R"({"error":"model: is not served here"})");
  EXPECT_EQ(style_of("/api/tags"), Style::ollama_chat);
  EXPECT_EQ(style_of("/api/generate"), Style::ollama_generate);
  for (const char* path :
       {"/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs/sha256:00", "/slots/0"})
    EXPECT_EQ(refuse_route(path).value_or(ApiError{}).status, 501) << path;
  for (const char* path : {"/api/chat", "/api/pulls", "/slots", "/"}) EXPECT_FALSE(refuse_route(path)) << path;
  EXPECT_EQ(scope_for("/api/tags"), scope_inference);
  EXPECT_EQ(scope_for("/slots"), scope_metrics);
}

}  // namespace
}  // namespace freehold
