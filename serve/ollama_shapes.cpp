// Answers as Ollama's /api/chat and /api/generate have them: one object, or a line for each piece and a last one with
// `done`, the reason and the numbers.
#include <ctime>
#include <nlohmann/json.hpp>

#include "serve/answer_shapes.h"
#include "serve/ledger.h"
#include "serve/ollama.h"

namespace freehold {
namespace {

class OllamaShapes final : public AnswerShapes {
 public:
  OllamaShapes(const ModelSide& side, const AnswerRequest& request, Send send)
      : side_(side), request_(request), send_(std::move(send)) {}

  Json whole(const std::vector<Choosing>& choices, const Usage& usage) override {
    const Choosing& choice = choices[0];
    Json json = piece(choice.text, choice.thinking, choice.calls);
    for (const Choice& token : choice.tokens) json["logprobs"].push_back(scored_json(side_, token));
    json.update(end(choice, usage));
    return json;
  }
  void begin(int, const Usage&) override {}
  void progress(int, int, double, const Usage&) override {}
  void say(int, const Said& said, const Usage&) override {
    if (said.text.empty() && said.thinking.empty() && said.calls.empty() && !said.token) return;
    Json json = piece(said.text, said.thinking, said.calls);
    if (said.token) json["logprobs"] = Json::array({scored_json(side_, *said.token)});
    json["done"] = false;
    send_(text_of(json), "");
  }
  void finish(int, const Choosing& choice, const Usage& usage) override {
    last_ = piece("", "", {});
    last_.update(end(choice, usage));
  }
  void last(const Usage&, const Json& receipt) override {
    if (!receipt.is_null()) last_["freehold"] = receipt;
    send_(text_of(last_), "");
  }
  void failed(const ApiError& error) override { send_(ollama_body_of(error), ""); }

 private:
  using Clock = std::chrono::steady_clock;

  Json piece(const std::string& text, const std::string& thinking, const std::vector<ToolCall>& calls) {
    Json json = {{"model", side_.name}, {"created_at", utc_time(std::time(nullptr))}};
    if (request_.style == Style::ollama_generate) {
      json["response"] = text;
      if (!thinking.empty()) json["thinking"] = thinking;
      return json;
    }
    Json& message = json["message"] = {{"role", "assistant"}, {"content", text}};
    if (!thinking.empty()) message["thinking"] = thinking;
    for (const ToolCall& call : calls) {
      Json function = {{"index", calls_++}, {"name", call.name}, {"arguments", Json::object()}};
      if (Result<Json> arguments = parse_json(call.arguments, "arguments"))
        function["arguments"] = std::move(*arguments);
      message["tool_calls"].push_back({{"id", call.id}, {"function", std::move(function)}});
    }
    return json;
  }
  // Of calls too it says "stop".
  Json end(const Choosing& choice, const Usage& usage) const {
    return {{"done", true},
            {"done_reason", choice.stop == Stop::end ? "stop" : "length"},
            {"total_duration", std::chrono::nanoseconds(Clock::now() - arrived_).count()},
            {"load_duration", 0},  // it was loaded before
            {"prompt_eval_count", usage.prompt},
            {"prompt_eval_duration", nanoseconds(usage.prompt_ms)},
            {"eval_count", usage.completion},
            {"eval_duration", nanoseconds(usage.answer_ms)}};
  }

  const ModelSide& side_;
  const AnswerRequest& request_;
  const Send send_;
  const Clock::time_point arrived_ = Clock::now();
  int calls_ = 0;
  Json last_;
};

}  // namespace

std::unique_ptr<AnswerShapes> ollama_shapes(const ModelSide& side, const AnswerRequest& request,
                                            AnswerShapes::Send send) {
  return std::make_unique<OllamaShapes>(side, request, std::move(send));
}

}  // namespace freehold
