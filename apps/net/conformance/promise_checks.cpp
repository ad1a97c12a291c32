// What holds over all routes: the list that a server which takes the place of another is measured by. What is a
// property of the program and not of a running server is named, and shown by the tests.
#include <chrono>

#include "apps/net/conformance/exposition.h"
#include "apps/net/conformance/parts.h"

namespace freehold::conformance {
namespace {

Outcome usage(Probe& p) {
  for (const char* members : {R"({"max_tokens":1})", R"({"max_tokens":12})", R"({"max_tokens":12,"temperature":1})"}) {
    const Reply reply = p.chat(members);
    if (auto no = refusal(reply)) return *no;
    const int64_t prompt = reply.count("usage/prompt_tokens"), answer = reply.count("usage/completion_tokens");
    const int64_t cached = reply.count("usage/prompt_tokens_details/cached_tokens");
    if (prompt < 1 || answer < 1 || prompt + answer != reply.count("usage/total_tokens"))
      return wrong(fmt::format("{} + {} is not {}", prompt, answer, reply.count("usage/total_tokens")));
    if (cached < 0 || cached > prompt)
      return wrong("prompt_tokens_details.cached_tokens is not there, or more than the prompt");
    const int64_t hit = reply.count("usage/prompt_cache_hit_tokens"),
                  miss = reply.count("usage/prompt_cache_miss_tokens");
    if (hit >= 0 && hit + miss != prompt) return wrong("cache hits and misses are not the prompt");
  }
  return honoured("prompt and answer are the total, cached_tokens is always there");
}

Outcome rejoined(Probe& p) {
  for (const char* members : {R"({"max_tokens":40})", R"({"max_tokens":40,"temperature":1,"seed":3})",
                              R"({"max_tokens":40,"temperature":1,"seed":4})"}) {
    const Stream all = p.chat_stream(members);
    if (all.reply.http.status != 200) return *refusal(all.reply);
    if (!all.fault.empty()) return wrong(all.fault);
    const Reply whole = p.chat(members);
    if (all.said != whole.said())
      return wrong("the pieces are not the answer that comes without stream: " + std::string(members));
    if (all.finish != whole.text("choices/0/finish_reason")) return wrong("another finish_reason");
  }
  return honoured("three answers, two of them seeded at temperature 1");
}

Outcome whole_characters(Probe& p) {
  const std::string text = "Grüße, 日本語 🎉 ﷺ";
  const Json schema = {{"type", "string"}, {"enum", Json::array({text})}};
  const Json format = {{"type", "json_schema"}, {"json_schema", {{"name", "x"}, {"schema", schema}}}};
  const Stream all = p.chat_stream(with(R"({"max_tokens":120})", member("response_format", format)));
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.fault.empty()) return wrong(all.fault);
  if (json_of(all.said) != Json(text)) {
    if (all.said.find("\xef\xbf\xbd") != std::string::npos) return wrong("a character came in halves");
    return not_shown("needs a schema, to have a text of many characters said");
  }
  return honoured(fmt::format("{} pieces, each of whole characters", all.texts));
}

Outcome over_a_boundary(Probe& p) {
  const auto found = straddling(p);
  if (!found) return not_shown("needs log probabilities, to know where tokens end");
  const std::string members = with(found->members, member("stop", Json::array({found->stop})));
  const Reply reply = p.chat(members);
  if (auto no = refusal(reply)) return *no;
  if (reply.text("choices/0/message/content") != found->before)
    return wrong("the answer does not end before it: " + found->tokens);
  const Stream all = p.chat_stream(members);
  if (all.said != found->before || all.finish != "stop")
    return wrong("in a stream the answer does not end before it: " + found->tokens);
  return honoured(fmt::format("\"{}\" of {}: whole and streamed end before it", printable(found->stop), found->tokens));
}

// An answer's own log probabilities, and those of the same tokens as a prompt.
Outcome scores_agree(Probe& p) {
  for (const std::string& members :
       {std::string(R"({"logprobs":1,"max_tokens":8})"), letters(R"({"logprobs":1,"max_tokens":8})")}) {
    const Reply reply = p.text(members);
    if (auto no = refusal(reply)) return *no;
    const Json &tokens = reply.at("choices/0/logprobs/tokens"),
               &numbers = reply.at("choices/0/logprobs/token_logprobs");
    std::string text = p.question();
    for (const Json& token : tokens) text += token.is_string() ? token.get<std::string>() : "";
    const Reply echo = p.text(with(R"({"echo":true,"logprobs":1,"max_tokens":1})", member("prompt", text)));
    if (auto no = refusal(echo)) return *no;
    const Json &all = echo.at("choices/0/logprobs/tokens"), &scores = echo.at("choices/0/logprobs/token_logprobs");
    const auto prompt = static_cast<size_t>(std::max<int64_t>(0, reply.count("usage/prompt_tokens")));
    double most = 0;
    size_t same = 0;
    for (; same < tokens.size() && prompt + same < all.size() && all[prompt + same] == tokens[same]; ++same)
      if (same < numbers.size() && prompt + same < scores.size() && numbers[same].is_number() &&
          scores[prompt + same].is_number())
        most = std::max(most, std::abs(numbers[same].get<double>() - scores[prompt + same].get<double>()));
    if (same < 4) continue;
    if (most > 0.05) return wrong(fmt::format("they differ by {:.3f}", most));
    return honoured(fmt::format("{} tokens, as an answer and as a prompt; they differ by {:.1g} at most", same, most));
  }
  return not_shown("the text of an answer becomes other tokens as a prompt");
}

struct Running {
  double requests = -1, tokens = -1;  // below 0: the server does not tell
};
Running running(Probe& p) {
  const auto metrics = read_exposition(p.get("/metrics").http.body);
  Running now;
  if (!metrics) return now;
  for (const char* name : {"vllm:num_requests_running", "llamacpp:requests_processing", "sglang:num_running_reqs"})
    if (metrics->has(name)) now.requests = metrics->sum(name);
  for (const char* name :
       {"vllm:generation_tokens_total", "llamacpp:tokens_predicted_total", "sglang:generation_tokens_total"})
    if (metrics->has(name)) now.tokens = metrics->sum(name);
  return now;
}

Outcome disconnect(Probe& p) {
  const Running before = running(p);
  if (before.requests < 0) return not_shown("needs /metrics that tell how many requests run");
  if (before.requests > 0) return not_shown("others are using the server");
  Json body = p.chat_body(letters(R"({"max_tokens":4000,"temperature":1.5})"));  // does not end by itself
  body["stream"] = true;
  int pieces = 0;
  bool ended = false;
  const int number = p.client().begin(
      {.path = Probe::chat_path, .body = body.dump()}, [&](std::string_view) { ++pieces; },
      [&](HttpReply) { ended = true; });
  while (pieces < 2 && !ended && !p.client().cancelled()) p.client().wait(50);
  const Running during = running(p);
  if (ended || during.requests < 1) {
    p.client().leave(number);
    return not_shown("the answer was over before the client could go");
  }
  p.client().leave(number);
  const auto gone = std::chrono::steady_clock::now();
  const auto since = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - gone).count(); };
  Running after = running(p);
  while (after.requests > 0 && since() < 5) {
    p.client().wait(50);
    after = running(p);
  }
  if (after.requests > 0) return wrong("5 seconds after the client went the answer is still written");
  const double seconds = since();
  const Running later = running(p);
  if (later.tokens > after.tokens) return wrong("tokens are made for nobody");
  return honoured(fmt::format("no request runs {:.0f} ms after the client went", 1000 * seconds));
}

Outcome metrics(Probe& p) {
  const Reply reply = p.get("/metrics");
  if (reply.http.status != 200) return refusal(reply).value_or(wrong("no answer"));
  const auto all = read_exposition(reply.http.body);
  if (!all) return wrong(all.error().what);
  return honoured(fmt::format("{} families, {} samples", all->kinds.size(), all->samples.size()));
}

Outcome metric_names(Probe& p) {
  const auto all = read_exposition(p.get("/metrics").http.body);
  if (!all) return not_shown("there are no metrics that can be read");
  std::string missing;
  for (const char* name : {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
                           "vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:request_success_total",
                           "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"})
    if (!all->has(name)) missing += std::string(missing.empty() ? "" : ", ") + name;
  for (const char* name : {"vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"})
    if (!all->kinds.contains(name)) missing += std::string(missing.empty() ? "" : ", ") + name;
  return missing.empty() ? honoured("those that dashboards and routers read are there")
                         : ignored("not there: " + missing);
}

// What no running server shows, and where it is shown of ours.
Outcome by_tests(const char* where) { return {Verdict::elsewhere, where}; }

constexpr Check checks[] = {
    {"OpenAI's clients (Python, JavaScript)", Level::must,
     [](Probe&) { return by_tests("tests/server: clients_test.py, npm_client.cjs"); }},
    {"Anthropic's client", Level::must, [](Probe&) { return by_tests("tests/server/clients_test.py"); }},
    {"Ollama's client", Level::should, [](Probe&) { return by_tests("tests/server/clients_test.py"); }},
    {"usage adds up", Level::must, usage},
    {"a stream is the same answer", Level::must, rejoined},
    {"characters come whole", Level::must, whole_characters},
    {"a stop text over the end of a token", Level::must, over_a_boundary},
    {"scores of a prompt are those of an answer", Level::should, scores_agree},
    {"a client that goes ends its answer", Level::must, disconnect},
    {"parsing of tool calls", Level::must, [](Probe&) { return by_tests("the tests of text/, fuzz/tool_calls.cpp"); }},
    {"tool calls render again to the same bytes", Level::must,
     [](Probe&) { return by_tests("the goldens of prompts in text/"); }},
    {"every answer fits its schema", Level::must,
     [](Probe&) { return by_tests("bench/schemas.py: random schemas, a reference validator"); }},
    {"metrics, read strictly", Level::should, metrics},
    {"metrics, by vLLM's names", Level::should, metric_names},
    {"GGUF files", Level::must, [](Probe&) { return by_tests("reading: files/gguf_test.cpp, fuzz/gguf_header.cpp"); }},
    {"signatures of models", Level::must,
     [](Probe&) { return not_shown("no server shows it, and ours does not check them yet"); }},
    {"nothing leaves", Level::must, [](Probe&) { return by_tests("freehold prove-offline shows it on this machine"); }},
};

}  // namespace

const std::span<const Check> promise_checks = checks;

std::span<const Part> all_parts() {
  static const Part all[] = {
      {"POST /v1/chat/completions", chat_checks}, {"its messages, tools and forms", message_checks},
      {"other routes that answer", route_checks}, {"routes that compute nothing", helper_checks},
      {"Ollama's own routes", ollama_checks},     {"errors", error_checks},
      {"over all of them", promise_checks}};
  return all;
}

}  // namespace freehold::conformance
