// generate: from a prompt to an answer, token by token: sync, sample, decode, split thinking, until something ends it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "run/sampler.h"
#include "run/session.h"
#include "run/thinking.h"
#include "text/tokenizer.h"
#include "text/tool_calls.h"

namespace freehold {

enum class Stop : uint8_t {
  end,        // the model ended its answer
  length,     // max_tokens
  context,    // the session is full
  cancelled,  // by the listener
};
std::string_view name_of(Stop);

struct AnswerOptions {
  int max_tokens = 0;          // 0: as many as the session has room for
  bool thinking_open = false;  // the prompt ended inside thinking
  bool raw = false;            // no thinking split: all is answer
  // Whose marks stay in the text although they are control tokens, for a ToolCallParser to read.
  ToolSyntax tools = ToolSyntax::none;
};

struct Listener {  // any may be empty
  std::function<void(const Part&)> part;
  std::function<void(const Choice&)> token;
  Progress prompt;
  std::function<bool()> go_on;  // asked before every token; false cancels
};

struct Answer {
  std::string text, thinking;
  Stop stop = Stop::end;
  std::vector<Token> tokens;  // without the one that ended it
  int prompt_tokens = 0, reused_tokens = 0;
  DraftCounts drafts;         // of this answer
  double prompt_seconds = 0;  // until the first token could be sampled
  double answer_seconds = 0;  // the tokens after the first
  double prompt_rate() const { return rate(prompt_tokens - reused_tokens, prompt_seconds); }
  double answer_rate() const { return rate(static_cast<int>(tokens.size()) - 1, answer_seconds); }

 private:
  static double rate(int count, double seconds) { return count > 0 && seconds > 0 ? count / seconds : 0; }
};

// A cancelled prompt is Fault::cancelled; a cancelled answer is an Answer with what there is.
Result<Answer> generate(Session& session, const Tokenizer& tokenizer, Sampler& sampler, std::span<const Token> prompt,
                        const AnswerOptions& options, const Listener& listener);

}  // namespace freehold
