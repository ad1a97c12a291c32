// Answers as Anthropic's /v1/messages has them: a message of blocks, and a stream of events that open and close them.
#include <nlohmann/json.hpp>

#include "serve/answer_shapes.h"
#include "serve/request_id.h"

namespace freehold {
namespace {

class MessagesShapes final : public AnswerShapes {
 public:
  MessagesShapes(const ModelSide& side, Send send) : side_(side), send_(std::move(send)), id_(make_id("msg_")) {}

  Json whole(const std::vector<Choosing>& choices, const Usage& usage) override {
    const Choosing& choice = choices[0];
    Json content = Json::array();
    if (!choice.thinking.empty())
      content.push_back({{"type", "thinking"}, {"thinking", choice.thinking}, {"signature", ""}});
    if (!choice.text.empty() || choice.calls.empty()) content.push_back({{"type", "text"}, {"text", choice.text}});
    for (const ToolCall& call : choice.calls) {
      Json block = use(call);
      if (Result<Json> input = parse_json(call.arguments, "arguments")) block["input"] = std::move(*input);
      content.push_back(std::move(block));
    }
    Json json = message(std::move(content));
    json["stop_reason"] = stop_reason(choice);
    json["stop_sequence"] = choice.stopped_by.empty() ? Json(nullptr) : Json(choice.stopped_by);
    json["usage"] = all(usage);
    return json;
  }

  void begin(int, const Usage& usage) override {
    Json start = message(Json::array());
    start["stop_reason"] = start["stop_sequence"] = nullptr;
    start["usage"] = all(usage);
    event("message_start", {{"message", std::move(start)}});
  }

  void progress(int, int, double, const Usage&) override {}

  void say(int, const Said& said, const Usage&) override {
    if (!said.thinking.empty()) {
      open(Open::thinking, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
      delta({{"type", "thinking_delta"}, {"thinking", said.thinking}});
    }
    if (!said.text.empty()) {
      open(Open::text, {{"type", "text"}, {"text", ""}});
      delta({{"type", "text_delta"}, {"text", said.text}});
    }
    for (const ToolCall& call : said.calls) {
      open(Open::call, use(call));
      delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
      close();
    }
  }

  void finish(int, const Choosing& choice, const Usage& usage) override {
    if (index_ == 0 && open_ == Open::nothing) open(Open::text, {{"type", "text"}, {"text", ""}});
    close();
    event("message_delta", {{"delta",
                             {{"stop_reason", stop_reason(choice)},
                              {"stop_sequence", choice.stopped_by.empty() ? Json(nullptr) : Json(choice.stopped_by)}}},
                            {"usage", {{"output_tokens", usage.completion}}}});
  }

  void last(const Usage&, const Json& receipt) override {
    event("message_stop", receipt.is_null() ? Json::object() : Json{{"freehold", receipt}});
  }
  void failed(const ApiError& error) override { send_(messages_body_of(error), "error"); }

 private:
  enum class Open : uint8_t { nothing, thinking, text, call };

  static std::string_view stop_reason(const Choosing& choice) {
    if (choice.stop != Stop::end) return "max_tokens";
    if (!choice.calls.empty()) return "tool_use";
    return choice.stopped_by.empty() ? "end_turn" : "stop_sequence";
  }
  static Json all(const Usage& usage) {
    return {{"input_tokens", usage.prompt - usage.cached},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", usage.cached},
            {"output_tokens", usage.completion}};
  }
  static Json use(const ToolCall& call) {
    return {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", Json::object()}};
  }
  Json message(Json content) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", side_.name},
            {"content", std::move(content)}};
  }
  void event(const std::string& name, Json more) {
    Json json = {{"type", name}};
    json.update(more);
    send_(text_of(json), name);
  }
  void open(Open what, Json block) {
    if (open_ == what && what != Open::call) return;
    close();
    open_ = what;
    event("content_block_start", {{"index", index_}, {"content_block", std::move(block)}});
  }
  void delta(Json json) { event("content_block_delta", {{"index", index_}, {"delta", std::move(json)}}); }
  void close() {
    if (open_ == Open::nothing) return;
    event("content_block_stop", {{"index", index_++}});
    open_ = Open::nothing;
  }

  const ModelSide& side_;
  const Send send_;
  const std::string id_;
  Open open_ = Open::nothing;
  int index_ = 0;
};

}  // namespace

std::unique_ptr<AnswerShapes> messages_shapes(const ModelSide& side, const AnswerRequest&, AnswerShapes::Send send) {
  return std::make_unique<MessagesShapes>(side, std::move(send));
}

}  // namespace freehold
