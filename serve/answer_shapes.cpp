#include "serve/answer_shapes.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "serve/request_id.h"

namespace freehold {
namespace {

Json usage_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.completion},
          {"total_tokens", usage.prompt + usage.completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", usage.reasoning}, {"accepted_prediction_tokens", usage.foreseen}}},
          {"prompt_cache_hit_tokens", usage.cached},
          {"prompt_cache_miss_tokens", usage.prompt - usage.cached}};
}

std::string written(const ModelSide& side, Token token) { return side.tokenizer.decode({&token, 1}); }

// The log probabilities of the older form, for texts: lists with an entry for each token.
class TextLogprobs {
 public:
  TextLogprobs(const ModelSide& side, int offset) : side_(side), offset_(offset) {}
  // Nothing stands before it, so nothing is said of it. A token that begins texts is not part of this one.
  void add_first(Token token, std::string_view text) {
    const std::string_view bytes = side_.tokenizer.bytes_of(token);
    add(token, text.starts_with(bytes) ? characters(bytes) : 0, nullptr, nullptr);
  }
  // Among the most likely the token itself always is, so there may be one more of them than asked for.
  void add(const Choice& choice, int length) {
    Json top = Json::object();
    for (const Scored& other : choice.top) top.emplace(written(side_, other.token), other.logprob);
    top.emplace(written(side_, choice.token), choice.logprob);
    add(choice.token, length, choice.logprob, std::move(top));
  }
  Json json() && {
    return {{"tokens", std::move(tokens_)},
            {"token_logprobs", std::move(logprobs_)},
            {"top_logprobs", std::move(tops_)},
            {"text_offset", std::move(offsets_)}};
  }

 private:
  void add(Token token, int length, Json logprob, Json top) {
    tokens_.push_back(written(side_, token));
    logprobs_.push_back(std::move(logprob));
    tops_.push_back(std::move(top));
    offsets_.push_back(offset_);
    offset_ += length;
  }
  const ModelSide& side_;
  int offset_;  // in characters
  Json tokens_ = Json::array(), logprobs_ = Json::array(), tops_ = Json::array(), offsets_ = Json::array();
};

// OpenAI's chat and text completions: "chat.completion", "chat.completion.chunk" and "text_completion".
class ChatShapes final : public AnswerShapes {
 public:
  ChatShapes(const ModelSide& side, const AnswerRequest& request, Send send)
      : side_(side),
        request_(request),
        send_(std::move(send)),
        id_(make_id(request.chat() ? "chatcmpl-" : "cmpl-")),
        created_(std::time(nullptr)) {}
  Json whole(const std::vector<Choosing>& choices, const Usage& usage) override;
  void begin(int index, const Usage& usage) override;
  void progress(int total, int computed, double ms, const Usage& usage) override;
  void say(int index, const Said& said, const Usage& usage) override;
  void finish(int index, const Choosing& choice, const Usage& usage) override;
  void last(const Usage& usage, const Json& receipt) override;
  void failed(const ApiError& error) override { send_(body_of(error), ""); }  // and no [DONE]

 private:
  // Without `usage`: null where it is to come at the end.
  Json frame(Json choices, const Usage* usage) const;
  Json chat_logprobs(const std::vector<const Choice*>& tokens) const;
  Json text_logprobs(int index, const std::vector<Choice>* prompt, const std::vector<const Choice*>& tokens,
                     int text_offset) const;
  void chunk(int index, Json delta, Json logprobs, Json reason, const Usage& usage);
  void send(const Json& json) { send_(text_of(json), ""); }
  const ModelSide& side_;
  const AnswerRequest& request_;
  const Send send_;
  const std::string id_;
  const int64_t created_;
  std::vector<int> calls_;  // sent, of each choice
};

}  // namespace

std::string_view finish_reason(const Choosing& choice) {
  if (choice.stop != Stop::end) return "length";
  return choice.calls.empty() ? "stop" : "tool_calls";
}

Json scored_json(const ModelSide& side, const Scored& scored) {
  Json bytes = Json::array();
  for (const char c : side.tokenizer.bytes_of(scored.token)) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", written(side, scored.token)}, {"logprob", scored.logprob}, {"bytes", std::move(bytes)}};
}

Json scored_json(const ModelSide& side, const Choice& choice) {
  Json json = scored_json(side, static_cast<const Scored&>(choice));
  json["top_logprobs"] = Json::array();
  for (const Scored& other : choice.top) json["top_logprobs"].push_back(scored_json(side, other));
  return json;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json ChatShapes::frame(Json choices, const Usage* usage) const {
  const char* object = !request_.chat()  ? "text_completion"
                       : request_.stream ? "chat.completion.chunk"
                                         : "chat.completion";
  Json json = {{"id", id_},
               {"object", object},
               {"created", created_},
               {"model", side_.name},
               {"system_fingerprint", side_.fingerprint_with(request_.changes_id())},
               {"choices", std::move(choices)}};
  if (usage)
    json["usage"] = usage_json(*usage);
  else if (request_.usage_at_end)
    json["usage"] = nullptr;
  return json;
}

int characters(std::string_view bytes) {
  return static_cast<int>(std::ranges::count_if(bytes, [](char c) { return (c & 0xc0) != 0x80; }));
}

int length_in_answer(const ModelSide& side, Token token) {
  return side.tokenizer.is_special(token) ? 0 : characters(side.tokenizer.bytes_of(token));
}

// Null where they were not asked for, as below.
Json ChatShapes::chat_logprobs(const std::vector<const Choice*>& tokens) const {
  if (request_.logprobs < 0) return nullptr;
  Json content = Json::array();
  for (const Choice* token : tokens) content.push_back(scored_json(side_, *token));
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json ChatShapes::text_logprobs(int index, const std::vector<Choice>* prompt, const std::vector<const Choice*>& tokens,
                               int text_offset) const {
  if (request_.logprobs < 0) return nullptr;
  TextLogprobs list(side_, text_offset);
  if (prompt) {
    const auto ask = static_cast<size_t>(index / request_.asks[0].answers);
    list.add_first(request_.asks[ask].prompt.front(), request_.prompts[ask]);
    for (const Choice& token : *prompt) list.add(token, characters(side_.tokenizer.bytes_of(token.token)));
  }
  for (const Choice* token : tokens) list.add(*token, length_in_answer(side_, token->token));
  return std::move(list).json();
}

Json ChatShapes::whole(const std::vector<Choosing>& choices, const Usage& usage) {
  Json list = Json::array();
  for (size_t i = 0; i < choices.size(); ++i) {
    const Choosing& choice = choices[i];
    std::vector<const Choice*> tokens;
    for (const Choice& token : choice.tokens) tokens.push_back(&token);
    Json one = {{"index", i}};
    if (request_.chat()) {
      Json content = choice.text.empty() && !choice.calls.empty() ? Json(nullptr) : Json(choice.text);
      one["message"] = {{"role", "assistant"}, {"content", std::move(content)}, {"refusal", nullptr}};
      if (!choice.thinking.empty()) one["message"]["reasoning_content"] = choice.thinking;
      for (const ToolCall& call : choice.calls)
        one["message"]["tool_calls"].push_back({{"id", call.id},
                                                {"type", "function"},
                                                {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    } else {
      one["text"] = choice.text;
    }
    one["logprobs"] =
        request_.chat() ? chat_logprobs(tokens) : text_logprobs(static_cast<int>(i), choice.prompt_scores, tokens, 0);
    one["finish_reason"] = finish_reason(choice);
    list.push_back(std::move(one));
  }
  return frame(std::move(list), &usage);
}

void ChatShapes::chunk(int index, Json delta, Json logprobs, Json reason, const Usage& usage) {
  Json one = {{"index", index}};
  one[request_.chat() ? "delta" : "text"] = std::move(delta);
  one["logprobs"] = std::move(logprobs);
  one["finish_reason"] = std::move(reason);
  send(frame(Json::array({std::move(one)}), request_.usage_always ? &usage : nullptr));
}

void ChatShapes::begin(int index, const Usage& usage) {
  if (request_.chat()) chunk(index, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr, usage);
}

void ChatShapes::progress(int total, int computed, double ms, const Usage& usage) {
  if (!request_.progress) return;
  Json json = frame(Json::array(), nullptr);
  json["prompt_progress"] = {{"total", total}, {"cache", usage.cached}, {"processed", computed}, {"time_ms", ms}};
  send(json);
}

void ChatShapes::say(int index, const Said& said, const Usage& usage) {
  std::vector<const Choice*> tokens;
  if (said.token) tokens.push_back(said.token);
  if (!request_.chat()) {
    const bool scored = said.token || said.prompt_scores;
    if (scored || !said.text.empty())
      chunk(index, said.text, scored ? text_logprobs(index, said.prompt_scores, tokens, said.text_offset) : nullptr,
            nullptr, usage);
    return;
  }
  Json delta = Json::object();
  if (!said.thinking.empty()) delta["reasoning_content"] = said.thinking;
  if (!said.text.empty() || (said.token && said.thinking.empty())) delta["content"] = said.text;
  if (!delta.empty()) chunk(index, std::move(delta), said.token ? chat_logprobs(tokens) : nullptr, nullptr, usage);
  calls_.resize(std::max(calls_.size(), static_cast<size_t>(index) + 1));
  for (const ToolCall& call : said.calls) {
    const int number = calls_[static_cast<size_t>(index)]++;
    const auto piece = [&](Json one) {
      chunk(index, {{"tool_calls", Json::array({std::move(one)})}}, nullptr, nullptr, usage);
    };
    piece({{"index", number},
           {"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", ""}}}});
    piece({{"index", number}, {"function", {{"arguments", call.arguments}}}});
  }
}

void ChatShapes::finish(int index, const Choosing& choice, const Usage& usage) {
  chunk(index, request_.chat() ? Json::object() : Json(""), nullptr, finish_reason(choice), usage);
}

void ChatShapes::last(const Usage& usage, const Json& receipt) {
  if (request_.usage_at_end || !receipt.is_null()) {
    Json json = frame(Json::array(), request_.usage_at_end ? &usage : nullptr);
    if (!receipt.is_null()) json["freehold"] = receipt;
    send(json);
  }
  send_("[DONE]", "");
}

std::unique_ptr<AnswerShapes> shapes_for(const ModelSide& side, const AnswerRequest& request, AnswerShapes::Send send) {
  if (request.style == Style::messages) return messages_shapes(side, request, std::move(send));
  if (request.style == Style::responses) return responses_shapes(side, request, std::move(send));
  if (request.style == Style::infill) return infill_shapes(side, std::move(send));
  if (is_ollama(request.style)) return ollama_shapes(side, request, std::move(send));
  return std::make_unique<ChatShapes>(side, request, std::move(send));
}

}  // namespace freehold
