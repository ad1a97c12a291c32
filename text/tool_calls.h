// ToolCallParser: finds the tool calls in a model's answer while the text streams, one state machine for each way in
// which models write them. The text may come in any pieces: the events, put together, are the same.
//
// Nothing of the text is lost. A call that turns out not to be one (broken JSON, a missing tag, cut off, over a limit)
// is taken back by a `broken` event that carries all that the model wrote of it and why it is none; what follows is
// text again, up to the next mark. The arguments of a call that ends are a JSON object, whatever the syntax.
//
//   deepseek_v3    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME, JSON in a fence,
//   <｜tool▁call▁end｜> ... deepseek_v31   the same, NAME<｜tool▁sep｜>JSON deepseek_v32   <｜DSML｜function_calls>
//   with <｜DSML｜invoke name=..> and <｜DSML｜parameter name=.. string="true|false"> deepseek_v4    the same in
//   <｜DSML｜tool_calls> tagged_json    <tool_call>{"name": .., "arguments": {..}}</tool_call>   (Qwen, Hermes)
//   bare_json      the answer is {"name": .., "parameters": {..}}, more behind semicolons   (Llama 3)
//
// White space that the format puts around a block and between its tags is no text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace freehold {

enum class ToolSyntax : uint8_t { none, deepseek_v3, deepseek_v31, deepseek_v32, deepseek_v4, tagged_json, bare_json };
std::string_view name_of(ToolSyntax);

// The syntax that a chat template writes calls of the past in, and so the model those of the future.
ToolSyntax tool_syntax_of(std::string_view template_source);

// Whether a control token of this written form belongs to the syntax: its text must reach the parser.
bool is_tool_mark(ToolSyntax, std::string_view token);

struct ToolEvent {
  enum class Kind : uint8_t {
    text,       // text
    begin,      // text: the function's name
    arguments,  // text: more of the arguments, JSON
    end,
    broken,  // text: all that was written of the call; reason. Its begin, if there was one, is void.
  };
  Kind kind;
  int call = -1;  // number of the call, from 0; -1: text, or a broken one that had not begun
  std::string text, reason;
  bool operator==(const ToolEvent&) const = default;
};

struct ToolLimits {
  int calls = limits::tool_calls;
  size_t name_bytes = limits::tool_name_bytes;
  size_t argument_bytes = limits::tool_argument_bytes;  // of one call
};

class ToolMachine;
class ToolCallParser {
 public:
  explicit ToolCallParser(ToolSyntax, const ToolLimits& = {});
  ToolCallParser(ToolCallParser&&) noexcept;
  ToolCallParser& operator=(ToolCallParser&&) noexcept;
  ~ToolCallParser();

  std::vector<ToolEvent> push(std::string_view text);  // what became certain
  std::vector<ToolEvent> finish();                     // what was held back

 private:
  std::unique_ptr<ToolMachine> machine_;  // none: all is text
};

}  // namespace freehold
