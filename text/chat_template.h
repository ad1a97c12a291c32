// Chat templates: a sandboxed subset of Jinja that renders real templates byte for byte as transformers does. The
// result comes in pieces that remember who wrote them: only the template's own pieces may become special tokens.
//
// An error names template, line and class (text/jinja/fault.h). A `raised` one is what the template itself says about
// the conversation ("roles must alternate") and is meant for whoever sent it.
#pragma once

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "base/result.h"
#include "text/piece.h"

namespace freehold {

struct RenderOptions {
  uint64_t steps = limits::template_steps;
  uint64_t output_bytes = limits::template_output_bytes;
  // Variables that come from the model's own files, not from a request: their text is the template's. Whoever lets a
  // request add variables must keep these names out of its reach.
  std::vector<std::string> trusted = {"bos_token", "eos_token", "pad_token", "unk_token"};
  std::optional<std::tm> now;  // local time that strftime_now sees; the clock's if absent
};

class ChatTemplate {
 public:
  static Result<ChatTemplate> parse(std::string_view source, std::string_view name);
  // `variables`: an object with messages, tools, add_generation_prompt, bos_token, eos_token and whatever else the
  // template reads. Adjacent pieces have different authors. Roles that everybody may use ("user") are the template's.
  Result<std::vector<Piece>> render(const Json& variables, const RenderOptions& options = {}) const;

  std::string_view source() const;
  std::string_view name() const;

  struct Impl;
  explicit ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

// A conversation as a client sends it, and how transformers' apply_chat_template hands it to a template.
struct Conversation {
  Json messages;  // array of objects
  Json tools = nullptr, documents = nullptr;
  bool add_generation_prompt = true;
  // The final message stays open: the prompt ends with its text, whatever the template puts behind it.
  bool continue_final_message = false;
  // Members of messages that are null are left out. R1-Distill's template for tool calls wants to see them.
  bool drop_nulls = true;
  Json variables = Json::object();  // the special tokens and other variables
  // Whether the model shall think, and how hard ("low", "high", "max" ...); absent: as the format has it. Templates see
  // them as `thinking` and `enable_thinking`, and as `reasoning_effort`, unless `variables` has those already.
  std::optional<bool> thinking;
  std::string effort;
};
Result<std::vector<Piece>> render_chat(const ChatTemplate&, const Conversation&, const RenderOptions& options = {});

}  // namespace freehold
