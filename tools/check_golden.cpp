// check_golden FOLDER|FOLDER/FILE.gguf...: compares what this program computes from a tiny checkpoint with the values
// that an independent implementation computed from it (layout: config.json, weights, golden.safetensors, golden.json).
// A GGUF of the same weights beside them may be checked in their place: all but what depends on the order of q's and
// k's rows, which GGUF permutes. Everything runs in exact mode; the fast mode's divergence from it is printed. One line
// per item; exit 1 if any fails.
//   --cpu plain|avx2|avx_vnni|avx512   kernels; default: the best here     --mla absorbed|expanded   form of latent attention
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "files/checkpoint.h"
#include "inspect/recorder.h"
#include "model/model.h"
#include "ops/tape.h"
#include "run/session.h"
#include "tools/check_report.h"
#include "tools/golden_file.h"
#include "train/adamw.h"

namespace freehold {
namespace {

constexpr double activation_bound = 2e-3, gradient_bound = 1e-4;

std::vector<float> copied(const Tensor& t) { return {t.all().begin(), t.all().end()}; }

// One golden folder under test.
class GoldenCheck {
 public:
  GoldenCheck(Path path, GoldenFile golden, Json facts, MlaForm form, const Kernels& kernels, Pool& pool,
              CheckReport& report)
      : path_(std::move(path)),
        golden_(std::move(golden)),
        facts_(std::move(facts)),
        form_(form),
        kernels_(kernels),
        pool_(pool),
        report_(report) {
    for (const int64_t id : golden_.integers("input_ids")) ids_.push_back(static_cast<Token>(id));
    for (const std::string& name : golden_.names()) open_items_.insert(name);
    for (const char* given : {"input_ids", "position_ids", "greedy.margin"}) open_items_.erase(given);
  }

  Result<Done> run() {
    TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(path_));
    permuted_ = checkpoint.source() == Checkpoint::Source::gguf;
    NumericMode exact = NumericMode::exact(), usual;
    exact.mla = usual.mla = form_;
    TRY_ASSIGN(exact_, load_model(checkpoint, {exact, {}}, pool_));
    TRY_ASSIGN(const auto fast, load_model(checkpoint, {usual, {}}, pool_));
    const std::vector<float> logits = activations();
    greedy();
    divergence_of(*fast, logits);
    gradients();
    descent();
    if (golden_.has("mtp.0.logits")) {
      TRY(prediction(checkpoint, exact));
    }
    if (open_items_.erase("logits_bf16")) report_.say("logits_bf16", "not compared: values of bfloat16 arithmetic");
    for (const std::string& item : open_items_) report_.equal(item, false, "no check knows this item");
    return Done{};
  }

 private:
  Context context(Arena& arena, Arithmetic arithmetic = Arithmetic::exact, Tape* tape = nullptr) const {
    return Context{kernels_, pool_, arena, arithmetic, tape};
  }
  void compare(const std::string& item, std::span<const float> ours, double bound) {
    if (permuted_ && (item.find("q_proj") != std::string::npos || item.find("k_proj") != std::string::npos)) {
      open_items_.erase(item);
      return;
    }
    report_.line(item, relative_error(ours, golden_.floats(item)), bound);
    open_items_.erase(item);
  }

  // Hidden states, patterns and logits of the whole sequence at once.
  std::vector<float> activations() {
    const int layers = exact_->facts().layers;
    Recorder recorder({{Point::embed},
                       {Point::resid_post},
                       {Point::attn_out},
                       {Point::mlp_out},
                       {Point::attn_probs},
                       {Point::router_logits},
                       {Point::expert_indices},
                       {Point::expert_weights},
                       {Point::index_selected},
                       {Point::attn_scores},
                       {Point::compressed_kv},
                       {Point::resid_streams},
                       {Point::attn_stream_collapse},
                       {Point::attn_stream_write},
                       {Point::attn_stream_mix},
                       {Point::final_norm}},
                      Recorder::Rows::all);
    Observer* observers[] = {&recorder};
    Arena arena;
    Context c = context(arena);
    const auto cache = exact_->make_cache(static_cast<int>(ids_.size()));
    Batch batch{{{.tokens = ids_, .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(c, batch, layers, observers);
    const std::vector<float> logits = copied(exact_->forward(pass));

    const auto shown = [&](const std::string& item, PointId point) {
      if (!golden_.has(item)) return;
      const std::optional<Recorder::Entry> entry = kept_rows(recorder, point);
      if (point.point == Point::attn_probs && entry) {  // ours [rows, heads, n], golden [heads, rows, n]
        const int64_t rows = entry->shape[0], heads = entry->shape[1], n = entry->shape[2];
        std::vector<float> turned(entry->numbers.size());
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < n; ++i)
              turned[static_cast<size_t>((h * rows + r) * n + i)] =
                  entry->numbers[static_cast<size_t>((r * heads + h) * n + i)];
        compare(item, turned, activation_bound);
      } else {
        compare(item, entry ? std::span<const float>(entry->numbers) : std::span<const float>(), activation_bound);
      }
    };
    shown("embed_out", {Point::embed, 0});
    for (int i = 0; i < layers; ++i) {
      const std::string layer = fmt::format("layer.{}.", i);
      shown(layer + "attn_out", {Point::attn_out, i});
      shown(layer + "mlp_out", {Point::mlp_out, i});
      shown(layer + "attn_probs", {Point::attn_probs, i});
      shown(layer + "out", {recorder.find({Point::resid_streams, i}) ? Point::resid_streams : Point::resid_post, i});
      router(recorder, i);
      compressed(recorder, i);
      selected(recorder, i, fmt::format("indexer.{}.selected", i));
      const std::string streams = fmt::format("hc.{}.attn.", i);
      shown(streams + "collapsed", {Point::attn_stream_collapse, i});
      shown(streams + "post", {Point::attn_stream_write, i});
      shown(streams + "comb", {Point::attn_stream_mix, i});
    }
    shown("final_norm", {Point::final_norm, 0});
    const auto from = facts_.value("logits_from", int64_t{0}) * exact_->facts().vocabulary;
    compare("logits", std::span(logits).subspan(static_cast<size_t>(from)), activation_bound);
    return logits;
  }

  // What was recorded at a point, without the rows that the golden file leaves out: the first of a long sequence.
  std::optional<Recorder::Entry> kept_rows(const Recorder& recorder, PointId point) const {
    const Recorder::Entry* found = recorder.find(point);
    if (!found) return std::nullopt;
    Recorder::Entry entry = *found;
    const auto from = std::min<int64_t>(facts_.value("logits_from", int64_t{0}), entry.shape[0]);
    const auto width = static_cast<ptrdiff_t>(entry.shape.row_elements());
    entry.rows.erase(entry.rows.begin(), entry.rows.begin() + from);
    entry.numbers.erase(entry.numbers.begin(), entry.numbers.begin() + from * width);
    entry.shape = {entry.shape[0] - from, entry.shape[1], entry.shape.rank() == 3 ? entry.shape[2] : 1};
    return entry;
  }

  // Compressed entries of a layer, and which of them each row may see: the columns behind the positions whose scores
  // are not masked.
  void compressed(const Recorder& recorder, int layer) {
    const std::string item = fmt::format("compressor.{}.", layer);
    if (!golden_.has(item + "kv")) return;
    const Recorder::Entry *entries = recorder.find({Point::compressed_kv, layer}),
                          *scores = recorder.find({Point::attn_scores, layer});
    compare(item + "kv", entries ? std::span<const float>(entries->numbers) : std::span<const float>(),
            activation_bound);
    std::vector<int64_t> visible;
    for (int64_t row = 0; scores && row < scores->shape[0]; ++row)
      for (int64_t i = scores->shape[0]; i < scores->shape[2]; ++i)
        visible.push_back(
            std::isfinite(scores->numbers[static_cast<size_t>(row * scores->shape[1] * scores->shape[2] + i)]));
    report_.equal(item + "visible", visible == golden_.integers(item + "visible"));
    if (recorder.find({Point::index_selected, layer})) selected(recorder, layer, item + "visible");
    open_items_.erase(item + "visible");
  }

  // What an indexer chose for each row.
  void selected(const Recorder& recorder, int layer, const std::string& item) {
    if (!golden_.has(item)) return;
    const Recorder::Entry* found = recorder.find({Point::index_selected, layer});
    std::vector<int64_t> chosen;
    if (found) chosen.assign(found->numbers.begin(), found->numbers.end());
    report_.equal(item, chosen == golden_.integers(item));
    open_items_.erase(item);
  }

  // The router of a layer. Golden choices are sorted by expert; ours stand best first.
  void router(const Recorder& recorder, int layer) {
    const std::string item = fmt::format("router.{}.", layer);
    if (!golden_.has(item + "indices")) return;
    const auto logits = kept_rows(recorder, {Point::router_logits, layer}),
               indices = kept_rows(recorder, {Point::expert_indices, layer}),
               weights = kept_rows(recorder, {Point::expert_weights, layer});
    if (!logits || !indices || !weights) return report_.equal(item + "indices", false, "the layer has no router");
    const auto used = static_cast<size_t>(indices->shape[1]);
    std::vector<std::pair<int64_t, float>> choices;
    for (size_t i = 0; i < indices->numbers.size(); ++i)
      choices.emplace_back(static_cast<int64_t>(indices->numbers[i]), weights->numbers[i]);
    std::vector<int64_t> sorted_indices;
    std::vector<float> sorted_weights;
    for (size_t row = 0; row < choices.size(); row += used) {
      const auto first = choices.begin() + static_cast<ptrdiff_t>(row);
      std::sort(first, first + static_cast<ptrdiff_t>(used));
    }
    for (const auto& [index, weight] : choices) {
      sorted_indices.push_back(index);
      sorted_weights.push_back(weight);
    }
    compare(item + "logits", logits->numbers, activation_bound);
    report_.equal(item + "indices", sorted_indices == golden_.integers(item + "indices"));
    open_items_.erase(item + "indices");
    compare(item + "weights", sorted_weights, activation_bound);
  }

  // The continuation token by token over the cache.
  void greedy() {
    const std::vector<int64_t> expected = golden_.integers("greedy.ids");
    std::vector<Token> tokens = ids_;
    const auto cache = exact_->make_cache(static_cast<int>(ids_.size() + expected.size()));
    std::vector<int64_t> found;
    int start = 0;
    Arena arena;
    while (found.size() < expected.size()) {
      arena.reset();
      Context c = context(arena);
      Batch batch{
          {{.tokens = std::span(tokens).subspan(static_cast<size_t>(start)), .start = start, .cache = cache.get()}}};
      Pass pass(c, batch, exact_->facts().layers);
      const Tensor logits = exact_->forward(pass);
      start = static_cast<int>(tokens.size());
      const auto row = logits.row(0);
      tokens.push_back(static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin()));
      found.push_back(tokens.back());
    }
    report_.equal("greedy.ids", found == expected);
    open_items_.erase("greedy.ids");
  }

  // The layer that predicts the token after next, of all rows at once; and the continuation with its guesses.
  Result<Done> prediction(const Checkpoint& checkpoint, const NumericMode& mode) {
    LoadOptions options{mode, {}};
    options.predict = true;
    TRY_ASSIGN(const auto model, load_model(checkpoint, options, pool_));
    const int layers = model->facts().layers;
    Arena arena;
    Context c = context(arena);
    const auto cache = model->make_cache(static_cast<int>(ids_.size()));
    const Batch batch{{{.tokens = ids_, .cache = cache.get(), .logits = Batch::Sequence::Logits::none}}};
    Pass pass(c, batch, layers);
    pass.keep_states();
    model->forward(pass);
    const Batch next{
        {{.tokens = std::span(ids_).subspan(1), .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Recorder recorder({{Point::final_norm}, {Point::resid_streams}}, Recorder::Rows::all);
    Observer* observers[] = {&recorder};
    Pass predicting(c, next, layers + 1, observers);
    const Tensor logits = model->predict(predicting, pass.states().rows(0, static_cast<int64_t>(ids_.size()) - 1));
    const auto kept = [&](const std::string& item, std::span<const float> rows) {  // the last ones
      if (!golden_.has(item)) return;
      compare(item, rows.subspan(rows.size() - std::min(golden_.floats(item).size(), rows.size())), activation_bound);
    };
    const auto shown = [&](PointId point) {
      const Recorder::Entry* found = recorder.find(point);
      return found ? std::span<const float>(found->numbers) : std::span<const float>();
    };
    kept("mtp.0.streams", shown({Point::resid_streams, layers}));
    kept("mtp.0.hidden", shown({Point::final_norm, 0}));
    kept("mtp.0.logits", logits.all());

    const std::vector<int64_t> expected =
        golden_.integers(golden_.has("mtp.greedy.ids") ? "mtp.greedy.ids" : "greedy.ids");
    Engine engine(*model, kernels_, pool_);
    TRY_ASSIGN(Session session,
               Session::make(engine, {.positions = static_cast<int>(ids_.size() + expected.size()), .drafts = true}));
    TRY(session.sync(ids_));
    std::vector<int64_t> found;
    while (found.size() < expected.size()) {
      const auto row = session.logits();
      found.push_back(std::max_element(row.begin(), row.end()) - row.begin());
      TRY(session.step(static_cast<Token>(found.back())));
    }
    report_.equal("mtp.greedy.ids", found == expected);
    open_items_.erase("mtp.greedy.ids");
    return Done{};
  }

  void divergence_of(const Model& fast, const std::vector<float>& exact_logits) {
    Arena arena;
    Context c = context(arena, Arithmetic::int8);
    const auto cache = fast.make_cache(static_cast<int>(ids_.size()));
    Batch batch{{{.tokens = ids_, .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(c, batch, fast.facts().layers);
    const Tensor logits = fast.forward(pass);
    const auto vocabulary = static_cast<size_t>(fast.facts().vocabulary);
    double sum = 0;
    for (size_t i = 0; i < ids_.size(); ++i)
      sum +=
          divergence(std::span(exact_logits).subspan(i * vocabulary, vocabulary), logits.row(static_cast<int64_t>(i)));
    report_.say("fast mode", fmt::format("mean KL(exact || fast) {:.2e} nats", sum / static_cast<double>(ids_.size())));
  }

  // Forward without a cache under a tape, and back. Returns the loss; gradients by released name.
  double backward(std::map<std::string, std::vector<float>>& gradients, std::vector<float>& token_nll) {
    struct KeepEmbedding final : Observer {
      Tensor kept;
      bool wants(Point point, int) const override { return point == Point::embed; }
      void seen(Pass&, const Site&, Tensor& x) override { kept = x; }
    } embedding;
    Observer* observers[] = {&embedding};
    Arena arena;
    Tape tape;
    Context c = context(arena, Arithmetic::exact, &tape);
    exact_->each_linear([&](std::string_view, Linear& linear) { tape.track(linear); });
    Batch batch{{{.tokens = ids_, .logits = Batch::Sequence::Logits::all}}};
    Pass pass(c, batch, exact_->facts().layers, observers);
    const Tensor logits = exact_->forward(pass);
    std::vector<int32_t> targets(ids_.begin() + 1, ids_.end());
    targets.push_back(-1);
    std::vector<float> nll(ids_.size());
    const Tensor loss = ops::cross_entropy(c, logits, targets, nll);
    tape.backward(loss);
    token_nll.assign(nll.begin(), nll.end() - 1);
    gradients.clear();
    const auto keep = [&](std::string_view name, std::span<const float> g) {
      gradients[std::string(name)].assign(g.begin(), g.end());
    };
    exact_->each_linear([&](std::string_view name, Linear& linear) { keep(name, tape.weight_grad(linear)); });
    exact_->each_tensor([&](std::string_view name, Tensor& tensor) { keep(name, tape.grad(tensor)); });
    keep("embed_out", tape.grad(embedding.kept));
    return loss.all()[0];
  }

  void gradients() {
    std::vector<float> nll;
    const double loss = backward(gradients_, nll);
    const float as_float[] = {static_cast<float>(loss)};
    compare("loss", as_float, gradient_bound);
    compare("token_nll", nll, activation_bound);
    for (const auto& [name, gradient] : gradients_)
      if (golden_.has("grad." + name)) compare("grad." + name, gradient, gradient_bound);
    const Json norms = facts_.value("grad_norms", Json::object());  // stored with 7 digits
    for (const auto& [name, norm] : norms.items()) {
      const auto found = gradients_.find(name);
      double square = 0;
      if (found != gradients_.end())
        for (const float g : found->second) square += double{g} * double{g};
      const double expected = norm.get<double>();
      report_.line("|grad." + name + "|", std::abs(std::sqrt(square) - expected) / std::max(expected, 1e-12),
                   gradient_bound);
    }
  }

  // Steps of AdamW over all parameters: values after the first, losses before and after each.
  void descent() {
    struct Parameter {
      std::vector<float> numbers, m, v;
    };
    std::map<std::string, Parameter> parameters;
    Arena numbers;
    exact_->each_linear([&](std::string_view name, Linear& linear) {
      Parameter& p = parameters[std::string(name)];
      p.numbers.resize(static_cast<size_t>(linear.weight.rows * linear.weight.cols));
      linear.weight.decode_rows(0, linear.weight.rows, p.numbers.data());
      linear.weight.format = Format::f32;
      linear.weight.layout = Layout::source;
      linear.weight.bytes = std::as_bytes(std::span(p.numbers));
      linear.weight.scales = {};
    });
    exact_->each_tensor([&](std::string_view name, Tensor& t) { parameters[std::string(name)].numbers = copied(t); });
    const AdamW settings;
    std::vector<float> losses, nll;
    std::map<std::string, std::vector<float>> gradients;
    for (int step = 0; step <= 4; ++step) {
      losses.push_back(static_cast<float>(backward(gradients, nll)));
      if (step == 4) break;
      for (auto& [name, p] : parameters) {
        p.m.resize(p.numbers.size());
        p.v.resize(p.numbers.size());
        adamw_step(settings, step + 1, gradients.at(name), p.m, p.v, p.numbers);
        if (step == 0 && golden_.has("adamw1." + name)) compare("adamw1." + name, p.numbers, gradient_bound);
      }
      exact_->each_tensor([&](std::string_view name, Tensor& t) {
        t = Tensor::of(parameters.at(std::string(name)).numbers, t.shape(), numbers);
      });
    }
    // Where float32 itself is not good enough for the bound, a folder has the same losses computed in float64.
    if (const auto exact = facts_.find("adamw.losses in float64"); exact != facts_.end()) {
      report_.line("adamw.losses", relative_error(losses, exact->get<std::vector<float>>()), gradient_bound, "float64");
      report_.line("adamw.losses of the golden, in float32",
                   relative_error(golden_.floats("adamw.losses"), exact->get<std::vector<float>>()), activation_bound);
      open_items_.erase("adamw.losses");
    } else {
      compare("adamw.losses", losses, gradient_bound);
    }
  }

  Path path_;
  bool permuted_ = false;
  GoldenFile golden_;
  Json facts_;
  const MlaForm form_;
  const Kernels& kernels_;
  Pool& pool_;
  CheckReport& report_;
  std::vector<Token> ids_;
  std::set<std::string> open_items_;  // items of the golden file that no check has looked at yet
  std::unique_ptr<Model> exact_;
  std::map<std::string, std::vector<float>> gradients_;
};

Result<Done> check_model(const Path& path, MlaForm form, const Kernels& kernels, Pool& pool, CheckReport& report) {
  const Path folder = path.extension() == ".gguf" ? path.parent_path() : path;
  TRY_ASSIGN(GoldenFile golden, GoldenFile::open(folder / "golden.safetensors"));
  TRY_ASSIGN(const std::string text, read_file(folder / "golden.json", limits::json_bytes));
  TRY_ASSIGN(Json facts, parse_json(text, "golden.json"));
  if (std::filesystem::exists(folder / "exact.json")) {
    TRY_ASSIGN(const std::string more, read_file(folder / "exact.json", limits::json_bytes));
    TRY_ASSIGN(const Json exact, parse_json(more, "exact.json"));
    facts.update(exact);
  }
  GoldenCheck check(path, std::move(golden), std::move(facts), form, kernels, pool, report);
  return check.run();
}

int main_of(int count, char** arguments) {
  const Kernels* kernels = &best_kernels();
  CheckReport report;
  Pool pool;
  MlaForm form = MlaForm::absorbed;
  int folders = 0;
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--cpu" && i + 1 < count) {
      const auto named = kernels_named(arguments[++i]);
      if (!named)
        return fmt::print(stderr, "check_golden: error: {}\n", named.error().what), exit_code(named.error().fault);
      kernels = *named;
      continue;
    }
    if (std::string_view(arguments[i]) == "--mla" && i + 1 < count) {
      const std::string_view named = arguments[++i];
      if (named != "absorbed" && named != "expanded")
        return fmt::print(stderr, "check_golden: error: --mla: expected absorbed or expanded\n"), 2;
      form = named == "absorbed" ? MlaForm::absorbed : MlaForm::expanded;
      continue;
    }
    ++folders;
    fmt::print("{} ({})\n", Path(arguments[i]).filename().string(), kernels->name);
    const auto done = check_model(arguments[i], form, *kernels, pool, report);
    if (!done) report.equal(done.error().what, false, name_of(done.error().fault));
  }
  if (!folders)
    return fmt::print(stderr, "usage: check_golden [--cpu plain|avx2|avx_vnni|avx512] [--mla absorbed|expanded] FOLDER...\n"), 2;
  fmt::print("{} ok, {} failed\n", report.passed(), report.failed());
  return report.exit_status();
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) { return freehold::main_of(count, arguments); }
