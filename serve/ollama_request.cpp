// Ollama's /api/chat and /api/generate, brought into the words of a chat or a text: options get their other names,
// messages their other members. The checks of those come after; what they find is told in Ollama's words.
#include <nlohmann/json.hpp>

#include "serve/answer_request.h"
#include "serve/answer_shapes.h"
#include "serve/fields.h"
#include "serve/ollama.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// Ollama's name, and what a chat or a text calls the same.
constexpr std::pair<std::string_view, std::string_view> options[] = {
    {"options.temperature", "temperature"},
    {"options.top_k", "top_k"},
    {"options.top_p", "top_p"},
    {"options.min_p", "min_p"},
    {"options.typical_p", "typical_p"},
    {"options.repeat_penalty", "repetition_penalty"},
    {"options.presence_penalty", "presence_penalty"},
    {"options.frequency_penalty", "frequency_penalty"},
    {"options.seed", "seed"},
    {"options.num_predict", "max_tokens"},
    {"options.stop", "stop"},
    {"options.mirostat", "mirostat"},
};
constexpr std::pair<std::string_view, std::string_view> others[] = {
    {"think", "thinking"}, {"think", "reasoning_effort"}, {"format", "response_format"}};
constexpr std::string_view option_prefix = "options.";

// What an API that is not Ollama's makes of a request, in Ollama's words.
ApiError in_their_words(ApiError error) { return in_words(others, in_words(options, std::move(error))); }

void read_options(const ModelSide& side, Fields& fields, Json& chat, std::vector<std::string>& ignored) {
  chat.update({{"temperature", 0.8}, {"top_k", 40}, {"top_p", 0.9}});  // as Ollama has them where a request is silent
  const Json* given = fields.find("options");
  if (!given) return;
  if (!given->is_object()) return fields.fail(invalid("options", "expected an object"));
  Fields inner(*given, std::string(option_prefix));
  for (const auto& [theirs, ours] : options)
    if (const Json* value = inner.find(theirs.substr(option_prefix.size()))) chat[std::string(ours)] = *value;
  const auto drop = [&](const char* name, std::initializer_list<int> values) {
    for (const int value : values)
      if (const auto found = chat.find(name); found != chat.end() && *found == Json(value)) chat.erase(found);
  };
  drop("seed", {-1});            // any
  drop("max_tokens", {-1, -2});  // to the end of the context
  int last = -1, context = 0;
  inner.integer("repeat_last_n", -1, INT32_MAX, last);
  if (last > 0) ignored.push_back("options.repeat_last_n");  // penalties look at everything here, as with -1
  if (last == 0)
    for (const char* name : {"repetition_penalty", "presence_penalty", "frequency_penalty"}) chat.erase(name);
  if (inner.integer("num_ctx", 1, INT32_MAX, context) && context > side.context) ignored.push_back("options.num_ctx");
  for (const std::string& name : inner.unknown()) ignored.push_back(name);
  if (inner.error()) fields.fail(*inner.error());
}

void read_think(Fields& fields, Json& chat) {
  const Json* think = fields.find("think");
  if (!think) return;
  std::string effort;
  if (think->is_boolean())
    chat["thinking"] = {{"type", *think == Json(true) ? "enabled" : "disabled"}};
  else if (fields.one_of("think", {"low", "medium", "high", "max"}, effort))
    chat["reasoning_effort"] = effort;
}

void read_format(Fields& fields, Json& chat) {
  const Json* format = fields.find("format");
  if (!format || *format == Json("")) return;
  if (format->is_object())
    chat["response_format"] = {{"type", "json_schema"}, {"json_schema", {{"schema", *format}}}};
  else if (*format == Json("json"))
    chat["response_format"] = {{"type", "json_object"}};
  else
    fields.fail(invalid("format", "expected json or a JSON schema"));
}

// What both kinds of request have.
void read_settings(const ModelSide& side, Fields& fields, Json& chat, std::vector<std::string>& ignored) {
  bool stream = true;
  fields.boolean("stream", stream);
  chat["stream"] = stream;
  read_options(side, fields, chat, ignored);
  read_think(fields, chat);
  read_format(fields, chat);
  read_keep_alive(fields);
  for (const char* name : {"truncate", "shift"}) {  // nothing is ever cut here
    bool cut = false;
    if (fields.boolean(name, cut) && cut) ignored.push_back(name);
  }
  for (const char* name : {"lora", "steering"})  // not Ollama's: changes of the model, as in the other APIs
    if (const Json* value = fields.find(name)) chat[name] = *value;
  fields.refuse({"images"}, "only text is read here");
  fields.accept({"model", "user", "metadata"});
}

void read_message(const Json& given, const std::string& place, Fields& fields, Json& messages) {
  if (!given.is_object()) return fields.fail(invalid(place, "expected an object with role and content"));
  Fields one(given, place + ".");
  Json message = Json::object();
  for (const auto& [theirs, ours] : {std::pair{"role", "role"},
                                     {"content", "content"},
                                     {"thinking", "reasoning_content"},
                                     {"name", "name"},
                                     {"tool_name", "name"},
                                     {"tool_call_id", "tool_call_id"},
                                     {"tool_calls", "tool_calls"}})
    if (const Json* value = one.find(theirs)) message[ours] = *value;
  std::string thinking;
  one.text("thinking", thinking);
  one.refuse({"images"}, "only text is read here");
  for (const std::string& name : one.unknown()) one.fail(unsupported_field(name, "is not known"));
  if (one.error()) return fields.fail(*one.error());
  if (auto calls = message.find("tool_calls"); calls != message.end() && calls->is_array() && !calls->empty()) {
    for (Json& call : *calls) {  // arguments: an object here, its text there
      if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
      Json& function = call["function"];
      if (const auto found = function.find("arguments"); found != function.end() && found->is_object())
        *found = text_of(*found);
    }
    if (const auto content = message.find("content"); content != message.end() && *content == Json(""))
      message.erase(content);  // templates tell a message of calls by that
  }
  messages.push_back(std::move(message));
}

Json chat_messages(Fields& fields) {
  Json messages = Json::array();
  const Json* list = fields.find("messages");
  if (!list || !list->is_array()) fields.fail(invalid("messages", "expected a list of messages"));
  for (size_t i = 0; list && list->is_array() && i < list->size() && !fields.error(); ++i)
    read_message((*list)[i], fmt::format("messages[{}]", i), fields, messages);
  return messages;
}

// /api/generate: the prompt as it is, or in the model's template. Whether it is the first.
bool read_prompt(const ModelSide& side, Fields& fields, Json& chat) {
  std::string prompt, suffix, system;
  bool raw = false;
  fields.text("prompt", prompt);
  fields.text("suffix", suffix);
  fields.text("system", system);
  fields.boolean("raw", raw);
  fields.refuse({"template"}, "is the model's own here; raw: true takes a prompt as it is");
  fields.refuse({"context"}, "is not kept here; /api/chat takes the messages of a conversation");
  if (!system.empty() && raw) fields.fail(invalid("system", "has no place in a raw prompt"));
  if (!system.empty() && !suffix.empty()) fields.fail(invalid("system", "has no place where suffix is there"));
  const bool as_it_is = raw || !suffix.empty() || (!side.format && system.empty());
  if (as_it_is) {
    chat["prompt"] = prompt;
    if (!suffix.empty()) chat["suffix"] = suffix;
    return true;
  }
  chat["messages"] = Json::array();
  if (!system.empty()) chat["messages"].push_back({{"role", "system"}, {"content", system}});
  chat["messages"].push_back({{"role", "user"}, {"content", prompt}});
  return false;
}

}  // namespace

tl::expected<AnswerRequest, ApiError> read_ollama_request(const ModelSide& side, Style style, const Json& body) {
  std::vector<std::string> ignored;
  Json chat = Json::object();
  Fields fields(body);
  read_settings(side, fields, chat, ignored);
  bool as_it_is = false, logprobs = false;
  if (style == Style::ollama_generate) {
    as_it_is = read_prompt(side, fields, chat);
  } else {
    chat["messages"] = chat_messages(fields);
    if (const Json* tools = fields.find("tools")) chat["tools"] = *tools;
  }
  int top = 0;
  fields.boolean("logprobs", logprobs);
  if (fields.integer("top_logprobs", 0, 20, top) && top > 0 && !logprobs)
    fields.fail(invalid("top_logprobs", "needs logprobs: true"));
  if (logprobs && as_it_is) chat["logprobs"] = top;
  if (logprobs && !as_it_is) chat["logprobs"] = true, chat["top_logprobs"] = top;
  if (fields.error()) return Refused(*fields.error());
  const bool unending = !chat.contains("max_tokens");
  auto request = as_it_is ? read_text_request(side, chat) : read_chat_request(side, chat);
  if (!request) return Refused(in_their_words(std::move(request.error())));
  request->style = style;
  if (unending)
    for (Ask& ask : request->asks) ask.max_tokens = -1;
  for (std::string& name : request->ignored) name = in_words(others, in_words(options, name));
  request->ignored.insert(request->ignored.end(), ignored.begin(), ignored.end());
  for (const std::string& name : fields.unknown()) request->ignored.push_back(name);
  if (side.strict && !request->ignored.empty())
    return Refused(unsupported_field(request->ignored.front(), "is not known, or changes nothing here"));
  return request;
}

}  // namespace freehold
