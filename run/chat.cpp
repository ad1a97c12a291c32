#include "run/chat.h"

#include <nlohmann/json.hpp>

#include "text/prompt.h"

namespace freehold {
namespace {

constexpr std::string_view format = "freehold chat 1";

Path state_beside(const Path& path) { return Path(path.string() + ".state"); }

}  // namespace

Result<Prompt> Chat::render() const {
  Json messages = Json::array();
  if (!system_.empty()) messages.push_back({{"role", "system"}, {"content", system_}});
  for (const Message& message : messages_) messages.push_back({{"role", message.role}, {"content", message.content}});
  Conversation conversation;
  conversation.messages = std::move(messages);
  conversation.variables = special_tokens(tokenizer_);
  conversation.thinking = thinking_;
  conversation.effort = effort_;
  return format_.write(conversation);
}

Result<Answer> Chat::ask(std::string_view question, Sampler& sampler, AnswerOptions options, const Listener& listener) {
  messages_.push_back({"user", std::string(question)});
  const auto answered = [&]() -> Result<Answer> {
    TRY_ASSIGN(const Prompt prompt, render());
    options.thinking_open = prompt.thinking_open;
    const std::vector<Token> tokens = encode_prompt(prompt.pieces, tokenizer_);
    return generate(session_, tokenizer_, sampler, tokens, options, listener);
  }();
  if (answered)
    messages_.push_back({"assistant", answered->text});
  else
    messages_.pop_back();
  return answered;
}

Result<Done> Chat::save(const Path& path) const {
  Json messages = Json::array();
  for (const Message& message : messages_) messages.push_back({{"role", message.role}, {"content", message.content}});
  const Json file = {{"format", format}, {"system", system_}, {"messages", messages}};
  TRY(replace_file(path, file.dump(1, ' ', false, Json::error_handler_t::replace) + "\n", 0600));
  return session_.save(state_beside(path));
}

Result<Chat::Loaded> Chat::load(const Path& path) {
  const std::string name = path.filename().string();
  TRY_ASSIGN(const std::string text, read_file(path, limits::json_bytes));
  TRY_ASSIGN(const Json file, parse_json(text, name));
  const auto is_text = [](const Json& object, const char* key) {
    return object.contains(key) && object[key].is_string();
  };
  if (!file.is_object() || !is_text(file, "format") || file["format"] != format)
    return malformed("{}: expected a saved chat (\"format\": \"{}\")", name, format);
  if (!is_text(file, "system") || !file.contains("messages") || !file["messages"].is_array())
    return malformed("{}: expected \"system\" as a string and \"messages\" as a list", name);
  std::vector<Message> messages;
  for (const Json& message : file["messages"]) {
    const char* expected = messages.size() % 2 == 0 ? "user" : "assistant";
    if (!message.is_object() || !is_text(message, "role") || !is_text(message, "content") ||
        message["role"] != expected)
      return malformed("{}: message {}: expected \"role\": \"{}\" and \"content\" as a string", name, messages.size(),
                       expected);
    messages.push_back({message["role"], message["content"]});
  }
  if (messages.size() % 2 != 0) return malformed("{}: the last question has no answer", name);
  system_ = file["system"];
  messages_ = std::move(messages);
  Loaded loaded{static_cast<int>(messages_.size()), ""};
  if (const auto restored = session_.restore(state_beside(path)); !restored) loaded.note = restored.error().what;
  return loaded;
}

}  // namespace freehold
