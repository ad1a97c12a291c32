// The JSON that answers are sent in: objects "chat.completion", "chat.completion.chunk" and "text_completion".
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "run/scheduler.h"
#include "serve/answer_request.h"

namespace freehold {

struct Usage {
  int prompt = 0, cached = 0, completion = 0, reasoning = 0;
};

// Of one choice of an answer that is sent whole.
struct Choosing {
  std::string text, thinking;
  std::vector<Choice> tokens;  // of the answer, with log probabilities where asked for
  Stop stop = Stop::end;
  bool ended = false;
};

// What all objects of one answer have in common.
class AnswerShapes {
 public:
  AnswerShapes(const ModelSide& side, const AnswerRequest& request, std::string id, int64_t created)
      : side_(side), request_(request), id_(std::move(id)), created_(created) {}

  Json whole(const std::vector<Choosing>& choices, const Usage& usage) const;
  // Pieces of a stream. `usage`: null unless it is to be shown.
  Json role(int index, const Usage* usage) const;
  Json piece(int index, const std::vector<Part>& parts, const Choice* token, int text_offset, const Usage* usage) const;
  Json finish(int index, Stop stop, const Usage* usage) const;
  Json last(const Usage& usage) const;  // no choices, only the usage
  Json progress(int total, int cached, int computed, double ms) const;

 private:
  Json frame(Json choices, const Usage* usage) const;
  Json logprobs(const std::vector<const Choice*>& tokens, int text_offset) const;
  const ModelSide& side_;
  const AnswerRequest& request_;
  std::string id_;
  int64_t created_;
};

std::string_view finish_reason(Stop stop);
std::string text_of(const Json& json);  // one line, always valid UTF-8

}  // namespace freehold
