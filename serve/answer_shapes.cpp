#include "serve/answer_shapes.h"

#include <nlohmann/json.hpp>

namespace freehold {
namespace {

Json usage_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.completion},
          {"total_tokens", usage.prompt + usage.completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning}}},
          {"prompt_cache_hit_tokens", usage.cached},
          {"prompt_cache_miss_tokens", usage.prompt - usage.cached}};
}

std::string written(const ModelSide& side, Token token) { return side.tokenizer.decode({&token, 1}); }

Json scored_json(const ModelSide& side, const Scored& scored) {
  Json bytes = Json::array();
  for (const char c : side.tokenizer.bytes_of(scored.token)) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", written(side, scored.token)}, {"logprob", scored.logprob}, {"bytes", std::move(bytes)}};
}

}  // namespace

std::string_view finish_reason(Stop stop) { return stop == Stop::end ? "stop" : "length"; }

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json AnswerShapes::frame(Json choices, const Usage* usage) const {
  const char* object = !request_.chat    ? "text_completion"
                       : request_.stream ? "chat.completion.chunk"
                                         : "chat.completion";
  Json json = {{"id", id_},
               {"object", object},
               {"created", created_},
               {"model", side_.name},
               {"system_fingerprint", side_.fingerprint},
               {"choices", std::move(choices)}};
  if (usage)
    json["usage"] = usage_json(*usage);
  else if (request_.usage_at_end)
    json["usage"] = nullptr;
  return json;
}

// The newer form for chats, the older one for texts; null where they were not asked for.
Json AnswerShapes::logprobs(const std::vector<const Choice*>& tokens, int text_offset) const {
  if (request_.logprobs < 0) return nullptr;
  if (request_.chat) {
    Json content = Json::array();
    for (const Choice* token : tokens) {
      Json one = scored_json(side_, *token);
      one["top_logprobs"] = Json::array();
      for (const Scored& other : token->top) one["top_logprobs"].push_back(scored_json(side_, other));
      content.push_back(std::move(one));
    }
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }
  Json json = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  for (const Choice* token : tokens) {
    const std::string text = written(side_, token->token);
    json["tokens"].push_back(text);
    json["token_logprobs"].push_back(token->logprob);
    Json top = Json::object();
    for (const Scored& other : token->top) top.emplace(written(side_, other.token), other.logprob);
    json["top_logprobs"].push_back(std::move(top));
    json["text_offset"].push_back(text_offset);
    text_offset += static_cast<int>(text.size());
  }
  return json;
}

Json AnswerShapes::whole(const std::vector<Choosing>& choices, const Usage& usage) const {
  Json list = Json::array();
  for (size_t i = 0; i < choices.size(); ++i) {
    const Choosing& choice = choices[i];
    std::vector<const Choice*> tokens;
    for (const Choice& token : choice.tokens) tokens.push_back(&token);
    Json one = {{"index", i}};
    if (request_.chat) {
      one["message"] = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
      if (!choice.thinking.empty()) one["message"]["reasoning_content"] = choice.thinking;
    } else {
      one["text"] = choice.text;
    }
    one["logprobs"] = logprobs(tokens, 0);
    one["finish_reason"] = finish_reason(choice.stop);
    list.push_back(std::move(one));
  }
  return frame(std::move(list), &usage);
}

Json AnswerShapes::role(int index, const Usage* usage) const {
  return frame(Json::array({{{"index", index},
                             {"delta", {{"role", "assistant"}, {"content", ""}}},
                             {"logprobs", nullptr},
                             {"finish_reason", nullptr}}}),
               usage);
}

Json AnswerShapes::piece(int index, const std::vector<Part>& parts, const Choice* token, int text_offset,
                         const Usage* usage) const {
  Json one = {{"index", index}};
  std::string text, thinking;
  for (const Part& part : parts) (part.voice == Voice::thinking ? thinking : text) += part.text;
  if (request_.chat) {
    Json delta = Json::object();
    if (!thinking.empty()) delta["reasoning_content"] = thinking;
    if (!text.empty() || thinking.empty()) delta["content"] = text;
    one["delta"] = std::move(delta);
  } else {
    one["text"] = text;
  }
  one["logprobs"] = token ? logprobs({token}, text_offset) : Json(nullptr);
  one["finish_reason"] = nullptr;
  return frame(Json::array({std::move(one)}), usage);
}

Json AnswerShapes::finish(int index, Stop stop, const Usage* usage) const {
  Json one = {{"index", index}};
  if (request_.chat)
    one["delta"] = Json::object();
  else
    one["text"] = "";
  one["logprobs"] = nullptr;
  one["finish_reason"] = finish_reason(stop);
  return frame(Json::array({std::move(one)}), usage);
}

Json AnswerShapes::last(const Usage& usage) const { return frame(Json::array(), &usage); }

Json AnswerShapes::progress(int total, int cached, int computed, double ms) const {
  Json json = frame(Json::array(), nullptr);
  json["prompt_progress"] = {{"total", total}, {"cache", cached}, {"processed", computed}, {"time_ms", ms}};
  return json;
}

}  // namespace freehold
