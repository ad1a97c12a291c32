// OpenAI's /v1/responses, brought into the words of a chat. Nothing is stored: the items of the conversation come with
// each request.
#include <nlohmann/json.hpp>

#include "serve/answer_request.h"
#include "serve/fields.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// A string, or parts of text.
std::string read_parts(Fields& fields, std::string_view name, const std::string& place) {
  const Json* content = fields.find(name);
  if (!content) return {};
  if (content->is_string()) return *content;
  std::string text;
  if (!content->is_array()) fields.fail(invalid(place, "expected a string or a list of parts"));
  for (size_t i = 0; content->is_array() && i < content->size(); ++i) {
    const Json& part = (*content)[i];
    const std::string here = fmt::format("{}[{}]", place, i);
    const std::string type =
        part.is_object() && part.contains("type") && part["type"].is_string() ? part["type"] : Json("");
    if (type != "input_text" && type != "output_text" && type != "text" && type != "reasoning_text" &&
        type != "summary_text")
      fields.fail(unsupported_field(here + ".type", "only text is read, not " + printable(type, 30)));
    else if (!part.contains("text") || !part["text"].is_string())
      fields.fail(invalid(here + ".text", "expected a string"));
    else
      text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

// Reasoning, text and calls of one turn are items of their own here, and one message of a chat.
Json& turn_of_assistant(Json& messages) {
  if (messages.empty() || messages.back()["role"] != "assistant")
    messages.push_back({{"role", "assistant"}, {"content", nullptr}});
  return messages.back();
}

void read_item(const Json& item, const std::string& place, Fields& outer, Json& messages) {
  if (!item.is_object()) return outer.fail(invalid(place, "expected an object"));
  Fields fields(item, place + ".");
  std::string type = "message", text;
  fields.text("type", type);
  if (type == "message") {
    std::string role;
    if (!fields.one_of("role", {"user", "assistant", "system", "developer"}, role))
      fields.fail(invalid(place + ".role", "expected user, assistant, system or developer"));
    text = read_parts(fields, "content", place + ".content");
    if (role == "assistant") {
      Json& turn = turn_of_assistant(messages);
      turn["content"] = turn["content"].is_string() ? turn["content"].get<std::string>() + text : text;
    } else {
      messages.push_back({{"role", role}, {"content", text}});
    }
  } else if (type == "function_call") {
    std::string id, name, arguments;
    fields.text("call_id", id);
    fields.text("name", name);
    fields.text("arguments", arguments);
    turn_of_assistant(messages)["tool_calls"].push_back(
        {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}});
  } else if (type == "function_call_output") {
    std::string id;
    fields.text("call_id", id);
    text = read_parts(fields, "output", place + ".output");
    messages.push_back({{"role", "tool"}, {"tool_call_id", id}, {"content", text}});
  } else if (type == "reasoning") {
    text = read_parts(fields, "content", place + ".content");
    if (!text.empty()) {
      if (!messages.empty() && messages.back()["role"] == "assistant")
        messages.push_back({{"role", "assistant"}, {"content", nullptr}});
      turn_of_assistant(messages)["reasoning_content"] = text;
    }
    fields.accept({"summary", "encrypted_content"});
  } else {
    fields.fail(unsupported_field(place + ".type", "is not served: " + printable(type, 40)));
  }
  fields.accept({"id", "status", "phase"});
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) outer.fail(*fields.error());
}

void read_input(Fields& fields, Json& messages) {
  const Json* input = fields.find("input");
  if (!input) return fields.fail(invalid("input", "is missing"));
  if (input->is_string()) return messages.push_back({{"role", "user"}, {"content", *input}});
  if (!input->is_array() || input->empty())
    return fields.fail(invalid("input", "expected a string or a list of at least one item"));
  for (size_t i = 0; i < input->size() && !fields.error(); ++i)
    read_item((*input)[i], fmt::format("input[{}]", i), fields, messages);
}

void read_flat_tools(Fields& fields, Json& chat) {
  if (const Json* tools = fields.find("tools")) {
    if (!tools->is_array()) return fields.fail(invalid("tools", "expected a list"));
    chat["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      const Json& tool = (*tools)[i];
      if (!tool.is_object() || tool.value("type", Json()) != Json("function"))
        return fields.fail(unsupported_field(fmt::format("tools[{}].type", i), "only functions can be called"));
      Json function = tool;
      function.erase("type");
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (const Json* choice = fields.find("tool_choice")) {
    chat["tool_choice"] = *choice;
    if (choice->is_object())
      chat["tool_choice"] = {{"type", choice->value("type", Json())},
                             {"function", {{"name", choice->value("name", Json())}}}};
  }
}

// {type, name, schema, strict} as response_format has it.
Json chat_format_of(Fields& fields, const Json& format, const std::string& place) {
  if (!format.is_object() || format.value("type", Json()) != Json("json_schema")) return format;
  Json inner = format;
  inner.erase("type");
  if (!inner.contains("schema")) fields.fail(invalid(place + ".schema", "is missing"));
  return {{"type", "json_schema"}, {"json_schema", std::move(inner)}};
}

tl::expected<Json, ApiError> chat_of(const Json& body, std::vector<std::string>& ignored) {
  Fields fields(body);
  Json chat = Json::object(), messages = Json::array();
  std::string instructions;
  if (fields.text("instructions", instructions)) messages.push_back({{"role", "system"}, {"content", instructions}});
  read_input(fields, messages);
  chat["messages"] = std::move(messages);
  read_flat_tools(fields, chat);
  if (const Json* most = fields.find("max_output_tokens")) chat["max_completion_tokens"] = *most;
  if (const Json* reasoning = fields.find("reasoning")) {
    if (!reasoning->is_object())
      fields.fail(invalid("reasoning", "expected an object"));
    else if (const auto effort = reasoning->find("effort"); effort != reasoning->end() && !effort->is_null())
      chat["reasoning_effort"] = *effort;
    if (reasoning->is_object() && reasoning->contains("summary") && !(*reasoning)["summary"].is_null())
      ignored.push_back("reasoning.summary");
  }
  if (const Json* text = fields.find("text")) {
    if (!text->is_object())
      fields.fail(invalid("text", "expected an object"));
    else if (const auto format = text->find("format"); format != text->end() && !format->is_null())
      chat["response_format"] = chat_format_of(fields, *format, "text.format");
    if (text->is_object() && text->contains("verbosity")) ignored.push_back("text.verbosity");
  }
  if (const Json* earlier = fields.find("previous_response_id"))
    fields.fail({.message = "previous_response_id: " + printable(earlier->dump(), 60) +
                            " is not there: no answers are stored; send the items of the conversation",
                 .param = "previous_response_id",
                 .code = "previous_response_not_found"});
  fields.only("truncation", "disabled", "a conversation is never cut here");
  fields.refuse({"background", "conversation", "prompt", "include", "max_tool_calls"}, "is not served");
  fields.accept({"store", "user", "metadata", "stream_options", "service_tier", "safety_identifier", "prompt_cache_key",
                 "prompt_cache_retention"});
  fields.refuse({"n", "logprobs", "top_logprobs", "echo", "messages", "max_tokens", "return_progress"},
                "is no part of this API here");
  if (fields.error()) return Refused(*fields.error());
  for (const std::string& name : fields.unknown())
    if (const auto found = body.find(name); found != body.end()) chat[name] = *found;
  return chat;
}

}  // namespace

tl::expected<AnswerRequest, ApiError> read_responses_request(const ModelSide& side, const Json& body) {
  std::vector<std::string> ignored;
  auto chat = chat_of(body, ignored);
  if (!chat) return Refused(std::move(chat.error()));
  auto request = read_chat_request(side, *chat);
  if (!request) return request;
  request->style = Style::responses;
  request->ignored.insert(request->ignored.end(), ignored.begin(), ignored.end());
  if (side.strict && !ignored.empty()) return Refused(unsupported_field(ignored.front(), "changes nothing here"));
  for (const char* name : {"instructions", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p",
                           "max_output_tokens", "metadata", "reasoning", "text", "user"})
    if (const auto found = body.find(name); found != body.end()) request->body[name] = *found;
  return request;
}

}  // namespace freehold
