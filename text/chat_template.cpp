#include "text/chat_template.h"

#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/jinja/unicode.h"

namespace freehold {

struct ChatTemplate::Impl {
  std::string name, source;
  std::shared_ptr<const jinja::Template> tree;
};

std::string joined(const std::vector<Piece>& pieces) {
  std::string text;
  for (const Piece& piece : pieces) text += piece.text;
  return text;
}

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, std::string_view name) {
  TRY_ASSIGN(auto tree, jinja::parse_template(source, name));
  return ChatTemplate(std::make_shared<const Impl>(Impl{std::string(name), std::string(source), std::move(tree)}));
}

std::string_view ChatTemplate::source() const { return impl_->source; }
std::string_view ChatTemplate::name() const { return impl_->name; }

Result<std::vector<Piece>> ChatTemplate::render(const Json& variables, const RenderOptions& options) const {
  if (!variables.is_object()) return inconsistent("{}: the variables of a template must be an object", impl_->name);
  const jinja::Rendering rendering{&variables, options.trusted, options.steps, options.output_bytes, options.now};
  auto pieces = jinja::run_template(*impl_->tree, rendering);
  if (pieces) return std::move(*pieces);
  const auto& [error, line] = pieces.error();
  return failure(error.fault, fmt::format("{}: line {}: {}", impl_->name, line, error.what));
}

namespace {

// The text at the end of the final message: its content, or the last text in its list of contents.
Result<std::string*> final_text(Json& messages, std::string_view name) {
  if (messages.is_array() && !messages.empty() && messages.back().is_object()) {
    const auto content = messages.back().find("content");
    if (content != messages.back().end() && content->is_string()) return content->get_ptr<std::string*>();
    if (content != messages.back().end() && content->is_array()) {
      for (auto part = content->rbegin(); part != content->rend(); ++part)
        if (part->is_object() && part->contains("text") && (*part)["text"].is_string())
          return (*part)["text"].get_ptr<std::string*>();
    }
  }
  return inconsistent("{}: continue: the final message has no text that could be continued", name);
}

// The members are pushed, not looked up: a message may have very many.
Json without_nulls(const Json& message) {
  Json kept = Json::object();
  auto& members = kept.get_ref<Json::object_t&>();
  for (const auto& member : message.get_ref<const Json::object_t&>())
    if (!member.second.is_null()) members.push_back(member);
  return kept;
}

// Reasoning comes under several names; templates read `reasoning_content`, one family `thinking`.
Json with_reasoning_fields(Json message) {
  const Json* reasoning = nullptr;
  for (const char* name : {"reasoning", "thinking", "reasoning_content"}) {
    const auto found = message.find(name);
    if (found != message.end() && !found->is_null()) reasoning = &*found;
  }
  if (!reasoning) return message;
  Json filled = Json::object();
  auto& members = filled.get_ref<Json::object_t&>();
  const auto thinking = message.find("thinking");
  members.push_back({"thinking", thinking == message.end() ? *reasoning : *thinking});
  for (const auto& [key, value] : message.get_ref<const Json::object_t&>())
    if (key != "thinking") members.push_back({key, key == "reasoning_content" ? *reasoning : value});
  if (!message.contains("reasoning_content")) members.push_back({"reasoning_content", *reasoning});
  return filled;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = jinja::skip_spaces(text, 0);
  return text.substr(first, jinja::trim_spaces(text, first, text.size()) - first);
}

void cut(std::vector<Piece>& pieces, size_t bytes) {
  size_t first = 0, kept = 0;
  for (; kept < pieces.size() && first < bytes; ++kept) {
    Piece& piece = pieces[kept];
    if (first + piece.text.size() > bytes) piece.text.resize(bytes - first);
    first += piece.text.size();
  }
  pieces.resize(kept);
}

}  // namespace

Result<std::vector<Piece>> render_chat(const ChatTemplate& chat_template, const Conversation& chat,
                                       const RenderOptions& options) {
  constexpr std::string_view name = "chat";
  if (!chat.messages.is_array()) return inconsistent("{}: messages: expected a list", name);
  Json variables = chat.variables.is_object() ? chat.variables : Json::object();
  if (chat.thinking) {
    for (const char* variable : {"thinking", "enable_thinking"})
      if (!variables.contains(variable)) variables[variable] = *chat.thinking;
  }
  if (!chat.effort.empty() && !variables.contains("reasoning_effort")) variables["reasoning_effort"] = chat.effort;
  Json messages = chat.messages;
  for (Json& message : messages) {
    if (!message.is_object())
      return inconsistent("{}: messages: expected objects, found a {}", name, message.type_name());
    if (chat.drop_nulls) message = without_nulls(message);
    message = with_reasoning_fields(std::move(message));
  }
  // As transformers does: a tag behind the final text shows where the template puts its end, and whether it strips
  // blanks there (then the tag's own blank is gone).
  std::string tag = "CONTINUE_FINAL_MESSAGE_TAG", last_text;
  if (chat.continue_final_message) {
    TRY_ASSIGN(std::string * text, final_text(messages, name));
    last_text = *text;
    while (last_text.find(tag) != std::string::npos) tag += "_";
    *text += tag + " ";
  }
  variables["messages"] = std::move(messages);
  variables["tools"] = chat.tools;
  variables["documents"] = chat.documents;
  variables["add_generation_prompt"] = chat.add_generation_prompt;
  TRY_ASSIGN(auto pieces, chat_template.render(variables, options));
  if (!chat.continue_final_message) return pieces;

  const std::string prompt = joined(pieces);
  const size_t at = prompt.rfind(tag);
  if (at == std::string::npos || prompt.find(trimmed(last_text)) == std::string::npos)
    return inconsistent("{}: continue: the template changes or drops the text of the final message", name);
  const bool keeps_blanks = prompt.compare(at + tag.size(), 1, " ") == 0;
  cut(pieces, keeps_blanks ? at : jinja::trim_spaces(prompt, 0, at));
  return pieces;
}

}  // namespace freehold
