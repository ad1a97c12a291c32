#include "text/deepseek_pieces.h"

#include "text/jinja/print.h"
#include "text/json_text.h"
#include "text/utf8.h"

namespace freehold::deepseek {
namespace {

constexpr std::string_view where = "messages";

// False when it is nested too deep.
bool write_json(std::string& out, const Json& value, int level = 0) {
  if (level > limits::template_value_nesting) return false;
  switch (value.type()) {
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.items()) {
        if (!first) out += ", ";
        first = false;
        out += fmt::format("\"{}\": ", json_quoted(key));
        if (!write_json(out, member, level + 1)) return false;
      }
      out += '}';
      return true;
    }
    case Json::value_t::array: {
      out += '[';
      for (size_t i = 0; i < value.size(); ++i) {
        if (i) out += ", ";
        if (!write_json(out, value[i], level + 1)) return false;
      }
      out += ']';
      return true;
    }
    case Json::value_t::string:
      out += fmt::format("\"{}\"", json_quoted(value.get_ref<const std::string&>()));
      return true;
    case Json::value_t::number_float:
      out += jinja::print_json_float(value.get<double>());
      return true;
    default:
      out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
      return true;
  }
}

// A member that is there and not null.
const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_member(const Json& object, const char* key, size_t index) {
  const Json* found = member(object, key);
  if (!found) return std::string();
  if (!found->is_string())
    return inconsistent("{}: {}: '{}' is a {}; expected a string", where, index, key, found->type_name());
  return found->get<std::string>();
}

// Nothing, a text, or a list of texts as clients send parts.
Result<std::string> content_of(const Json& message, size_t index) {
  const Json* content = member(message, "content");
  if (!content) return std::string();
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array())
    return inconsistent("{}: {}: 'content' is a {}; expected a string or a list", where, index, content->type_name());
  std::string text;
  for (const Json& part : *content) {
    const Json* type = part.is_object() ? member(part, "type") : nullptr;
    if (!type || *type != "text")
      return unsupported("{}: {}: a content of type {}; this model reads text only", where, index,
                         printable(type ? type->dump(-1, ' ', false, Json::error_handler_t::replace) : "none", 40));
    TRY_ASSIGN(const std::string more, text_member(part, "text", index));
    text += more;
  }
  return text;
}

Result<Message::Call> call_of(const Json& given, size_t index) {
  const Json* function = given.is_object() ? member(given, "function") : nullptr;
  if (!function || !function->is_object())
    return inconsistent("{}: {}: tool_calls: expected objects with a 'function'", where, index);
  Message::Call call;
  TRY_ASSIGN(call.id, text_member(given, "id", index));
  if (call.id.empty()) {
    TRY_ASSIGN(call.id, text_member(*function, "id", index));
  }
  TRY_ASSIGN(call.name, text_member(*function, "name", index));
  if (call.name.empty()) return inconsistent("{}: {}: a call without the name of a function", where, index);
  const Json* arguments = member(*function, "arguments");
  call.arguments = Json::object();
  if (!arguments) return call;
  if (arguments->is_object()) {
    call.arguments = *arguments;
    return call;
  }
  if (!arguments->is_string())
    return inconsistent("{}: {}: arguments are a {}; expected JSON as a string", where, index, arguments->type_name());
  const auto parsed = parse_json(arguments->get_ref<const std::string&>(), "arguments");
  if (parsed && parsed->is_object())
    call.arguments = *parsed;
  else
    call.arguments["arguments"] = *arguments;
  return call;
}

Result<Json> tools_of(const Json& tools) {
  if (tools.is_null() || (tools.is_array() && tools.empty())) return Json();
  if (!tools.is_array()) return inconsistent("tools: is a {}; expected a list", tools.type_name());
  for (const Json& tool : tools)
    if (!tool.is_object() || !member(tool, "function"))
      return inconsistent("tools: expected objects with a 'function'");
  return tools;
}

Result<Message> read_message(const Json& given, size_t index) {
  if (!given.is_object()) return inconsistent("{}: {}: is a {}; expected an object", where, index, given.type_name());
  Message message;
  TRY_ASSIGN(message.role, text_member(given, "role", index));
  TRY_ASSIGN(message.content, content_of(given, index));
  for (const char* name : {"reasoning_content", "reasoning", "thinking"}) {
    if (!message.reasoning.empty()) break;
    TRY_ASSIGN(message.reasoning, text_member(given, name, index));
  }
  TRY_ASSIGN(message.task, text_member(given, "task", index));
  TRY_ASSIGN(message.call_id, text_member(given, "tool_call_id", index));
  if (const Json* tools = member(given, "tools")) {
    TRY_ASSIGN(message.tools, tools_of(*tools));
  }
  if (const Json* schema = member(given, "response_format"); schema && !schema->empty())
    message.response_format = *schema;
  if (const Json* open = member(given, "wo_eos")) message.without_end = *open == true;
  if (const Json* calls = member(given, "tool_calls")) {
    if (!calls->is_array())
      return inconsistent("{}: {}: 'tool_calls' is a {}; expected a list", where, index, calls->type_name());
    for (const Json& call : *calls) {
      TRY_ASSIGN(message.calls.emplace_back(), call_of(call, index));
    }
  }
  if (message.role == "developer" && message.content.empty())
    return inconsistent("{}: {}: a developer's message without content", where, index);
  return message;
}

}  // namespace

void PieceWriter::add(std::string_view text, Author author) {
  if (text.empty() || failed_) return;
  bytes_ += text.size();
  if (bytes_ > limits::template_output_bytes)
    return fail(out_of_resources("messages: a prompt of more than {} bytes", limits::template_output_bytes));
  if (author == Author::the_request && !valid_utf8(text))
    return fail(malformed("messages: a string is not valid UTF-8"));
  if (!pieces_.empty() && pieces_.back().author == author)
    pieces_.back().text += text;
  else
    pieces_.push_back({std::string(text), author});
}

void PieceWriter::their_json(const Json& value) {
  std::string text;
  if (!write_json(text, value))
    return fail(out_of_resources("messages: JSON nested more than {} deep", limits::template_value_nesting));
  theirs(text);
}

Result<std::vector<Piece>> PieceWriter::finish() {
  if (failed_) return *failed_;
  return std::move(pieces_);
}

Result<std::vector<Message>> read_messages(const Conversation& conversation) {
  if (!conversation.messages.is_array()) return inconsistent("{}: expected a list", where);
  std::vector<Message> messages;
  for (const Json& given : conversation.messages) {
    TRY_ASSIGN(messages.emplace_back(), read_message(given, messages.size() - 1));
  }
  TRY_ASSIGN(Json tools, tools_of(conversation.tools));
  if (!tools.is_null()) {
    if (messages.empty() || messages.front().role != "system") {
      messages.emplace(messages.begin());
      messages.front().role = "system";
    }
    messages.front().tools = std::move(tools);
  }
  if (conversation.continue_final_message) {
    if (messages.empty() || messages.back().role != "assistant")
      return inconsistent("chat: continue: the final message is not the assistant's");
    messages.back().without_end = true;
  }
  return messages;
}

int last_user(const std::vector<Message>& messages) {
  for (size_t i = messages.size(); i-- > 0;)
    if (messages[i].role == "user" || messages[i].role == "developer") return static_cast<int>(i);
  return -1;
}

void drop_earlier_reasoning(std::vector<Message>& messages) {
  const int last = last_user(messages);
  std::vector<Message> kept;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (static_cast<int>(i) < last) {
      if (messages[i].role == "developer") continue;
      if (messages[i].role == "assistant") messages[i].reasoning.clear();
    }
    kept.push_back(std::move(messages[i]));
  }
  messages = std::move(kept);
}

namespace {

void write_schemas(PieceWriter& out, const Json& tools) {
  bool first = true;
  for (const Json& tool : tools) {
    if (!first) out.ours("\n");
    first = false;
    out.their_json(tool["function"]);
  }
}

}  // namespace

void write_extras(PieceWriter& out, const Message& message, std::string_view before, std::string_view after) {
  if (!message.tools.is_null()) {
    out.ours("\n\n");
    out.ours(before);
    write_schemas(out, message.tools);
    out.ours(after);
  }
  if (!message.response_format.is_null()) {
    out.ours("\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n");
    out.their_json(message.response_format);
  }
}

void write_calls(PieceWriter& out, const std::vector<Message::Call>& calls, std::string_view block) {
  if (calls.empty()) return;
  out.ours(fmt::format("\n\n<｜DSML｜{}>\n", block));
  for (const Message::Call& call : calls) {
    out.ours("<｜DSML｜invoke name=\"");
    out.theirs(call.name);
    out.ours("\">\n");
    bool first = true;
    for (const auto& [key, value] : call.arguments.items()) {
      if (!first) out.ours("\n");
      first = false;
      out.ours("<｜DSML｜parameter name=\"");
      out.theirs(key);
      out.ours(value.is_string() ? "\" string=\"true\">" : "\" string=\"false\">");
      if (value.is_string())
        out.theirs(value.get_ref<const std::string&>());
      else
        out.their_json(value);
      out.ours("</｜DSML｜parameter>");
    }
    out.ours("\n</｜DSML｜invoke>\n");
  }
  out.ours(fmt::format("</｜DSML｜{}>", block));
}

}  // namespace freehold::deepseek
