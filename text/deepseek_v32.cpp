#include "text/deepseek_v32.h"

namespace freehold::deepseek {
namespace {

// What the model was trained to read before its tools, in the words of the published encoder.
constexpr std::string_view before_schemas = R"(## Tools

You have access to a set of tools you can use to answer the user's question.
You can invoke functions by writing a "<｜DSML｜function_calls>" block like the following as part of your reply to the user:
<｜DSML｜function_calls>
<｜DSML｜invoke name="$FUNCTION_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$FUNCTION_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜function_calls>

String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON format. The "string" attribute should be set to "true" for string type parameters and "false" for other types (numbers, booleans, arrays, objects).

If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is an example:

<｜DSML｜function_calls>
...
</｜DSML｜function_calls>

<function_results>
...
</function_results>

<think>...thinking about results</think>

Here are the functions available in JSONSchema format:
<functions>
)";

class Encoder {
 public:
  Encoder(const std::vector<Message>& messages, bool thinks, bool prompts)
      : messages_(messages), last_user_(last_user(messages)), thinks_(thinks), prompts_(prompts) {}

  Result<std::vector<Piece>> encode() {
    out_.ours(bos);
    for (size_t i = 0; i < messages_.size(); ++i) TRY(turn(i));
    return out_.finish();
  }

 private:
  Result<Done> turn(size_t i) {
    const Message& message = messages_[i];
    if (message.role == "system") {
      out_.theirs(message.content);
      write_extras(out_, message, before_schemas, "\n</functions>\n");
    } else if (message.role == "developer") {
      out_.ours(user_tag);
      write_extras(out_, message, before_schemas, "\n</functions>\n");
      out_.ours("\n\n# The user's message is: ");
      out_.theirs(message.content);
      answer_begins(i);
    } else if (message.role == "user") {
      out_.ours(user_tag);
      out_.theirs(message.content);
      answer_begins(i);
    } else if (message.role == "assistant") {
      if (thinks_ && after_last_user(i)) {
        out_.theirs(message.reasoning);
        out_.ours(end_think);
      }
      out_.theirs(message.content);
      write_calls(out_, message.calls, "function_calls");
      if (!message.without_end) out_.ours(eos);
    } else if (message.role == "tool") {
      return result(i);
    } else {
      return inconsistent("messages: {}: role '{}'; expected system, developer, user, assistant or tool", i,
                          printable(message.role, 40));
    }
    return Done{};
  }

  void answer_begins(size_t i) {
    if (!prompts_ && i + 1 == messages_.size()) return;
    out_.ours(assistant_tag);
    out_.ours(thinks_ && static_cast<int>(i) == last_user_ ? think : end_think);
  }

  // Results stand behind the calls that they answer, in their order.
  Result<Done> result(size_t i) {
    size_t first = i;
    while (first > 0 && messages_[first - 1].role == "tool") --first;
    if (first == 0 || messages_[first - 1].role != "assistant")
      return inconsistent("messages: {}: a tool's result that no assistant asked for", i);
    const size_t asked = messages_[first - 1].calls.size(), place = i - first + 1;
    if (place > asked) return inconsistent("messages: {}: result {} of {} calls", i, place, asked);
    if (place == 1) out_.ours("\n\n<function_results>");
    out_.ours("\n<result>");
    out_.theirs(messages_[i].content);
    out_.ours("</result>");
    if (place < asked) return Done{};
    out_.ours("\n</function_results>");
    if (!prompts_ && i + 1 == messages_.size()) return Done{};
    out_.ours("\n\n");
    out_.ours(thinks_ && after_last_user(i) ? think : end_think);
    return Done{};
  }

  bool after_last_user(size_t i) const { return static_cast<int>(i) > last_user_; }

  const std::vector<Message>& messages_;
  const int last_user_;
  const bool thinks_, prompts_;
  PieceWriter out_;
};

}  // namespace

Result<std::vector<Piece>> encode_v32(std::vector<Message> messages, bool thinks, bool add_generation_prompt) {
  if (thinks) drop_earlier_reasoning(messages);
  return Encoder(messages, thinks, add_generation_prompt).encode();
}

}  // namespace freehold::deepseek
