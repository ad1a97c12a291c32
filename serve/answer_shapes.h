// AnswerShapes: how one API writes answers, whole or as the events of a stream. One object for each request, which
// remembers what it has sent. The job that uses it knows tokens, texts and calls, and nothing of JSON.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/scheduler.h"
#include "serve/answer_request.h"
#include "serve/spending.h"
#include "serve/tools.h"

namespace freehold {

// What is known of one choice so far.
struct Choosing {
  std::string text, thinking;
  std::vector<ToolCall> calls;
  std::vector<Choice> tokens;  // of the answer, with log probabilities; only when it is sent whole
  const std::vector<Choice>* prompt_scores = nullptr;  // of all tokens but the first; the text begins with the prompt
  Stop stop = Stop::end;
  std::string stopped_by;  // the text of the request's stops that ended it
  std::optional<ToolReader> reader;
};

// What one token, or the end, added to a choice.
struct Said {
  std::string text = {}, thinking = {};
  std::vector<ToolCall> calls = {};
  const Choice* token = nullptr;  // to be shown with its log probability
  int text_offset = 0;
  const std::vector<Choice>* prompt_scores = nullptr;  // the text is the prompt
};

class AnswerShapes {
 public:
  using Send = std::function<void(std::string data, std::string name)>;
  virtual ~AnswerShapes() = default;
  virtual Json whole(const std::vector<Choosing>& choices, const Usage& usage) = 0;
  // Of a stream, in this order:
  virtual void begin(int index, const Usage& usage) = 0;
  virtual void progress(int total, int computed, double ms, const Usage& usage) = 0;
  virtual void say(int index, const Said& said, const Usage& usage) = 0;
  virtual void finish(int index, const Choosing& choice, const Usage& usage) = 0;
  virtual void last(const Usage& usage, const Json& receipt) = 0;  // receipt: null where none was asked for
  virtual void failed(const ApiError& error) = 0;                  // instead of what is missing of these
};

// The request and what the send function needs must outlive it.
std::unique_ptr<AnswerShapes> shapes_for(const ModelSide& side, const AnswerRequest& request, AnswerShapes::Send send);
std::unique_ptr<AnswerShapes> messages_shapes(const ModelSide&, const AnswerRequest&, AnswerShapes::Send);
std::unique_ptr<AnswerShapes> infill_shapes(const ModelSide&, AnswerShapes::Send);
std::unique_ptr<AnswerShapes> responses_shapes(const ModelSide&, const AnswerRequest&, AnswerShapes::Send);
std::unique_ptr<AnswerShapes> ollama_shapes(const ModelSide&, const AnswerRequest&, AnswerShapes::Send);

std::string_view finish_reason(const Choosing& choice);
Json scored_json(const ModelSide& side, const Scored& scored);  // a token with its log probability and bytes
Json scored_json(const ModelSide& side, const Choice& choice);  // and those that were likeliest
std::string text_of(const Json& json);                          // one line, always valid UTF-8
int characters(std::string_view bytes);                         // that begin in them
int length_in_answer(const ModelSide& side, Token token);       // characters: control tokens are no text there

}  // namespace freehold
