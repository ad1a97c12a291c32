// Prefixes on disk under the scheduler, over a model whose logits are a hash of all that its cache holds.
#include "run/prefix_store.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/testing/temporary_folder.h"
#include "run/byte_tokenizer.h"
#include "run/fake_model.h"
#include "run/scheduler.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

struct PrefixStoreTest : ::testing::Test {
  struct Answer {
    std::vector<Token> tokens;
    int reused = 0;
  };
  testing::TemporaryFolder root;
  const Path folder = root / "prefixes";
  FakeModel model;
  Kernels kernels{};
  Pool pool{2};
  Engine engine{model, kernels, pool};
  Tokenizer tokenizer = byte_tokenizer();
  std::unique_ptr<PrefixStore> prefixes;
  std::unique_ptr<Scheduler> scheduler;

  PrefixStoreTest() { model.facts_.vocabulary = 256; }
  ~PrefixStoreTest() override { scheduler.reset(); }

  // As a program that begins: memory is empty.
  void start(const std::string& binding = "this model", uint64_t most_bytes = 64 << 20) {
    scheduler.reset();
    prefixes.reset();
    auto store = SealedStore::open(folder, root / "key", most_bytes, {});
    ASSERT_TRUE(store) << store.error().what;
    prefixes = std::move(*PrefixStore::make(engine, std::move(*store), binding));
    scheduler = std::move(*Scheduler::make(engine, tokenizer, {.context = 1024, .prefixes = prefixes.get()}));
  }
  static std::vector<Token> text(int count, uint64_t seed = 1) {
    Random random(seed);
    std::vector<Token> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(random.below(256));
    return tokens;
  }
  Answer answer(const std::vector<Token>& prompt, const std::string& user = "a") {
    Ask ask;
    ask.prompt = prompt, ask.user = user, ask.max_tokens = 20, ask.sampling.seed = 3, ask.text.raw = true;
    auto request = scheduler->submit(std::move(ask), {});
    EXPECT_TRUE(request);
    Answer made;
    for (bool done = false; !done;) {
      scheduler->step();
      for (Event& event : (*request)->take()) {
        if (event.kind == Event::Kind::begun) made.reused = event.reused;
        if (event.kind == Event::Kind::token) made.tokens.push_back(event.choice.token);
        if (event.kind == Event::Kind::failed) ADD_FAILURE() << event.error.what;
        done = done || event.kind == Event::Kind::done || event.kind == Event::Kind::failed;
      }
    }
    scheduler->step();  // with nothing else to do it hands over what is left
    prefixes->store().wait_until_written();
    return made;
  }
  std::vector<Token> computed(const std::vector<Token>& prompt) {  // without any cache
    scheduler = std::move(*Scheduler::make(engine, tokenizer, {.context = 1024}));
    Ask ask;
    ask.prompt = prompt, ask.max_tokens = 20, ask.sampling.seed = 3, ask.text.raw = true;
    auto request = *scheduler->submit(std::move(ask), {});
    std::vector<Token> tokens;
    while (scheduler->step()) {
    }
    for (const Event& event : request->take())
      if (event.kind == Event::Kind::token) tokens.push_back(event.choice.token);
    return tokens;
  }
  std::vector<Path> pages() const {
    std::vector<Path> files;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename() != "lock") files.push_back(entry.path());
    return files;
  }
  Path page(const std::vector<Token>& tokens, size_t i) const {
    return folder / hex_of(prefixes->names_of("a", tokens).at(i));
  }
};

TEST_F(PrefixStoreTest, AHitFromMemoryAndOneFromDiskAfterARestartGiveTheComputedTokens) {
  for (const KvType kv : {KvType::f32, KvType::f16, KvType::q8}) {
    FakeModel other(kv);
    other.facts_.vocabulary = 256;
    Engine its(other, kernels, pool);
    for (const int length : {63, 64, 65, 128, 129, 500}) {
      const auto prompt = text(length, static_cast<uint64_t>(length));
      auto store = SealedStore::open(root / fmt::format("{}", name_of(kv)), root / "key", 64 << 20, {});
      ASSERT_TRUE(store);
      const auto session = [&] { return std::move(*Session::make(its, {.positions = 1024})); };
      Session live = session(), back = session();
      ASSERT_TRUE(live.sync(prompt));
      const auto kept = *PrefixStore::make(its, std::move(*store), "x");
      const auto names = kept->names_of("a", live.tokens());
      EXPECT_EQ(names.size(), static_cast<size_t>(length / 64));
      for (size_t i = 0; i < names.size(); ++i) kept->put(live, static_cast<int>(i), names[i], kept->store().times(1));
      kept->store().wait_until_written();
      EXPECT_EQ(kept->held(names), length / 64);
      if (names.empty()) continue;
      const auto fetch = kept->fetch(names);
      while (!fetch->ended())
        if (const auto page = fetch->take(std::chrono::milliseconds(100)))
          back.append_page(std::span(prompt).subspan(static_cast<size_t>(back.position()), 64), *page);
      EXPECT_EQ(back.position(), length / 64 * 64);
      ASSERT_TRUE(back.sync(prompt));
      EXPECT_GE(back.reused(), length / 64 * 64 - 1);
      EXPECT_TRUE(std::equal(live.logits().begin(), live.logits().end(), back.logits().begin())) << length;
    }
  }
  const auto first = text(500);
  start();
  auto second = first;
  for (const Token token : answer(first).tokens) second.push_back(token);
  second.push_back(7);
  const Answer from_memory = answer(second);
  EXPECT_EQ(from_memory.reused, 519);  // the last token of an answer is not computed
  start();
  model.computed = 0;
  const Answer from_disk = answer(second);
  EXPECT_EQ(from_disk.reused, 512);
  EXPECT_LT(model.computed, 40);
  EXPECT_EQ(scheduler->counts().disk_tokens, 512u);
  EXPECT_EQ(from_disk.tokens, from_memory.tokens);
  EXPECT_EQ(from_disk.tokens, computed(second));
}

// An answer that comes to lie in a whole block of the next prompt is computed again, whatever memory or disk holds.
TEST_F(PrefixStoreTest, WhatIsNotComputedInTheSameBlocksIsNotTaken) {
  model.facts_.blocks = 1024;
  const auto first = text(500);
  start();
  auto second = first;
  for (const Token token : answer(first).tokens) second.push_back(token);
  const auto third = [&] {
    auto longer = second;
    for (const Token token : text(60, 5)) longer.push_back(token);
    return longer;
  }();
  const Answer from_memory = answer(second);  // 520 tokens: two blocks, where the first prompt had one
  EXPECT_EQ(from_memory.reused, 256);
  EXPECT_EQ(answer(third).reused, 520);
  start();
  const Answer from_disk = answer(second);
  EXPECT_EQ(from_disk.reused, 512);
  EXPECT_EQ(from_disk.tokens, from_memory.tokens);
  start();
  const Answer again = answer(first);
  EXPECT_EQ(again.reused, 448);
  EXPECT_EQ(again.tokens, computed(first));
  EXPECT_EQ(from_disk.tokens, computed(second));
}

TEST_F(PrefixStoreTest, DiskGoesOnWhereMemoryEnds) {
  const auto prompt = text(500);
  start();
  answer(prompt);
  start();
  answer({prompt.begin(), prompt.begin() + 100});  // memory holds 100, disk 448
  const Answer all = answer(prompt);
  EXPECT_EQ(all.reused, 448);
  EXPECT_EQ(all.tokens, computed(prompt));
}

TEST_F(PrefixStoreTest, NeitherAnotherUserNorAnotherModelFindsIt) {
  const auto prompt = text(300);
  start();
  answer(prompt, "a");
  start();
  EXPECT_EQ(answer(prompt, "b").reused, 0);
  start("another model");
  EXPECT_EQ(answer(prompt, "a").reused, 0);
  start();
  EXPECT_EQ(answer(prompt, "a").reused, 256);
}

TEST_F(PrefixStoreTest, ADamagedPageEndsThePrefixThere) {
  const auto prompt = text(500);
  start();
  const auto expected = answer(prompt).tokens;
  const Path third = page(prompt, 2);
  const std::string good = *read_file(third, 64 << 20);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  for (const std::string& bad : {flipped, good.substr(0, good.size() / 2), std::string(), std::string("foreign"),
                                 "FHSEAL02" + good.substr(8), *read_file(page(prompt, 3), 64 << 20)}) {
    ASSERT_TRUE(replace_file(third, bad));
    start();
    const Answer again = answer(prompt);
    EXPECT_EQ(again.reused, 128);
    EXPECT_EQ(again.tokens, expected);
    EXPECT_EQ(prefixes->store().counts().refused, 1u);
    start();
    EXPECT_EQ(answer(prompt).reused, 448);  // and is there again
  }
}

TEST_F(PrefixStoreTest, NamesTellUsersChangesAndBlocksApart) {
  start();
  const auto tokens = text(200, 3);
  const auto names = prefixes->names_of("a", tokens);
  ASSERT_EQ(names.size(), 3u);
  EXPECT_EQ(prefixes->names_of("a", tokens), names);
  for (const auto& others : {prefixes->names_of("b", tokens), prefixes->names_of("a", tokens, 0, 1),
                             prefixes->names_of("a", tokens, 64), prefixes->names_of("a", text(200, 4))})
    for (size_t i = 0; i < names.size(); ++i) EXPECT_NE(others.at(i), names[i]) << i;
}

TEST_F(PrefixStoreTest, TheEndOfAPrefixGoesBeforeItsBeginning) {
  const auto prompt = text(500);
  start();
  answer(prompt);
  const uint64_t each = fs::file_size(pages().at(0));
  ASSERT_EQ(pages().size(), 8u);  // 519 positions
  start("this model", 4 * each);
  EXPECT_EQ(pages().size(), 4u);
  EXPECT_EQ(answer(prompt).reused, 256);
  EXPECT_EQ(pages().size(), 4u);
  start("this model", 4 * each);
  EXPECT_EQ(answer(text(129, 9)).reused, 0);  // takes the place of two
  EXPECT_LE(prefixes->store().counts().bytes, 4 * each);
  EXPECT_EQ(prefixes->held(prefixes->names_of("a", prompt)), 2);
}

TEST_F(PrefixStoreTest, OneThatIsCancelledWhileItComesHarmsNobody) {
  const auto prompt = text(900);
  start();
  const auto expected = answer(prompt).tokens;
  start();
  Ask ask;
  ask.prompt = prompt, ask.user = "a", ask.max_tokens = 20;
  const auto request = *scheduler->submit(std::move(ask), {});
  scheduler->step();
  request->cancel();
  EXPECT_EQ(answer(prompt).tokens, expected);
}

TEST_F(PrefixStoreTest, ACacheWithoutPagesIsRefusedByName) {
  struct Windowed : FakeModel {
    struct Cache : KvCache {
      int capacity() const override { return 64; }
      KvPages* pages(int) override { return nullptr; }
      size_t bytes() const override { return 1; }
    };
    std::unique_ptr<KvCache> make_cache(int) const override { return std::make_unique<Cache>(); }
  } windowed;
  Engine its(windowed, kernels, pool);
  const auto refused = PrefixStore::make(its, std::move(*SealedStore::open(folder, root / "key", 1, {})), "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unsupported);
  EXPECT_NE(refused.error().what.find("layer 0"), std::string::npos);
}

}  // namespace
}  // namespace freehold
