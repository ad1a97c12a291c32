// A request for chat or text completions, read and checked whole before anything of it reaches the engine.
#pragma once

#include <string>
#include <vector>

#include "run/scheduler.h"
#include "serve/grammar_ask.h"
#include "serve/model_side.h"

namespace freehold {

struct AnswerRequest {
  Style style = Style::chat;
  bool chat() const { return style != Style::text && style != Style::infill; }
  // The field that the prompt is made of, for errors.
  const char* param() const {
    if (style == Style::text || style == Style::ollama_generate) return "prompt";
    return chat() ? "messages" : "input_prefix";
  }
  ToolAsk tools;
  GrammarAsk grammar;
  Json body = nullptr;               // responses: the request, whose settings the answer repeats
  std::vector<Ask> asks;             // one for each prompt; a chat has one
  std::vector<std::string> prompts;  // their texts, with `echo`
  bool stream = false, usage_at_end = false, usage_always = false, progress = false, echo = false;
  int logprobs = -1;  // alternatives to show for each token; below 0: no log probabilities
  bool scores_prompt() const { return echo && logprobs >= 0; }
  std::vector<std::string> ignored;     // fields that changed nothing
  std::vector<std::string> changed_by;  // adapters and steering files
  uint64_t changes_id() const { return asks.empty() ? 0 : asks[0].changes_id(); }
};

tl::expected<AnswerRequest, ApiError> read_chat_request(const ModelSide& side, const Json& body);
tl::expected<AnswerRequest, ApiError> read_text_request(const ModelSide& side, const Json& body);
// llama.cpp's infill.
tl::expected<AnswerRequest, ApiError> read_infill_request(const ModelSide& side, const Json& body);
// Anthropic's messages and OpenAI's responses, brought into the words of a chat first.
tl::expected<AnswerRequest, ApiError> read_messages_request(const ModelSide& side, const Json& body);
tl::expected<AnswerRequest, ApiError> read_responses_request(const ModelSide& side, const Json& body);
// Ollama's chat and generate, brought into the words of a chat or of a text.
tl::expected<AnswerRequest, ApiError> read_ollama_request(const ModelSide& side, Style style, const Json& body);
tl::expected<int, ApiError> count_messages_tokens(const ModelSide& side, const Json& body);

}  // namespace freehold
