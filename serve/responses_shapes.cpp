// Answers as OpenAI's /v1/responses has them: a list of items (reasoning, a message, calls), and a stream of numbered
// events that open and close them and end in the whole.
#include <ctime>
#include <nlohmann/json.hpp>

#include "serve/answer_shapes.h"
#include "serve/request_id.h"

namespace freehold {
namespace {

class ResponsesShapes final : public AnswerShapes {
 public:
  ResponsesShapes(const ModelSide& side, const AnswerRequest& request, Send send)
      : side_(side), request_(request), send_(std::move(send)), id_(make_id("resp_")), created_(std::time(nullptr)) {}

  Json whole(const std::vector<Choosing>& choices, const Usage& usage) override {
    const Choosing& choice = choices[0];
    if (!choice.thinking.empty()) output_.push_back(reasoning(make_id("rs_"), choice.thinking, "completed"));
    const char* status = status_of(choice);
    if (!choice.text.empty() || choice.calls.empty()) output_.push_back(message(make_id("msg_"), choice.text, status));
    for (const ToolCall& call : choice.calls) output_.push_back(function_call(make_id("fc_"), call));
    return response(status, &usage);
  }

  void begin(int, const Usage&) override {
    event("response.created", {{"response", response("in_progress", nullptr)}});
    event("response.in_progress", {{"response", response("in_progress", nullptr)}});
  }

  void progress(int, int, double, const Usage&) override {}

  void say(int, const Said& said, const Usage&) override {
    if (!said.thinking.empty()) {
      open(Open::reasoning);
      text_ += said.thinking;
      event("response.reasoning_text.delta", at({{"content_index", 0}, {"delta", said.thinking}}));
    }
    if (!said.text.empty()) {
      open(Open::message);
      text_ += said.text;
      event("response.output_text.delta",
            at({{"content_index", 0}, {"delta", said.text}, {"logprobs", Json::array()}}));
    }
    for (const ToolCall& call : said.calls) {
      close("completed");
      item_ = make_id("fc_");
      Json begun = function_call(item_, {call.id, call.name, ""});
      begun["status"] = "in_progress";
      event("response.output_item.added", {{"output_index", output_.size()}, {"item", std::move(begun)}});
      event("response.function_call_arguments.delta", at({{"delta", call.arguments}}));
      event("response.function_call_arguments.done", at({{"name", call.name}, {"arguments", call.arguments}}));
      item_done(function_call(item_, call));
    }
  }

  void finish(int, const Choosing& choice, const Usage&) override {
    if (output_.empty() && open_ == Open::nothing) open(Open::message);
    status_ = status_of(choice);
    close(status_);
  }

  void last(const Usage& usage, const Json& receipt) override {
    Json json = response(status_, &usage);
    if (!receipt.is_null()) json["freehold"] = receipt;
    event(std::string("response.") + status_, {{"response", std::move(json)}});
  }

  void failed(const ApiError& error) override {
    Json json = response("failed", nullptr);
    json["error"] = {{"code", error.code.empty() ? "server_error" : error.code}, {"message", error.message}};
    event("response.failed", {{"response", std::move(json)}});
  }

 private:
  enum class Open : uint8_t { nothing, reasoning, message };

  static const char* status_of(const Choosing& choice) { return choice.stop == Stop::end ? "completed" : "incomplete"; }
  static Json text_part(const std::string& text) {
    return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", Json::array()}};
  }
  static Json message(const std::string& id, const std::string& text, const char* status) {
    return {{"type", "message"},
            {"id", id},
            {"status", status},
            {"role", "assistant"},
            {"content", Json::array({text_part(text)})}};
  }
  static Json reasoning(const std::string& id, const std::string& text, const char* status) {
    return {{"type", "reasoning"},
            {"id", id},
            {"status", status},
            {"summary", Json::array()},
            {"content", Json::array({{{"type", "reasoning_text"}, {"text", text}}})}};
  }
  static Json function_call(const std::string& id, const ToolCall& call) {
    return {{"type", "function_call"},     {"id", id},
            {"call_id", call.id},          {"name", call.name},
            {"arguments", call.arguments}, {"status", "completed"}};
  }

  Json response(const std::string& status, const Usage* usage) const {
    const auto asked = [&](const char* name, Json otherwise) {
      const auto found = request_.body.is_object() ? request_.body.find(name) : request_.body.end();
      return request_.body.is_object() && found != request_.body.end() && !found->is_null() ? *found : otherwise;
    };
    const bool over = status == "completed" || status == "incomplete" || status == "failed";
    Json json = {{"id", id_},
                 {"object", "response"},
                 {"created_at", created_},
                 {"completed_at", over ? Json(std::time(nullptr)) : Json(nullptr)},
                 {"status", status},
                 {"error", nullptr},
                 {"incomplete_details", status == "incomplete" ? Json{{"reason", "max_output_tokens"}} : Json(nullptr)},
                 {"model", side_.name},
                 {"output", output_},
                 {"previous_response_id", nullptr},
                 {"store", false},
                 {"background", false},
                 {"truncation", "disabled"}};
    json["instructions"] = asked("instructions", nullptr);
    json["max_output_tokens"] = asked("max_output_tokens", nullptr);
    json["metadata"] = asked("metadata", Json::object());
    json["parallel_tool_calls"] = asked("parallel_tool_calls", true);
    json["reasoning"] = asked("reasoning", {{"effort", nullptr}, {"summary", nullptr}});
    json["temperature"] = asked("temperature", 1.0);
    json["text"] = asked("text", {{"format", {{"type", "text"}}}});
    json["tool_choice"] = asked("tool_choice", "auto");
    json["tools"] = asked("tools", Json::array());
    json["top_p"] = asked("top_p", 1.0);
    json["user"] = asked("user", nullptr);
    json["usage"] = nullptr;
    if (usage)
      json["usage"] = {{"input_tokens", usage->prompt},
                       {"input_tokens_details", {{"cached_tokens", usage->cached}}},
                       {"output_tokens", usage->completion},
                       {"output_tokens_details", {{"reasoning_tokens", usage->reasoning}}},
                       {"total_tokens", usage->prompt + usage->completion}};
    return json;
  }

  void event(const std::string& name, Json more) {
    Json json = {{"type", name}, {"sequence_number", number_++}};
    json.update(more);
    send_(text_of(json), name);
  }
  Json at(Json more) const {
    Json json = {{"item_id", item_}, {"output_index", output_.size()}};
    json.update(more);
    return json;
  }
  void item_done(Json item) {
    event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
    output_.push_back(std::move(item));
  }
  void open(Open what) {
    if (open_ == what) return;
    close("completed");
    open_ = what;
    text_.clear();
    const bool thinks = what == Open::reasoning;
    item_ = make_id(thinks ? "rs_" : "msg_");
    Json item = thinks ? reasoning(item_, "", "in_progress") : message(item_, "", "in_progress");
    item["content"] = Json::array();
    event("response.output_item.added", {{"output_index", output_.size()}, {"item", std::move(item)}});
    Json part = thinks ? Json{{"type", "reasoning_text"}, {"text", ""}} : text_part("");
    event("response.content_part.added", at({{"content_index", 0}, {"part", std::move(part)}}));
  }
  void close(const char* status) {
    if (open_ == Open::nothing) return;
    const bool thinks = open_ == Open::reasoning;
    Json item = thinks ? reasoning(item_, text_, status) : message(item_, text_, status);
    Json done = {{"content_index", 0}, {"text", text_}};
    if (!thinks) done["logprobs"] = Json::array();
    event(thinks ? "response.reasoning_text.done" : "response.output_text.done", at(std::move(done)));
    event("response.content_part.done", at({{"content_index", 0}, {"part", item["content"][0]}}));
    item_done(std::move(item));
    open_ = Open::nothing;
  }

  const ModelSide& side_;
  const AnswerRequest& request_;
  const Send send_;
  const std::string id_;
  const int64_t created_;
  Json output_ = Json::array();  // items that are whole
  Open open_ = Open::nothing;
  std::string item_, text_;  // of the one that is open
  const char* status_ = "completed";
  int number_ = 0;
};

}  // namespace

std::unique_ptr<AnswerShapes> responses_shapes(const ModelSide& side, const AnswerRequest& request,
                                               AnswerShapes::Send send) {
  return std::make_unique<ResponsesShapes>(side, request, std::move(send));
}

}  // namespace freehold
