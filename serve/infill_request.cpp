// llama.cpp's POST /infill, which editors speak, and `suffix` of text completions: what belongs between two texts.
#include <nlohmann/json.hpp>

#include "serve/answer_request.h"
#include "serve/fields.h"
#include "serve/request_id.h"
#include "serve/request_parts.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

std::vector<OtherFile> read_others(Fields& fields) {
  std::vector<OtherFile> others;
  const Json* list = fields.find("input_extra");
  if (!list) return others;
  if (!list->is_array() || list->size() > limits::request_prompts) {
    fields.fail(invalid("input_extra", fmt::format("expected a list of at most {}", limits::request_prompts)));
    return others;
  }
  for (size_t i = 0; i < list->size() && !fields.error(); ++i) {
    const std::string place = fmt::format("input_extra[{}]", i);
    if (!(*list)[i].is_object()) {
      fields.fail(invalid(place, "expected an object with filename and text"));
      return others;
    }
    Fields one((*list)[i], place + ".");
    OtherFile other{"file", ""};
    one.text("filename", other.name);
    if (!one.text("text", other.text)) one.fail(invalid(place + ".text", "expected a string"));
    one.accept({"time"});  // when an editor took it: llama.vim's
    for (const std::string& name : one.unknown()) one.fail(unsupported_field(name, "is not known"));
    if (one.error()) fields.fail(*one.error());
    others.push_back(std::move(other));
  }
  return others;
}

}  // namespace

tl::expected<std::vector<Token>, ApiError> encode_gap(const ModelSide& side, std::string_view prefix,
                                                      std::string_view suffix, std::span<const OtherFile> others,
                                                      const std::string& param) {
  if (!side.fill)
    return Refused(unsupported_field(
        param, "this model was not taught to fill in the middle: its vocabulary has no tokens for that"));
  size_t bytes = prefix.size() + suffix.size();
  for (const OtherFile& other : others) bytes += other.text.size();
  if (auto fault = check_length(side, bytes, param)) return Refused(std::move(*fault));
  return fill_prompt(side.tokenizer, *side.fill, prefix, suffix, others);
}

SamplerSettings llamacpp_sampling() {
  SamplerSettings s;
  s.temperature = 0.8, s.top_k = 40, s.top_p = 0.95, s.min_p = 0.05;
  return s;
}

tl::expected<AnswerRequest, ApiError> read_infill_request(const ModelSide& side, const Json& body) {
  AnswerRequest request;
  request.style = Style::infill;
  Fields fields(body);
  Ask ask;
  ask.text.raw = true;
  SamplerSettings& s = ask.sampling;
  s = llamacpp_sampling();
  read_common(side, fields, ask, request);
  fields.only("n", 1, "one answer at a time is served here");
  fields.integer("n_predict", -1, INT32_MAX, ask.max_tokens);
  fields.number("repeat_penalty", 0.01, 10, s.repetition_penalty);
  if (const Json* seed = fields.find("seed"); seed && *seed == Json(-1)) s.seed = random_seed();
  fields.refuse({"n_probs"}, "is not served yet");
  std::string prefix, suffix, beginning;
  if (!fields.text("input_prefix", prefix)) fields.fail(invalid("input_prefix", "expected a string"));
  if (!fields.text("input_suffix", suffix)) fields.fail(invalid("input_suffix", "expected a string"));
  fields.text("prompt", beginning);
  const std::vector<OtherFile> others = read_others(fields);
  if (fields.error()) return Refused(*fields.error());
  auto tokens = encode_gap(side, prefix, suffix, others, "input_prefix");
  if (!tokens) return Refused(std::move(tokens.error()));
  // What of the middle is there already: the model goes on with it.
  if (auto fault = check_length(side, beginning.size(), "prompt")) return Refused(std::move(*fault));
  const std::vector<Token> more = side.tokenizer.encode(beginning, Specials::as_text);
  tokens->insert(tokens->end(), more.begin(), more.end());
  ask.prompt = std::move(*tokens);
  ask.text.ends = side.fill->ends;
  request.asks.push_back(std::move(ask));
  if (auto fault = settle_request(side, fields, request)) return Refused(std::move(*fault));
  return request;
}

}  // namespace freehold
