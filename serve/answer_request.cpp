#include "serve/answer_request.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "serve/change_request.h"
#include "serve/fields.h"
#include "serve/prompts.h"
#include "serve/request_id.h"
#include "serve/request_parts.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

void read_stops(Fields& fields, std::vector<std::string>& stops) {
  const Json* stop = fields.find("stop");
  if (!stop) return;
  const Json list = stop->is_array() ? *stop : Json::array({*stop});
  if (list.size() > limits::request_stops)
    return fields.fail(invalid("stop", fmt::format("expected at most {} texts", limits::request_stops)));
  for (const Json& one : list) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty() ||
        one.get_ref<const std::string&>().size() > limits::request_stop_bytes)
      return fields.fail(invalid("stop", fmt::format("expected texts of 1 to {} bytes", limits::request_stop_bytes)));
    stops.push_back(one);
  }
}

void read_bias(const ModelSide& side, Fields& fields, SamplerSettings& settings) {
  const Json* bias = fields.find("logit_bias");
  if (!bias) return;
  if (!bias->is_object()) return fields.fail(invalid("logit_bias", "expected an object of token ids and numbers"));
  for (const auto& [key, value] : bias->items()) {
    Token token = -1;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), token);
    if (read.ec != std::errc() || read.ptr != key.data() + key.size() || token < 0 || token >= side.facts.vocabulary)
      return fields.fail(invalid("logit_bias", fmt::format("{} is no token of the vocabulary of {}", printable(key, 30),
                                                           side.facts.vocabulary)));
    if (!value.is_number() || !(value.get<double>() >= -100 && value.get<double>() <= 100))
      return fields.fail(invalid("logit_bias", "expected numbers from -100 to 100"));
    settings.logit_bias.emplace_back(token, value.get<double>());
  }
}

// What holds where a request in OpenAI's words is silent.
SamplerSettings usual_sampling() {
  SamplerSettings s;
  s.temperature = 1, s.top_k = 0, s.top_p = 1, s.min_p = 0;
  return s;
}

// What of others' settings is not done.
void refuse_others(Fields& fields) { fields.refuse({"id_slot", "samplers"}, "is not served yet"); }

}  // namespace

void read_common(const ModelSide& side, Fields& fields, Ask& ask, AnswerRequest& request) {
  SamplerSettings& s = ask.sampling;
  fields.find("model");  // checked by name
  fields.number("temperature", 0, 2, s.temperature);
  if (fields.number("top_p", 0, 1, s.top_p) && s.top_p == 0) s.top_k = 1, s.top_p = 1;
  if (fields.integer("top_k", -1, INT32_MAX, s.top_k)) s.top_k = std::max(s.top_k, 0);
  fields.number("min_p", 0, 1, s.min_p);
  fields.number("frequency_penalty", -2, 2, s.frequency_penalty);
  fields.number("presence_penalty", -2, 2, s.presence_penalty);
  s.repetition_penalty = 1;
  if (fields.number("repetition_penalty", 0, 10, s.repetition_penalty) && s.repetition_penalty == 0)
    fields.fail(invalid("repetition_penalty", "expected a number above 0"));
  s.seed = random_seed();
  fields.natural("seed", s.seed);
  read_bias(side, fields, s);
  fields.integer("n", 1, side.most_answers, ask.answers);
  const int least = request.chat() ? 1 : 0;
  fields.integer("max_tokens", least, INT32_MAX, ask.max_tokens);
  if (request.chat()) fields.integer("max_completion_tokens", least, INT32_MAX, ask.max_tokens);
  read_stops(fields, ask.text.stops);
  fields.boolean("stream", request.stream);
  if (const Json* options = fields.find("stream_options")) {
    if (!options->is_object()) return fields.fail(invalid("stream_options", "expected an object"));
    if (!request.stream) fields.fail(invalid("stream_options", "is only for stream: true"));
    Fields inner(*options, "stream_options.");
    inner.boolean("include_usage", request.usage_at_end);
    inner.boolean("continuous_usage_stats", request.usage_always);
    inner.accept({"include_obfuscation"});
    if (inner.error()) fields.fail(*inner.error());
    for (const std::string& name : inner.unknown()) request.ignored.push_back(name);
  }
  fields.boolean("return_progress", request.progress);
  fields.only("typical_p", 1.0, "is not served");
  fields.accept({"user", "metadata", "cache_prompt"});
  fields.refuse({"mirostat", "dry_multiplier", "xtc_probability"}, "is not served yet");
  request.grammar = read_grammar_ask(fields);
  read_changes(side, fields, ask, request.changed_by);
}

std::optional<ApiError> settle_request(const ModelSide& side, Fields& fields, AnswerRequest& request) {
  if (fields.error()) return fields.error();
  for (const std::string& name : fields.unknown()) request.ignored.push_back(name);
  if (side.strict && !request.ignored.empty())
    return unsupported_field(request.ignored.front(), "is not known, or changes nothing with this model");
  const char* param = request.param();
  for (const Ask& ask : request.asks) {
    if (ask.prompt.empty()) return invalid(param, "has no tokens");
    if (ask.prompt.size() >= static_cast<size_t>(side.context)) return too_long(side, ask.prompt.size(), param);
  }
  return std::nullopt;
}

tl::expected<AnswerRequest, ApiError> read_chat_request(const ModelSide& side, const Json& body) {
  AnswerRequest request;
  Fields fields(body);
  Ask ask;
  ask.sampling = usual_sampling();
  read_common(side, fields, ask, request);
  refuse_others(fields);
  bool logprobs = false;
  int top = 0;
  fields.boolean("logprobs", logprobs);
  if (fields.integer("top_logprobs", 0, 20, top) && !logprobs)
    fields.fail(invalid("top_logprobs", "needs logprobs: true"));
  if (logprobs) request.logprobs = top;
  fields.refuse({"functions", "audio", "prediction", "web_search_options", "verbosity", "thinking_token_budget",
                 "reasoning_budget"},
                "is not served yet");
  fields.only("function_call", "none", "is the older form: tool_choice is served");
  fields.only("modalities", Json::array({"text"}), "only text is served");
  fields.accept({"prompt_cache_key", "service_tier", "store", "safety_identifier"});
  auto chat = render_request(side, fields);
  if (!chat) return Refused(std::move(chat.error()));
  ask.sampling.score = logprobs;
  ask.sampling.top_logprobs = top;
  ask.prompt = std::move(chat->tokens);
  ask.text.thinking_open = chat->thinking_open;
  ask.text.tools = chat->tools.syntax;
  request.tools = std::move(chat->tools);
  request.grammar.may_think = chat->may_think;
  request.ignored.insert(request.ignored.end(), chat->ignored.begin(), chat->ignored.end());
  request.asks.push_back(std::move(ask));
  if (auto fault = settle_request(side, fields, request)) return Refused(std::move(*fault));
  return request;
}

namespace {

std::optional<ApiError> read_texts(const ModelSide& side, const Json& prompt, const Ask& ask, AnswerRequest& request) {
  auto prompts = read_prompts(side, prompt, "prompt", limits::request_prompts, Specials::parse);
  if (!prompts) return std::move(prompts.error());
  for (ReadPrompt& one : *prompts) {
    if (request.echo) request.prompts.push_back(one.text ? *one.text : side.tokenizer.decode(one.tokens));
    request.asks.push_back(ask);
    request.asks.back().prompt = std::move(one.tokens);
  }
  return std::nullopt;
}

// With a suffix: texts that stand before a gap, and what stands behind it.
std::optional<ApiError> read_gaps(const ModelSide& side, const Json& prompt, const std::string& suffix, const Ask& ask,
                                  AnswerRequest& request) {
  const Json texts = prompt.is_array() ? prompt : Json::array({prompt});
  if (texts.empty() || texts.size() > limits::request_prompts)
    return invalid("prompt", fmt::format("expected 1 to {} texts", limits::request_prompts));
  for (const Json& text : texts) {
    if (!text.is_string()) return invalid("prompt", "expected text where suffix is there");
    auto tokens = encode_gap(side, text.get_ref<const std::string&>(), suffix, {}, "suffix");
    if (!tokens) return std::move(tokens.error());
    if (request.echo) request.prompts.push_back(text);
    request.asks.push_back(ask);
    request.asks.back().prompt = std::move(*tokens);
    request.asks.back().text.ends = side.fill->ends;
  }
  return std::nullopt;
}

// They are held until the answer is sent.
void check_scores(Fields& fields, const AnswerRequest& request) {
  if (!request.scores_prompt()) return;
  uint64_t tokens = 0;
  for (const Ask& ask : request.asks) tokens += ask.prompt.size() * static_cast<uint64_t>(ask.answers);
  if (tokens * static_cast<uint64_t>(request.logprobs + 1) > limits::prompt_logprobs)
    fields.fail(invalid("echo", fmt::format("expected at most {} log probabilities of prompts; ask for fewer of each, "
                                            "or for fewer prompts at a time",
                                            limits::prompt_logprobs)));
}

}  // namespace

tl::expected<AnswerRequest, ApiError> read_text_request(const ModelSide& side, const Json& body) {
  AnswerRequest request;
  request.style = Style::text;
  Fields fields(body);
  Ask ask;
  ask.max_tokens = 16;  // as the API has it
  ask.text.raw = true;
  ask.sampling = usual_sampling();
  read_common(side, fields, ask, request);
  refuse_others(fields);
  if (fields.integer("logprobs", 0, 20, request.logprobs)) {
    ask.sampling.score = true;
    ask.sampling.top_logprobs = request.logprobs;
  }
  fields.boolean("echo", request.echo);
  ask.score_prompt = request.scores_prompt();
  std::string suffix;
  fields.text("suffix", suffix);
  if (!suffix.empty() && request.scores_prompt())  // what is computed then is not the prompt's text
    fields.fail(unsupported_field("suffix", "is not served together with echo and logprobs"));
  fields.only("best_of", ask.answers, "other than n is not served");
  const Json* prompt = fields.find("prompt");
  if (!prompt) fields.fail(invalid("prompt", "is missing"));
  if (fields.error()) return Refused(*fields.error());
  if (auto fault =
          suffix.empty() ? read_texts(side, *prompt, ask, request) : read_gaps(side, *prompt, suffix, ask, request))
    fields.fail(std::move(*fault));
  check_scores(fields, request);
  if (auto fault = settle_request(side, fields, request)) return Refused(std::move(*fault));
  return request;
}

}  // namespace freehold
