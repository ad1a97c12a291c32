// llama.cpp's form of an answer: one object, in a stream one for each piece; the last has `stop` and the numbers.
#include <nlohmann/json.hpp>

#include "serve/answer_shapes.h"

namespace freehold {
namespace {

class InfillShapes final : public AnswerShapes {
 public:
  InfillShapes(const ModelSide& side, Send send) : side_(side), send_(std::move(send)) {}
  Json whole(const std::vector<Choosing>& choices, const Usage& usage) override {
    Json json = end(choices[0], usage);
    json["content"] = choices[0].text;
    return json;
  }
  void begin(int, const Usage&) override {}
  void progress(int, int, double, const Usage&) override {}
  void say(int, const Said& said, const Usage& usage) override {
    if (said.text.empty()) return;
    Json json = counts(usage);
    json["content"] = said.text, json["stop"] = false;
    send(json);
  }
  void finish(int, const Choosing& choice, const Usage& usage) override {
    last_ = end(choice, usage);
    last_["content"] = "";
  }
  void last(const Usage&, const Json& receipt) override {
    if (!receipt.is_null()) last_["freehold"] = receipt;
    send(last_);
  }
  void failed(const ApiError& error) override { send_(body_of(error), ""); }

 private:
  static Json counts(const Usage& usage) {
    return {{"index", 0}, {"tokens_predicted", usage.completion}, {"tokens_evaluated", usage.prompt}};
  }
  Json end(const Choosing& choice, const Usage& usage) const;
  void send(const Json& json) { send_(text_of(json), ""); }
  const ModelSide& side_;
  const Send send_;
  Json last_;
};

Json timings(const char* kind, int tokens, double ms) {
  const std::string name = kind;
  return {{name + "_n", tokens},
          {name + "_ms", ms},
          {name + "_per_token_ms", tokens > 0 ? ms / tokens : 0},
          {name + "_per_second", ms > 0 ? 1000 * tokens / ms : 0}};
}

Json InfillShapes::end(const Choosing& choice, const Usage& usage) const {
  Json json = counts(usage);
  const bool word = !choice.stopped_by.empty();
  json["stop"] = true;
  json["model"] = side_.name;
  json["stop_type"] = word ? "word" : choice.stop == Stop::end ? "eos" : "limit";
  json["stopping_word"] = choice.stopped_by;
  json["truncated"] = false;  // what is too long is refused
  json["tokens_cached"] = usage.cached;
  json["has_new_line"] = choice.text.find('\n') != std::string::npos;
  json["timings"] = timings("prompt", usage.prompt - usage.cached, usage.prompt_ms);
  json["timings"].update(timings("predicted", usage.completion, usage.answer_ms));
  json["timings"]["cache_n"] = usage.cached;
  return json;
}

}  // namespace

std::unique_ptr<AnswerShapes> infill_shapes(const ModelSide& side, AnswerShapes::Send send) {
  return std::make_unique<InfillShapes>(side, std::move(send));
}

}  // namespace freehold
