// What the scheduler's files share.
#pragma once

#include "run/scheduler.h"

namespace freehold {

struct Scheduler::Writing {
  enum class State : uint8_t {
    prompt,   // its prompt is being computed
    follows,  // waits for the first answer of its request, whose prompt it takes over
    writes,   // `next` is to be computed
    over,
  };
  std::shared_ptr<Request> request;
  int answer;
  Session session;
  Sampler sampler;
  AnswerText text;
  std::optional<Constraint> constraint = {};
  std::optional<Pooled> pooled = {};
  State state = State::prompt;
  Token next = -1;
  int made = 0;  // tokens
  DraftCounts drafts = {};
  std::optional<Choice> choice = {};  // of this step
  std::optional<Error> error = {};

  Result<Choice> choose();
};

struct Scheduler::Kept {
  Session session;
  std::string user;
};

}  // namespace freehold
