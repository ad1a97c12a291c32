// Anthropic's /v1/messages, brought into the words of a chat: blocks become messages, tools and choices change their
// shape, and what both call the same stays as it is. The chat's own checks come after.
#include <nlohmann/json.hpp>

#include "serve/answer_request.h"
#include "serve/answer_shapes.h"
#include "serve/fields.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// A string, or blocks of text.
bool read_text(const Json& given, const std::string& place, Fields& fields, std::string& text) {
  if (given.is_string()) {
    text += given.get_ref<const std::string&>();
    return true;
  }
  if (!given.is_array()) return fields.fail(invalid(place, "expected a string or a list of blocks")), false;
  for (size_t i = 0; i < given.size(); ++i) {
    const Json& block = given[i];
    const std::string here = fmt::format("{}[{}]", place, i);
    if (!block.is_object() || block.value("type", Json()) != Json("text"))
      return fields.fail(unsupported_field(here, "only blocks of text are read here")), false;
    const auto inner = block.find("text");
    if (inner == block.end() || !inner->is_string())
      return fields.fail(invalid(here + ".text", "expected a string")), false;
    text += inner->get_ref<const std::string&>();
  }
  return true;
}

// One message becomes one, or several: each result of a tool is a message of its own.
void read_message(const Json& given, const std::string& place, Fields& fields, Json& messages) {
  if (!given.is_object()) return fields.fail(invalid(place, "expected an object with role and content"));
  Fields one(given, place + ".");
  std::string role;
  if (!one.one_of("role", {"user", "assistant", "system"}, role))
    one.fail(invalid(place + ".role", "expected user or assistant"));
  const Json* content = one.find("content");
  if (!content || !(content->is_string() || content->is_array()))
    one.fail(invalid(place + ".content", "expected a string or a list of blocks"));
  for (const std::string& name : one.unknown()) one.fail(unsupported_field(name, "is not known"));
  if (one.error()) return fields.fail(*one.error());
  if (content->is_string()) return messages.push_back({{"role", role}, {"content", *content}});
  Json message = {{"role", role}};
  std::string text, thinking;
  Json calls = Json::array();
  bool said = content->empty();
  for (size_t i = 0; i < content->size(); ++i) {
    const Json& block = (*content)[i];
    const std::string here = fmt::format("{}.content[{}]", place, i);
    const std::string type =
        block.is_object() && block.contains("type") && block["type"].is_string() ? block["type"] : Json("");
    const auto text_at = [&](const char* name) {
      const auto found = block.find(name);
      if (found == block.end() || !found->is_string()) {
        fields.fail(invalid(here + "." + name, "expected a string"));
        return std::string();
      }
      return found->get<std::string>();
    };
    if (type == "text") {
      text += text_at("text"), said = true;
    } else if (type == "thinking" && role == "assistant") {
      thinking += text_at("thinking");
    } else if (type == "redacted_thinking" && role == "assistant") {
      continue;  // nothing that this model could read
    } else if (type == "tool_use" && role == "assistant") {
      const auto input = block.find("input");
      if (input == block.end() || !input->is_object())
        return fields.fail(invalid(here + ".input", "expected an object"));
      calls.push_back({{"id", text_at("id")},
                       {"type", "function"},
                       {"function", {{"name", text_at("name")}, {"arguments", text_of(*input)}}}});
    } else if (type == "tool_result" && role == "user") {
      std::string result;
      if (const auto inner = block.find("content"); inner != block.end() && !inner->is_null())
        if (!read_text(*inner, here + ".content", fields, result)) return;
      if (block.value("is_error", Json()) == Json(true)) result = "Error: " + result;
      messages.push_back({{"role", "tool"}, {"tool_call_id", text_at("tool_use_id")}, {"content", result}});
    } else {
      return fields.fail(unsupported_field(here + ".type", "is not read for this role: " + printable(type, 30)));
    }
  }
  if (!thinking.empty()) message["reasoning_content"] = thinking;
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  if (said) message["content"] = text;
  if (said || role == "assistant") messages.push_back(std::move(message));
}

void read_tools_of_messages(Fields& fields, Json& chat, std::vector<std::string>& ignored) {
  if (const Json* tools = fields.find("tools")) {
    if (!tools->is_array()) return fields.fail(invalid("tools", "expected a list"));
    chat["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      const std::string here = fmt::format("tools[{}]", i);
      if (!(*tools)[i].is_object()) return fields.fail(invalid(here, "expected an object with name and input_schema"));
      Fields one((*tools)[i], here + ".");
      std::string type;
      if (one.text("type", type) && type != "custom")
        return fields.fail(unsupported_field(here + ".type", "tools that a server runs are not served"));
      Json function = Json::object();
      for (const auto& [from, to] : {std::pair{"name", "name"},
                                     {"description", "description"},
                                     {"input_schema", "parameters"},
                                     {"strict", "strict"}})
        if (const Json* value = one.find(from)) function[to] = *value;
      one.accept({"cache_control"});
      for (const std::string& name : one.unknown()) ignored.push_back(name);
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (const Json* choice = fields.find("tool_choice")) {
    std::string type, name;
    if (choice->is_object()) {
      Fields one(*choice, "tool_choice.");
      one.one_of("type", {"auto", "any", "none", "tool"}, type);
      one.text("name", name);
      bool single = false;
      if (one.boolean("disable_parallel_tool_use", single) && single) chat["parallel_tool_calls"] = false;
      if (one.error()) return fields.fail(*one.error());
    }
    if (type.empty())
      return fields.fail(invalid("tool_choice", "expected an object with type auto, any, tool or none"));
    chat["tool_choice"] = type == "any" ? Json("required") : Json(type);
    if (type == "tool") chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", name}}}};
  }
}

tl::expected<Json, ApiError> chat_of(const Json& body, bool counted, std::vector<std::string>& ignored) {
  Fields fields(body);
  Json chat = Json::object(), messages = Json::array();
  if (const Json* system = fields.find("system")) {
    std::string text;
    if (read_text(*system, "system", fields, text)) messages.push_back({{"role", "system"}, {"content", text}});
  }
  const Json* list = fields.find("messages");
  if (!list || !list->is_array() || list->empty())
    fields.fail(invalid("messages", "expected a list of at least one message"));
  else
    for (size_t i = 0; i < list->size() && !fields.error(); ++i)
      read_message((*list)[i], fmt::format("messages[{}]", i), fields, messages);
  chat["messages"] = std::move(messages);
  if (const Json* most = fields.find("max_tokens"))
    chat["max_tokens"] = *most;
  else if (!counted)
    fields.fail(invalid("max_tokens", "is missing"));
  if (const Json* stops = fields.find("stop_sequences")) chat["stop"] = *stops;
  read_tools_of_messages(fields, chat, ignored);
  if (const Json* thinking = fields.find("thinking")) {
    std::string type;
    if (thinking->is_object()) {
      Fields one(*thinking, "thinking.");
      one.one_of("type", {"enabled", "adaptive", "disabled"}, type);
      if (one.find("budget_tokens")) ignored.push_back("thinking.budget_tokens");
      one.accept({"display"});
      for (const std::string& name : one.unknown()) ignored.push_back(name);
      if (one.error()) fields.fail(*one.error());
    }
    if (type.empty()) fields.fail(invalid("thinking", "expected an object with type enabled, adaptive or disabled"));
    if (type != "adaptive") chat["thinking"] = {{"type", type}};
  }
  if (const Json* format = fields.find("output_format")) chat["response_format"] = *format;
  if (const Json* output = fields.find("output_config")) {
    if (!output->is_object()) {
      fields.fail(invalid("output_config", "expected an object"));
    } else {
      Fields one(*output, "output_config.");
      if (const Json* format = one.find("format")) chat["response_format"] = *format;
      if (const Json* effort = one.find("effort")) chat["reasoning_effort"] = *effort;
      for (const std::string& name : one.unknown()) ignored.push_back(name);
    }
  }
  fields.accept({"metadata", "service_tier", "cache_control"});
  fields.refuse({"n", "logprobs", "top_logprobs", "echo", "stop", "max_completion_tokens", "stream_options",
                 "return_progress", "mcp_servers", "container", "context_management"},
                "is no part of this API here");
  if (fields.error()) return Refused(*fields.error());
  // What has the same name and meaning in both, and what neither knows: the chat's reading tells.
  for (const std::string& name : fields.unknown())
    if (const auto found = body.find(name); found != body.end()) chat[name] = *found;
  return chat;
}

}  // namespace

tl::expected<AnswerRequest, ApiError> read_messages_request(const ModelSide& side, const Json& body) {
  std::vector<std::string> ignored;
  auto chat = chat_of(body, false, ignored);
  if (!chat) return Refused(std::move(chat.error()));
  auto request = read_chat_request(side, *chat);
  if (!request) return request;
  request->style = Style::messages;
  request->ignored.insert(request->ignored.end(), ignored.begin(), ignored.end());
  if (side.strict && !ignored.empty()) return Refused(unsupported_field(ignored.front(), "changes nothing here"));
  return request;
}

tl::expected<int, ApiError> count_messages_tokens(const ModelSide& side, const Json& body) {
  std::vector<std::string> ignored;
  auto chat = chat_of(body, true, ignored);
  if (!chat) return Refused(std::move(chat.error()));
  Fields fields(*chat);
  auto rendered = render_request(side, fields);
  if (!rendered) return Refused(std::move(rendered.error()));
  return static_cast<int>(rendered->tokens.size());
}

}  // namespace freehold
