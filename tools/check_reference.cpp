// check_reference MODEL FOLDER: a real model against what exact float32 arithmetic on its stored weights gives
// (reference.safetensors and reference.json: token ids, likeliest next tokens, residual streams at four positions).
//   exact mode: stored log-probabilities and residual streams within their bounds, KL from the stored part
//   fast mode:  KL(exact || fast) over the whole vocabulary without position 0, not above that of llama.cpp which the
//               reference names (or --kl-bound), top-1 agreement, perplexity within 0.5 %
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "files/checkpoint.h"
#include "inspect/recorder.h"
#include "model/model.h"
#include "tools/check_report.h"
#include "tools/golden_file.h"

namespace freehold {
namespace {

constexpr int chunk = 64;                       // rows whose logits are held at once
constexpr double stream_bound = 2e-3;           // relative to the norm of the reference
constexpr double log_probability_bound = 1e-3;  // nats; the reference's own rounding is 6e-5
constexpr double perplexity_bound = 0.005;

// One model over one text, chunk by chunk.
class Runner {
 public:
  Runner(const Model& model, const Kernels& kernels, Pool& pool, size_t positions, Recorder* recorder)
      : model_(model), kernels_(kernels), pool_(pool), cache_(model.make_cache(static_cast<int>(positions))) {
    if (recorder) observers_.push_back(recorder);
  }
  // Logits of tokens first..first+n: valid until the next call.
  Tensor logits(std::span<const Token> tokens, int first) {
    arena_.reset();
    Context context{kernels_, pool_, arena_, model_.mode().arithmetic, nullptr};
    const Batch batch{
        {{.tokens = tokens, .start = first, .cache = cache_.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(context, batch, model_.facts().layers, observers_);
    return model_.forward(pass);
  }

 private:
  const Model& model_;
  const Kernels& kernels_;
  Pool& pool_;
  Arena arena_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Observer*> observers_;
};

struct Totals {
  double kl = 0, nll_exact = 0, nll_fast = 0, stored_kl = 0, largest_difference = 0;
  int same_top = 0, compared = 0;
};

size_t top_of(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// Our exact row against the stored part of the reference's: largest difference of a log-probability, lower bound of KL.
void compare_stored(std::span<const float> ours, const std::vector<int64_t>& ids, const std::vector<float>& logprobs,
                    float rest, size_t row, size_t top, Totals& totals) {
  const double sum = log_sum_exp(ours);
  double kl = 0, covered = 0;
  for (size_t i = 0; i < top; ++i) {
    const double p = logprobs[row * top + i];
    const double q = double{ours[static_cast<size_t>(ids[row * top + i])]} - sum;
    totals.largest_difference = std::max(totals.largest_difference, std::abs(p - q));
    kl += std::exp(p) * (p - q);
    covered += std::exp(q);
  }
  const double rest_q = std::log(std::max(1 - covered, 1e-300));
  totals.stored_kl += kl + std::exp(double{rest}) * (double{rest} - rest_q);
}

Result<Done> check(const Path& model_path, const Path& folder, double kl_bound, KvType kv, const Kernels& kernels,
                   Pool& pool, CheckReport& report) {
  TRY_ASSIGN(const GoldenFile golden, GoldenFile::open(folder / "reference.safetensors"));
  TRY_ASSIGN(const std::string text, read_file(folder / "reference.json", limits::json_bytes));
  TRY_ASSIGN(const Json facts, parse_json(text, "reference.json"));
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(model_path));
  if (checkpoint.file_bytes() != facts.value("bytes", uint64_t{0}))
    return inconsistent("{}: has {} bytes, the reference was made from a file of {}", checkpoint.name(),
                        checkpoint.file_bytes(), facts.value("bytes", uint64_t{0}));
  TRY_ASSIGN(const auto exact, load_model(checkpoint, {NumericMode::exact(), {}}, pool));
  TRY_ASSIGN(const auto fast, load_model(checkpoint, {{Arithmetic::int8, kv}, {}}, pool));

  std::vector<Token> ids;
  for (const int64_t id : golden.integers("ids")) ids.push_back(static_cast<Token>(id));
  const std::vector<int64_t> top_ids = golden.integers("top.ids"), positions = golden.integers("positions");
  const std::vector<float> top_logprobs = golden.floats("top.logprobs"), rest = golden.floats("top.rest");
  const size_t top = top_ids.size() / ids.size();

  Recorder recorder({{Point::embed}, {Point::resid_post}, {Point::final_norm}}, Recorder::Rows::all);
  std::map<std::string, std::vector<float>> streams;
  const auto keep_streams = [&] {  // rows of the chosen positions, from what the recorder saw of this chunk
    for (const Recorder::Entry& entry : recorder.entries()) {
      const std::string item = entry.point.point == Point::embed ? "embed_out"
                               : entry.point.point == Point::final_norm
                                   ? "final_norm"
                                   : fmt::format("layer.{}.out", entry.point.layer);
      const auto width = static_cast<size_t>(entry.shape.row_elements());
      for (size_t r = 0; r < entry.rows.size(); ++r)
        if (std::find(positions.begin(), positions.end(), entry.rows[r].position) != positions.end())
          streams[item].insert(streams[item].end(), entry.numbers.begin() + static_cast<std::ptrdiff_t>(r * width),
                               entry.numbers.begin() + static_cast<std::ptrdiff_t>((r + 1) * width));
    }
    recorder.clear();
  };

  Runner exact_run(*exact, kernels, pool, ids.size(), &recorder), fast_run(*fast, kernels, pool, ids.size(), nullptr);
  Totals t;
  for (size_t first = 0; first < ids.size(); first += chunk) {
    const auto tokens = std::span<const Token>(ids).subspan(first, std::min<size_t>(chunk, ids.size() - first));
    const Tensor p = exact_run.logits(tokens, static_cast<int>(first)),
                 q = fast_run.logits(tokens, static_cast<int>(first));
    keep_streams();
    for (size_t i = 0; i < tokens.size(); ++i) {
      const size_t row = first + i;
      const auto exact_row = p.row(static_cast<int64_t>(i)), fast_row = q.row(static_cast<int64_t>(i));
      compare_stored(exact_row, top_ids, top_logprobs, rest[row], row, top, t);
      if (row > 0) {
        t.kl += divergence(exact_row, fast_row);
        ++t.compared;
      }
      t.same_top += top_of(exact_row) == top_of(fast_row);
      if (row + 1 == ids.size()) continue;
      const auto next = static_cast<size_t>(ids[row + 1]);
      t.nll_exact += log_sum_exp(exact_row) - double{exact_row[next]};
      t.nll_fast += log_sum_exp(fast_row) - double{fast_row[next]};
    }
  }

  report.say("text", fmt::format("{} tokens", ids.size()));
  for (const auto& [item, numbers] : streams)
    if (golden.has(item)) report.line("exact: " + item, relative_error(numbers, golden.floats(item)), stream_bound);
  report.line("exact: largest difference of a stored log-probability", t.largest_difference, log_probability_bound);
  const auto n = static_cast<double>(ids.size());
  report.say("exact: KL(reference || ours), stored part", fmt::format("{:.2e} nats", t.stored_kl / n));
  const double reference_nll = facts.value("mean_nll", 0.0);
  report.line("exact: perplexity, relative to the reference",
              std::abs(std::expm1(t.nll_exact / (n - 1) - reference_nll)), perplexity_bound);
  if (kl_bound <= 0) kl_bound = facts.value("/llama_cpp/mean_kl_without_first"_json_pointer, 0.0);
  report.line("fast: KL(exact || fast) without position 0", t.kl / t.compared, kl_bound, "nats; bound is llama.cpp's");
  report.say("fast: top-1 equal", fmt::format("{:.1f} %", 100.0 * t.same_top / n));
  report.line("fast: perplexity, relative to the reference", std::abs(std::expm1(t.nll_fast / (n - 1) - reference_nll)),
              perplexity_bound, fmt::format("NLL {:.4f}, reference {:.4f}", t.nll_fast / (n - 1), reference_nll));
  return Done{};
}

int main_of(int count, char** arguments) {
  const Kernels* kernels = &best_kernels();
  double kl_bound = 0;
  KvType kv = KvType::f16;
  std::vector<std::string> places;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--cpu" && i + 1 < count) {
      const auto named = kernels_named(arguments[++i]);
      if (!named)
        return fmt::print(stderr, "check_reference: error: {}\n", named.error().what), exit_code(named.error().fault);
      kernels = *named;
    } else if (argument == "--kv" && i + 1 < count) {
      const auto named = kv_type_named(arguments[++i]);
      if (!named)
        return fmt::print(stderr, "check_reference: error: {}\n", named.error().what), exit_code(named.error().fault);
      kv = *named;
    } else if (argument == "--kl-bound" && i + 1 < count) {
      kl_bound = std::strtod(arguments[++i], nullptr);
    } else {
      places.emplace_back(argument);
    }
  }
  if (places.size() != 2)
    return fmt::print(stderr, "usage: check_reference [--cpu NAME] [--kv TYPE] [--kl-bound NATS] MODEL FOLDER\n"), 2;
  Pool pool;
  CheckReport report;
  fmt::print("{} ({}, {} cache)\n", Path(places[0]).filename().string(), kernels->name, name_of(kv));
  const auto done = check(places[0], places[1], kl_bound, kv, *kernels, pool, report);
  if (!done) {
    fmt::print(stderr, "check_reference: error: {}: {}\n", name_of(done.error().fault), done.error().what);
    return exit_code(done.error().fault);
  }
  fmt::print("{} ok, {} failed\n", report.passed(), report.failed());
  return report.exit_status();
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) { return freehold::main_of(count, arguments); }
