#include "apps/net/conformance/probe.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace freehold::conformance {

std::string_view name_of(Level level) {
  return level == Level::must ? "must" : level == Level::honest ? "never ignored" : "should";
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::honoured:
      return "honoured";
    case Verdict::refused:
      return "refused";
    case Verdict::ignored:
      return "ignored";
    case Verdict::wrong:
      return "wrong";
    case Verdict::not_shown:
      return "not shown";
    case Verdict::elsewhere:
      return "by the tests";
  }
  return "";
}

Outcome honoured(std::string evidence) { return {Verdict::honoured, std::move(evidence)}; }
Outcome ignored(std::string evidence) { return {Verdict::ignored, std::move(evidence)}; }
Outcome wrong(std::string evidence) { return {Verdict::wrong, std::move(evidence)}; }
Outcome not_shown(std::string evidence) { return {Verdict::not_shown, std::move(evidence)}; }

const Json& in(const Json& json, std::string_view path) {
  static const Json nothing;
  const Json* at = &json;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (at->is_array()) {
      size_t index = at->size();
      std::from_chars(name.data(), name.data() + name.size(), index);
      if (index >= at->size()) return nothing;
      at = &(*at)[index];
    } else {
      if (!at->is_object()) return nothing;
      const auto found = at->find(std::string(name));
      if (found == at->end()) return nothing;
      at = &*found;
    }
  }
  return *at;
}

std::string text_in(const Json& json, std::string_view path) {
  const Json& value = in(json, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

int64_t count_in(const Json& json, std::string_view path) {
  const Json& value = in(json, path);
  return value.is_number_integer() ? value.get<int64_t>() : -1;
}

Json json_of(std::string_view text) {
  Result<Json> parsed = parse_json(text, "answer");
  return parsed ? std::move(*parsed) : Json();
}

std::string Reply::said(int choice) const {
  const std::string place = fmt::format("choices/{}/", choice);
  if (at(place + "message").is_null()) return text(place + "text");
  const std::string thought = text(place + "message/reasoning_content");
  return (thought.empty() ? text(place + "message/reasoning") : thought) + text(place + "message/content");
}

std::string Reply::told() const {
  if (http.status == 0) return http.fault;
  std::string code = text("error/code");
  if (code.empty()) code = text("error/type");
  if (code.empty()) code = text("error");  // Ollama's is a text
  const std::string param = text("error/param");
  std::string told = fmt::format("{} {}", http.status, printable(code, 60));
  if (!param.empty()) told += fmt::format(" ({})", printable(param, 60));
  return told;
}

std::optional<Outcome> refusal(const Reply& reply) {
  if (reply.http.status == 0 || !reply.http.fault.empty())
    return wrong("no whole answer came: " + (reply.http.fault.empty() ? "nothing" : reply.http.fault));
  if (reply.http.status == 200 && reply.json.is_null()) return wrong("200, and the body is no JSON");
  if (reply.http.status == 200) return std::nullopt;
  if ((reply.http.status >= 400 && reply.http.status < 500) || reply.http.status == 501)
    return Outcome{Verdict::refused, reply.told()};
  return wrong(reply.told());
}

Reply Probe::send(HttpAsk ask) {
  ask.seconds = seconds_;
  Reply reply{client_.ask(ask), {}};
  // A server that has too much to do says when to come again: that is no answer to what was asked.
  for (int again = 0; again < 5 && reply.http.status == 429 && !client_.cancelled(); ++again) {
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::seconds(std::clamp(std::atoi(reply.http.header("retry-after").c_str()), 1, 60));
    while (std::chrono::steady_clock::now() < until && !client_.cancelled())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    reply.http = client_.ask(ask);
  }
  gone_ = gone_ || reply.http.no_server;
  late_ += reply.http.too_late;
  reply.json = json_of(reply.http.body);
  return reply;
}

Reply Probe::post(const std::string& path, const Json& body, std::vector<std::string> headers) {
  return send({.path = path, .body = body.dump(), .headers = std::move(headers)});
}

Reply Probe::get(const std::string& path, std::vector<std::string> headers) {
  return send({.method = "GET", .path = path, .headers = std::move(headers)});
}

Json Probe::chat_body(std::string_view members) const {
  Json body = {{"model", model_},
               {"messages", Json::array({{{"role", "user"}, {"content", question_}}})},
               {"max_tokens", 16},
               {"temperature", 0},
               {"seed", 11}};
  body.update(more_);
  body.update(Json::parse(members));
  return body;
}

Json Probe::text_body(std::string_view members) const {
  Json body = {{"model", model_}, {"prompt", question_}, {"max_tokens", 16}, {"temperature", 0}, {"seed", 11}};
  body.update(Json::parse(members));
  return body;
}

Stream Probe::stream(const std::string& path, Json body) {
  body["stream"] = true;
  Stream all;
  all.reply = post(path, body);
  if (!all.reply.ok()) return all;
  std::string rest = all.reply.http.body;
  for (const std::string& data : take_events(rest)) {
    if (all.done) all.fault = "events after [DONE]";
    if (data == "[DONE]") {
      all.done = true;
      continue;
    }
    Json chunk = json_of(data);  // refuses what is no UTF-8
    if (chunk.is_null()) {
      all.fault = "an event that is no JSON: " + printable(data, 60);
      continue;
    }
    const Json& choice = in(chunk, "choices/0");
    if (count_in(choice, "index") <= 0) {
      std::string said = text_in(choice, "text");
      for (const char* name : {"delta/reasoning_content", "delta/reasoning", "delta/content"})
        if (said.empty()) said = text_in(choice, name);
      all.said += said;
      all.texts += !said.empty();
      if (const std::string finish = text_in(choice, "finish_reason"); !finish.empty()) all.finish = finish;
    }
    if (choice.is_object()) all.reply.json = chunk;
    all.chunks.push_back(std::move(chunk));
  }
  if (!rest.empty() && all.fault.empty()) all.fault = "the last event is not ended by an empty line";
  return all;
}

Result<Done> Probe::start() {
  static constexpr const char* questions[] = {
      "Tell me a long story about a lighthouse keeper and the sea.",
      "Count from one to one hundred in words, one number after the other.",
      "List twenty animals with a sentence about each.",
      "Explain step by step, and at length, how bread is made.",
      "Hello",
      "abc abc abc abc",
  };
  Reply reply;
  for (const char* question : questions) {
    question_ = question;
    reply = chat();
    if (reply.ok() && !reply.text("choices/0/message/reasoning_content").empty() && more_.empty()) {
      more_ = {{"chat_template_kwargs", {{"enable_thinking", false}}}};
      reply = chat();
    }
    if (!reply.ok()) break;
    if (reply.text("choices/0/finish_reason") == "length" && reply.said().size() > 4) break;
  }
  if (gone_) return io_error("{}: {}", client_.url(), reply.http.fault);
  if (!reply.ok())
    return failure(Fault::check_failed,
                   fmt::format("{}: {} answered a plain chat with {}, so nothing else can be looked at; is it a model "
                               "that writes?",
                               client_.url(), printable(model_), reply.told()));
  if (reply.said().empty())
    return failure(Fault::check_failed,
                   fmt::format("{}: {} said nothing to any question, so nothing else can be looked at", client_.url(),
                               printable(model_)));
  return Done{};
}

const std::string& Probe::greedy() {
  if (!greedy_) greedy_ = chat().said();
  return *greedy_;
}

bool Probe::random() {
  if (!random_) {
    const std::string one = chat(R"({"temperature":2,"seed":1})").said();
    random_ =
        one != chat(R"({"temperature":2,"seed":2})").said() || one != chat(R"({"temperature":2,"seed":3})").said();
  }
  return *random_;
}

std::vector<std::string> Probe::scored(std::string_view members) {
  Json body = chat_body(members);
  body["logprobs"] = true;
  const Reply reply = post(chat_path, body);
  std::vector<std::string> tokens;
  for (const Json& token : reply.at("choices/0/logprobs/content")) tokens.push_back(text_in(token, "token"));
  return tokens;
}

}  // namespace freehold::conformance
