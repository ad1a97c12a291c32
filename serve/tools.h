// Tools of a request: what it offers to the model, the calls of the past in its messages, and the calls in an answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tool_calls.h"

namespace freehold {

class Fields;

struct ToolAsk {
  ToolSyntax syntax = ToolSyntax::none;  // none: the answer is text
  Json list = nullptr;                   // as templates read them
  // tool_choice "required" or a name: the beginning of a call, which the prompt ends with. The model can but go on.
  std::string forced;
  std::string name;          // the only function that may be called; empty: any
  std::vector<bool> strict;  // by tool: arguments must fit the parameters
  bool one_call = false;     // parallel_tool_calls: false
};
// How calls stand in an answer: lead and open, then for each call before_name NAME after_name ARGUMENTS
// after_arguments, with `between` between two, then close. Nothing for ToolSyntax::none.
struct CallForm {
  std::string lead = {};  // what a model writes before `open`; an answer need not have it
  std::string open, before_name, after_name, after_arguments, between, close;
  std::string mark;     // the beginning of `open` that no text has; empty: none
  bool spaced = false;  // white space may stand around the arguments
  bool dsml = false;    // the arguments are parameters in DSML, else JSON
};
std::optional<CallForm> call_form_of(ToolSyntax syntax);
// tools, tool_choice, parallel_tool_calls. The first fault is kept in `fields`.
ToolAsk read_tools(Fields& fields, ToolSyntax syntax, std::vector<std::string>& ignored);

// tool_calls of a message of the assistant, into `message` as templates of this syntax read them.
void read_past_calls(Fields& fields, ToolSyntax syntax, Json& message);

struct ToolCall {
  std::string id, name, arguments;  // arguments: a JSON object
};

// Reads the calls out of an answer as it streams. A call is given out when it is whole: one that breaks off is text,
// and no client has begun to run it.
class ToolReader {
 public:
  explicit ToolReader(const ToolAsk& ask);
  struct Heard {
    std::string text;
    std::vector<ToolCall> calls;
  };
  Heard hear(std::string_view text) { return sort(parser_.push(text)); }
  Heard finish() { return sort(parser_.finish()); }

 private:
  Heard sort(std::vector<ToolEvent> events);
  ToolCallParser parser_;
  bool one_call_;
  int given_ = 0;
  ToolCall call_;
  std::string first_;  // text that the forced beginning gave
};

}  // namespace freehold
