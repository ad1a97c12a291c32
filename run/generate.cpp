#include "run/generate.h"

#include <algorithm>
#include <chrono>

namespace freehold {

std::string_view name_of(Stop stop) {
  switch (stop) {
    case Stop::end:
      return "end";
    case Stop::length:
      return "length";
    case Stop::context:
      return "context";
    case Stop::cancelled:
      return "cancelled";
  }
  return "";
}

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What of a token is text for the reader. Control tokens are not, but for the marks of thinking and of tool calls.
bool is_text(const Tokenizer& tokenizer, Token token, ToolSyntax tools) {
  if (!tokenizer.is_special(token)) return true;
  const std::string_view bytes = tokenizer.bytes_of(token);
  return bytes == "<think>" || bytes == "</think>" || is_tool_mark(tools, bytes);
}

}  // namespace

Result<Answer> generate(Session& session, const Tokenizer& tokenizer, Sampler& sampler, std::span<const Token> prompt,
                        const AnswerOptions& options, const Listener& listener) {
  if (prompt.empty()) return usage_error("prompt: has no tokens; expected at least one");
  Answer answer;
  answer.prompt_tokens = static_cast<int>(prompt.size());
  auto start = std::chrono::steady_clock::now();
  TRY(session.sync(prompt, listener.prompt));
  answer.prompt_seconds = seconds_since(start);
  answer.reused_tokens = session.reused();
  sampler.begin(prompt);

  StreamDecoder decoder(tokenizer);
  ThinkingSplitter splitter(options.thinking_open);
  const auto say = [&](const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      (part.voice == Voice::thinking ? answer.thinking : answer.text) += part.text;
      if (listener.part) listener.part(part);
    }
  };
  const auto hear = [&](const std::string& text) {
    if (text.empty()) return;
    say(options.raw ? std::vector<Part>{{Voice::answer, text}} : splitter.push(text));
  };

  const DraftCounts before = session.draft_counts();
  start = std::chrono::steady_clock::now();
  for (;;) {
    if (listener.go_on && !listener.go_on()) {
      answer.stop = Stop::cancelled;
      break;
    }
    TRY_ASSIGN(const Choice choice, sampler.pick(session.logits()));
    const auto& ends = tokenizer.ends();
    if (std::find(ends.begin(), ends.end(), choice.token) != ends.end()) break;
    answer.tokens.push_back(choice.token);
    if (listener.token) listener.token(choice);
    if (is_text(tokenizer, choice.token, options.tools)) hear(decoder.push(choice.token));
    if (answer.tokens.size() == 1) start = std::chrono::steady_clock::now();
    if (options.max_tokens > 0 && static_cast<int>(answer.tokens.size()) == options.max_tokens) {
      answer.stop = Stop::length;
      break;
    }
    if (session.room() == 0) {
      answer.stop = Stop::context;
      break;
    }
    TRY(session.step(choice.token));
  }
  answer.answer_seconds = answer.tokens.size() > 1 ? seconds_since(start) : 0;
  answer.drafts = {session.draft_counts().computed - before.computed, session.draft_counts().right - before.right};
  hear(decoder.finish());
  if (!options.raw) say(splitter.finish());
  return answer;
}

}  // namespace freehold
