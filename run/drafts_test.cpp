// Guesses change no token: sessions and schedulers with and without them, over models that repeat themselves and over
// models that do not.
#include "run/drafts.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "run/byte_tokenizer.h"
#include "run/fake_model.h"
#include "run/pass_costs.h"
#include "run/scheduler.h"

namespace freehold {
namespace {

// The longest earlier stretch that ends as the tokens do, the slow way.
SuffixIndex::Match slow_longest(const std::vector<int32_t>& tokens) {
  SuffixIndex::Match best;
  const int count = static_cast<int>(tokens.size());
  for (int end = count - 1; end >= 1; --end) {
    int length = 0;
    while (length < end && length < SuffixIndex::most_match &&
           tokens[static_cast<size_t>(end - 1 - length)] == tokens[static_cast<size_t>(count - 1 - length)])
      ++length;
    if (length > best.length) best = {length, end};
  }
  return best.length >= SuffixIndex::least_match ? best : SuffixIndex::Match{};
}

TEST(SuffixIndex, FindsTheLongestMatchWhileTheTimelineMoves) {
  Random random(3);
  std::vector<int32_t> tokens;
  SuffixIndex index(256);
  int matches = 0;
  for (int move = 0; move < 3000; ++move) {
    if (random.below(8) == 0 && !tokens.empty()) {
      const int keep = random.below(static_cast<int>(tokens.size()) + 1);
      index.shrink(tokens, std::min(keep, index.size()));
      tokens.resize(static_cast<size_t>(keep));
    }
    for (int more = random.below(12); more >= 0; --more) tokens.push_back(random.below(12));
    index.extend(std::span(tokens).first(tokens.size() - 1));
    const auto found = index.longest(tokens), expected = slow_longest(tokens);
    ASSERT_EQ(found.length, expected.length) << move;
    ASSERT_EQ(found.next, expected.next) << move;
    matches += found.length > 0;
    if (tokens.size() > 100) {
      index.shrink(tokens, 0);
      tokens.clear();
    }
  }
  EXPECT_GT(matches, 300);
}

TEST(Drafts, StretchesThatRepeatGoOnRepeating) {
  Drafts drafts(64);
  const std::vector<int32_t> tokens = {1, 2, 3, 1, 2, 3, 1, 2};
  drafts.look(tokens, 7);
  EXPECT_EQ(std::vector(drafts.guesses().begin(), drafts.guesses().end()), (std::vector<int32_t>{3, 1, 2, 3, 1, 2, 3}));
  for (size_t i = 1; i < drafts.chances().size(); ++i) EXPECT_LT(drafts.chances()[i], drafts.chances()[i - 1]);
  drafts.look(tokens, 0);
  EXPECT_TRUE(drafts.guesses().empty());
}

TEST(Drafts, LearnsHowFarThePastForetells) {
  Drafts drafts(1024);
  std::vector<int32_t> tokens = {7, 8, 9, 7, 8};
  drafts.look(tokens, 4);
  const double first = drafts.chances()[0];
  for (int i = 0; i < 40; ++i) drafts.look(tokens, 4), drafts.learn(9, 5);
  drafts.look(tokens, 4);
  EXPECT_GT(drafts.chances()[0], 0.9);
  for (int i = 0; i < 80; ++i) drafts.look(tokens, 4), drafts.learn(1, 5);
  drafts.look(tokens, 4);
  EXPECT_LT(drafts.chances()[0], first);
  const double low = drafts.chances()[0];
  drafts.learn(9, 6);  // of another place: nothing is learned
  drafts.look(tokens, 4);
  EXPECT_EQ(drafts.chances()[0], low);
}

TEST(PassCosts, GuessesAreTakenWhereTheyPay) {
  PassCosts costs;
  const double sure[] = {0.95, 0.9, 0.85, 0.8}, doubtful[] = {0.2, 0.04};
  int counts[2] = {9, 9};
  const std::span<const double> both[] = {sure, doubtful};
  choose_guesses(costs, both, counts);
  EXPECT_EQ(counts[0] + counts[1], 0) << "nothing is known yet";
  for (int rows = 1; rows <= PassCosts::most_rows; ++rows) costs.record(rows, 1 + 0.1 * (rows - 1));
  choose_guesses(costs, both, counts);
  EXPECT_EQ(counts[0], 4);
  EXPECT_LE(counts[1], 1);
  for (int i = 0; i < 200; ++i)
    for (int rows = 1; rows <= PassCosts::most_rows; ++rows) costs.record(rows, rows);  // no pass does two for one
  choose_guesses(costs, both, counts);
  EXPECT_EQ(counts[0] + counts[1], 0);
}

TEST(PassCosts, OneSlowPassIsNoRule) {
  PassCosts costs;
  for (int i = 0; i < 10; ++i) costs.record(1, 1.0);
  costs.record(1, 100.0);
  EXPECT_LT(costs.seconds(1), 1.2);
  for (int i = 0; i < 100; ++i) costs.record(1, 3.0);
  EXPECT_NEAR(costs.seconds(1), 3.0, 0.1);
}

struct DraftsTest : testing::Test {
  FakeModel model;
  Kernels kernels{};
  Pool pool{2};
  Engine engine{model, kernels, pool};
  Tokenizer tokenizer = byte_tokenizer();
  DraftsTest() {
    model.facts_.vocabulary = 256;
    model.pass_time = std::chrono::microseconds(400);  // so that one more row costs nothing beside it
  }
  static std::vector<Token> prompt(int count) {
    Random random(5);
    std::vector<Token> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(random.below(256));
    return tokens;
  }
  Answer answer(bool drafts, const SamplerSettings& settings, int positions = 600) {
    auto session = Session::make(engine, {.positions = positions, .drafts = drafts});
    auto sampler = Sampler::make(settings, 256);
    EXPECT_TRUE(session && sampler);
    model.passes = 0;
    auto made = generate(*session, tokenizer, *sampler, prompt(40), {.max_tokens = 400, .raw = true}, {});
    EXPECT_TRUE(made);
    return *made;
  }
};

TEST_F(DraftsTest, TheSameTokensInFewerPasses) {
  for (const int memory : {1, 2, INT_MAX})
    for (const double temperature : {0.0, 0.3, 1.0}) {
      model.memory = memory;
      SamplerSettings settings;
      settings.temperature = temperature, settings.seed = 11, settings.top_k = temperature > 0.5 ? 3 : 1;
      settings.repetition_penalty = temperature > 0.5 ? 1.02 : 1;
      const Answer plain = answer(false, settings);
      const int passes = model.passes;
      const Answer drafted = answer(true, settings);
      EXPECT_EQ(drafted.tokens, plain.tokens) << memory << " " << temperature;
      EXPECT_EQ(drafted.text, plain.text);
      EXPECT_EQ(model.passes, passes - drafted.drafts.right);
      if (memory == 1 && temperature < 0.5) {
        EXPECT_LT(model.passes, passes / 2);
      }
      EXPECT_EQ(plain.drafts.computed, 0);
    }
}

TEST_F(DraftsTest, AFullContextEndsTheSame) {
  model.memory = 1;
  SamplerSettings greedy;
  greedy.temperature = 0;
  const Answer plain = answer(false, greedy, 200), drafted = answer(true, greedy, 200);
  EXPECT_EQ(plain.stop, Stop::context);
  EXPECT_EQ(drafted.stop, Stop::context);
  EXPECT_EQ(drafted.tokens, plain.tokens);
  EXPECT_GT(drafted.drafts.right, 50);
}

TEST_F(DraftsTest, TheLogitsOfGuessesThatCameTrueAreThoseOfSteps) {
  model.memory = 1;
  Engine other(model, kernels, pool);
  auto plain = Session::make(other, {.positions = 512}),
       drafted = Session::make(engine, {.positions = 512, .drafts = true});
  ASSERT_TRUE(plain && drafted);
  ASSERT_TRUE(plain->sync(prompt(10)) && drafted->sync(prompt(10)));
  Random random(1);
  Token token = 3;
  for (int i = 0; i < 400; ++i) {
    if (i % 30 == 10) {  // another pass between, whose memory is that of the guesses
      auto third = Session::make(engine, {.positions = 8});
      ASSERT_TRUE(third && third->step(1));
    }
    if (i % 50 == 20) {
      ASSERT_TRUE(plain->rewind(plain->position() - 7) && drafted->rewind(drafted->position() - 7));
    }
    const auto a = plain->step(token), b = drafted->step(token);
    ASSERT_TRUE(a && b);
    ASSERT_EQ(std::vector<float>(a->begin(), a->end()), std::vector<float>(b->begin(), b->end())) << i;
    ASSERT_TRUE(
        std::equal(plain->tokens().begin(), plain->tokens().end(), drafted->tokens().begin(), drafted->tokens().end()));
    token = random.below(20) == 0 ? random.below(256)
                                  : static_cast<Token>(std::max_element(a->begin(), a->end()) - a->begin());
  }
  EXPECT_GT(drafted->draft_counts().right, 20);
  EXPECT_LT(drafted->draft_counts().right, drafted->draft_counts().computed);
}

TEST_F(DraftsTest, ObserversSeeNoGuesses) {
  struct Counting : Observer {
    bool wants(Point point, int) const override { return point == Point::lm_head; }
    void seen(Pass&, const Site& site, Tensor&) override { rows += static_cast<int>(site.rows.size()); }
    int rows = 0;
  } counting;
  model.memory = 1;
  auto session = Session::make(engine, {.positions = 256, .observers = {&counting}, .drafts = true});
  ASSERT_TRUE(session);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(session->step(i % 3));
  EXPECT_EQ(session->draft_counts().computed, 0);
}

TEST_F(DraftsTest, StreamsOfASchedulerEqualThoseWithout) {
  std::vector<std::vector<Token>> expected;
  int passes = 0;
  for (const bool drafts : {false, true}) {
    auto made = Scheduler::make(engine, tokenizer, {.context = 512, .running = 8, .drafts = drafts});
    ASSERT_TRUE(made);
    Scheduler& scheduler = **made;
    model.passes = 0, model.memory = 1;
    std::vector<std::shared_ptr<Request>> requests;
    for (int i = 0; i < 6; ++i) {
      Ask ask;
      ask.prompt = prompt(20 + i), ask.max_tokens = 60 + 20 * i, ask.text.raw = true;
      ask.sampling.temperature = i % 2 ? 0.5 : 0, ask.sampling.top_k = 2, ask.sampling.seed = static_cast<uint64_t>(i);
      auto request = scheduler.submit(std::move(ask), {});
      ASSERT_TRUE(request);
      requests.push_back(*request);
    }
    std::vector<std::vector<Token>> tokens(requests.size());
    DraftCounts counts;
    for (size_t done = 0; done < requests.size();) {
      scheduler.step();
      for (size_t i = 0; i < requests.size(); ++i)
        for (const Event& event : requests[i]->take()) {
          if (event.kind == Event::Kind::token) tokens[i].push_back(event.choice.token);
          if (event.kind == Event::Kind::ended)
            counts.computed += event.drafts.computed, counts.right += event.drafts.right;
          done += event.kind == Event::Kind::done || event.kind == Event::Kind::failed;
        }
    }
    EXPECT_EQ(scheduler.counts().draft_tokens, static_cast<uint64_t>(counts.computed));
    EXPECT_EQ(scheduler.counts().draft_tokens_right, static_cast<uint64_t>(counts.right));
    if (!drafts) {
      expected = tokens, passes = model.passes;
      EXPECT_EQ(counts.computed, 0);
      continue;
    }
    EXPECT_EQ(tokens, expected);
    EXPECT_GT(counts.right, 50);
    EXPECT_LT(model.passes, passes);
  }
}

}  // namespace
}  // namespace freehold
