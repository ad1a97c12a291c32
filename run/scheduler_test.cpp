// The scheduler over a model whose logits are a hash of all it has seen: a stranger's key, a stale page or a wrong
// position changes every number.
#include "run/scheduler.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "run/byte_tokenizer.h"
#include "run/fake_model.h"

namespace freehold {
namespace {

struct Collected {
  std::vector<std::vector<Token>> tokens;  // of each answer
  std::vector<std::string> texts;
  std::vector<Stop> stops;
  std::vector<float> vector;
  std::vector<Choice> scores;
  int reused = 0, done = 0, failed = 0, scored = 0;
  Error error;
};

// Scores as numbers that can be compared.
std::vector<std::pair<Token, double>> flat(const std::vector<Choice>& scores) {
  std::vector<std::pair<Token, double>> all;
  for (const Choice& one : scores) {
    all.emplace_back(one.token, one.logprob);
    for (const Scored& other : one.top) all.emplace_back(other.token, other.logprob);
  }
  return all;
}

struct SchedulerTest : ::testing::Test {
  FakeModel model;
  Kernels kernels{};
  Pool pool{2};
  Engine engine{model, kernels, pool};
  Tokenizer tokenizer = byte_tokenizer();
  std::unique_ptr<Scheduler> scheduler;

  SchedulerTest() { model.facts_.vocabulary = 256; }  // bytes only: no token ends an answer
  void make(SchedulerOptions options = {}) {
    if (options.context == 0) options.context = 1024;
    auto made = Scheduler::make(engine, tokenizer, options);
    ASSERT_TRUE(made) << made.error().what;
    scheduler = std::move(*made);
  }
  static std::vector<Token> prompt(int count, uint64_t seed) {
    Random random(seed);
    std::vector<Token> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(random.below(256));
    return tokens;
  }
  static Ask ask(std::vector<Token> tokens, int max_tokens = 20, uint64_t seed = 1) {
    Ask made;
    made.prompt = std::move(tokens);
    made.max_tokens = max_tokens;
    made.sampling.seed = seed;
    made.text.raw = true;
    return made;
  }
  std::shared_ptr<Request> submit(Ask one) {
    auto request = scheduler->submit(std::move(one), {});
    EXPECT_TRUE(request) << request.error().what;
    return request ? *request : nullptr;
  }
  static void collect(Request& request, Collected& all) {
    for (Event& event : request.take()) {
      const auto at = static_cast<size_t>(event.answer);
      if (all.tokens.size() <= at) all.tokens.resize(at + 1), all.texts.resize(at + 1), all.stops.resize(at + 1);
      if (event.kind == Event::Kind::token) all.tokens[at].push_back(event.choice.token);
      for (const Part& part : event.parts) all.texts[at] += part.text;
      if (event.kind == Event::Kind::ended) all.stops[at] = event.stop, all.vector = std::move(event.vector);
      if (event.kind == Event::Kind::begun) all.reused = event.reused;
      if (event.kind == Event::Kind::scored) {
        EXPECT_TRUE(all.tokens[at].empty());  // before the first token
        all.scores = std::move(event.scores), ++all.scored;
      }
      if (event.kind == Event::Kind::failed) all.error = event.error, ++all.failed;
      all.done += event.kind == Event::Kind::done;
    }
  }
  Collected finish(const std::shared_ptr<Request>& request) {
    Collected all;
    for (int i = 0; i < 10'000 && all.done + all.failed == 0; ++i) {
      scheduler->step();
      collect(*request, all);
    }
    return all;
  }
  std::vector<Token> alone(Ask one) {
    make();
    return finish(submit(std::move(one))).tokens.at(0);
  }
};

TEST_F(SchedulerTest, EqualsASessionOfItsOwn) {
  const auto tokens = prompt(700, 1);
  Session session = std::move(*Session::make(engine, {.positions = 1024}));
  SamplerSettings settings;
  settings.seed = 5;
  Sampler sampler = std::move(*Sampler::make(settings, 256));
  const auto answer = generate(session, tokenizer, sampler, tokens, {.max_tokens = 20, .raw = true}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(alone(ask(tokens, 20, 5)), answer->tokens);
}

TEST_F(SchedulerTest, TheCompanyDoesNotShow) {
  std::vector<Ask> asks;
  for (int i = 0; i < 32; ++i) {
    Ask one = ask(prompt(1 + 37 * i % 600, static_cast<uint64_t>(i / 3)), 5 + i % 17, static_cast<uint64_t>(i));
    one.sampling.temperature = i % 4 == 0 ? 0 : 1.0;
    one.user = std::string(1, i % 2 ? 'a' : 'b');
    asks.push_back(std::move(one));
  }
  std::vector<std::vector<Token>> expected;
  for (const Ask& one : asks) expected.push_back(alone(one));
  for (const int running : {3, 16, 64}) {
    make({.running = running, .prompt_time = std::chrono::milliseconds(1)});
    std::vector<std::shared_ptr<Request>> requests;
    std::vector<Collected> all(asks.size());
    size_t done = 0;
    for (int step = 0; step < 10'000 && done < asks.size(); ++step) {
      if (requests.size() < asks.size()) requests.push_back(submit(asks[requests.size()]));  // they come one by one
      scheduler->step();
      done = 0;
      for (size_t i = 0; i < requests.size(); ++i)
        collect(*requests[i], all[i]), done += static_cast<size_t>(all[i].done);
    }
    for (size_t i = 0; i < asks.size(); ++i) {
      ASSERT_EQ(all[i].done, 1) << i;
      EXPECT_EQ(all[i].tokens.at(0), expected[i]) << running << " at once, request " << i;
    }
  }
}

TEST_F(SchedulerTest, APrefixInMemoryIsNotComputedAgain) {
  make();
  auto tokens = prompt(500, 1);
  finish(submit(ask(tokens)));
  const auto expected = [&] {
    auto longer = tokens;
    longer.push_back(9);
    return longer;
  }();
  model.computed = 0;
  const Collected again = finish(submit(ask(expected)));
  EXPECT_EQ(again.reused, 500);
  EXPECT_LT(model.computed, 30);
  EXPECT_EQ(again.tokens[0], alone(ask(expected)));
}

TEST_F(SchedulerTest, UsersDoNotShareWhatIsInMemory) {
  make();
  Ask one = ask(prompt(300, 1));
  one.user = "a";
  finish(submit(one));
  one.user = "b";
  EXPECT_EQ(finish(submit(one)).reused, 0);
  EXPECT_EQ(finish(submit(one)).reused, 299);
}

TEST_F(SchedulerTest, SeveralAnswersShareThePrompt) {
  make();
  Ask one = ask(prompt(400, 1), 12, 3);
  one.answers = 4;
  const Collected all = finish(submit(one));
  EXPECT_LT(model.computed, 400 + 4 * 12);
  ASSERT_EQ(all.tokens.size(), 4u);
  const std::set<std::vector<Token>> different(all.tokens.begin(), all.tokens.end());
  EXPECT_EQ(different.size(), 4u);
  one.answers = 1;
  EXPECT_EQ(all.tokens[0], alone(one));
}

TEST_F(SchedulerTest, AVectorIsTheSameInChunksInCompanyAndBesideItsOwnPrefix) {
  const auto text = prompt(700, 1);
  const auto vector_ask = [&](Pooling how) {
    Ask one = ask(text);
    one.pooling = how;
    return one;
  };
  const auto expected = [&](Pooling how) {  // from the states of a pass of its own
    const auto cache = model.make_cache(1024);
    Arena arena;
    Context context{kernels, pool, arena, model.mode().arithmetic, nullptr};
    const Batch batch{
        {{.tokens = text, .cache = cache.get(), .logits = Batch::Sequence::Logits::none, .final_states = true}}};
    Pass pass(context, batch, 2);
    (void)model.forward(pass);
    Pooled pooled(how);
    for (int64_t i = 0; i < 700; ++i) pooled.add(pass.final_states().row(i));
    return *pooled.vector();
  };
  for (const Pooling how : {Pooling::mean, Pooling::last}) {
    make({.prompt_time = std::chrono::milliseconds(1)});
    finish(submit(ask(text)));  // a session that begins with the same tokens stays in memory
    const auto company = submit(ask(prompt(300, 2), 200));
    for (int i = 0; i < 3; ++i) scheduler->step();
    const int64_t used = scheduler->counts().cache_used;
    const Collected all = finish(submit(vector_ask(how)));
    EXPECT_EQ(all.vector, expected(how));
    EXPECT_EQ(std::make_tuple(all.reused, all.done, all.tokens.at(0).size()), std::make_tuple(0, 1, size_t{0}));
    EXPECT_EQ(scheduler->counts().cache_used, used);  // its room is given back
    Collected other;
    collect(*company, other);
    EXPECT_FALSE(other.tokens.at(0).empty());
  }
}

TEST_F(SchedulerTest, LogProbabilitiesOfAPromptAreThoseOfEachRow) {
  const auto text = prompt(700, 1);
  std::vector<Choice> expected;
  Session session = std::move(*Session::make(engine, {.positions = 1024}));
  for (size_t i = 0; i + 1 < text.size(); ++i) expected.push_back(*score_token(*session.step(text[i]), text[i + 1], 3));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i].token, text[i + 1]);
    ASSERT_EQ(expected[i].top.size(), 3u);
    ASSERT_GE(expected[i].top[0].logprob, expected[i].top[1].logprob);
    ASSERT_GE(expected[i].top[1].logprob, expected[i].top[2].logprob);
  }
  const Ask company = ask(prompt(300, 2), 200);
  const auto answer = alone(ask(text)), answer_of_company = alone(company);
  Ask scored = ask(text);
  scored.score_prompt = true;
  scored.sampling.top_logprobs = 3;
  for (const int running : {1, 8}) {
    make({.running = running, .prompt_time = std::chrono::milliseconds(1)});
    finish(submit(ask(text)));  // a session that begins with the same tokens stays in memory
    std::shared_ptr<Request> other;
    Collected of_other;
    if (running > 1) other = submit(company);
    for (int i = 0; i < 3; ++i) scheduler->step();
    model.passes = 0;
    const Collected all = finish(submit(scored));
    EXPECT_EQ(flat(all.scores), flat(expected));
    EXPECT_EQ(all.tokens.at(0), answer);
    EXPECT_EQ(std::make_tuple(all.reused, all.done, all.scored), std::make_tuple(0, 1, 1));
    EXPECT_LE(model.most_final_rows, 32);
    EXPECT_GT(model.passes, running > 1 ? 20 : 1);  // it came in chunks
    EXPECT_EQ(finish(submit(ask(text))).reused, 699);
    if (!other) continue;
    for (int i = 0; i < 1000 && of_other.done == 0; ++i) scheduler->step(), collect(*other, of_other);
    EXPECT_EQ(of_other.tokens.at(0), answer_of_company);
  }
}

TEST_F(SchedulerTest, APromptIsScoredOnceForAllItsAnswersAndWithoutAny) {
  make();
  Ask one = ask(prompt(100, 1), 5);
  one.score_prompt = true;
  one.answers = 3;
  const Collected all = finish(submit(one));
  EXPECT_EQ(std::make_tuple(all.scored, all.scores.size(), all.tokens.size()),
            std::make_tuple(1, size_t{99}, size_t{3}));
  one.answers = 1;
  one.max_tokens = 0;
  const Collected none = finish(submit(one));
  EXPECT_EQ(flat(none.scores), flat(all.scores));
  EXPECT_TRUE(none.tokens.at(0).empty());
  EXPECT_EQ(none.stops.at(0), Stop::length);
  one.prompt.resize(1);
  const Collected first = finish(submit(one));
  EXPECT_EQ(std::make_tuple(first.scored, first.scores.size(), first.done), std::make_tuple(1, size_t{0}, 1));
}

TEST_F(SchedulerTest, TheTokenThatEndsAnAnswerIsTold) {
  model.facts_.vocabulary = 260;
  make();
  Ask one = ask(prompt(10, 1), 5);
  one.sampling.score = true;
  one.sampling.logit_bias = {{end_token, 100}};
  const auto request = submit(one);
  Choice last;
  for (int i = 0; i < 100 && last.token < 0; ++i) {
    scheduler->step();
    for (Event& event : request->take())
      if (event.kind == Event::Kind::ended) last = event.choice;
  }
  EXPECT_EQ(last.token, end_token);
  EXPECT_LT(last.logprob, 0);
}

TEST_F(SchedulerTest, CancelledWorkEndsWithinAStepAndOthersGoOn) {
  make({.running = 1});
  const auto first = submit(ask(prompt(100, 1), 500));
  const auto second = submit(ask(prompt(100, 2), 7));
  for (int i = 0; i < 5; ++i) scheduler->step();
  EXPECT_EQ(scheduler->counts().waiting, 1);
  first->cancel();
  const int passes = model.passes;
  scheduler->step();
  EXPECT_LE(model.passes, passes + 1);
  const Collected all = finish(second);
  EXPECT_EQ(all.tokens.at(0).size(), 7u);
  EXPECT_EQ(all.stops.at(0), Stop::length);
}

// Who is told that an answer has ended may ask for the counts at once.
TEST_F(SchedulerTest, WhatIsToldIsCounted) {
  make({.running = 1});
  std::shared_ptr<Request> request;
  Collected all;
  request = std::move(*scheduler->submit(ask(prompt(30, 1), 5), [&] {
    collect(*request, all);
    const SchedulerCounts counts = scheduler->counts();
    EXPECT_EQ(counts.answer_tokens, all.tokens.empty() ? 0 : all.tokens[0].size());
    EXPECT_EQ(counts.running, 1 - all.done);
  }));
  for (int i = 0; i < 100 && all.done == 0; ++i) scheduler->step();
  EXPECT_EQ(all.tokens.at(0).size(), 5u);
}

TEST_F(SchedulerTest, RefusesWhatHasNoPlaceAndWhatCanNeverRun) {
  make({.context = 64, .running = 2, .waiting = 3});
  const auto fault = [&](Ask one) {
    const auto request = scheduler->submit(std::move(one), {});
    return request ? std::nullopt : std::optional(request.error().fault);
  };
  EXPECT_EQ(fault(ask({})), Fault::usage);
  EXPECT_EQ(fault(ask({256})), Fault::usage);
  EXPECT_EQ(fault(ask({-1})), Fault::usage);
  EXPECT_EQ(fault(ask(prompt(64, 1))), Fault::usage);
  Ask many = ask({1});
  many.answers = 3;
  EXPECT_EQ(fault(many), Fault::usage);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fault(ask({1})), std::nullopt) << i;
  EXPECT_EQ(fault(ask({1})), Fault::resources);
}

TEST_F(SchedulerTest, EndsWhereTheContextDoes) {
  make({.context = 64});
  const Collected all = finish(submit(ask(prompt(60, 1), -1)));
  EXPECT_EQ(all.tokens.at(0).size(), 5u);  // the last one need not be computed
  EXPECT_EQ(all.stops.at(0), Stop::context);
}

TEST_F(SchedulerTest, MemoryIsBoundedAndGivenBack) {
  make({.context = 128, .cache_positions = 300});
  std::vector<std::shared_ptr<Request>> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(submit(ask(prompt(90, static_cast<uint64_t>(i)), 30)));
  std::vector<Collected> all(requests.size());
  for (int step = 0; step < 5'000; ++step) {
    scheduler->step();
    EXPECT_LE(scheduler->counts().cache_used, 300);
    for (size_t i = 0; i < requests.size(); ++i) collect(*requests[i], all[i]);
  }
  for (const Collected& one : all) EXPECT_EQ(one.done, 1);
}

TEST_F(SchedulerTest, AUserWithManyRequestsDoesNotStarveAnother) {
  make({.running = 2});
  std::vector<std::shared_ptr<Request>> many;
  for (int i = 0; i < 20; ++i) {
    Ask one = ask(prompt(50, static_cast<uint64_t>(i)), 20);
    one.user = "busy";
    many.push_back(submit(std::move(one)));
  }
  for (int i = 0; i < 10; ++i) scheduler->step();
  Ask one = ask(prompt(50, 99), 20);
  one.user = "other";
  const auto request = submit(std::move(one));
  finish(request);
  int finished = 0;
  for (const auto& busy : many) {
    Collected all;
    collect(*busy, all);
    finished += all.done;
  }
  EXPECT_LE(finished, 6);
}

TEST_F(SchedulerTest, NumbersThatAreNoneEndOnlyTheirOwnAnswer) {
  struct Broken : FakeModel {
    Tensor forward(Pass& pass) const override {
      Tensor logits = FakeModel::forward(pass);
      for (size_t i = 0; i < pass.logit_sites().size(); ++i)
        if (pass.batch().sequences[static_cast<size_t>(pass.logit_sites()[i].sequence)].tokens.back() == 13)
          logits.mutable_row(static_cast<int>(i))[0] = NAN;
      return logits;
    }
    Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
      Tensor logits = FakeModel::final_logits(pass, rows);
      logits.mutable_row(0)[0] = NAN;
      return logits;
    }
  } broken;
  broken.facts_.vocabulary = 256;
  Engine other(broken, kernels, pool);
  scheduler = std::move(*Scheduler::make(other, tokenizer, {.context = 128}));
  const auto bad = submit(ask({1, 2, 13}, 5)), good = submit(ask({1, 2, 14}, 1));
  const Collected failed = finish(bad);
  EXPECT_EQ(failed.failed, 1);
  EXPECT_EQ(failed.error.fault, Fault::inconsistent);
  Collected all;
  collect(*good, all);
  EXPECT_EQ(all.done, 1);
  Ask scored = ask({1, 2, 14}, 1);
  scored.score_prompt = true;
  const auto beside = submit(ask({1, 2, 14, 15}, 1));
  EXPECT_EQ(finish(submit(scored)).error.fault, Fault::inconsistent);
  EXPECT_EQ(finish(beside).done, 1);
}

TEST_F(SchedulerTest, RunsOnAThreadAndEndsWhatIsUnderWay) {
  make();
  std::atomic<int> woken = 0;
  std::thread thread([&] { scheduler->run(); });
  const auto request = *scheduler->submit(ask({1, 2, 3}, -1), [&] { ++woken; });
  Collected all;
  while (all.tokens.empty() || all.tokens[0].size() < 3) collect(*request, all), std::this_thread::yield();
  scheduler->stop();
  thread.join();
  collect(*request, all);
  EXPECT_GT(woken, 0);
  EXPECT_EQ(all.done, 1);
  EXPECT_TRUE(all.stops.at(0) == Stop::cancelled || all.stops.at(0) == Stop::context);
  EXPECT_FALSE(scheduler->submit(ask({1}), {}));
}

}  // namespace
}  // namespace freehold
