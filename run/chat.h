// Chat: a conversation over a session. Each question renders the whole conversation with the model's template; the
// session keeps what it has already computed of it. Text of people can never become special tokens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/generate.h"
#include "text/prompt_format.h"

namespace freehold {

struct Message {
  std::string role, content;  // "system", "user", "assistant"
};

class Chat {
 public:
  // The session and the tokenizer must outlive the chat.
  Chat(Session& session, const Tokenizer& tokenizer, PromptFormat format)
      : session_(session), tokenizer_(tokenizer), format_(std::move(format)) {}

  // Adds the question and the answer to the conversation. After an error or a cancelled prompt it is as before; a
  // cancelled answer stays as far as it came.
  Result<Answer> ask(std::string_view question, Sampler& sampler, AnswerOptions options, const Listener& listener);

  void reset() { messages_.clear(); }  // keeps the system message
  void set_system(std::string text) { system_ = std::move(text); }
  const std::string& system() const { return system_; }
  // Whether and how hard the model shall think, for all questions to come; absent: as its format has it.
  void set_thinking(std::optional<bool> thinking) { thinking_ = thinking; }
  void set_effort(std::string effort) { effort_ = std::move(effort); }
  const std::vector<Message>& messages() const { return messages_; }

  // The conversation as a readable file at `path`, and the session's state beside it (path + ".state"), so that loading
  // computes nothing again. Loading without a state that fits is slower, not wrong: the note says why.
  Result<Done> save(const Path& path) const;
  struct Loaded {
    int messages = 0;
    std::string note;  // why the state was not used; empty when it was
  };
  Result<Loaded> load(const Path& path);

 private:
  Result<Prompt> render() const;
  Session& session_;
  const Tokenizer& tokenizer_;
  PromptFormat format_;
  std::string system_, effort_;
  std::optional<bool> thinking_;
  std::vector<Message> messages_;
};

}  // namespace freehold
