// bench_points: what named activations cost.
//
//   bench_points                      nanoseconds of one unwatched point (no model needed)
//   bench_points MODEL [--threads N] [--tokens N] [--pairs N]
//                                     and decode speed with the last token's resid_post of all layers recorded, as a
//                                     share of the speed without, in interleaved pairs; the logits must be the same
//                                     bits
//
// One line for a person, one as JSON.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "bench/loaded.h"
#include "inspect/recorder.h"
#include "run/session.h"

namespace freehold::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double quantile(std::vector<double> values, double level) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(level * static_cast<double>(values.size() - 1) + 0.5)];
}

// The value leaves and comes back as in a model's forward: x = pass.at(point, layer, x), or x = x.
template <bool through_point>
double ns_of_a_round(Pass& pass, Tensor x, int layers) {
  constexpr int rounds = 20000;
  const auto start = Clock::now();
  for (int round = 0; round < rounds; ++round)
    for (int layer = 0; layer < layers; ++layer) {
      if constexpr (through_point) x = pass.at(Point::resid_post, layer, x);
      asm volatile("" : : "r"(&x) : "memory");  // the handle is in memory, whole, each time
    }
  return seconds_since(start) * 1e9 / (rounds * layers);
}

double point_ns(std::span<Observer* const> observers) {
  constexpr int layers = 32;
  Pool pool(1);
  Arena arena;
  Context context{best_kernels(), pool, arena};
  const Token token = 0;
  Batch batch;
  batch.sequences.push_back({.tokens = {&token, 1}});
  Pass pass(context, batch, layers, observers);
  const Tensor x = Tensor::zeros({1, 64}, arena);
  std::vector<double> costs;
  for (int i = 0; i < 15; ++i)
    costs.push_back(ns_of_a_round<true>(pass, x, layers) - ns_of_a_round<false>(pass, x, layers));
  return quantile(costs, 0.5);
}

struct Timed {
  double tokens_per_second;
  std::vector<float> logits;  // after the last token
};

Timed decode(Session& session, int tokens) {
  or_exit(session.rewind(0));
  or_exit(session.step(1));  // the first token is not counted
  const auto start = Clock::now();
  for (int i = 0; i < tokens; ++i) or_exit(session.step(2 + i % 1000));
  const double seconds = seconds_since(start);
  return {tokens / seconds, {session.logits().begin(), session.logits().end()}};
}

// Clears the recorder before every token, as whoever reads it token by token would.
class EveryToken final : public Observer {
 public:
  bool wants(Point point, int layer) const override { return recorder_.wants(point, layer); }
  void seen(Pass& pass, const Site& site, Tensor& x) override {
    if (site.layer == 0) recorder_.clear();
    recorder_.seen(pass, site, x);
    most_ = std::max(most_, recorder_.entries().size());
  }
  size_t most() const { return most_; }

 private:
  Recorder recorder_{{{Point::resid_post}}, Recorder::Rows::last};
  size_t most_ = 0;
};

int run(int argc, char** argv) {
  Path path;
  int threads = 0, tokens = 128, pairs = 7;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    int* number = option == "--threads"  ? &threads
                  : option == "--tokens" ? &tokens
                  : option == "--pairs"  ? &pairs
                                         : nullptr;
    if (number && i + 1 < argc) {
      *number = std::atoi(argv[++i]);
    } else if (!number && !option.starts_with('-') && path.empty()) {
      path = option;
    } else {
      fmt::print(stderr, "usage: bench_points [MODEL] [--threads N] [--tokens N] [--pairs N]\n");
      return exit_code(Fault::usage);
    }
  }
  if (threads < 0 || tokens < 1 || tokens > 4096 || pairs < 1) {
    fmt::print(stderr, "usage: expected --threads from 0, --tokens from 1 to 4096, --pairs from 1\n");
    return exit_code(Fault::usage);
  }
  const double free_ns = point_ns({});
  Recorder elsewhere({{Point::embed}}, Recorder::Rows::last);
  Observer* const others[] = {&elsewhere};
  const double beside_ns = point_ns(others);
  fmt::print("an unwatched point costs {:.2f} ns; {:.2f} ns in a pass where another point is watched\n", free_ns,
             beside_ns);
  if (path.empty()) {
    fmt::print("{{\"unwatched_ns\": {:.3f}, \"unwatched_beside_watched_ns\": {:.3f}}}\n", free_ns, beside_ns);
    return 0;
  }

  Loaded loaded(path, {}, best_kernels(), threads);
  EveryToken recorder;
  Session plain = or_exit(Session::make(loaded.engine, {.positions = tokens + 1}));
  Session watched = or_exit(Session::make(loaded.engine, {.positions = tokens + 1, .observers = {&recorder}}));
  decode(plain, tokens / 4 + 1);
  decode(watched, tokens / 4 + 1);
  std::vector<double> ratios, plain_rates, watched_rates;
  for (int pair = 0; pair < pairs; ++pair) {
    Timed a = decode(pair % 2 ? watched : plain, tokens), b = decode(pair % 2 ? plain : watched, tokens);
    if (pair % 2) std::swap(a, b);  // a: plain, b: watched
    if (std::memcmp(a.logits.data(), b.logits.data(), a.logits.size() * sizeof(float)) != 0) {
      fmt::print(stderr, "check: watching changed the logits\n");
      return exit_code(Fault::check_failed);
    }
    ratios.push_back(b.tokens_per_second / a.tokens_per_second);
    plain_rates.push_back(a.tokens_per_second);
    watched_rates.push_back(b.tokens_per_second);
  }
  const auto layers = static_cast<size_t>(loaded.model->facts().layers);
  if (recorder.most() != layers) {
    fmt::print(stderr, "check: {} values recorded in a pass of {} layers\n", recorder.most(), layers);
    return exit_code(Fault::check_failed);
  }
  const double median = quantile(ratios, 0.5), first = quantile(ratios, 0.25), third = quantile(ratios, 0.75);
  fmt::print(
      "{}: decode {:.1f} tokens/s, {:.1f} with resid_post of {} layers recorded: {:.3f} of it "
      "(quartiles {:.3f}-{:.3f}, {} pairs of {} tokens, {} threads); same logits\n",
      path.filename().string(), quantile(plain_rates, 0.5), quantile(watched_rates, 0.5), layers, median, first, third,
      pairs, tokens, loaded.pool.threads());
  fmt::print(
      "{{\"unwatched_ns\": {:.3f}, \"unwatched_beside_watched_ns\": {:.3f}, \"recorded_ratio\": {:.4f}, "
      "\"quartiles\": [{:.4f}, {:.4f}], \"tokens_per_second\": {:.2f}, \"pairs\": {}}}\n",
      free_ns, beside_ns, median, first, third, quantile(plain_rates, 0.5), pairs);
  return 0;
}

}  // namespace
}  // namespace freehold::bench

int main(int argc, char** argv) { return freehold::bench::run(argc, argv); }
