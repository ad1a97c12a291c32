#include "serve/model_side.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/fields.h"
#include "text/prompt.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// Names that a template reads and a request must not set by way of chat_template_kwargs.
constexpr std::string_view reserved[] = {"messages",  "tools",     "documents", "add_generation_prompt",
                                         "bos_token", "eos_token", "pad_token", "unk_token"};

// content: a string, null, or a list of text parts, which become one string.
bool read_content(Fields& fields, Json& message) {
  const Json* content = fields.find("content");
  if (!content || content->is_string()) {
    message["content"] = content ? *content : Json("");
    return content != nullptr;
  }
  const std::string path = fields.path() + "content";
  if (!content->is_array()) {
    fields.fail(invalid(path, "expected a string or a list of parts"));
    return false;
  }
  std::string text;
  for (size_t i = 0; i < content->size(); ++i) {
    const Json& part = (*content)[i];
    const std::string place = fmt::format("{}[{}].", path, i);
    if (!part.is_object()) {
      fields.fail(invalid(place, "expected an object with type and text"));
      return false;
    }
    Fields inner(part, place);
    std::string type, piece;
    if (!inner.text("type", type)) inner.fail(invalid(place + "type", "expected text"));
    if (!type.empty() && type != "text")
      inner.fail(unsupported_field(place + "type", "only text is read, not " + printable(type, 30)));
    if (!inner.text("text", piece)) inner.fail(invalid(place + "text", "expected a string"));
    inner.accept({"cache_control"});
    for (const std::string& name : inner.unknown()) inner.fail(unsupported_field(name, "is not known"));
    if (inner.error()) {
      fields.fail(*inner.error());
      return false;
    }
    text += piece;
  }
  message["content"] = text;
  return true;
}

// The messages as templates read them; the first fault is kept in `fields`.
Json read_messages(Fields& fields, ToolSyntax syntax, bool& goes_on) {
  Json messages = Json::array();
  const Json* list = fields.find("messages");
  if (!list || !list->is_array() || list->empty()) {
    fields.fail(invalid("messages", "expected a list of at least one message"));
    return messages;
  }
  for (size_t i = 0; i < list->size() && !fields.error(); ++i) {
    const std::string place = fmt::format("messages[{}]", i);
    if (!(*list)[i].is_object()) {
      fields.fail(invalid(place, "expected an object with role and content"));
      break;
    }
    Fields one((*list)[i], place + ".");
    std::string role, text;
    if (!one.one_of("role", {"system", "developer", "user", "assistant", "tool"}, role))
      one.fail(invalid(place + ".role", "expected system, developer, user, assistant or tool"));
    Json message = {{"role", role == "developer" ? "system" : role}};
    const bool has_content = read_content(one, message);
    if (!has_content && role != "assistant") one.fail(invalid(place + ".content", "is missing"));
    if (one.text("name", text)) message["name"] = text;
    if (role == "assistant") {
      read_past_calls(one, syntax, message);
      if (!has_content && message.contains("tool_calls")) message["content"] = nullptr;
    }
    if (role == "tool" && one.text("tool_call_id", text)) message["tool_call_id"] = text;
    if (role != "assistant") one.refuse({"tool_calls"}, "is for messages of the assistant");
    if (role != "tool") one.refuse({"tool_call_id"}, "is for messages of a tool");
    one.refuse({"function_call", "audio", "refusal"}, "is not served");
    if (role == "assistant" && (one.text("reasoning_content", text) || one.text("reasoning", text)))
      message["reasoning_content"] = text;
    one.accept({"reasoning"});
    bool prefix = false;
    if (one.boolean("prefix", prefix) && prefix && (role != "assistant" || i + 1 != list->size()))
      one.fail(invalid(place + ".prefix", "is for a last message of the assistant"));
    for (const std::string& name : one.unknown()) one.fail(unsupported_field(name, "is not known"));
    if (one.error()) fields.fail(*one.error());
    goes_on = role == "assistant" && !message.contains("tool_calls");
    messages.push_back(std::move(message));
  }
  return messages;
}

// What a request says about thinking. Fields that this model's format does not read are named.
void read_thinking(const ModelSide& side, Fields& fields, Conversation& conversation,
                   std::vector<std::string>& ignored) {
  if (fields.one_of("reasoning_effort", {"none", "minimal", "low", "medium", "high", "xhigh", "max"},
                    conversation.effort)) {
    conversation.thinking = conversation.effort != "none";
    if (side.format && !side.format->takes_effort() && !side.format->switches_thinking())
      ignored.push_back("reasoning_effort");
  }
  if (const Json* thinking = fields.find("thinking")) {
    std::string type;
    if (thinking->is_object()) {
      Fields inner(*thinking, "thinking.");
      inner.one_of("type", {"enabled", "disabled"}, type);
      inner.refuse({"budget_tokens"}, "is not served yet");
      for (const std::string& name : inner.unknown()) inner.fail(unsupported_field(name, "is not known"));
      if (inner.error()) fields.fail(*inner.error());
    }
    if (type.empty()) fields.fail(invalid("thinking", "expected {\"type\": \"enabled\"} or \"disabled\""));
    conversation.thinking = type == "enabled";
    if (side.format && !side.format->switches_thinking()) ignored.push_back("thinking");
  }
  if (const Json* more = fields.find("chat_template_kwargs")) {
    if (!more->is_object()) return fields.fail(invalid("chat_template_kwargs", "expected an object"));
    for (const auto& [name, value] : more->items()) {
      if (std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved))
        return fields.fail(invalid("chat_template_kwargs", printable(name) + " is not for a request to set"));
      const bool of_thinking = name == "thinking" || name == "enable_thinking";
      if (of_thinking && value.is_boolean() && side.format && side.format->switches_thinking())
        conversation.thinking = value.get<bool>();  // one switch by two names; formats without a template know it too
      else if (side.format && side.format->source().find(name) == std::string_view::npos)
        ignored.push_back("chat_template_kwargs." + printable(name, 60));
      conversation.variables[name] = value;
    }
  }
}

}  // namespace

std::string eight_digits(uint64_t checksum) {
  return fmt::format("{:08x}", static_cast<uint32_t>(checksum ^ (checksum >> 32)));
}

std::string ModelSide::fingerprint_with(uint64_t id) const {
  return id == 0 ? fingerprint : fingerprint + "+" + eight_digits(id);
}

bool may_use(const Caller& caller, const std::string& name) {
  return caller.models.empty() || std::find(caller.models.begin(), caller.models.end(), name) != caller.models.end();
}

bool may_use(const Caller& caller, const ModelSide& side) {
  return may_use(caller, side.name) || std::any_of(side.aliases.begin(), side.aliases.end(),
                                                   [&](const std::string& alias) { return may_use(caller, alias); });
}

std::optional<ApiError> check_model_name(const ModelSide& side, const Json& request) {
  const auto model = request.find("model");
  if (model == request.end() || model->is_null()) return std::nullopt;
  if (!model->is_string()) return invalid("model", "expected a string");
  const std::string& name = model->get_ref<const std::string&>();
  if (name.empty() || name == side.name ||
      std::find(side.aliases.begin(), side.aliases.end(), name) != side.aliases.end())
    return std::nullopt;
  return ApiError{.status = 404,
                  .message = fmt::format("model: {} is not served here; {} is", printable(name), side.name),
                  .type = "not_found_error",
                  .param = "model",
                  .code = "model_not_found"};
}

ApiError too_long(const ModelSide& side, size_t tokens, const std::string& param) {
  return {.message = fmt::format("context is {} tokens, prompt is {}", side.context, tokens),
          .param = param,
          .code = "context_length_exceeded",
          .prompt_tokens = static_cast<int>(std::min<size_t>(tokens, INT32_MAX)),
          .context = side.context};
}

std::optional<ApiError> check_length(const ModelSide& side, size_t bytes, const std::string& param) {
  const size_t longest = std::max<size_t>(side.tokenizer.longest_bytes(), 1);
  if (bytes / longest < static_cast<size_t>(side.context)) return std::nullopt;
  return too_long(side, bytes / longest, param);
}

tl::expected<std::vector<Token>, ApiError> encode_text(const ModelSide& side, std::string_view text,
                                                       const std::string& param, Specials specials) {
  if (auto fault = check_length(side, text.size(), param)) return Refused(std::move(*fault));
  std::vector<Token> tokens = side.tokenizer.encode(text, specials);
  const auto bos = side.tokenizer.bos();
  if (side.tokenizer.adds_bos() && bos && (tokens.empty() || tokens[0] != *bos)) tokens.insert(tokens.begin(), *bos);
  return tokens;
}

tl::expected<RenderedChat, ApiError> render_request(const ModelSide& side, Fields& fields) {
  RenderedChat chat;
  bool goes_on = false;
  Conversation conversation;
  const ToolSyntax syntax = side.format ? side.format->tools() : ToolSyntax::none;
  conversation.messages = read_messages(fields, syntax, goes_on);
  // Templates of this family tell a message of calls by a content that is null.
  conversation.drop_nulls = syntax != ToolSyntax::deepseek_v3;
  chat.tools = read_tools(fields, syntax, chat.ignored);
  if (chat.tools.syntax != ToolSyntax::none) conversation.tools = chat.tools.list;
  read_thinking(side, fields, conversation, chat.ignored);
  if (fields.error()) return Refused(*fields.error());
  if (!side.format)
    return Refused(ApiError{.status = 501,
                            .message = "this model has no chat template; /v1/completions continues a text",
                            .type = "not_supported_error",
                            .code = "not_supported"});
  conversation.variables.update(special_tokens(side.tokenizer));
  conversation.add_generation_prompt = !goes_on;
  conversation.continue_final_message = goes_on;
  auto prompt = side.format->write(conversation);
  if (!prompt) {
    ApiError error = api_error(prompt.error(), "messages");
    error.status = 400, error.type = "invalid_request_error", error.code = "invalid_value";
    return Refused(std::move(error));
  }
  if (!chat.tools.forced.empty()) {
    if (prompt->thinking_open)
      return Refused(
          unsupported_field("tool_choice", "a model that is to think cannot be made to call; switch it off"));
    if (goes_on) return Refused(unsupported_field("tool_choice", "a message that goes on cannot be made a call"));
    prompt->pieces.push_back({chat.tools.forced, Author::the_template});
  }
  chat.text = joined(prompt->pieces);
  if (auto fault = check_length(side, chat.text.size(), "messages")) return Refused(std::move(*fault));
  chat.tokens = encode_prompt(prompt->pieces, side.tokenizer);
  chat.thinking_open = prompt->thinking_open;
  chat.may_think =
      !chat.thinking_open && !goes_on && side.format->switches_thinking() && conversation.thinking != false;
  return chat;
}

}  // namespace freehold
