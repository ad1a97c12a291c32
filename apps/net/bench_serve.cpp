// Requests are texts of random tokens to /v1/completions, streamed, at temperature 0. They are sent when their time has
// come (gaps of a Poisson process, by the seed) and there is room among those under way. TTFT: sent to the first text.
// ITL: gaps between pieces of text after it. TPOT: (E2EL - TTFT) / (tokens - 1), as vLLM has it. Percentiles lie
// between values, as numpy has it.
#include "apps/net/bench_serve.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/net/asked_server.h"
#include "base/random.h"

namespace freehold {
namespace {

using Clock = std::chrono::steady_clock;
double ms_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double, std::milli>(b - a).count();
}

struct Options {
  AskedServer server;
  int prompts = 100, concurrency = 0, input = 256, output = 128;
  double rate = INFINITY;
  uint64_t seed = 0;
  std::vector<std::string> goodput;
};

struct Shot {
  Clock::time_point begun, first, last;  // first, last: pieces of text
  bool any = false, done = false;
  std::vector<double> gaps_ms;
  int64_t input = 0, output = 0;
  std::string rest, fault;  // rest: of the stream, after its last whole event
  double joules = -1;       // below 0: not measured
  double ttft() const { return ms_between(begun, first); }
  double e2el() const { return ms_between(begun, last); }
  bool good() const { return done && fault.empty() && output > 0; }
};

// A member that the server sent, or null.
const Json& member(const Json& json, const char* name) {
  static const Json nothing;
  if (!json.is_object()) return nothing;
  const auto found = json.find(name);
  return found == json.end() ? nothing : *found;
}

void take(Shot& shot, std::string_view piece) {
  const auto now = Clock::now();
  shot.rest += piece;
  for (const std::string& data : take_events(shot.rest)) {
    if (data == "[DONE]") {
      shot.done = true;
      continue;
    }
    const Result<Json> event = parse_json(data, "event");
    if (!event || !member(*event, "error").is_null()) {
      shot.fault = event ? "an error in the stream: " + printable(data, 120) : event.error().what;
      continue;
    }
    const Json& choices = member(*event, "choices");
    if (choices.is_array() && !choices.empty()) {
      const Json& text = member(choices[0], "text");
      if (text.is_string() && !text.get_ref<const std::string&>().empty()) {
        if (shot.any) shot.gaps_ms.push_back(ms_between(shot.last, now));
        if (!shot.any) shot.any = true, shot.first = now;
      }
      shot.last = now;
    }
    const Json& usage = member(*event, "usage");
    const auto count = [&](const char* name, int64_t& to) {
      if (member(usage, name).is_number_integer())
        to = std::clamp<int64_t>(member(usage, name).get<int64_t>(), 0, 1 << 30);
    };
    count("prompt_tokens", shot.input), count("completion_tokens", shot.output);
    const Json& energy = member(member(*event, "freehold"), "energy");
    if (member(energy, "joules").is_number() && member(energy, "method") != Json("none"))
      shot.joules = member(energy, "joules").get<double>();
  }
}

std::string body_of(const Options& options, const std::string& model, Random& random, int vocabulary) {
  Json prompt = Json::array();
  for (int i = 0; i < options.input; ++i) prompt.push_back(random.below(vocabulary));
  return Json{{"model", model},
              {"prompt", std::move(prompt)},
              {"max_tokens", options.output},
              {"temperature", 0},
              {"seed", options.seed},
              {"stream", true},
              {"stream_options", {{"include_usage", true}}}}
      .dump();
}

void begin(HttpClient& client, Shot& shot, const std::string& body) {
  shot.begun = Clock::now();
  client.begin(
      {.path = "/v1/completions", .body = body, .headers = {"x-freehold-receipt: 1"}, .seconds = 3600},
      [&shot](std::string_view piece) { take(shot, piece); },
      [&shot](HttpReply reply) {
        if (!reply.fault.empty())
          shot.fault = reply.fault;
        else if (reply.status != 200)
          shot.fault = fmt::format("{}: {}", reply.status, printable(reply.body, 160));
        else if (!shot.done && shot.fault.empty())
          shot.fault = "the stream ended without [DONE]";
      });
}

// All requests, each at its time.
Result<double> drive(HttpClient& client, const Options& options, const std::vector<std::string>& bodies,
                     std::vector<Shot>& shots) {
  Random random(options.seed ^ 0x5eed);
  std::vector<double> times(bodies.size());  // in ms
  for (size_t i = 1; i < times.size() && std::isfinite(options.rate); ++i)
    times[i] = times[i - 1] - std::log(1 - random.uniform()) / options.rate * 1000;
  const bool progress = isatty(STDERR_FILENO) == 1;
  const auto start = Clock::now();
  const auto most = options.concurrency > 0 ? static_cast<size_t>(options.concurrency) : bodies.size();
  for (size_t next = 0; next < bodies.size() || client.under_way() > 0;) {
    const double now = ms_between(start, Clock::now());
    while (next < bodies.size() && times[next] <= now && client.under_way() < most)
      begin(client, shots[next], bodies[next]), ++next;
    const double pause =
        next < bodies.size() && client.under_way() < most ? std::clamp(times[next] - now, 1.0, 200.0) : 200;
    client.wait(static_cast<int>(pause));
    if (client.cancelled()) return failure(Fault::cancelled, "bench serve: stopped");
    if (progress)
      std::fputs(
          fmt::format("\r\033[Kfreehold: {} of {} requests done", next - client.under_way(), bodies.size()).c_str(),
          stderr);
  }
  if (progress) std::fputs("\r\033[K", stderr);
  return ms_between(start, Clock::now()) / 1000;
}

double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const double next = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (at - static_cast<double>(below)) * (next - sorted[below]);
}

constexpr const char* numbers[] = {"mean", "median", "std", "p50", "p90", "p99"};

void add_spread(Json& json, const std::string& name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double mean = values.empty() ? 0 : sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  for (const char* number : numbers) {
    const std::string_view which = number;
    Json value;  // null where nothing was measured
    if (!values.empty())
      value = which == "mean"  ? mean
              : which == "std" ? std::sqrt(squares / static_cast<double>(values.size()))
                               : percentile(values, which == "p90"   ? 0.9
                                                    : which == "p99" ? 0.99
                                                                     : 0.5);
    json[fmt::format("{}_{}_ms", number, name)] = value;
  }
}

// "ttft:500 tpot:50": what a request has to keep to count as good, in ms.
Result<std::map<std::string, double>> read_goodput(const std::vector<std::string>& words) {
  std::map<std::string, double> limits;
  for (const std::string& word : words) {
    const size_t colon = word.find(':');
    const std::string name = word.substr(0, colon);
    char* end = nullptr;
    const double value = colon == std::string::npos ? -1 : std::strtod(word.c_str() + colon + 1, &end);
    if ((name != "ttft" && name != "tpot" && name != "e2el") || !(value >= 0) || *end != '\0')
      return usage_error("--goodput: {}: expected ttft:MS, tpot:MS or e2el:MS", printable(word));
    limits[name] = value;
  }
  return limits;
}

Json result_of(const Options& options, const std::string& model, const std::vector<Shot>& shots, double seconds,
               const std::map<std::string, double>& limits) {
  std::vector<double> ttft, tpot, itl, e2el;
  int64_t input = 0, output = 0;
  int completed = 0, good = 0;
  double joules = 0;
  bool measured = true;
  std::map<std::string, int> faults;
  for (const Shot& shot : shots) {
    if (!shot.good()) {
      ++faults[shot.fault.empty() ? "no token came" : shot.fault];
      continue;
    }
    ++completed, input += shot.input, output += shot.output;
    measured = measured && shot.joules >= 0, joules += shot.joules;
    const double per_token =
        shot.output > 1 && shot.any ? (shot.e2el() - shot.ttft()) / static_cast<double>(shot.output - 1) : 0;
    if (shot.any) ttft.push_back(shot.ttft());
    if (shot.any && shot.output > 1) tpot.push_back(per_token);
    itl.insert(itl.end(), shot.gaps_ms.begin(), shot.gaps_ms.end());
    e2el.push_back(shot.e2el());
    const auto kept = [&](const char* name, double value) {
      return !limits.contains(name) || value <= limits.at(name);
    };
    good += kept("ttft", shot.ttft()) && kept("tpot", per_token) && kept("e2el", shot.e2el());
  }
  const double total = static_cast<double>(input + output);
  Json json = {{"backend", "openai"},
               {"model_id", model},
               {"num_prompts", options.prompts},
               {"request_rate", std::isfinite(options.rate) ? Json(options.rate) : Json("inf")},
               {"max_concurrency", options.concurrency > 0 ? Json(options.concurrency) : Json(nullptr)},
               {"random_input_len", options.input},
               {"random_output_len", options.output},
               {"seed", options.seed},
               {"duration", seconds},
               {"completed", completed},
               {"failed", static_cast<int>(shots.size()) - completed},
               {"total_input_tokens", input},
               {"total_output_tokens", output},
               {"request_throughput", completed / seconds},
               {"request_goodput", limits.empty() ? Json(nullptr) : Json(good / seconds)},
               {"output_throughput", static_cast<double>(output) / seconds},
               {"total_token_throughput", total / seconds}};
  add_spread(json, "ttft", std::move(ttft));
  add_spread(json, "tpot", std::move(tpot));
  add_spread(json, "itl", std::move(itl));
  add_spread(json, "e2el", std::move(e2el));
  json["joules_per_output_token"] = measured && output > 0 ? Json(joules / static_cast<double>(output)) : Json(nullptr);
  Json list = Json::object();
  for (const auto& [fault, count] : faults)
    if (list.size() < 5) list[fault] = count;
  json["errors"] = std::move(list);
  return json;
}

void tell(const Json& r, const std::string& url) {
  const auto number = [&](const std::string& name) { return r[name].is_number() ? r[name].get<double>() : NAN; };
  std::string out =
      fmt::format("{} at {}: {} requests of {} tokens for {} more\n", printable(r["model_id"].get<std::string>()), url,
                  r["num_prompts"].get<int>(), r["random_input_len"].get<int>(), r["random_output_len"].get<int>());
  out += fmt::format("requests  {} completed, {} failed, in {:.2f} s: {:.2f} a second\n", r["completed"].get<int>(),
                     r["failed"].get<int>(), number("duration"), number("request_throughput"));
  if (!r["request_goodput"].is_null())
    out += fmt::format("          {:.2f} a second were as fast as asked for\n", number("request_goodput"));
  out += fmt::format("tokens    {} in, {} out: {:.1f} out a second, {:.1f} in all\n",
                     r["total_input_tokens"].get<int64_t>(), r["total_output_tokens"].get<int64_t>(),
                     number("output_throughput"), number("total_token_throughput"));
  if (!r["joules_per_output_token"].is_null())
    out += fmt::format("energy    {:.3f} joules a token of output\n", number("joules_per_output_token"));
  out += fmt::format("\n{:<28}", "ms");
  for (const char* name : numbers) out += fmt::format("{:>10}", name);
  for (const auto& [name, what] : {std::pair{"ttft", "to the first text"},
                                   {"tpot", "a token after it"},
                                   {"itl", "between pieces"},
                                   {"e2el", "to the end"}}) {
    out += fmt::format("\n{:<28}", fmt::format("{:<5} {}", name, what));
    for (const char* of : numbers) out += fmt::format("{:>10.2f}", number(fmt::format("{}_{}_ms", of, name)));
  }
  out += '\n';
  for (const auto& [fault, count] : r["errors"].items())
    out += fmt::format("failed {} times: {}\n", count.get<int>(), printable(fault, 200));
  std::fputs(out.c_str(), stdout);
}

}  // namespace

Result<Done> bench_serve_command(const std::vector<std::string>& words, const std::atomic<bool>& cancelled) {
  CLI::App app(
      "Puts load on a running server, ours or another with /v1/completions, and says how fast it is. The names of the "
      "numbers, and what they mean, are those of vllm bench serve.",
      "freehold bench serve");
  app.footer(R"(
examples:
  freehold bench serve --num-prompts 50 --max-concurrency 8
  freehold bench serve --request-rate 2 --random-input-len 512 --random-output-len 64 --json)");
  Options options;
  options.server.add_to(app);
  app.add_option("--num-prompts", options.prompts, "requests")->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--request-rate", options.rate, "a second, at random times; inf: all at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-concurrency", options.concurrency, "at the same time; default: as they come")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  app.add_option("--random-input-len", options.input, "tokens of a prompt")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--random-output-len", options.output, "tokens of an answer, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of prompts and times")->capture_default_str();
  app.add_option("--goodput", options.goodput, "limits in ms that make a request a good one")
      ->type_name("ttft:MS tpot:MS e2el:MS");
  TRY_ASSIGN(const bool go_on, parse_words(app, words, 2));
  if (!go_on) return Done{};
  TRY_ASSIGN(const auto limits, read_goodput(options.goodput));
  if (static_cast<int64_t>(options.prompts) * options.input > 100'000'000)
    return usage_error("--num-prompts, --random-input-len: expected at most 100,000,000 tokens in all");
  TRY_ASSIGN(const auto client, HttpClient::make(options.server.url, options.server.key, cancelled));
  Json about;
  TRY_ASSIGN(const std::string model, find_model(*client, options.server.model, about));
  const Json& told = member(member(about, "meta"), "n_vocab");
  // The last ids are special tokens in most vocabularies. A server that does not tell has a thousand, surely.
  const int vocabulary =
      told.is_number_unsigned() && told.get<uint64_t>() < (1u << 26) ? std::max(2, told.get<int>() * 9 / 10) : 1000;

  Random random(options.seed);
  std::vector<std::string> bodies;
  for (int i = 0; i <= options.prompts; ++i) bodies.push_back(body_of(options, model, random, vocabulary));
  std::vector<Shot> warm(1), shots(static_cast<size_t>(options.prompts));
  begin(*client, warm[0], bodies.back());  // warms up, and shows that requests are answered at all
  while (client->under_way() > 0 && !cancelled) client->wait(200);
  if (cancelled) return failure(Fault::cancelled, "bench serve: stopped");
  if (!warm[0].good())
    return io_error("{}: the first request failed: {}", client->url(),
                    warm[0].fault.empty() ? "no token came" : warm[0].fault);
  bodies.pop_back();
  TRY_ASSIGN(const double seconds, drive(*client, options, bodies, shots));
  const Json result = result_of(options, model, shots, seconds, limits);
  if (options.server.json)
    std::puts(result.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  else
    tell(result, client->url());
  if (result["completed"] == Json(0)) return failure(Fault::check_failed, "bench serve: no request was completed");
  return Done{};
}

}  // namespace freehold
