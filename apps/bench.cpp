// freehold bench: how fast a model runs here, beside what the machine can do. Prefill counts all tokens of the prompt;
// decode leaves out the first token. Both stand at the same depth: tokens that were computed before, once, as a prompt
// is, and are read by every run. A batch decodes for several at once, and its rate is that of all together. Each row is
// the median of several runs with its quartiles; the first run warms up and does not count.
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/machine.h"
#include "apps/models.h"
#include "apps/report.h"
#include "apps/version.h"
#include "base/checksum.h"
#include "base/memory.h"
#include "base/random.h"
#include "run/session.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  int prompt = 512, decode = 64, depth = 0, batch = 1, runs = 5;
  bool json = false;
};

struct Spread {
  double low = 0, median = 0, high = 0;  // quartiles
};
Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(position);
    const double above = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (position - static_cast<double>(below)) * (above - values[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}
Json as_json(const Spread& s) { return {{"low", s.low}, {"median", s.median}, {"high", s.high}}; }

struct Run {
  double prefill_seconds = 0, decode_seconds = 0, cpu_seconds = 0;
  uint64_t hash = 0;  // of the logits after the prompt and after the last decoded token
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

std::vector<Token> some_tokens(int count, int vocabulary) {
  Random random(1);
  std::vector<Token> tokens(static_cast<size_t>(count));
  for (Token& token : tokens) token = random.below(vocabulary);
  return tokens;
}

// The next token of each session, always the one that its logits make most likely, in one pass.
Result<Done> decode_one(Engine& engine, std::span<Session> sessions, std::span<Token> tokens) {
  std::vector<Session::Work> work;
  for (size_t i = 0; i < sessions.size(); ++i) {
    const auto logits = sessions[i].logits();
    tokens[i] = static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    work.push_back({&sessions[i], tokens.subspan(i, 1)});
  }
  return run_pass(engine, work);
}

// From sessions that hold the first `depth` tokens of both: the first takes the rest of `prompt` at once; then all
// decode after `past`. Leaves them as they were.
Result<Run> run_once(Engine& engine, std::span<Session> sessions, const Options& options, std::span<const Token> prompt,
                     std::span<const Token> past) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  const auto add = [](uint64_t hash, std::span<const float> logits) { return checksum64(std::as_bytes(logits), hash); };
  const auto go_on = [](int, int) { return !interrupt::requested(); };
  Run run;
  const double cpu = cpu_seconds();
  if (options.prompt > 0) {
    const auto start = Clock::now();
    TRY(sessions[0].sync(prompt, go_on));
    run.prefill_seconds = seconds_since(start);
    run.hash = add(run.hash, sessions[0].logits());
    TRY(sessions[0].rewind(options.depth));
  }
  if (options.decode > 0) {
    for (Session& session : sessions) TRY(session.sync(past, go_on));
    std::vector<Token> tokens(sessions.size());
    TRY(decode_one(engine, sessions, tokens));
    const auto start = Clock::now();
    for (int i = 0; i < options.decode; ++i) {
      if (interrupt::requested()) return failure(Fault::cancelled, "bench: cancelled");
      TRY(decode_one(engine, sessions, tokens));
    }
    run.decode_seconds = seconds_since(start);
    for (Session& session : sessions) {
      run.hash = add(run.hash, session.logits());
      TRY(session.rewind(options.depth));
    }
  }
  run.cpu_seconds = cpu_seconds() - cpu;
  return run;
}

Result<Done> check(const Options& o) {
  if (o.prompt < 0 || o.decode < 0 || o.depth < 0)
    return usage_error("--prompt, --decode, --depth: expected 0 or more");
  if (o.prompt == 0 && o.decode == 0) return usage_error("nothing to measure: --prompt and --decode are both 0");
  if (o.batch < 1 || o.batch > 256) return usage_error("--batch: expected 1 to 256, found {}", o.batch);
  if (o.runs < 1 || o.runs > 1000) return usage_error("--runs: expected 1 to 1000, found {}", o.runs);
  return Done{};
}

Result<Done> run(const Options& options) {
  TRY(check(options));
  TRY(find_model(options.model.model));
  double bandwidth, placement;
  Int8Rate int8_rate;
  {  // before the model is there: the peak of memory is to be the model's
    TRY_ASSIGN(const std::unique_ptr<Pool> pool, make_pool(options.model.threads));
    bandwidth = measure_bandwidth(*pool);
    placement = measure_placement();
    int8_rate = measure_int8_rate(*pool);
  }
  TRY_ASSIGN(const LoadedModel loaded, load(options.model));
  const ModelFacts& facts = loaded.model->facts();

  const std::vector<Token> prompt = some_tokens(options.depth + options.prompt, facts.vocabulary);
  const std::vector<Token> past = some_tokens(std::max(options.depth, 1), facts.vocabulary);
  const int positions = std::max(options.depth + options.prompt, static_cast<int>(past.size()) + options.decode + 1);
  std::vector<Session> sessions;
  for (int i = 0; i < options.batch; ++i) {
    TRY_ASSIGN(Session session, Session::make(*loaded.engine, {.positions = positions}));
    sessions.push_back(std::move(session));
  }
  const auto filling = std::chrono::steady_clock::now();
  if (options.depth > 0)
    for (Session& session : sessions)
      if (&session == &sessions[0] || !session.copy_prefix(sessions[0], options.depth))
        TRY(session.sync(past, [](int, int) { return !interrupt::requested(); }));
  const double fill_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - filling).count();

  std::vector<double> prefill, decode, cpu;
  uint64_t hash = 0;
  ProgressLine line("measuring");
  for (int i = -1; i < options.runs; ++i) {
    line.at(static_cast<double>(i + 1) / (options.runs + 1));
    TRY_ASSIGN(const Run found, run_once(*loaded.engine, sessions, options, prompt, past));
    if (i < 0) {
      hash = found.hash;
      continue;
    }
    if (found.hash != hash)
      return failure(Fault::check_failed,
                     fmt::format("bench: logits differ between runs: {:016x}, then {:016x}", hash, found.hash));
    if (options.prompt > 0) prefill.push_back(options.prompt / found.prefill_seconds);
    if (options.decode > 0) decode.push_back(options.batch * options.decode / found.decode_seconds);
    cpu.push_back(found.cpu_seconds);
  }
  line.clear();

  const Spread p = spread_of(prefill), d = spread_of(decode), c = spread_of(cpu);
  const uint64_t decode_bytes = facts.bytes_per_token + facts.cache_bytes_per_position *
                                                            static_cast<uint64_t>(options.depth + options.decode / 2);
  const double share = bandwidth > 0 ? d.median * static_cast<double>(decode_bytes) / bandwidth : 0;  // of one alone
  // Two operations for every parameter that a token passes through; the head only sees the last one.
  const double parameters =
      static_cast<double>(facts.active_parameters) - static_cast<double>(facts.vocabulary) * facts.hidden;
  const double operations = p.median * 2 * parameters;
  const int threads = loaded.pool->threads();
  const WeightStore* store = loaded.model->store();
  const double int8_share = int8_rate.all > 0 ? operations / int8_rate.all : 0;
  const Cpu processor = this_cpu();
  std::string flags;
  for (const std::string& flag : processor.flags) flags += (flags.empty() ? "" : " ") + flag;

  if (options.json) {
    print_json({{"version", version_text},
                {"model", loaded.name},
                {"cpu", processor.model},
                {"flags", processor.flags},
                {"governor", processor.governor},
                {"load", processor.load},
                {"kernels", loaded.engine->kernels().name},
                {"mode", text_of(loaded.model->mode())},
                {"threads", threads},
                {"placement_ns", placement},
                {"threads_share", int8_rate.shared(threads)},
                {"bandwidth_bytes_per_second", bandwidth},
                {"int8_operations_per_second_one_thread", int8_rate.one},
                {"int8_operations_per_second", int8_rate.all},
                {"prompt", options.prompt},
                {"decode", options.decode},
                {"depth", options.depth},
                {"batch", options.batch},
                {"depth_seconds", options.depth > 0 ? fill_seconds : 0.0},
                {"cache", name_of(loaded.model->mode().kv)},
                {"cache_bytes_per_position", facts.cache_bytes_per_position},
                {"runs", options.runs},
                {"prefill_tokens_per_second", p.median},
                {"prefill", as_json(p)},
                {"prefill_share_of_int8_rate", int8_share},
                {"decode_tokens_per_second", d.median},
                {"decode_spread", as_json(d)},
                {"decode_share_of_bandwidth", options.batch == 1 ? Json(share) : Json()},
                {"bytes_per_token", facts.bytes_per_token},
                {"cpu_seconds_per_run", c.median},
                {"peak_memory_bytes", peak_memory()},
                {"load_seconds", loaded.seconds},
                {"packed_file", loaded.was_packed},
                {"experts", store ? as_json(store->counts()) : Json()},
                {"logits_hash", fmt::format("{:016x}", hash)}});
    return Done{};
  }
  print(fmt::format("model       {}, {}, {} a token\n", loaded.name, text_of(loaded.model->mode()),
                    text_of_bytes(facts.bytes_per_token)));
  print(fmt::format("cpu         {}; {}\n", processor.model, flags));
  print(fmt::format("run         kernels {}, {} threads{}{}, load {:.2f}\n", loaded.engine->kernels().name, threads,
                    processor.governor.empty() ? "" : ", governor ", processor.governor, processor.load));
  print(fmt::format(
      "machine     memory {:.1f} GB/s; int8 {:.0f} Gop/s, one thread {:.0f}{}; signal between threads {:.0f} ns\n",
      bandwidth * 1e-9, int8_rate.all * 1e-9, int8_rate.one * 1e-9,
      int8_rate.shared(threads) ? " (threads share a core, or others work here)" : "", placement));
  if (options.prompt > 0)
    print(fmt::format(
        "prefill     {:>8.1f} tokens/s   {:.1f} .. {:.1f}   {:>3.0f} % of the int8 rate    {} tokens at depth {}\n",
        p.median, p.low, p.high, int8_share * 100, options.prompt, options.depth));
  if (options.decode > 0) {
    const std::string of = options.batch == 1
                               ? fmt::format("{:>3.0f} % of the bandwidth", share * 100)
                               : fmt::format("{} at once, {:.1f} each", options.batch, d.median / options.batch);
    print(fmt::format("decode      {:>8.1f} tokens/s   {:.1f} .. {:.1f}   {}    {} tokens at depth {}\n", d.median,
                      d.low, d.high, of, options.decode, past.size() + 1));
  }
  print(fmt::format("            median and quartiles of {} runs; {:.2f} CPU seconds a run; peak memory {}\n",
                    options.runs, c.median, text_of_bytes(peak_memory())));
  if (store) {
    const WeightStoreCounts e = store->counts();
    print(fmt::format(
        "experts     {} of {} in memory; {:.0f} % of what was asked for found there, {} read at {:.2f} GB/s, "
        "{:.1f} s waited\n",
        text_of_bytes(e.most_bytes), text_of_bytes(e.all_bytes), 100 * e.found(), text_of_bytes(e.read_bytes),
        e.bytes_per_second * 1e-9, e.wait_seconds));
  }
  print(fmt::format("logits      {:016x}, equal in all runs\n", hash));
  return Done{};
}

}  // namespace

Command bench_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("bench", "speed of a model here, beside the limits of the machine");
  app->footer(R"(
freehold bench serve is another command: load on a running server (freehold bench serve --help).

examples:
  freehold bench smollm2-135m-instruct
  freehold bench model.gguf --prompt 2048 --decode 128 --depth 2048 --runs 7
  freehold bench model.gguf --prompt 0 --depth 8000 --kv q8
  freehold bench model.gguf --prompt 0 --batch 8
  freehold bench model.gguf --cpu avx2 --threads 1 --json)");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  app->add_option("--prompt", options->prompt, "tokens of the prompt; 0: none")->type_name("N")->capture_default_str();
  app->add_option("--decode", options->decode, "tokens to decode; 0: none")->type_name("N")->capture_default_str();
  app->add_option("--depth", options->depth, "tokens before the prompt and before the decoded ones")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--batch", options->batch, "answers decoded at once; the rate is of all together")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--runs", options->runs, "runs that count")->type_name("N")->capture_default_str();
  add_model_options(*app, options->model);
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
