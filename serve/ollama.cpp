#include "serve/ollama.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "serve/answer_shapes.h"
#include "serve/fields.h"
#include "serve/ledger.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

std::string size_in_words(uint64_t parameters) {
  const auto number = static_cast<double>(parameters);
  return parameters >= 1'000'000'000 ? fmt::format("{:.1f}B", number / 1e9) : fmt::format("{:.1f}M", number / 1e6);
}

Json details_of(const ModelSide& side) {
  return {{"parent_model", ""},
          {"format", side.stored.container},
          {"family", side.facts.architecture},
          {"families", Json::array({side.facts.architecture})},
          {"parameter_size", size_in_words(side.facts.parameters)},
          {"quantization_level", side.stored.format}};
}

// The digest tells models apart; it is no checksum of a file.
Json entry(const ModelSide& side) {
  return {{"name", side.name},
          {"model", side.name},
          {"size", side.facts.weight_bytes},
          {"digest", side.adapter ? side.fingerprint + "+" + side.name : side.fingerprint},
          {"details", details_of(side)}};
}

// Whether answers begin in thinking, whatever a request says.
bool always_thinks(const PromptFormat& format) {
  Conversation conversation;
  conversation.messages = Json::array({{{"role", "user"}, {"content", "Hello"}}});
  conversation.add_generation_prompt = true;
  const auto prompt = format.write(conversation);
  return prompt && prompt->thinking_open;
}

Json capabilities_of(const ModelSide& side) {
  if (side.facts.encoder) return Json::array({"embedding"});
  Json list = Json::array({"completion"});
  if (side.format && side.format->tools() != ToolSyntax::none) list.push_back("tools");
  if (side.fill) list.push_back("insert");
  if (side.format && (side.format->switches_thinking() || side.format->takes_effort() || always_thinks(*side.format)))
    list.push_back("thinking");
  return list;
}

// Under the names that GGUF has for them. The context is the one served: what a client may rely on.
Json model_info(const ModelSide& side) {
  const ModelFacts& facts = side.facts;
  Json info = {{"general.architecture", facts.architecture},
               {"general.basename", side.name},  // editors show it
               {"general.parameter_count", facts.parameters}};
  const std::pair<const char*, int> numbers[] = {{"context_length", side.context},
                                                 {"embedding_length", facts.hidden},
                                                 {"block_count", facts.layers},
                                                 {"feed_forward_length", facts.ffn},
                                                 {"attention.head_count", facts.heads},
                                                 {"attention.head_count_kv", facts.kv_heads},
                                                 {"vocab_size", facts.vocabulary},
                                                 {"expert_count", facts.experts},
                                                 {"expert_used_count", facts.experts_used}};
  for (const auto& [name, number] : numbers)
    if (number > 0) info[facts.architecture + "." + name] = number;
  return info;
}

// As Ollama reads a length of time: a number of seconds, or words with a unit.
bool is_no_time(const Json& keep_alive) {
  if (keep_alive.is_number()) return keep_alive.get<double>() == 0;
  return keep_alive == Json("0") || keep_alive == Json("0s") || keep_alive == Json("0m") || keep_alive == Json("0h");
}

}  // namespace

void settle_ollama_name(Json& body, std::span<const ModelSide* const> served) {
  if (const auto older = body.find("name"); older != body.end() && !body.contains("model")) {
    Json name = std::move(*older);
    body.erase(older);
    body["model"] = std::move(name);
  }
  const auto model = body.find("model");
  if (model == body.end() || !model->is_string()) return;
  const std::string name = *model;
  constexpr std::string_view tag = ":latest";
  const auto is_own = [&](const ModelSide* side) { return side->name == name; };
  if (name.ends_with(tag) && std::none_of(served.begin(), served.end(), is_own))
    *model = name.substr(0, name.size() - tag.size());
}

Json ollama_listed(const ModelSide& side) {
  Json json = entry(side);
  json["modified_at"] = utc_time(side.created);
  json["capabilities"] = capabilities_of(side);
  return json;
}

Json ollama_running(const ModelSide& side) {
  constexpr int64_t century = 100 * int64_t{365} * 86'400;
  Json json = entry(side);
  json["expires_at"] = utc_time(side.created + century);  // it stays while the server runs
  json["size_vram"] = 0;
  json["context_length"] = side.context;
  return json;
}

tl::expected<HttpAnswer, ApiError> ollama_shown(const ModelSide& side, const Json& body) {
  Fields fields(body);
  fields.find("model");  // checked by name
  bool verbose = false;
  std::vector<std::string> ignored;
  if (fields.boolean("verbose", verbose) && verbose) ignored.push_back("verbose");  // lists no tensors
  fields.refuse({"system", "template", "options"}, "is not for a request to set here");
  for (const std::string& name : fields.unknown()) ignored.push_back(name);
  if (side.strict && !ignored.empty()) fields.fail(unsupported_field(ignored.front(), "changes nothing here"));
  if (fields.error()) return Refused(*fields.error());
  Json json = {{"details", details_of(side)},
               {"model_info", model_info(side)},
               {"capabilities", capabilities_of(side)},
               {"parameters", fmt::format("num_ctx {}", side.context)},
               {"modified_at", utc_time(side.created)}};
  if (side.format && !side.format->source().empty()) json["template"] = side.format->source();
  HttpAnswer answer{200, text_of(json)};
  answer.headers = ignored_header(ignored);
  return answer;
}

bool asks_to_load(Style style, const Json& body) {
  const auto is_empty = [&](const char* name, const Json& nothing) {
    const auto found = body.find(name);
    return found == body.end() || found->is_null() || *found == nothing;
  };
  if (style == Style::ollama_chat) return is_empty("messages", Json::array());
  return style == Style::ollama_generate && is_empty("prompt", "") && is_empty("suffix", "");
}

tl::expected<HttpAnswer, ApiError> loaded_answer(const ModelSide& side, Style style, const Json& body) {
  Fields fields(body);
  read_keep_alive(fields);
  if (const Json* time = fields.find("keep_alive"); time && is_no_time(*time))
    fields.fail(unsupported_field("keep_alive", "the model stays in memory while the server runs"));
  if (fields.error()) return Refused(*fields.error());
  Json json = {
      {"model", side.name}, {"created_at", utc_time(std::time(nullptr))}, {"done", true}, {"done_reason", "load"}};
  if (style == Style::ollama_chat)
    json["message"] = {{"role", "assistant"}, {"content", ""}};
  else
    json["response"] = "";
  return HttpAnswer{200, text_of(json)};
}

tl::expected<EmbeddingRequest, ApiError> read_ollama_embedding_request(const ModelSide& side, Style style,
                                                                       const Json& body) {
  Fields fields(body);
  const bool one = style == Style::ollama_embeddings;
  const char* const param = one ? "prompt" : "input";
  Json plain = Json::object();
  if (const Json* input = fields.find(param)) plain["input"] = *input;
  if (const Json* dimensions = one ? nullptr : fields.find("dimensions")) plain["dimensions"] = *dimensions;
  if (one && plain.contains("input") && !plain["input"].is_string()) fields.fail(invalid(param, "expected a string"));
  read_keep_alive(fields);
  std::vector<std::string> ignored;
  bool cut = false;
  if (fields.boolean("truncate", cut) && cut) ignored.push_back("truncate");  // what is too long is refused
  if (const Json* options = fields.find("options"); options && !options->empty()) ignored.push_back("options");
  fields.accept({"model", "user", "metadata"});
  for (const std::string& name : fields.unknown()) ignored.push_back(name);
  if (side.strict && !ignored.empty()) fields.fail(unsupported_field(ignored.front(), "changes nothing here"));
  if (fields.error()) return Refused(*fields.error());
  auto request = read_embedding_request(side, plain);
  const std::pair<std::string_view, std::string_view> words[] = {{param, "input"}};
  if (!request) return Refused(in_words(words, std::move(request.error())));
  request->style = style;
  request->ignored = std::move(ignored);
  return request;
}

void read_keep_alive(Fields& fields) {
  const Json* time = fields.find("keep_alive");
  if (time && !time->is_number() && !time->is_string())
    fields.fail(invalid("keep_alive", "expected a number of seconds, or a time such as \"5m\""));
}

int64_t nanoseconds(double ms) { return static_cast<int64_t>(1e6 * ms); }

std::string in_words(Words words, const std::string& field) {
  for (const auto& [theirs, ours] : words)
    if (field == ours || (field.starts_with(ours) && (field[ours.size()] == '.' || field[ours.size()] == '[')))
      return std::string(theirs) + field.substr(ours.size());
  return field;
}

ApiError in_words(Words words, ApiError error) {
  const std::string field = in_words(words, error.param);
  if (!error.param.empty() && error.message.starts_with(error.param))
    error.message = field + error.message.substr(error.param.size());
  error.param = field;
  return error;
}

}  // namespace freehold
