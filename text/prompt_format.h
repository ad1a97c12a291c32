// PromptFormat: how conversations become a prompt for one model, and what its answers look like: a chat template, or
// one of the encoders for models that ship none. What runs a chat asks only this.
#pragma once

#include <functional>
#include <variant>

#include "text/chat_template.h"
#include "text/deepseek_encoding.h"
#include "text/tool_calls.h"

namespace freehold {

struct Prompt {
  std::vector<Piece> pieces;
  bool thinking_open = false;  // it ends inside thinking: the answer begins there, with or without an opening tag
};

class PromptFormat {
 public:
  PromptFormat(ChatTemplate);    // NOLINT: a template is one
  PromptFormat(DeepseekFormat);  // NOLINT
  Result<Prompt> write(const Conversation&, const RenderOptions& = {}) const;

  std::string_view name() const;    // of the template or of the encoder
  std::string_view source() const;  // of the template; empty where there is none
  ToolSyntax tools() const { return tools_; }
  // Whether Conversation::thinking changes anything. Some models always think, some never.
  bool switches_thinking() const { return switches_thinking_; }
  bool takes_effort() const { return takes_effort_; }

 private:
  std::variant<ChatTemplate, DeepseekFormat> format_;
  ToolSyntax tools_;
  bool switches_thinking_, takes_effort_;
};

// Whether a prompt ends inside thinking: what its format wrote last is "<think>", but for white space.
bool ends_thinking(const std::vector<Piece>&);

// What a model's files say about it, for a format of our own.
struct ModelNames {
  std::string_view architecture;                    // "deepseek2", "deepseek_v32" ...
  std::string_view name;                            // of the file or folder: newer weights of V4 differ in nothing else
  std::function<bool(std::string_view)> has_token;  // what is in the vocabulary
};
// For models of the DeepSeek family without template; nothing for others.
//   V2            "User: .. Assistant: .."   no <｜User｜> in the vocabulary
//   V2.5, V3, R1  <｜User｜>..<｜Assistant｜>    R1: with <think>
//   V3.1          the same with </think> or <think>, tools in the system turn
//   V3.2, V4      the encoders; of V4 the one with three efforts where the name has 0731
std::optional<PromptFormat> deepseek_format(const ModelNames&);

}  // namespace freehold
