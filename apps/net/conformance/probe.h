// Probe: what the checks of `freehold conformance` ask a server with, and how they say what they saw. A check judges by
// what the server does, never by what it claims: a seed is honoured where equal seeds give equal answers, not where a
// list says so.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/net/http_client.h"
#include "base/json.h"

namespace freehold::conformance {

enum class Level : uint8_t {
  must,    // a client breaks without it: to be honoured
  honest,  // to be honoured or refused with an error; never passed over
  should,  // at least one popular client wants it
};
enum class Verdict : uint8_t {
  honoured,
  refused,    // with an error, which the evidence names
  ignored,    // taken, and nothing came of it
  wrong,      // neither: what came breaks the rule
  not_shown,  // cannot be told with this server or this model
  elsewhere,  // a property of the program, which its own tests show
};
std::string_view name_of(Level);
std::string_view name_of(Verdict);

struct Outcome {
  Verdict verdict;
  std::string evidence;
};
Outcome honoured(std::string evidence);
Outcome ignored(std::string evidence);
Outcome wrong(std::string evidence);
Outcome not_shown(std::string evidence);

class Probe;
struct Check {
  const char* name;
  Level level;
  Outcome (*look)(Probe&);
};
struct Part {
  const char* name;
  std::span<const Check> checks;
};
std::span<const Part> all_parts();

// The value at "choices/0/message/content", or null where there is none.
const Json& in(const Json& json, std::string_view path);
std::string text_in(const Json& json, std::string_view path);  // "" unless text
int64_t count_in(const Json& json, std::string_view path);     // -1 unless a whole number
Json json_of(std::string_view text);                           // null where it is none

struct Reply {
  HttpReply http;
  Json json;
  bool ok() const { return http.status == 200 && http.fault.empty(); }
  const Json& at(std::string_view path) const { return in(json, path); }
  std::string text(std::string_view path) const { return text_in(json, path); }
  int64_t count(std::string_view path) const { return count_in(json, path); }
  std::string said(int choice = 0) const;  // of a chat or a text: thinking and answer
  std::string told() const;                // "400 unsupported_parameter", for evidence
};
// What came instead of an answer: refused, or wrong where the server failed. None for an answer.
std::optional<Outcome> refusal(const Reply& reply);

// A stream, put together again.
struct Stream {
  Reply reply;  // its status; json: the last chunk with choices
  std::vector<Json> chunks;
  bool done = false;   // "[DONE]" was last
  std::string fault;   // what of it is no event, no JSON or no UTF-8
  std::string said;    // of choice 0
  std::string finish;  // finish_reason of choice 0
  int texts = 0;       // chunks with text
};

class Probe {
 public:
  // `seconds`: what one answer may take.
  Probe(HttpClient& client, std::string model, double seconds)
      : client_(client), model_(std::move(model)), seconds_(seconds) {}
  // Finds a question that this model answers at some length; the error says why the rest makes no sense.
  Result<Done> start();

  Reply post(const std::string& path, const Json& body, std::vector<std::string> headers = {});
  Reply get(const std::string& path, std::vector<std::string> headers = {});
  Reply send(HttpAsk ask);

  // The usual question with these members over it: {"max_tokens":16,"temperature":0,"seed":11}.
  Json chat_body(std::string_view members) const;
  Json text_body(std::string_view members) const;
  Reply chat(std::string_view members = "{}") { return post(chat_path, chat_body(members)); }
  Reply text(std::string_view members = "{}") { return post(text_path, text_body(members)); }
  Stream stream(const std::string& path, Json body);
  Stream chat_stream(std::string_view members = "{}") { return stream(chat_path, chat_body(members)); }

  const std::string& greedy();  // what is said at temperature 0
  bool random();                // whether temperature 2 says other things with other seeds
  std::vector<std::string> scored(std::string_view members);  // an answer's tokens, by its log probabilities

  HttpClient& client() { return client_; }
  const std::string& model() const { return model_; }
  const std::string& question() const { return question_; }
  bool gone() const { return gone_ || late_ >= 3; }  // nobody listens any more, or answers in time
  static constexpr const char* chat_path = "/v1/chat/completions";
  static constexpr const char* text_path = "/v1/completions";

 private:
  HttpClient& client_;
  const std::string model_;
  const double seconds_;
  std::string question_;
  Json more_ = Json::object();  // what keeps this model from only thinking
  std::optional<std::string> greedy_;
  std::optional<bool> random_;
  bool gone_ = false;
  int late_ = 0;  // answers that did not come in time
};

}  // namespace freehold::conformance
