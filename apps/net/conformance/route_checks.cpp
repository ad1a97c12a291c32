// The other routes that answer: texts, responses, messages, vectors, ranking.
#include <cmath>
#include <cstring>

#include "apps/net/conformance/parts.h"

namespace freehold::conformance {
namespace {

// --- /v1/completions

Outcome prompt_text(Probe& p) {
  const Reply reply = p.text();
  if (auto no = refusal(reply)) return *no;
  if (reply.text("object") != "text_completion" || !reply.at("choices/0/text").is_string())
    return wrong("no text_completion with choices[].text");
  if (reply.count("usage/completion_tokens") > 16) return ignored("max_tokens is passed over");
  return honoured(fmt::format("a text_completion of {} tokens", reply.count("usage/completion_tokens")));
}

Outcome prompts(Probe& p) {
  const Reply reply = p.text(R"({"prompt":["One, two, three","Red, green, blue"]})");
  if (auto no = refusal(reply)) return *no;
  const size_t came = reply.at("choices").size();
  if (came != 2) return ignored(fmt::format("two prompts, {} choices", came));
  return honoured("two prompts, two choices");
}

Outcome prompt_ids(Probe& p) {
  const Reply one = p.text(R"({"prompt":[66,67,68,69]})"), two = p.text(R"({"prompt":[[66,67,68],[66,67]]})");
  if (auto no = refusal(one)) return *no;
  if (auto no = refusal(two)) return *no;
  if (one.at("choices").size() != 1 || two.at("choices").size() != 2)
    return wrong(fmt::format("a list of ids and a list of two gave {} and {} choices", one.at("choices").size(),
                             two.at("choices").size()));
  const int64_t tokens = one.count("usage/prompt_tokens");
  if (tokens != 4 && tokens != 5) return wrong(fmt::format("four ids are counted as {} tokens", tokens));
  return honoured("four ids are four tokens; lists of ids are prompts");
}

Outcome suffix(Probe& p) {
  const Reply plain = p.text(R"({"prompt":"def add(a, b):\n    "})"),
              reply = p.text(R"({"prompt":"def add(a, b):\n    ","suffix":"\n\nprint(add(1, 2))\n"})");
  if (auto no = refusal(reply)) return *no;
  if (reply.count("usage/prompt_tokens") <= plain.count("usage/prompt_tokens"))
    return ignored_by(reply, "the prompt is not longer for it");
  return honoured("what comes after is a part of the prompt");
}

// What lm-evaluation-harness asks for: the prompt's own log probabilities.
Outcome echo(Probe& p) {
  const Reply reply = p.text(R"({"prompt":"The sea is blue","echo":true,"logprobs":1,"max_tokens":1})");
  if (auto no = refusal(reply)) return *no;
  if (!reply.said().starts_with("The sea is blue")) return ignored_by(reply, "the text does not begin with the prompt");
  const Json& all = reply.at("choices/0/logprobs");
  const Json &tokens = in(all, "tokens"), &numbers = in(all, "token_logprobs"), &offsets = in(all, "text_offset");
  if (!tokens.is_array() || !numbers.is_array() || !offsets.is_array() || tokens.size() != numbers.size() ||
      tokens.size() != offsets.size() || tokens.size() < 2)
    return wrong("tokens, token_logprobs and text_offset are not lists of one length");
  if (!numbers[0].is_null()) return wrong("the first token has a log probability");
  std::string text;
  int64_t last = -1;
  for (size_t i = 0; i < tokens.size(); ++i) {
    text += tokens[i].is_string() ? tokens[i].get<std::string>() : "";
    if (i > 0 && (!numbers[i].is_number() || numbers[i].get<double>() > 1e-6))
      return wrong("a log probability above 0, or none");
    const int64_t offset = offsets[i].is_number_integer() ? offsets[i].get<int64_t>() : -1;
    if (offset < last) return wrong("text_offset goes back");
    last = offset;
  }
  if (!text.starts_with("The sea is blue")) return wrong("the tokens do not join to the prompt");
  return honoured(fmt::format("{} tokens, the prompt's among them; the first without a number", tokens.size()));
}

Outcome echo_alone(Probe& p) {
  const Reply reply = p.text(R"({"prompt":"The sea is blue","echo":true,"logprobs":1,"max_tokens":0})");
  if (auto no = refusal(reply)) return *no;
  if (reply.said() != "The sea is blue") return ignored("more than the prompt comes back");
  return honoured("the prompt alone comes back");
}

Outcome text_logprobs(Probe& p) {
  const Reply reply = p.text(R"({"logprobs":2,"max_tokens":5})");
  if (auto no = refusal(reply)) return *no;
  const Json &tokens = reply.at("choices/0/logprobs/tokens"), &top = reply.at("choices/0/logprobs/top_logprobs");
  if (!tokens.is_array() || !top.is_array() || tokens.empty())
    return ignored_by(reply, "no logprobs.tokens and top_logprobs");
  for (const Json& one : top) {
    double sum = 0;
    for (const auto& [token, value] : one.items()) sum += value.is_number() ? std::exp(value.get<double>()) : 9;
    if (!one.is_object() || one.size() > 3 || sum > 1.001)
      return wrong("likeliest tokens whose probabilities sum up to more than 1");
  }
  return honoured(fmt::format("{} tokens with their likeliest", tokens.size()));
}

Outcome best_of(Probe& p) {
  const Reply reply = p.text(R"({"best_of":3,"temperature":1.5})");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/completion_tokens");
  if (tokens <= 16) return ignored_by(reply, fmt::format("three answers are not counted: {} tokens", tokens));
  return honoured(fmt::format("{} tokens for one answer", tokens));
}

Outcome text_stream(Probe& p) {
  const Stream all = p.stream(Probe::text_path, p.text_body("{}"));
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.fault.empty() || !all.done) return wrong(all.fault.empty() ? "no [DONE]" : all.fault);
  if (all.said != p.text().said()) return wrong("the pieces are not the text that comes without stream");
  return honoured(fmt::format("{} pieces join to the same text", all.texts));
}

// --- /v1/responses

Json response_body(Probe& p, std::string_view members) {
  Json body = {{"model", p.model()}, {"input", p.question()}, {"max_output_tokens", 24}, {"temperature", 0}};
  body.update(Json::parse(members));
  return body;
}
Reply respond(Probe& p, std::string_view members) { return p.post("/v1/responses", response_body(p, members)); }
std::string response_text(const Json& response) {
  std::string text;
  const Json& output = in(response, "output");
  for (size_t i = 0; i < output.size(); ++i)
    if (text_in(output, fmt::format("{}/type", i)) == "message")
      text += text_in(output, fmt::format("{}/content/0/text", i));
  return text;
}

Outcome response(Probe& p) {
  const Reply reply = respond(p, "{}");
  if (auto no = refusal(reply)) return *no;
  if (reply.text("object") != "response" || !reply.at("output").is_array()) return wrong("no response with output");
  const int64_t in_tokens = reply.count("usage/input_tokens"), out = reply.count("usage/output_tokens");
  if (in_tokens < 0 || in_tokens + out != reply.count("usage/total_tokens")) return wrong("usage does not add up");
  return honoured(fmt::format("status {}, {} + {} tokens", printable(reply.text("status"), 20), in_tokens, out));
}

Outcome response_length(Probe& p) {
  const Reply reply = respond(p, R"({"max_output_tokens":16})");
  if (auto no = refusal(reply)) return *no;
  if (reply.count("usage/output_tokens") > 16) return ignored("16 asked for, more came");
  if (reply.count("usage/output_tokens") == 16 &&
      (reply.text("status") != "incomplete" || reply.text("incomplete_details/reason") != "max_output_tokens"))
    return wrong("status is not incomplete, reason max_output_tokens");
  return honoured("16 tokens at most; status " + printable(reply.text("status"), 20));
}

// A prompt is longer with `more` than with `less`, which may be nothing.
Outcome response_grows(Probe& p, std::string_view more, std::string_view less = "") {
  const Reply plain = respond(p, less.empty() ? "{}" : with("{}", less)), reply = respond(p, with("{}", more));
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/input_tokens") - plain.count("usage/input_tokens");
  if (tokens <= 0) return ignored_by(reply, "the prompt is not longer for it");
  return honoured(fmt::format("{} more tokens in the prompt", tokens));
}

Outcome response_items(Probe& p) {
  const Json content = Json::array({{{"type", "input_text"}, {"text", p.question()}}});
  const Reply plain = respond(p, "{}"),
              items = respond(
                  p, with("{}", member("input",
                                       Json::array({{{"type", "message"}, {"role", "user"}, {"content", content}}}))));
  if (auto no = refusal(items)) return *no;
  if (response_text(items.json) != response_text(plain.json))
    return ignored("the same text as an item is answered differently");
  return honoured("a message of parts is answered as the text");
}

Outcome response_schema(Probe& p) {
  const Reply reply = respond(
      p,
      std::string(
          R"({"max_output_tokens":200,"temperature":1,"text":{"format":{"type":"json_schema","name":"pet","strict":true,"schema":)") +
          small_schema + "}}}");
  if (auto no = refusal(reply)) return *no;
  if (!fits_small_schema(json_of(response_text(reply.json))))
    return ignored_by(reply, "the answer does not fit: " + printable(response_text(reply.json), 40));
  return honoured("the answer fits");
}

Outcome response_stream(Probe& p) {
  const Stream all = p.stream("/v1/responses", response_body(p, "{}"));
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.fault.empty() || all.chunks.empty()) return wrong(all.fault.empty() ? "no events" : all.fault);
  if (all.done) return wrong("[DONE] stands at the end");
  std::string text;
  int64_t number = 0;
  for (const Json& event : all.chunks) {
    if (count_in(event, "sequence_number") != number++) return wrong("sequence_number does not count from 0");
    if (text_in(event, "type") == "response.output_text.delta") text += text_in(event, "delta");
  }
  if (text_in(all.chunks[0], "type") != "response.created") return wrong("the first event is not response.created");
  const std::string last = text_in(all.chunks.back(), "type");
  if (last != "response.completed" && last != "response.incomplete")
    return wrong("the last event is " + printable(last, 40));
  if (text != response_text(in(all.chunks.back(), "response"))) return wrong("the pieces are not the text at the end");
  return honoured(fmt::format("{} numbered events, from response.created to {}", all.chunks.size(), last));
}

Outcome response_earlier(Probe& p) {
  const Reply reply = respond(p, R"({"previous_response_id":"resp_that_never_was"})");
  if (reply.ok()) return ignored("an answer that never was is taken as the one before");
  return *refusal(reply);
}

Outcome response_kept(Probe& p, std::string_view more) {
  const Reply reply = respond(p, with("{}", more));
  if (auto no = refusal(reply)) return *no;
  return honoured("taken");
}

// --- /v1/messages

Json message_body(Probe& p, std::string_view members) {
  Json body = {{"model", p.model()},
               {"messages", Json::array({{{"role", "user"}, {"content", p.question()}}})},
               {"max_tokens", 24},
               {"temperature", 0}};
  body.update(Json::parse(members));
  return body;
}
Reply message(Probe& p, std::string_view members, const char* path = "/v1/messages") {
  return p.post(path, message_body(p, members), {"anthropic-version: 2023-06-01"});
}
std::string message_text(const Json& json) {
  std::string text;
  const Json& content = in(json, "content");
  for (size_t i = 0; i < content.size(); ++i) text += text_in(content, fmt::format("{}/text", i));
  return text;
}
int64_t message_input(const Reply& r) {
  return r.count("usage/input_tokens") + std::max<int64_t>(0, r.count("usage/cache_read_input_tokens"));
}

Outcome messages(Probe& p) {
  const Reply reply = message(p, "{}");
  if (auto no = refusal(reply)) return *no;
  if (reply.text("type") != "message" || reply.text("role") != "assistant" || !reply.at("content").is_array())
    return wrong("no message of the assistant with content");
  if (reply.count("usage/input_tokens") < 0 || reply.count("usage/output_tokens") < 0) return wrong("usage is missing");
  return honoured("stop_reason " + printable(reply.text("stop_reason"), 20));
}

Outcome messages_length(Probe& p) {
  const Reply reply = message(p, R"({"max_tokens":5})");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/output_tokens");
  if (tokens > 5) return ignored(fmt::format("5 asked for, {} came", tokens));
  if (tokens > 0 && tokens < 5 && reply.text("stop_reason") != "max_tokens")
    return not_shown("the answers of this model end earlier");
  if (reply.text("stop_reason") != "max_tokens") return wrong("stop_reason is not max_tokens");
  return honoured("5 tokens, stop_reason max_tokens");
}

Outcome messages_missing(Probe& p) {
  Json body = message_body(p, "{}");
  body.erase("max_tokens");
  const Reply reply = p.post("/v1/messages", body);
  if (reply.ok()) return ignored("max_tokens may be missing");
  if (reply.http.status != 400) return *refusal(reply);
  if (reply.text("type") != "error" || reply.text("error/type") != "invalid_request_error")
    return wrong("the error has not Anthropic's form");
  return honoured("refused with 400, in Anthropic's form of errors");
}

Outcome messages_grow(Probe& p, std::string_view more, std::string_view less = "") {
  const Reply plain = message(p, less.empty() ? "{}" : with("{}", less)), reply = message(p, with("{}", more));
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = message_input(reply) - message_input(plain);
  if (tokens <= 0) return ignored_by(reply, "the prompt is not longer for it");
  return honoured(fmt::format("{} more tokens in the prompt", tokens));
}

Outcome messages_stop(Probe& p) {
  const std::string whole = message_text(message(p, "{}").json);
  std::string stop;
  for (size_t i = whole.size() / 3; i < whole.size() && stop.empty(); ++i)
    if (whole[i] > ' ' && whole[i] < 0x7f) stop = whole.substr(i, 1);
  if (stop.empty()) return not_shown("no answer of this model has a text to stop at");
  const Reply reply = message(p, with("{}", member("stop_sequences", Json::array({stop}))));
  if (auto no = refusal(reply)) return *no;
  if (message_text(reply.json) != whole.substr(0, whole.find(stop)))
    return ignored("the answer does not end before it");
  if (reply.text("stop_reason") != "stop_sequence" || reply.text("stop_sequence") != stop)
    return wrong("stop_reason or stop_sequence do not say so");
  return honoured("ends before it; stop_reason stop_sequence");
}

Outcome messages_stream(Probe& p) {
  const Stream all = p.stream("/v1/messages", message_body(p, "{}"));
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.fault.empty() || all.chunks.size() < 4) return wrong(all.fault.empty() ? "too few events" : all.fault);
  if (text_in(all.chunks[0], "type") != "message_start") return wrong("the first event is not message_start");
  if (text_in(all.chunks.back(), "type") != "message_stop") return wrong("the last event is not message_stop");
  std::string text;
  int open = 0;
  for (const Json& event : all.chunks) {
    const std::string type = text_in(event, "type");
    open += type == "content_block_start" ? 1 : type == "content_block_stop" ? -1 : 0;
    if (open < 0 || open > 1) return wrong("blocks are not opened and closed in turn");
    text += text_in(event, "delta/text");
  }
  if (text != message_text(message(p, "{}").json))
    return wrong("the pieces are not the text that comes without stream");
  return honoured(fmt::format("{} events; the pieces join to the same text", all.chunks.size()));
}

Outcome count_tokens(Probe& p) {
  Json body = message_body(p, "{}");
  body.erase("max_tokens"), body.erase("temperature");
  const Reply reply = p.post("/v1/messages/count_tokens", body);
  if (auto no = refusal(reply)) return *no;
  const int64_t counted = reply.count("input_tokens"), used = message_input(message(p, "{}"));
  if (counted != used) return wrong(fmt::format("{} counted, {} used", counted, used));
  return honoured(fmt::format("{}, as usage has it", counted));
}

// --- /v1/embeddings, /v1/rerank

Reply embed(Probe& p, std::string_view members) {
  Json body = Json::parse(members);
  if (!body.contains("input")) body["input"] = "The sea is blue";
  return p.post("/v1/embeddings", body);
}
std::vector<double> vector_in(const Reply& reply, int index = 0) {
  std::vector<double> numbers;
  for (const Json& one : reply.at(fmt::format("data/{}/embedding", index)))
    numbers.push_back(one.is_number() ? one.get<double>() : NAN);
  return numbers;
}
bool close_to(const std::vector<double>& a, const std::vector<double>& b) {
  bool close = !a.empty() && a.size() == b.size();
  for (size_t i = 0; close && i < a.size(); ++i) close = std::abs(a[i] - b[i]) < 1e-4;
  return close;
}

Outcome embedding(Probe& p) {
  const Reply reply = embed(p, R"({"encoding_format":"float"})");
  if (auto no = refusal(reply)) return *no;
  const auto numbers = vector_in(reply);
  if (reply.text("object") != "list" || numbers.empty()) return wrong("no list with data[].embedding");
  if (reply.count("usage/prompt_tokens") < 1 || reply.count("usage/total_tokens") != reply.count("usage/prompt_tokens"))
    return wrong("usage does not add up");
  return honoured(fmt::format("{} numbers, {} tokens", numbers.size(), reply.count("usage/prompt_tokens")));
}

Outcome embeddings(Probe& p) {
  const Reply one = embed(p, R"({"encoding_format":"float"})"),
              two = embed(p, R"({"encoding_format":"float","input":["Red","The sea is blue"]})");
  if (auto no = refusal(two)) return *no;
  if (two.at("data").size() != 2) return ignored(fmt::format("two texts, {} vectors", two.at("data").size()));
  if (!close_to(vector_in(one), vector_in(two, 1))) return wrong("a text has another vector in company");
  return honoured("two texts, two vectors; the same as alone");
}

Outcome embedding_base64(Probe& p) {
  const Reply plain = embed(p, R"({"encoding_format":"float"})"), packed = embed(p, R"({"encoding_format":"base64"})");
  if (auto no = refusal(packed)) return *no;
  const std::string text = packed.text("data/0/embedding");
  if (text.empty()) return ignored("numbers come");
  std::vector<double> numbers;
  uint32_t bits = 0;
  int have = 0;
  std::string bytes;
  for (const char c : text) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = digits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit), have += 6;
    if (have >= 8) have -= 8, bytes += static_cast<char>(bits >> have & 0xff);
  }
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    float number;
    std::memcpy(&number, bytes.data() + at, 4);  // little-endian, as this machine is
    numbers.push_back(number);
  }
  if (!close_to(numbers, vector_in(plain))) return wrong("the bytes are not the numbers");
  return honoured("little-endian floats, the same numbers");
}

Outcome dimensions(Probe& p) {
  const Reply reply = embed(p, R"({"encoding_format":"float","dimensions":8})");
  if (auto no = refusal(reply)) return *no;
  const size_t came = vector_in(reply).size();
  if (came != 8) return ignored_by(reply, fmt::format("8 asked for, {} came", came));
  return honoured("8 numbers");
}

Reply rank(Probe& p, std::string_view members) {
  Json body = {{"query", "Which animal barks?"},
               {"documents", Json::array({"Bread is baked in an oven.", "A dog barks.", "The sea is blue."})}};
  body.update(Json::parse(members));
  return p.post("/v1/rerank", body);
}

Outcome rerank(Probe& p) {
  const Reply reply = rank(p, "{}");
  if (auto no = refusal(reply)) return *no;
  const Json& results = reply.at("results");
  if (!results.is_array() || results.size() != 3) return wrong("three documents, another number of results");
  double last = INFINITY;
  for (const Json& one : results) {
    const Json& score = in(one, "relevance_score");
    if (!score.is_number() || score.get<double>() > last || count_in(one, "index") < 0)
      return wrong("results without index and score, or not best first");
    last = score.get<double>();
  }
  return honoured(fmt::format("best first; the best is document {}", count_in(results[0], "index")));
}

Outcome top_n(Probe& p) {
  const Reply reply = rank(p, R"({"top_n":1})");
  if (auto no = refusal(reply)) return *no;
  if (reply.at("results").size() != 1) return ignored(fmt::format("1 asked for, {} came", reply.at("results").size()));
  return honoured("one result");
}

Outcome return_documents(Probe& p) {
  const Reply reply = rank(p, R"({"return_documents":true})");
  if (auto no = refusal(reply)) return *no;
  if (reply.at("results/0/document").is_null()) return ignored_by(reply, "no documents come back");
  return honoured("documents come back");
}

constexpr const char* flat_tool =
    R"("tools":[{"type":"function","name":"weather","description":"The weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}])";
constexpr const char* anthropic_tool =
    R"("tools":[{"name":"weather","description":"The weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}])";

constexpr Check checks[] = {
    {"/v1/completions: prompt", Level::must, prompt_text},
    {"/v1/completions: several prompts", Level::must, prompts},
    {"/v1/completions: token ids", Level::must, prompt_ids},
    {"/v1/completions: stream", Level::must, text_stream},
    {"/v1/completions: suffix", Level::honest, suffix},
    {"/v1/completions: logprobs", Level::must, text_logprobs},
    {"/v1/completions: echo with logprobs", Level::must, echo},
    {"/v1/completions: echo, max_tokens 0", Level::should, echo_alone},
    {"/v1/completions: best_of", Level::honest, best_of},
    {"/v1/responses", Level::must, response},
    {"/v1/responses: input of items", Level::must, response_items},
    {"/v1/responses: max_output_tokens", Level::must, response_length},
    {"/v1/responses: instructions", Level::must,
     [](Probe& p) {
       return response_grows(p, member("instructions", long_instruction), R"("instructions":"Be brief.")");
     }},
    {"/v1/responses: tools", Level::honest, [](Probe& p) { return response_grows(p, flat_tool); }},
    {"/v1/responses: text.format", Level::honest, response_schema},
    {"/v1/responses: stream", Level::must, response_stream},
    {"/v1/responses: previous_response_id", Level::honest, response_earlier},
    {"/v1/responses: store", Level::must, [](Probe& p) { return response_kept(p, R"("store":false)"); }},
    {"/v1/responses: metadata", Level::must,
     [](Probe& p) { return response_kept(p, R"("metadata":{"run":"conformance"})"); }},
    {"/v1/messages", Level::must, messages},
    {"/v1/messages: max_tokens", Level::must, messages_length},
    {"/v1/messages: max_tokens missing", Level::must, messages_missing},
    {"/v1/messages: system", Level::must,
     [](Probe& p) { return messages_grow(p, member("system", long_instruction), R"("system":"Be brief.")"); }},
    {"/v1/messages: stop_sequences", Level::must, messages_stop},
    {"/v1/messages: tools", Level::honest, [](Probe& p) { return messages_grow(p, anthropic_tool); }},
    {"/v1/messages: stream", Level::must, messages_stream},
    {"/v1/messages/count_tokens", Level::must, count_tokens},
    {"/v1/embeddings", Level::honest, embedding},
    {"/v1/embeddings: several texts", Level::honest, embeddings},
    {"/v1/embeddings: encoding_format base64", Level::honest, embedding_base64},
    {"/v1/embeddings: dimensions", Level::honest, dimensions},
    {"/v1/rerank", Level::honest, rerank},
    {"/v1/rerank: top_n", Level::honest, top_n},
    {"/v1/rerank: return_documents", Level::honest, return_documents},
};

}  // namespace

const std::span<const Check> route_checks = checks;

}  // namespace freehold::conformance
