// What the scheduler's files share.
#pragma once

#include "run/scheduler.h"

namespace freehold {

struct Scheduler::Writing {
  enum class State : uint8_t {
    fetches,  // a part of its prompt is on its way from disk
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
  std::optional<PromptScores> scores = {};
  State state = State::prompt;
  Token next = -1;
  int made = 0;  // tokens
  DraftCounts drafts = {};
  std::optional<Choice> choice = {};  // of this step
  std::optional<Error> error = {};
  std::shared_ptr<PrefixStore::Fetch> fetch = {};
  int fetched_from = 0;  // position, where the fetch began

  Result<Choice> choose();
};

struct Scheduler::Kept {
  Session session;
  std::string user;
  // Of the pages that go to disk; times of use fall from the first to the last, so that those go first that no other
  // stands behind.
  PrefixStore::Names names = {};
  int64_t last_used = 0;
  size_t saved = 0;
};

}  // namespace freehold
