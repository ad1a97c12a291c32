// Gradients of the whole model: of adapters, norms, weights and activations, over float and over quantized weights. The
// loss moves along the gradient as the gradient says: (L(p + e d) - L(p - e d)) / 2e = |g| for d = g / |g|.
#include <gtest/gtest.h>

#include <cstring>

#include <array>
#include <cmath>
#include <map>

#include "base/numbers.h"
#include "base/random.h"
#include "files/checkpoint.h"
#include "inspect/edit.h"
#include "model/model.h"
#include "ops/tape.h"
#include "tensor/pack.h"

namespace freehold {
namespace {

// Q8_0 of a float matrix: d = absmax / 127 per 32 inputs (docs/formats.md).
std::vector<std::byte> as_q8_0(std::span<const float> numbers) {
  std::vector<std::byte> bytes;
  for (size_t at = 0; at < numbers.size(); at += 32) {
    float most = 0;
    for (size_t i = 0; i < 32; ++i) most = std::max(most, std::abs(numbers[at + i]));
    const uint16_t d = f16_of_float(most / 127);
    const float step = float_of_f16(d);
    bytes.push_back(static_cast<std::byte>(d & 0xff));
    bytes.push_back(static_cast<std::byte>(d >> 8));
    for (size_t i = 0; i < 32; ++i)
      bytes.push_back(static_cast<std::byte>(static_cast<int8_t>(step == 0 ? 0 : std::lround(numbers[at + i] / step))));
  }
  return bytes;
}

class Gradients : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const auto checkpoint = Checkpoint::open("tests/golden/models/qwen2_tied");
    ASSERT_TRUE(checkpoint) << checkpoint.error().what;
    auto model = load_model(*checkpoint, {NumericMode::exact(), {}}, pool_);
    ASSERT_TRUE(model) << model.error().what;
    model_ = std::move(*model);
    if (GetParam()) quantize();
    Random random(3);
    for (int i = 0; i < 20; ++i) ids_.push_back(random.below(model_->facts().vocabulary));
  }

  void quantize() {  // every matrix whose rows are whole blocks becomes a packed Q8_0
    model_->each_linear([&](std::string_view, Linear& linear) {
      Weight& w = linear.weight;
      if (w.cols % 32) return;
      std::vector<float> numbers(static_cast<size_t>(w.rows * w.cols));
      w.decode_rows(0, w.rows, numbers.data());
      const std::vector<std::byte> q8 = as_q8_0(numbers);
      Weight source = w;
      source.format = Format::q8_0;
      source.layout = Layout::source;
      source.bytes = q8;
      std::byte* packed = packs_.array<std::byte>(packed_bytes(Format::q8_0, w.rows, w.cols));
      std::memset(packed, 0, packed_bytes(Format::q8_0, w.rows, w.cols));
      pack(source, packed, pool_);
      w.format = Format::q8_0;
      w.layout = Layout::r16k4;
      w.bytes = {packed, packed_bytes(Format::q8_0, w.rows, w.cols)};
    });
  }

  void decode_weights() {  // floats in source order, which may be changed in place
    model_->each_linear([&](std::string_view, Linear& linear) {
      Weight& w = linear.weight;
      std::vector<float>& numbers = decoded_[linear.id];
      numbers.resize(static_cast<size_t>(w.rows * w.cols));
      w.decode_rows(0, w.rows, numbers.data());
      w.format = Format::f32;
      w.layout = Layout::source;
      w.bytes = std::as_bytes(std::span(numbers));
    });
  }

  double loss(const Adapter* adapter = nullptr, Tape* tape = nullptr, std::span<Observer* const> observers = {}) {
    arena_.reset();
    Context c{best_kernels(), pool_, arena_, Arithmetic::exact, tape};
    Batch batch{{{.tokens = ids_, .adapter = adapter, .logits = Batch::Sequence::Logits::all}}};
    Pass pass(c, batch, model_->facts().layers, observers);
    const Tensor logits = model_->forward(pass);
    std::vector<int32_t> targets(ids_.begin() + 1, ids_.end());
    targets.push_back(-1);
    std::vector<float> nll(ids_.size());
    const Tensor mean = ops::cross_entropy(c, logits, targets, nll);
    if (tape) tape->backward(mean);
    double sum = 0;  // in double: the mean as one float would drown the difference
    for (const float x : nll) sum += double{x};
    return sum / static_cast<double>(ids_.size() - 1);
  }

  // Moves `parameter` along `gradient` and compares. measure() computes the loss at the present value.
  template <class Measure>
  void check(std::span<float> parameter, std::span<const float> gradient, double step, Measure measure) {
    double square = 0;
    for (const float g : gradient) square += double{g} * double{g};
    const double norm = std::sqrt(square);
    ASSERT_GT(norm, 1e-6);
    const std::vector<float> kept(parameter.begin(), parameter.end());
    const auto at = [&](double e) {
      for (size_t i = 0; i < kept.size(); ++i)
        parameter[i] = static_cast<float>(double{kept[i]} + e * double{gradient[i]} / norm);
      return measure();
    };
    const double slope = (at(step) - at(-step)) / (2 * step);
    std::copy(kept.begin(), kept.end(), parameter.begin());
    EXPECT_NEAR(slope / norm, 1, 5e-3) << "slope " << slope << " norm " << norm;
  }

  Pool pool_{2};
  std::unique_ptr<Model> model_;
  std::vector<Token> ids_;
  Arena arena_, packs_, numbers_;
  std::map<int, std::vector<float>> decoded_;
};

INSTANTIATE_TEST_SUITE_P(Over, Gradients, ::testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "QuantizedWeights" : "FloatWeights"; });

TEST_P(Gradients, Adapters) {
  Random random(5);
  Adapter adapter;
  model_->each_linear([&](std::string_view name, Linear& linear) {
    if (name.find("layers.1") == std::string_view::npos) return;
    const int64_t rank = 3;
    const auto filled = [&](Shape shape) {
      Tensor t = Tensor::empty(shape, numbers_);
      for (int64_t i = 0; i < shape.elements(); ++i) t.mutable_data()[i] = 0.05f * random.normal();
      return t;
    };
    adapter.parts[linear.id] = {filled({rank, linear.weight.cols}), filled({linear.weight.rows, rank}), 2.0f};
  });
  ASSERT_EQ(adapter.parts.size(), 7u);
  Tape tape;
  loss(&adapter, &tape);
  for (auto& [id, part] : adapter.parts)
    for (Tensor* t : {&part.a, &part.b}) {
      SCOPED_TRACE(fmt::format("linear {} {}", id, t->shape().text()));
      const auto g = tape.grad(*t);
      const std::vector<float> gradient(g.begin(), g.end());
      check({t->mutable_data(), gradient.size()}, gradient, 1e-2, [&] { return loss(&adapter); });
    }
}

// One sequence of two brings a change of the head; only its last row gets logits, or all do.
TEST_P(Gradients, AnAdapterOfTheHeadMeetsTheRowsThatGetLogits) {
  Random random(6);
  Adapter adapter;
  model_->each_linear([&](std::string_view, Linear& linear) {
    if (linear.weight.rows != model_->facts().vocabulary) return;
    const auto filled = [&](Shape shape) {
      Tensor t = Tensor::empty(shape, numbers_);
      for (int64_t i = 0; i < shape.elements(); ++i) t.mutable_data()[i] = 0.05f * random.normal();
      return t;
    };
    adapter.parts[linear.id] = {filled({3, linear.weight.cols}), filled({linear.weight.rows, 3}), 2.0f};
  });
  ASSERT_EQ(adapter.parts.size(), 1u);
  using Logits = Batch::Sequence::Logits;
  const auto logits = [&](const Adapter* second, Logits wanted) {
    arena_.reset();
    Context c{best_kernels(), pool_, arena_, Arithmetic::exact, nullptr};
    Batch batch{{{.tokens = ids_, .logits = wanted}, {.tokens = ids_, .adapter = second, .logits = wanted}}};
    Pass pass(c, batch, model_->facts().layers);
    const Tensor made = model_->forward(pass);
    const auto width = static_cast<size_t>(made.width()), rows = static_cast<size_t>(made.rows());
    EXPECT_EQ(rows, wanted == Logits::last ? 2 : 2 * ids_.size());
    const float* numbers = made.data();
    return std::array{std::vector(numbers + (rows / 2 - 1) * width, numbers + rows / 2 * width),
                      std::vector(numbers + (rows - 1) * width, numbers + rows * width)};
  };
  const auto plain = logits(nullptr, Logits::last);
  const auto last = logits(&adapter, Logits::last), all = logits(&adapter, Logits::all);
  EXPECT_EQ(plain[0], plain[1]);
  EXPECT_EQ(last[0], plain[0]);
  EXPECT_NE(last[1], plain[1]);
  EXPECT_EQ(last, all);
}

TEST_P(Gradients, NormsAndBiases) {
  Tape tape;
  loss(nullptr, &tape);
  std::map<std::string, std::vector<float>> gradients;
  model_->each_tensor([&](std::string_view name, Tensor& t) {
    const auto g = tape.grad(t);
    gradients[std::string(name)].assign(g.begin(), g.end());
  });
  model_->each_tensor([&](std::string_view name, Tensor& t) {
    SCOPED_TRACE(name);
    const auto& gradient = gradients.at(std::string(name));
    check({t.mutable_data(), gradient.size()}, gradient, 1e-2, [&] { return loss(); });
  });
}

// A steering vector at the middle of the model: the slope along it is the sum over rows of the activation's gradient.
TEST_P(Gradients, Activations) {
  struct Keep final : Observer {
    Tensor kept;
    bool wants(Point point, int layer) const override { return point == Point::resid_post && layer == 0; }
    void seen(Pass&, const Site&, Tensor& x) override { kept = x; }
  } keep;
  Observer* watching[] = {&keep};
  Tape tape;
  loss(nullptr, &tape, watching);
  const auto g = tape.grad(keep.kept);
  const auto width = static_cast<size_t>(model_->facts().hidden);
  std::vector<float> gradient(width);
  for (size_t i = 0; i < g.size(); ++i) gradient[i % width] += g[i];
  std::vector<float> vector(width);
  check(vector, gradient, 1e-2, [&] {
    auto edits = Edits::make({{.point = Point::resid_post, .layer = 0, .action = Edit::Action::add, .vector = vector}});
    EXPECT_TRUE(edits);
    Observer* editing[] = {&*edits};
    return loss(nullptr, nullptr, editing);
  });
}

TEST_P(Gradients, Weights) {
  if (GetParam()) {  // quantized weights have gradients too; they are those of the decoded numbers
    Tape tape;
    model_->each_linear([&](std::string_view, Linear& linear) { tape.track(linear); });
    loss(nullptr, &tape);
    std::map<int, std::vector<float>> quantized;
    model_->each_linear([&](std::string_view, Linear& linear) {
      const auto g = tape.weight_grad(linear);
      quantized[linear.id].assign(g.begin(), g.end());
    });
    decode_weights();
    Tape again;
    model_->each_linear([&](std::string_view, Linear& linear) { again.track(linear); });
    loss(nullptr, &again);
    model_->each_linear([&](std::string_view name, Linear& linear) {
      const auto g = again.weight_grad(linear);
      double difference = 0, square = 0;
      for (size_t i = 0; i < g.size(); ++i) {
        difference += std::pow(double{g[i]} - double{quantized.at(linear.id)[i]}, 2);
        square += std::pow(double{g[i]}, 2);
      }
      EXPECT_LT(std::sqrt(difference / square), 1e-5) << name;
    });
    return;
  }
  decode_weights();
  Tape tape;
  model_->each_linear([&](std::string_view, Linear& linear) { tape.track(linear); });
  loss(nullptr, &tape);
  model_->each_linear([&](std::string_view name, Linear& linear) {
    SCOPED_TRACE(name);
    const auto g = tape.weight_grad(linear);
    check(decoded_.at(linear.id), std::vector<float>(g.begin(), g.end()), 3e-3, [&] { return loss(); });
  });
}

// Every point of numbers of DeepSeek's own architectures, in every layer that has it: an observer that moves the value
// along its gradient moves the loss as the gradient says. So it is seen, can be edited, and what follows is computed
// from the edit; with latents, routers, single experts and streams.
class PointGradients : public ::testing::TestWithParam<std::pair<const char*, MlaForm>> {};

// Adds `step` times the kept directions to what it sees, in order of the calls; without a step it keeps what it sees.
// Tells which experts and positions were chosen: a gradient holds as long as they stay.
struct Move final : Observer {
  PointId id;
  double step = 0;
  std::vector<Tensor> seen_values;
  std::vector<std::vector<float>> directions;
  std::vector<float> choices;
  size_t calls = 0;
  static bool is_choice(Point point) { return point == Point::expert_indices || point == Point::index_selected; }
  bool wants(Point point, int layer) const override {
    return (point == id.point && layer == id.layer) || is_choice(point);
  }
  void seen(Pass& pass, const Site& site, Tensor& x) override {
    if (is_choice(site.point)) {
      choices.insert(choices.end(), x.all().begin(), x.all().end());
      return;
    }
    if (step == 0) {
      seen_values.push_back(x);
      return;
    }
    const std::vector<float>& direction = directions.at(calls++);
    Tensor moved = Tensor::empty(x.shape(), pass.context().arena);
    for (size_t i = 0; i < direction.size(); ++i)
      moved.mutable_data()[i] = static_cast<float>(double{x.all()[i]} + step * double{direction[i]});
    x = moved;
  }
};

TEST_P(PointGradients, AValueMovedAlongItsGradientMovesTheLoss) {
  Pool pool(2);
  const auto checkpoint = Checkpoint::open(Path("tests/golden/models") / GetParam().first);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  NumericMode mode = NumericMode::exact();
  mode.mla = GetParam().second;
  const auto model = load_model(*checkpoint, {mode, {}}, pool);
  ASSERT_TRUE(model) << model.error().what;
  const ModelFacts& facts = (*model)->facts();
  Random random(4);
  std::vector<Token> ids;
  for (int i = 0; i < 26; ++i) ids.push_back(random.below(facts.vocabulary));
  std::vector<int32_t> targets(ids.begin() + 1, ids.end());
  targets.push_back(-1);

  Arena arena;
  const auto loss = [&](Move& move, Tape* tape) {
    arena.reset();
    move.calls = 0;
    move.choices.clear();
    Observer* observers[] = {&move};
    Context c{best_kernels(), pool, arena, Arithmetic::exact, tape};
    Batch batch{{{.tokens = ids, .logits = Batch::Sequence::Logits::all}}};
    Pass pass(c, batch, facts.layers, observers);
    std::vector<float> nll(ids.size());
    const Tensor mean = ops::cross_entropy(c, (*model)->forward(pass), targets, nll);
    if (tape) tape->backward(mean);
    double sum = 0;
    for (const float x : nll) sum += double{x};
    return sum / static_cast<double>(ids.size() - 1);
  };

  int checked = 0;
  for (int p = 0; p < point_count; ++p)
    for (int layer = 0; layer < (is_per_layer(static_cast<Point>(p)) ? facts.layers : 1); ++layer) {
      const PointId id{static_cast<Point>(p), layer};
      // Choices have no gradient; patterns only where an observer replaced them.
      if (id.point == Point::index_selected || id.point == Point::expert_indices || id.point == Point::router_margin ||
          id.point == Point::attn_scores || id.point == Point::attn_probs || !(*model)->shows(id.point, layer))
        continue;
      SCOPED_TRACE(text_of(id));
      Move move;
      move.id = id;
      Tape tape;
      loss(move, &tape);
      double square = 0;
      for (const Tensor& value : move.seen_values) {
        const auto g = tape.grad(value);
        move.directions.emplace_back(g.begin(), g.end());
        for (const float x : g) square += double{x} * double{x};
      }
      const double norm = std::sqrt(square);
      ASSERT_GT(norm, 1e-7);
      for (std::vector<float>& direction : move.directions)
        for (float& x : direction) x = static_cast<float>(double{x} / norm);
      const std::vector<float> chosen = move.choices;
      bool stay = true;  // the choices
      const auto at = [&](double step) {
        move.step = step;
        const double moved = loss(move, nullptr);
        stay = stay && move.choices == chosen;
        return moved;
      };
      double slope = 0;
      for (double step = 4e-3; step > 1e-4; step /= 4) {
        stay = true;
        slope = (at(step) - at(-step)) / (2 * step);
        if (stay) break;
      }
      if (!stay) continue;  // two are all but equal
      EXPECT_NEAR(slope / norm, 1, 2e-2) << "slope " << slope << ", norm " << norm;
      EXPECT_EQ(move.calls, move.directions.size());
      ++checked;
    }
  EXPECT_GT(checked, 12 * facts.layers);
}

INSTANTIATE_TEST_SUITE_P(Of, PointGradients,
                         ::testing::Values(std::pair{"deepseek_v3", MlaForm::absorbed},
                                           std::pair{"deepseek_v3", MlaForm::expanded},
                                           std::pair{"deepseek_v32", MlaForm::absorbed},
                                           std::pair{"deepseek_v32", MlaForm::expanded},
                                           std::pair{"deepseek_v4", MlaForm::absorbed}));

}  // namespace
}  // namespace freehold
