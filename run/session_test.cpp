#include "run/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/checksum.h"
#include "base/random.h"
#include "run/fake_model.h"

namespace freehold {
namespace {

std::vector<Token> some_tokens(int count, uint64_t seed = 1) {
  Random random(seed);
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(random.below(FakeModel::vocabulary));
  return tokens;
}
std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

struct SessionTest : testing::Test {
  FakeModel model;
  Kernels kernels{};
  Pool pool{1};
  Engine engine{model, kernels, pool};
  Path folder = std::filesystem::path(testing::TempDir()) / ("freehold_session_test." + std::to_string(::getpid()));
  SessionTest() { std::filesystem::create_directories(folder); }

  Session session(Engine& e, int positions = 2048) {
    auto made = Session::make(e, {.positions = positions});
    EXPECT_TRUE(made) << made.error().what;
    return std::move(*made);
  }
  std::vector<float> fresh_logits(std::span<const Token> tokens) {
    Session s = session(engine);
    EXPECT_TRUE(s.sync(tokens));
    return copy(s.logits());
  }
};

TEST_F(SessionTest, StepByStepEqualsAtOnce) {
  const auto tokens = some_tokens(40);
  Session s = session(engine);
  std::vector<float> last;
  for (const Token token : tokens) last = copy(*s.step(token));
  EXPECT_EQ(last, fresh_logits(tokens));
  EXPECT_EQ(s.position(), 40);
}

TEST_F(SessionTest, KeepsTheLongestCommonPrefix) {
  const auto first = some_tokens(100);
  Session s = session(engine);
  ASSERT_TRUE(s.sync(first));
  EXPECT_EQ(s.reused(), 0);

  auto longer = first;
  longer.push_back(7);
  model.computed = 0;
  ASSERT_TRUE(s.sync(longer));
  EXPECT_EQ(model.computed, 1);
  EXPECT_EQ(s.reused(), 100);
  EXPECT_EQ(copy(s.logits()), fresh_logits(longer));

  auto other = first;
  other[60] = (other[60] + 1) % FakeModel::vocabulary;
  model.computed = 0;
  ASSERT_TRUE(s.sync(other));
  EXPECT_EQ(model.computed, 40);
  EXPECT_EQ(copy(s.logits()), fresh_logits(other));

  model.computed = 0;
  ASSERT_TRUE(s.sync(other));  // nothing to do
  EXPECT_EQ(model.computed, 0);
  EXPECT_FALSE(s.logits().empty());

  const std::span<const Token> shorter(other.data(), 50);
  ASSERT_TRUE(s.sync(shorter));  // the last token again, for its logits
  EXPECT_EQ(model.computed, 1);
  EXPECT_EQ(s.position(), 50);
  EXPECT_EQ(copy(s.logits()), fresh_logits(shorter));

  ASSERT_TRUE(s.sync({}));
  EXPECT_EQ(s.position(), 0);
  EXPECT_TRUE(s.logits().empty());
}

TEST_F(SessionTest, RandomWalkEqualsFreshSessions) {
  Random random(9);
  Session s = session(engine);
  std::vector<Token> tokens;
  for (int move = 0; move < 60; ++move) {
    const int kind = random.below(3);
    if (kind == 0) {
      tokens.push_back(random.below(FakeModel::vocabulary));
      if (!s.logits().empty() || tokens.size() == 1)
        ASSERT_TRUE(s.step(tokens.back()));
      else
        ASSERT_TRUE(s.sync(tokens));
    } else if (kind == 1) {
      tokens.resize(static_cast<size_t>(random.below(static_cast<int>(tokens.size()) + 1)));
      ASSERT_TRUE(s.rewind(static_cast<int>(tokens.size())));
    } else {
      const auto more = some_tokens(random.below(100), static_cast<uint64_t>(move));
      tokens.insert(tokens.end(), more.begin(), more.end());
      ASSERT_TRUE(s.sync(tokens));
    }
    ASSERT_EQ(s.position(), static_cast<int>(tokens.size()));
    if (!s.logits().empty()) {
      ASSERT_EQ(copy(s.logits()), fresh_logits(tokens)) << move;
    }
  }
}

// Where prompts are computed in whole blocks, what is taken over is what computing from nothing would give: tokens that
// were stepped to are computed again where they came to lie in a block, those of a block where they no longer do.
TEST_F(SessionTest, PromptsInWholeBlocksEqualFreshOnes) {
  model.facts_.blocks = 1024;
  Session s = session(engine);
  const auto all = some_tokens(1500);
  const std::span<const Token> tokens(all);
  ASSERT_TRUE(s.sync(tokens.first(700)));
  for (size_t i = 700; i < 740; ++i) ASSERT_TRUE(s.step(all[i]));
  EXPECT_EQ(s.blocks(), 512);
  const auto check = [&](size_t length, int reused) {
    ASSERT_TRUE(s.sync(tokens.first(length)));
    EXPECT_EQ(s.reused(), reused) << length;
    EXPECT_EQ(copy(s.logits()), fresh_logits(tokens.first(length))) << length;
  };
  check(767, 740);  // the same two blocks
  check(768, 512);  // a third
  check(1500, 768);
  check(1100, 1099);  // no block lies beyond 1024
  check(300, 256);

  Random random(4);
  for (int move = 0; move < 40; ++move) {
    auto prompt = some_tokens(random.below(1400) + 1);
    const auto different = static_cast<size_t>(random.below(static_cast<int>(2 * prompt.size())));
    if (different < prompt.size()) prompt[different] = (prompt[different] + 1) % FakeModel::vocabulary;
    Session copied = session(engine);
    const int shared = s.shared(prompt);
    ASSERT_TRUE(copied.copy_prefix(s, shared));
    ASSERT_TRUE(copied.sync(prompt));
    EXPECT_GE(copied.reused(), shared - 1);
    ASSERT_TRUE(s.sync(prompt));
    ASSERT_EQ(copy(s.logits()), fresh_logits(prompt)) << move;
    ASSERT_EQ(copy(copied.logits()), copy(s.logits())) << move;
    for (int i = random.below(300); i > 0; --i) ASSERT_TRUE(s.step(random.below(FakeModel::vocabulary)));
    ASSERT_TRUE(s.save(folder / "state"));
    ASSERT_TRUE(copied.restore(folder / "state"));
    EXPECT_EQ(copied.blocks(), s.blocks());
    if (random.below(2)) s = std::move(copied);
    if (random.below(2)) {
      ASSERT_TRUE(s.rewind(random.below(s.position() + 1)));
    }
  }
}

TEST_F(SessionTest, PrefillsInChunksReportsAndCancels) {
  const auto tokens = some_tokens(1200);
  Session s = session(engine);
  std::vector<int> seen;
  model.passes = 0;
  ASSERT_TRUE(s.sync(tokens, [&](int done, int total) {
    EXPECT_EQ(total, 1200);
    seen.push_back(done);
    return true;
  }));
  EXPECT_EQ(seen, (std::vector<int>{0, 512, 1024, 1200}));
  EXPECT_EQ(model.passes, 3);

  Session cancelled = session(engine);
  const auto result = cancelled.sync(tokens, [](int done, int) { return done < 512; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::cancelled);
  EXPECT_EQ(cancelled.position(), 512);
  ASSERT_TRUE(cancelled.sync(tokens));  // goes on where it was
  EXPECT_EQ(cancelled.reused(), 512);
  EXPECT_EQ(copy(cancelled.logits()), copy(s.logits()));
}

TEST_F(SessionTest, ManySessionsInOnePassGetTheSameBits) {
  std::vector<Session> sessions;
  std::vector<std::vector<Token>> tokens;
  for (int i = 0; i < 5; ++i) {
    sessions.push_back(session(engine, 128));
    tokens.push_back(some_tokens(3 + 7 * i, static_cast<uint64_t>(i)));
  }
  std::vector<Session::Work> work;
  for (size_t i = 0; i < sessions.size(); ++i) work.push_back({&sessions[i], tokens[i], i != 2});
  model.passes = 0;
  ASSERT_TRUE(run_pass(engine, work));
  EXPECT_EQ(model.passes, 1);
  for (size_t i = 0; i < sessions.size(); ++i) {
    if (i == 2)
      EXPECT_TRUE(sessions[i].logits().empty());
    else
      EXPECT_EQ(copy(sessions[i].logits()), fresh_logits(tokens[i])) << i;
  }
}

TEST_F(SessionTest, RefusesWhatDoesNotFit) {
  const auto fault = [](const auto& result) { return result ? Fault::check_failed : result.error().fault; };
  EXPECT_EQ(fault(Session::make(engine, {.positions = 0})), Fault::usage);
  EXPECT_EQ(fault(Session::make(engine, {.positions = 5000})), Fault::usage);
  Session s = session(engine, 64);
  EXPECT_EQ(fault(s.sync(some_tokens(65))), Fault::resources);
  EXPECT_EQ(s.position(), 0);
  ASSERT_TRUE(s.sync(some_tokens(64)));
  EXPECT_EQ(fault(s.step(1)), Fault::resources);
  EXPECT_EQ(s.position(), 64);
  EXPECT_EQ(fault(s.sync(std::vector<Token>{FakeModel::vocabulary})), Fault::usage);
  EXPECT_EQ(fault(s.sync(std::vector<Token>{-1})), Fault::usage);
}

TEST_F(SessionTest, RefusesRoomThatTheMemoryDoesNotHave) {
  const auto refused = [&] {
    const auto made = Session::make(engine, {.positions = 4096});
    return !made && made.error().fault == Fault::resources;
  };
  model.facts_.block_bytes_per_position = 1ull << 50;
  EXPECT_FALSE(refused());  // no block is ever computed
  model.facts_.blocks = 256;
  EXPECT_TRUE(refused());
  model.facts_.blocks = 0;
  model.facts_.cache_bytes_per_position = 1ull << 50;
  EXPECT_TRUE(refused());
}

struct Watcher : Observer {
  bool wants(Point point, int) const override { return point == Point::lm_head; }
  void seen(Pass&, const Site&, Tensor& x) override { ++count, width = x.width(); }
  int count = 0;
  int64_t width = 0;
};

TEST_F(SessionTest, ObserversSeeEveryPass) {
  Watcher watcher;
  auto s = Session::make(engine, {.positions = 2048, .observers = {&watcher}});
  ASSERT_TRUE(s);
  ASSERT_TRUE(s->sync(some_tokens(600)));
  ASSERT_TRUE(s->step(3));
  EXPECT_EQ(watcher.count, 2);  // the last chunk of the prompt and the step
  EXPECT_EQ(watcher.width, FakeModel::vocabulary);
}

TEST_F(SessionTest, ASteadySessionTakesNoMoreMemory) {
  Session s = session(engine);
  ASSERT_TRUE(s.sync(some_tokens(600)));
  ASSERT_TRUE(s.step(1));
  const size_t before = engine.arena().reserved_bytes();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(s.step(i % 64));
  EXPECT_EQ(engine.arena().reserved_bytes(), before);
}

TEST_F(SessionTest, RestoredEqualsLive) {
  for (const KvType type : {KvType::f16, KvType::f32, KvType::q8}) {
    FakeModel kind(type);
    Engine e{kind, kernels, pool};
    const auto tokens = some_tokens(130);
    Session live = session(e);
    ASSERT_TRUE(live.sync(tokens));
    const Path path = folder / "state";
    ASSERT_TRUE(live.save(path));
    Session other = session(e, 200);
    ASSERT_TRUE(other.sync(some_tokens(180, 5)));
    const auto restored = other.restore(path);
    ASSERT_TRUE(restored) << restored.error().what;
    EXPECT_EQ(copy(other.logits()), copy(live.logits()));
    EXPECT_EQ(std::vector<Token>(other.tokens().begin(), other.tokens().end()), tokens);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(copy(*other.step(i)), copy(*live.step(i)));

    ASSERT_TRUE(live.rewind(0));
    ASSERT_TRUE(live.save(path));  // empty and without logits
    ASSERT_TRUE(other.restore(path));
    EXPECT_EQ(other.position(), 0);
    EXPECT_TRUE(other.logits().empty());
  }
}

TEST_F(SessionTest, StateOfAnotherModelModeOrEditIsRefused) {
  Session s = session(engine);
  ASSERT_TRUE(s.sync(some_tokens(30)));
  const Path path = folder / "state";
  ASSERT_TRUE(s.save(path));
  const auto fault = [&](Session& target) {
    const auto restored = target.restore(path);
    EXPECT_EQ(target.position(), 0);
    return restored ? Fault::check_failed : restored.error().fault;
  };
  FakeModel exact(KvType::f32);
  Engine other_mode{exact, kernels, pool};
  Session a = session(other_mode);
  EXPECT_EQ(fault(a), Fault::inconsistent);

  FakeModel larger;
  larger.facts_.hidden = 7;
  Engine other_model{larger, kernels, pool};
  Session b = session(other_model);
  EXPECT_EQ(fault(b), Fault::inconsistent);

  auto edited = Session::make(engine, {.positions = 64, .changes = std::make_shared<Changes>(Changes{.id = 5})});
  EXPECT_EQ(fault(*edited), Fault::inconsistent);

  Session small = session(engine, 29);
  EXPECT_EQ(fault(small), Fault::resources);

  const auto missing = s.restore(folder / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::io);
}

TEST_F(SessionTest, EveryCutAndEveryFlippedByteIsFound) {
  Session s = session(engine, 64);
  ASSERT_TRUE(s.sync(some_tokens(3)));
  const Path path = folder / "state", bad = folder / "bad";
  ASSERT_TRUE(s.save(path));
  const std::string whole = *read_file(path, 1 << 20);
  Session target = session(engine, 64);
  const auto refused = [&](const std::string& bytes) {
    EXPECT_TRUE(replace_file(bad, bytes));
    const auto restored = target.restore(bad);
    return !restored && target.position() == 0;
  };
  for (size_t size = 0; size < whole.size(); size += size < 80 ? 1 : 37)
    ASSERT_TRUE(refused(whole.substr(0, size))) << size;
  for (size_t i = 0; i < whole.size(); i += i < 80 ? 1 : 11) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    ASSERT_TRUE(refused(flipped)) << i;
  }
  EXPECT_TRUE(refused(whole + "x"));
  EXPECT_TRUE(target.restore(path));
}

TEST_F(SessionTest, LyingCountsUnderAGoodChecksumAreRefused) {
  Session s = session(engine, 64);
  ASSERT_TRUE(s.sync(some_tokens(3)));
  const Path path = folder / "state", bad = folder / "bad";
  ASSERT_TRUE(s.save(path));
  const std::string whole = *read_file(path, 1 << 20);
  Session target = session(engine, 64);
  for (size_t field = 24; field < 64;
       field += 4)  // layers, vocabulary, tokens, blocks, logits, the tokens, the first logits
    for (const uint32_t lie : {0u, 1u, 2u, 4u, 64u, 65u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      std::string lying = whole;
      std::memcpy(lying.data() + field, &lie, 4);
      const uint64_t sum = checksum64(std::as_bytes(std::span<const char>(lying)).first(lying.size() - 8));
      std::memcpy(lying.data() + lying.size() - 8, &sum, 8);
      ASSERT_TRUE(replace_file(bad, lying));
      const auto restored = target.restore(bad);  // a token or a logit may be changed to another good one
      if (field < 44 && lying != whole) {
        EXPECT_FALSE(restored) << field << " " << lie;
      }
    }
}

}  // namespace
}  // namespace freehold
