// Guesses by the model's own layer: over a model whose layer is always right and checks what it is given, whatever the
// session does; and over DeepSeek-V3, whose answers they leave as they are.
#include "run/prediction.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "files/checkpoint.h"
#include "model/deepseek32_fixture.h"
#include "run/byte_tokenizer.h"
#include "run/fake_model.h"
#include "run/scheduler.h"

namespace freehold {
namespace {

// The next token follows from the last one alone, so the layer that is told it knows the one after. Its row of position
// i must be made of token i's state and of token i + 1, and all rows before it must be there.
class PredictingModel : public FakeModel {
 public:
  PredictingModel() { memory = 1, facts_.vocabulary = 256; }
  Tensor forward(Pass& pass) const override {
    const Tensor logits = FakeModel::forward(pass);
    if (!pass.keeps_states()) return logits;
    Tensor states = Tensor::empty({static_cast<int64_t>(pass.tokens().size()), 3}, pass.context().arena);
    for (size_t i = 0; i < pass.tokens().size(); ++i)
      for (float& number : states.mutable_row(static_cast<int64_t>(i))) number = static_cast<float>(pass.tokens()[i]);
    pass.set_states(states);
    return logits;
  }
  int64_t state_numbers() const override { return 3; }
  Tensor predict(Pass& pass, const Tensor& states) const override {
    const Batch::Sequence& sequence = pass.batch().sequences[0];
    const auto token_at = [&](int layer, int position) {
      std::vector<float> k(heads * head_dim), v(k.size());
      sequence.cache->pages(layer)->read(position, k.data(), v.data());
      return static_cast<Token>(k[0]);
    };
    for (size_t i = 0; i < sequence.tokens.size(); ++i) {
      const int position = sequence.start + static_cast<int>(i);
      EXPECT_EQ(static_cast<Token>(states.row(static_cast<int64_t>(i))[1]), token_at(0, position)) << position;
      const std::vector<float> k(heads * head_dim, static_cast<float>(sequence.tokens[i]));
      sequence.cache->pages(2)->write(position, k.data(), k.data());
    }
    predicted += static_cast<int>(sequence.tokens.size());
    if (pass.logit_rows().empty()) return {};
    for (int position = 0; position < sequence.start; ++position)
      EXPECT_EQ(token_at(2, position), token_at(0, position + 1)) << position;
    FakeCache scratch(2, {KvType::f32, heads, head_dim, head_dim}, 1);
    const Batch batch{{{.tokens = sequence.tokens.last(1), .cache = &scratch}}};
    Pass one(pass.context(), batch, 2);
    const int before = passes;
    const Tensor logits = FakeModel::forward(one);
    passes = before;
    return logits;
  }
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    return std::make_unique<FakeCache>(3, KvShape{KvType::f32, heads, head_dim, head_dim}, positions);
  }
  mutable int predicted = 0;
};

struct PredictionTest : testing::Test {
  PredictingModel model;
  Kernels kernels{};
  Pool pool{1};
  Engine engine{model, kernels, pool};
  Tokenizer tokenizer = byte_tokenizer();
  PredictionTest() { model.pass_time = std::chrono::microseconds(300); }
  static std::vector<Token> tokens(int count, uint64_t seed) {
    Random random(seed);
    std::vector<Token> made;
    for (int i = 0; i < count; ++i) made.push_back(random.below(256));
    return made;
  }
  Session session(bool drafts = true) {
    auto made = Session::make(engine, {.positions = 2048, .drafts = drafts});
    EXPECT_TRUE(made);
    return std::move(*made);
  }
};

TEST_F(PredictionTest, IsRightFromTheFirstTokenOn) {
  Session with = session(), without = session(false);
  const auto prompt = tokens(700, 1);
  ASSERT_TRUE(with.sync(prompt) && without.sync(prompt));
  EXPECT_GT(model.predicted, 500);  // of the prompt, along with it
  std::vector<Token> found[2];
  for (Session* one : {&with, &without}) {
    for (int i = 0; i < 30; ++i) {
      const auto row = one->logits();
      found[one == &with].push_back(static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin()));
      ASSERT_TRUE(one->step(found[one == &with].back()));
    }
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_GT(with.draft_counts().right, 5);
  EXPECT_EQ(without.draft_counts().computed, 0);
}

TEST_F(PredictionTest, FollowsTheSessionWhereverItGoes) {
  Session one = session(), copy = session();
  Random random(4);
  std::vector<Token> timeline;
  int guesses = 0;
  for (int move = 0; move < 300; ++move) {
    switch (random.below(6)) {
      case 0: {  // another prompt with a common beginning
        timeline.resize(static_cast<size_t>(random.below(static_cast<int>(timeline.size()) + 1)));
        const auto more = tokens(1 + random.below(move % 10 == 0 ? 300 : 20), static_cast<uint64_t>(move));
        timeline.insert(timeline.end(), more.begin(), more.end());
        if (timeline.size() > 1500) timeline.resize(900);
        ASSERT_TRUE(one.sync(timeline));
        break;
      }
      case 1:
        if (timeline.empty()) break;
        timeline.resize(static_cast<size_t>(random.below(static_cast<int>(timeline.size())) + 1));
        ASSERT_TRUE(one.sync(timeline));  // the last token again
        break;
      case 2:
        if (timeline.empty()) break;
        ASSERT_TRUE(copy.copy_prefix(one, static_cast<int>(timeline.size())));
        std::swap(one, copy);
        break;
      default:
        for (int i = 0; i < 8 && !one.logits().empty(); ++i) {
          const auto row = one.logits();
          const Token next = random.below(5) == 0
                                 ? random.below(256)
                                 : static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin());
          timeline.push_back(next);
          ASSERT_TRUE(one.step(next));
        }
    }
    ASSERT_TRUE(std::equal(timeline.begin(), timeline.end(), one.tokens().begin(), one.tokens().end()));
    guesses = std::max(guesses, one.draft_counts().right);
  }
  EXPECT_GT(guesses, 50);
}

TEST_F(PredictionTest, StreamsOfASchedulerEqualThoseWithout) {
  engine.costs().hold(1e-3);  // guesses are always worth while
  std::vector<Token> expected;
  for (const bool drafts : {false, true}) {
    auto scheduler = Scheduler::make(engine, tokenizer, {.context = 1024, .running = 4, .drafts = drafts});
    ASSERT_TRUE(scheduler);
    Ask ask;
    ask.prompt = tokens(300, 3), ask.max_tokens = 60, ask.text.raw = true, ask.answers = 3;
    ask.sampling.temperature = 0.6, ask.sampling.top_k = 2, ask.sampling.seed = 3;
    auto request = (*scheduler)->submit(std::move(ask), {});
    ASSERT_TRUE(request);
    std::vector<std::vector<Token>> found(3);
    int right = 0;
    for (bool done = false; !done;) {
      (*scheduler)->step();
      for (const Event& event : (*request)->take()) {
        if (event.kind == Event::Kind::token) found[static_cast<size_t>(event.answer)].push_back(event.choice.token);
        right += event.drafts.right;
        done = event.kind == Event::Kind::done || event.kind == Event::Kind::failed;
      }
    }
    std::vector<Token> all;
    for (const auto& one : found) all.insert(all.end(), one.begin(), one.end());
    if (!drafts)
      expected = all;
    else
      EXPECT_EQ(all, expected);
    EXPECT_EQ(right > 5, drafts) << right;
  }
}

struct Case {
  const char* model;
  NumericMode mode;
  int state_numbers;
};

Result<Checkpoint> open(const Case& given) {
  if (given.model != std::string_view("deepseek_v32"))
    return Checkpoint::open(Path("tests/golden/models") / given.model);
  return deepseek32_that_predicts(Path(testing::TempDir()) / fmt::format("freehold_predict_{}", ::getpid()), 8);
}

class OfDeepseek : public testing::TestWithParam<Case> {};

TEST_P(OfDeepseek, ChangesNoTokenNorLogit) {
  Pool workers(2);
  const auto checkpoint = open(GetParam());
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  const auto plain = load_model(*checkpoint, {GetParam().mode, {}}, workers);
  LoadOptions options{GetParam().mode, {}};
  options.predict = true;
  const auto predicting = load_model(*checkpoint, options, workers);
  ASSERT_TRUE(plain && predicting);
  EXPECT_EQ((*plain)->state_numbers(), 0);
  EXPECT_EQ((*predicting)->state_numbers(), GetParam().state_numbers);
  Engine one(**plain, best_kernels(), workers), other(**predicting, best_kernels(), workers);
  for (int rows = 1; rows < 9; ++rows) other.costs().record(rows, 1e-9);
  auto without = Session::make(one, {.positions = 512}),
       with = Session::make(other, {.positions = 512, .drafts = true});
  ASSERT_TRUE(without && with);
  std::vector<Token> prompt;
  for (int i = 0; i < 150; ++i) prompt.push_back((i * 53 + 7) % 256);
  ASSERT_TRUE(without->sync(prompt) && with->sync(prompt));
  for (const double temperature : {0.5, 0.0}) {  // seeded, then greedy
    SamplerSettings settings;
    settings.seed = 9, settings.temperature = temperature;
    auto sampler = Sampler::make(settings, (*plain)->facts().vocabulary);
    for (int i = 0; i < 120; ++i) {
      const auto choice = sampler->pick(without->logits());
      ASSERT_TRUE(choice);
      const auto a = without->step(choice->token), b = with->step(choice->token);
      ASSERT_TRUE(a && b);
      ASSERT_EQ(std::vector<float>(a->begin(), a->end()), std::vector<float>(b->begin(), b->end())) << i;
    }
    EXPECT_GT(with->draft_counts().computed, 0);
    // Back a little and a long way (where a window may no longer reach), and on from there.
    for (const int back : {3, 90}) {
      prompt.assign(without->tokens().begin(), without->tokens().end() - back);
      prompt.push_back(5);
      ASSERT_TRUE(without->sync(prompt) && with->sync(prompt));
    }
  }
}

constexpr NumericMode int8, expanded{Arithmetic::int8, KvType::f16, MlaForm::expanded};
INSTANTIATE_TEST_SUITE_P(Modes, OfDeepseek,
                         testing::Values(Case{"deepseek_v3_mtp", int8, 64}, Case{"deepseek_v3_mtp", expanded, 64},
                                         Case{"deepseek_v3_mtp", NumericMode::exact(), 64},
                                         Case{"deepseek_v32", int8, 64}, Case{"deepseek_v32", expanded, 64},
                                         Case{"deepseek_v32", NumericMode::exact(), 64},
                                         Case{"deepseek_v4_fp4", int8, 4 * 64},
                                         Case{"deepseek_v4_fp4", NumericMode::exact(), 4 * 64}));

TEST(PredictionLoading, ModelsWithoutTheLayerAreRefused) {
  Pool workers(1);
  LoadOptions options;
  options.predict = true;
  for (const char* folder : {"tests/golden/models/deepseek_v3", "tests/golden/models/qwen2_tied"}) {
    const auto checkpoint = Checkpoint::open(folder);
    ASSERT_TRUE(checkpoint) << checkpoint.error().what;
    const auto refused = load_model(*checkpoint, options, workers);
    ASSERT_FALSE(refused);
    EXPECT_EQ(name_of(refused.error().fault), name_of(Fault::unsupported)) << refused.error().what;
  }
}

}  // namespace
}  // namespace freehold
