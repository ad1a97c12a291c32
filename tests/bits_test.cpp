// Same bits: logits of a token depend on its own past and the numeric mode, on nothing else. Random chunkings, batches
// with strangers, thread counts, continued caches, watched and unwatched passes are compared with memcmp, for every
// kernel set this machine can run; the sets are compared with each other too.
//
// RealModelBits runs as a test of its own (label models), with FREEHOLD_BITS_MODEL naming a checkpoint: a real one has
// the quantized formats that the tiny ones lack.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/sanitized.h"
#include "files/checkpoint.h"
#include "inspect/recorder.h"
#include "model/model.h"

namespace freehold {
namespace {

constexpr int positions = 150;  // crosses two cache pages; long enough for several chunks
constexpr int blocks = 90;      // of these, where a model computes a prompt's blocks otherwise

struct Subject {
  std::string name;
  std::unique_ptr<Model> model;
};

std::vector<Token> random_tokens(Random& random, int count, int vocabulary) {
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(random.below(vocabulary));
  return tokens;
}

// A sequence that is fed in pieces; remembers the logits and the final state of every row.
struct Feed {
  std::vector<Token> tokens;
  std::unique_ptr<KvCache> cache;
  int blocks = 0;  // as Batch::Sequence
  int done = 0;
  std::vector<float> logits;  // [done, vocabulary]
  std::vector<float> states;  // [done, hidden]: final ones
};

Feed make_feed(const Model& model, std::vector<Token> tokens) {
  return {std::move(tokens), model.make_cache(positions), std::min(model.facts().blocks, blocks), 0, {}, {}};
}

// One pass over the next pieces[i] tokens of each feed.
void pass_over(const Model& model, const Kernels& kernels, Pool& pool, std::span<Feed* const> feeds,
               std::span<const int> pieces, std::span<Observer* const> observers = {}) {
  Arena arena;
  Context context{kernels, pool, arena, model.mode().arithmetic, nullptr};
  Batch batch;
  for (size_t i = 0; i < feeds.size(); ++i) {
    Feed& feed = *feeds[i];
    batch.sequences.push_back({.tokens = std::span<const Token>(feed.tokens)
                                             .subspan(static_cast<size_t>(feed.done), static_cast<size_t>(pieces[i])),
                               .start = feed.done,
                               .cache = feed.cache.get(),
                               .blocks = feed.blocks,
                               .logits = Batch::Sequence::Logits::all,
                               .final_states = true});
  }
  Pass pass(context, batch, model.facts().layers, observers);
  const Tensor logits = model.forward(pass);
  const auto last = static_cast<int32_t>(logits.rows() - 1);
  const int32_t picked[] = {last, 0, last / 2};  // by themselves and in any order they are the same
  const Tensor again = model.final_logits(pass, picked);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(std::memcmp(again.row(i).data(), logits.row(picked[i]).data(), again.row(i).size_bytes()), 0)
        << picked[i];
  int64_t row = 0;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const auto part = logits.rows(row, pieces[i]).all();
    feeds[i]->logits.insert(feeds[i]->logits.end(), part.begin(), part.end());
    const auto states = pass.final_states().rows(row, pieces[i]).all();
    feeds[i]->states.insert(feeds[i]->states.end(), states.begin(), states.end());
    feeds[i]->done += pieces[i];
    row += pieces[i];
  }
}

// Logits of all rows, then final states of all rows.
std::vector<float> numbers_of(Feed feed) {
  feed.logits.insert(feed.logits.end(), feed.states.begin(), feed.states.end());
  return std::move(feed.logits);
}

std::vector<float> whole(const Model& model, const Kernels& kernels, Pool& pool, const std::vector<Token>& tokens,
                         bool cached = true) {
  Feed feed = make_feed(model, tokens);
  if (!cached) feed.cache.reset(), feed.blocks = 0;
  Feed* feeds[] = {&feed};
  const int pieces[] = {static_cast<int>(tokens.size())};
  pass_over(model, kernels, pool, feeds, pieces);
  return numbers_of(std::move(feed));
}

::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b, int vocabulary) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " numbers against " << b.size();
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)))
      return ::testing::AssertionFailure() << i << ", row " << i / static_cast<size_t>(vocabulary) << " logit "
                                           << i % static_cast<size_t>(vocabulary) << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

// The subject in random pieces, among up to 15 strangers in random pieces, until all is fed.
std::vector<float> in_company(const Model& model, const Kernels& kernels, Pool& pool, const std::vector<Token>& tokens,
                              Random& random, int most_strangers, std::span<Observer* const> observers = {}) {
  Feed subject = make_feed(model, tokens);
  std::vector<Feed> strangers;
  const int count = most_strangers ? random.below(most_strangers + 1) : 0;
  for (int i = 0; i < count; ++i)
    strangers.push_back(make_feed(model, random_tokens(random, 1 + random.below(40), model.facts().vocabulary)));
  while (subject.done < static_cast<int>(tokens.size())) {
    std::vector<Feed*> feeds;
    std::vector<int> pieces;
    const auto take = [&](Feed& feed) {
      const int left = static_cast<int>(feed.tokens.size()) - feed.done;
      if (left == 0) return;
      const int piece = random.below(3) == 0 ? 1 : 1 + random.below(left);
      feeds.push_back(&feed);
      pieces.push_back(std::min(piece, left));
    };
    const int before = count ? random.below(count + 1) : 0;  // the subject stands among them, at any place
    for (int i = 0; i < before; ++i)
      if (random.below(2)) take(strangers[static_cast<size_t>(i)]);
    take(subject);
    for (int i = before; i < count; ++i)
      if (random.below(2)) take(strangers[static_cast<size_t>(i)]);
    pass_over(model, kernels, pool, feeds, pieces, observers);
  }
  return numbers_of(std::move(subject));
}

// What the head reads is a point; the states of all rows are no point, and are the same numbers.
void check_final_states(const Model& model, const Kernels& kernels, Pool& pool, const std::vector<Token>& tokens) {
  Recorder recorder({{Point::final_norm}}, Recorder::Rows::all);
  Observer* observers[] = {&recorder};
  Feed feed = make_feed(model, tokens);
  Feed* feeds[] = {&feed};
  const int pieces[] = {static_cast<int>(tokens.size())};
  pass_over(model, kernels, pool, feeds, pieces, observers);
  const Recorder::Entry* shown = recorder.find({Point::final_norm});
  ASSERT_TRUE(shown);
  EXPECT_TRUE(same_bits(shown->numbers, feed.states, model.facts().hidden)) << "final states";
}

void check_model(const Path& path, NumericMode mode, int trials, int length) {
  Pool one(1), two(2);
  const auto checkpoint = Checkpoint::open(path);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  const auto model = load_model(*checkpoint, {mode, {}}, two);
  ASSERT_TRUE(model) << model.error().what;
  const int vocabulary = (*model)->facts().vocabulary, most_strangers = sanitized ? 5 : 15;
  std::vector<float> first_set;
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(std::string(kernels->name) + ", " + text_of(mode));
    Random random(7);
    const std::vector<Token> tokens = random_tokens(random, length, vocabulary);
    const std::vector<float> expected = whole(**model, *kernels, one, tokens);
    for (const float x : expected) ASSERT_TRUE(std::isfinite(x));
    check_final_states(**model, *kernels, one, tokens);
    if (first_set.empty()) first_set = expected;
    EXPECT_TRUE(same_bits(first_set, expected, vocabulary)) << "against the first kernel set";
    EXPECT_TRUE(same_bits(expected, whole(**model, *kernels, two, tokens), vocabulary)) << "two threads";
    for (int trial = 0; trial < trials; ++trial) {
      Pool& pool = trial % 2 ? two : one;
      EXPECT_TRUE(same_bits(expected, in_company(**model, *kernels, pool, tokens, random, 0), vocabulary))
          << "chunked alone";
      EXPECT_TRUE(same_bits(expected, in_company(**model, *kernels, pool, tokens, random, most_strangers), vocabulary))
          << "in company";
      Recorder everything({{Point::embed},
                           {Point::resid_pre},
                           {Point::attn_in},
                           {Point::q},
                           {Point::k},
                           {Point::v},
                           {Point::q_latent},
                           {Point::kv_latent},
                           {Point::index_selected},
                           {Point::attn_scores},
                           {Point::attn_probs},
                           {Point::z},
                           {Point::attn_out},
                           {Point::resid_mid},
                           {Point::mlp_in},
                           {Point::mlp_act},
                           {Point::router_logits},
                           {Point::expert_indices},
                           {Point::expert_weights},
                           {Point::expert_out},
                           {Point::shared_out},
                           {Point::mlp_out},
                           {Point::resid_post},
                           {Point::resid_streams},
                           {Point::attn_stream_collapse},
                           {Point::attn_stream_mix},
                           {Point::mlp_stream_write},
                           {Point::compressed_kv},
                           {Point::final_norm},
                           {Point::lm_head}},
                          Recorder::Rows::last);
      Observer* observers[] = {&everything};
      EXPECT_TRUE(same_bits(expected, in_company(**model, *kernels, pool, tokens, random, 3, observers), vocabulary))
          << "watched";
      EXPECT_FALSE(everything.entries().empty());
    }
  }
}

struct Tiny {
  const char* name;
  MlaForm mla = MlaForm::absorbed;
};

class Bits : public ::testing::TestWithParam<Tiny> {
 protected:
  void check(NumericMode mode, int trials) {
    mode.mla = GetParam().mla;
    check_model(Path("tests/golden/models") / GetParam().name, mode, sanitized ? 1 : trials, positions);
  }
};

TEST_P(Bits, Int8) { check({}, 2); }
TEST_P(Bits, Int8WithFloatCache) { check({Arithmetic::int8, KvType::f32}, 1); }
TEST_P(Bits, Int8WithByteCache) {
  if (!std::string_view(GetParam().name).starts_with("deepseek_v4")) return check({Arithmetic::int8, KvType::q8}, 2);
  Pool pool(1);  // its cache has no such form, and says so
  const auto checkpoint = Checkpoint::open(Path("tests/golden/models") / GetParam().name);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  const auto model = load_model(*checkpoint, {{Arithmetic::int8, KvType::q8}, {}}, pool);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().what.find("q8"), std::string::npos) << model.error().what;
}
TEST_P(Bits, Exact) { check(NumericMode::exact(), 2); }

constexpr auto expanded = MlaForm::expanded;
constexpr Tiny tinies[] = {{"llama_tied"},
                           {"llama_llama3rope"},
                           {"llama_linear_bf16"},
                           {"qwen2_untied"},
                           {"qwen3_yarn"},
                           {"deepseek_moe"},
                           {"deepseek_moe/model.gguf"},
                           {"deepseek_v2_lite"},
                           {"deepseek_v3_yarn"},
                           {"deepseek_v3_bf16"},
                           {"deepseek_v31_fp8"},
                           {"deepseek_v32"},
                           {"deepseek_v4"},
                           {"deepseek_v4_fp4"},
                           {"deepseek_v2_lite", expanded},
                           {"deepseek_v3_yarn", expanded},
                           {"deepseek_v3_bf16", expanded},
                           {"deepseek_v32", expanded}};
INSTANTIATE_TEST_SUITE_P(Tiny, Bits, ::testing::ValuesIn(tinies), [](const auto& tiny) {
  std::string name = std::string(tiny.param.name) + (tiny.param.mla == expanded ? "_expanded" : "");
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '.'; }, '_');
  return name;
});

// Both forms of latent attention are the same function. The reference's own logits, in another order of the same
// float32 arithmetic, are `rounding` away from those in float64; so each form may be a few times that, and the two
// twice as far.
class Forms : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Forms, AgreeWithinRounding) {
  const Path folder = Path("tests/golden/models") / GetParam();
  const auto text = read_file(folder / "golden.json", limits::json_bytes);
  ASSERT_TRUE(text) << text.error().what;
  const auto facts = parse_json(*text, "golden.json");
  ASSERT_TRUE(facts) << facts.error().what;
  const auto rounding = facts->at("float64_vs_float32_max").get<double>();
  const auto checkpoint = Checkpoint::open(folder);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  Pool pool(2);
  std::vector<std::vector<float>> logits;
  for (const MlaForm form : {MlaForm::absorbed, MlaForm::expanded}) {
    NumericMode mode = NumericMode::exact();
    mode.mla = form;
    const auto model = load_model(*checkpoint, {mode, {}}, pool);
    ASSERT_TRUE(model) << model.error().what;
    for (const bool cached : {true, false}) {
      Random random(8);
      const auto tokens = random_tokens(random, 32, (*model)->facts().vocabulary);  // as the golden
      logits.push_back(whole(**model, best_kernels(), pool, tokens, cached));
    }
  }
  EXPECT_EQ(logits[0], logits[1]);  // absorbed, with f32 pages of its own
  for (const size_t other : {2u, 3u}) {
    double most = 0;
    for (size_t at = 0; at < logits[0].size(); ++at)
      most = std::max(most, std::abs(double{logits[0][at]} - double{logits[other][at]}));
    if (other == 3 || !GetParam().ends_with("v32")) {  // rows that read a selection over a cache are absorbed in both
      EXPECT_GT(most, 0) << "one form only";
    }
    EXPECT_LE(most, 2 * 4 * rounding);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Forms,
                         ::testing::Values("deepseek_v2_grouped", "deepseek_v2_lite", "deepseek_v3", "deepseek_v3_yarn",
                                           "deepseek_v3_bf16", "deepseek_v3_fp8", "deepseek_v31_fp8", "deepseek_v32"),
                         [](const auto& tiny) { return std::string(tiny.param); });

TEST(RealModelBits, Int8AndExact) {
  const char* path = std::getenv("FREEHOLD_BITS_MODEL");
  ASSERT_TRUE(path) << "FREEHOLD_BITS_MODEL must name a checkpoint";
  check_model(path, NumericMode{}, 1, 70);
  check_model(path, {Arithmetic::int8, KvType::q8}, 1, 70);
  check_model(path, NumericMode::exact(), 1, 24);
}

}  // namespace
}  // namespace freehold
