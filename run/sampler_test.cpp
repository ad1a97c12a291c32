#include "run/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace freehold {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

Sampler sampler(SamplerSettings settings, int vocabulary = 8) {
  auto made = Sampler::make(std::move(settings), vocabulary);
  EXPECT_TRUE(made) << made.error().what;
  return std::move(*made);
}
SamplerSettings open_settings(uint64_t seed = 1) {  // temperature 1, nothing cut off
  SamplerSettings s;
  s.temperature = 1, s.top_k = 0, s.top_p = 1, s.min_p = 0, s.seed = seed;
  return s;
}
SamplerSettings greedy() {
  SamplerSettings s;
  s.temperature = 0;
  return s;
}
std::map<Token, int> draws(SamplerSettings settings, const std::vector<float>& logits, int count) {
  Sampler s = sampler(std::move(settings), static_cast<int>(logits.size()));
  std::map<Token, int> found;
  for (int i = 0; i < count; ++i) {
    s.begin({});
    ++found[s.pick(logits)->token];
  }
  return found;
}

TEST(PortableMath, AgreesWithTheLibrary) {
  for (double x = -700; x < 700; x += 0.377) {
    const double expected = std::exp(x);
    EXPECT_NEAR(portable_exp(x) / expected, 1, 1e-15) << x;
    EXPECT_NEAR(portable_log(expected), x, 1e-15 * std::max(1.0, std::fabs(x)) * 4) << x;
  }
  EXPECT_EQ(portable_exp(0), 1);
  EXPECT_EQ(portable_exp(-1e9), 0);
  EXPECT_EQ(portable_log(1), 0);
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowestIdOfEquals) {
  Sampler s = sampler(greedy());
  EXPECT_EQ(s.pick(std::vector<float>{0, 1, 5, 2, 5, -1, 0, 3})->token, 2);
  EXPECT_EQ(s.pick(std::vector<float>(8, -3.5f))->token, 0);
}

TEST(Sampler, ASeedMeansTheSameEverywhere) {
  // Fixed for all machines and versions (also computed by an independent script): a change changes every answer.
  Sampler s = sampler(open_settings(42));
  const std::vector<float> logits = {0, 0.5f, 1, 1.5f, 1, 0.5f, 0, -1};
  std::vector<Token> tokens;
  for (int i = 0; i < 12; ++i) tokens.push_back(s.pick(logits)->token);
  EXPECT_EQ(tokens, (std::vector<Token>{5, 2, 7, 1, 5, 4, 3, 4, 3, 6, 4, 0}));
}

TEST(Sampler, DrawsInProportion) {
  const std::vector<float> logits = {std::log(1.f), std::log(2.f), std::log(5.f), -infinity};
  const auto found = draws(open_settings(), logits, 20000);
  EXPECT_NEAR(found.at(0) / 20000.0, 1 / 8.0, 0.01);
  EXPECT_NEAR(found.at(1) / 20000.0, 2 / 8.0, 0.01);
  EXPECT_NEAR(found.at(2) / 20000.0, 5 / 8.0, 0.01);
  EXPECT_FALSE(found.contains(3));
}

TEST(Sampler, TemperatureSharpens) {
  SamplerSettings s = open_settings();
  s.temperature = 0.5;  // squares the odds: 1 to 4 becomes 1 to 16
  const auto found = draws(s, {0, std::log(4.f)}, 17000);
  EXPECT_NEAR(found.at(0), 1000, 120);
}

TEST(Sampler, TopKKeepsTheMostLikelyAndTheLowestIdOfEquals) {
  SamplerSettings s = open_settings();
  s.top_k = 2;
  const auto found = draws(s, {1, 3, 2, 2, 0, 2, 1, 0}, 500);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_TRUE(found.contains(1) && found.contains(2));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplerSettings s = open_settings();
  const std::vector<float> logits = {std::log(.5f), std::log(.3f), std::log(.15f), std::log(.05f)};
  s.top_p = 0.79;
  EXPECT_EQ(draws(s, logits, 500).size(), 2u);
  s.top_p = 0.81;
  EXPECT_EQ(draws(s, logits, 500).size(), 3u);
  s.top_p = 1e-9;
  EXPECT_EQ(draws(s, logits, 50).size(), 1u);
}

TEST(Sampler, MinPIsRelativeToTheMostLikely) {
  SamplerSettings s = open_settings();
  const std::vector<float> logits = {std::log(.5f), std::log(.3f), std::log(.15f), std::log(.05f)};
  s.min_p = 0.2;  // 0.1 absolute
  EXPECT_EQ(draws(s, logits, 500).size(), 3u);
  s.min_p = 1;
  EXPECT_EQ(draws(s, logits, 50).size(), 1u);
}

// The steps of the header over a full sort of the vocabulary; `random` is the sampler's own sequence.
Token by_sorting(const SamplerSettings& s, const std::vector<float>& logits, const std::vector<Token>& prompt,
                 const std::vector<Token>& answer, Random& random) {
  std::vector<std::pair<double, Token>> all;  // minus the logit, then minus the probability: the best first
  for (Token token = 0; token < static_cast<Token>(logits.size()); ++token) {
    double logit = logits[static_cast<size_t>(token)];
    for (const auto& [biased, bias] : s.logit_bias) logit += biased == token ? bias : 0;
    const auto count = std::count(answer.begin(), answer.end(), token);
    if (count > 0 || std::find(prompt.begin(), prompt.end(), token) != prompt.end())
      logit = logit > 0 ? logit / s.repetition_penalty : logit * s.repetition_penalty;
    if (count > 0) logit -= s.frequency_penalty * static_cast<double>(count) + s.presence_penalty;
    all.emplace_back(-logit, token);
  }
  std::sort(all.begin(), all.end());
  if (s.temperature == 0) return all[0].second;
  if (s.top_k > 0) all.resize(std::min(all.size(), static_cast<size_t>(s.top_k)));
  const double most = all[0].first;
  double total = 0;
  for (auto& [number, token] : all) total -= number = -portable_exp((most - number) / s.temperature);
  std::sort(all.begin(), all.end());
  size_t stay = 0;
  for (double sum = 0; stay < all.size() && (stay == 0 || sum < s.top_p * total); ++stay) sum -= all[stay].first;
  if (s.top_p == 1) stay = all.size();
  while (stay > 1 && -all[stay - 1].first < s.min_p) --stay;
  double kept = 0, passed = 0;
  for (size_t i = 0; i < stay; ++i) kept -= all[i].first;
  const double mark = random.uniform() * kept;
  for (size_t i = 0; i < stay; ++i)
    if ((passed -= all[i].first) > mark) return all[i].second;
  return all[stay - 1].second;
}

TEST(Sampler, OfALargeVocabularyAsBySortingIt) {
  constexpr int vocabulary = 20'011;
  struct Case {
    double temperature;
    int top_k;
    double top_p, min_p, repetition, frequency, presence;
  };
  for (const Case& c : {Case{0, 0, 1, 0, 1, 0, 0}, Case{0, 0, 1, 0, 1.2, 0.5, 0}, Case{0.7, 40, 0.95, 0.05, 1, 0, 0},
                        Case{0.7, 40, 0.95, 0.05, 1.1, 0.3, 0.2}, Case{1, 0, 1, 0, 1, 0, 0}, Case{1.3, 0, 1, 0, 1.1, 0, 0},
                        Case{1, 0, 0.9, 0, 1, 0, 0}, Case{2, 0, 0.999, 0, 1, 0, 0}, Case{1, 0, 1, 0.02, 1, 0, 0},
                        Case{1, 3000, 0.99, 0, 1, 0, 0}, Case{100, 0, 1, 0, 1, 0, 0}, Case{1, vocabulary, 0.5, 0, 1, 0, 0}}) {
    SamplerSettings s;
    s.temperature = c.temperature, s.top_k = c.top_k, s.top_p = c.top_p, s.min_p = c.min_p, s.seed = 11;
    s.repetition_penalty = c.repetition, s.frequency_penalty = c.frequency, s.presence_penalty = c.presence;
    if (c.frequency != 0) s.logit_bias = {{17, 4.5}, {4000, -100}};
    Sampler fast = sampler(s, vocabulary);
    Random numbers(7), random(s.seed);
    std::vector<Token> prompt, answer;
    for (int i = 0; i < 30; ++i) prompt.push_back(numbers.below(vocabulary));
    fast.begin(prompt);
    for (int pick = 0; pick < 12; ++pick) {
      std::vector<float> logits(vocabulary);
      // Every third time equal ones, every fourth excluded ones.
      for (float& logit : logits) {
        logit = 2.5f * numbers.normal() + (numbers.below(500) == 0 ? 6.0f : 0.0f);
        if (pick % 3 == 2) logit = std::round(logit);
        if (pick % 4 == 3 && numbers.below(2) == 0) logit = -infinity;
      }
      const Token expected = by_sorting(s, logits, prompt, answer, random);
      ASSERT_EQ(fast.pick(logits)->token, expected)
          << "temperature " << c.temperature << ", top_k " << c.top_k << ", top_p " << c.top_p << ", pick " << pick;
      answer.push_back(expected);
    }
  }
}

TEST(Sampler, TheMostLikelyOfALargeVocabularyAreScored) {
  Random numbers(3);
  std::vector<float> logits(5'003);
  for (float& logit : logits) logit = std::round(3 * numbers.normal());
  const auto choice = score_token(logits, 17, 20);
  ASSERT_TRUE(choice);
  std::vector<std::pair<float, Token>> all;
  for (Token token = 0; token < 5'003; ++token) all.emplace_back(-logits[static_cast<size_t>(token)], token);
  std::sort(all.begin(), all.end());
  ASSERT_EQ(choice->top.size(), 20u);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(choice->top[i].token, all[i].second);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  EXPECT_NEAR(choice->logprob, logits[17] - std::log(sum), 1e-12);
}

TEST(Sampler, PenaltiesCountPromptAndAnswerAsDocumented) {
  SamplerSettings s = greedy();
  s.repetition_penalty = 2;
  Sampler repetition = sampler(s);
  repetition.begin(std::vector<Token>{0, 1});
  // 4/2 = 2 < 3; and a negative logit is made worse: -1 * 2 = -2.
  EXPECT_EQ(repetition.pick(std::vector<float>{4, -1, 3, 0, 0, 0, 0, 0})->token, 2);
  EXPECT_EQ(repetition.pick(std::vector<float>{-9, -1, -9, -1.5f, -9, -9, -9, -9})->token, 3);

  s = greedy();
  s.frequency_penalty = 1;
  Sampler frequency = sampler(s);
  frequency.begin(std::vector<Token>{0, 0, 0});  // the prompt does not count
  const std::vector<float> logits = {2.5f, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(frequency.pick(logits)->token, 0);
  EXPECT_EQ(frequency.pick(logits)->token, 0);  // 1.5 > 1
  EXPECT_EQ(frequency.pick(logits)->token, 1);  // 0.5 < 1

  s = greedy();
  s.presence_penalty = 1;
  Sampler presence = sampler(s);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(presence.pick(logits)->token, 0) << i;  // subtracted once, however often
}

TEST(Sampler, BiasExcludesAndForces) {
  SamplerSettings s = greedy();
  s.logit_bias = {{2, -100}, {5, 100}};
  EXPECT_EQ(sampler(s).pick(std::vector<float>{0, 1, 50, 2, 5, -1, 0, 3})->token, 5);
}

TEST(Sampler, LogprobsAreThoseOfTheModel) {
  SamplerSettings s = greedy();
  s.top_logprobs = 2;
  s.logit_bias = {{0, 100}};
  const auto choice =
      *sampler(s, 4).pick(std::vector<float>{std::log(.1f), std::log(.2f), std::log(.6f), std::log(.1f)});
  EXPECT_EQ(choice.token, 0);
  EXPECT_NEAR(choice.logprob, std::log(.1), 1e-6);
  ASSERT_EQ(choice.top.size(), 2u);
  EXPECT_EQ(choice.top[0].token, 2);
  EXPECT_NEAR(choice.top[0].logprob, std::log(.6), 1e-6);
  EXPECT_EQ(choice.top[1].token, 1);
}

TEST(Sampler, LogitsThatAreNoNumbersAreAnError) {
  Sampler s = sampler(open_settings(), 3);
  for (const std::vector<float>& bad : {std::vector<float>{0, NAN, 1}, std::vector<float>{0, infinity, 1},
                                        std::vector<float>(3, -infinity), std::vector<float>(3, NAN)}) {
    const auto choice = s.pick(bad);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().fault, Fault::inconsistent);
  }
  EXPECT_TRUE(s.pick(std::vector<float>{-infinity, -infinity, 0}));
}

TEST(Sampler, SettingsOutOfRangeAreNamed) {
  const auto refused = [](auto change) {
    SamplerSettings s;
    change(s);
    const auto checked = check_settings(s, 8);
    return checked ? std::string("accepted") : checked.error().what.substr(0, checked.error().what.find(':'));
  };
  EXPECT_EQ(refused([](SamplerSettings& s) { s.temperature = -1; }), "temperature");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.temperature = NAN; }), "temperature");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.top_k = -1; }), "top_k");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.top_p = 0; }), "top_p");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.top_p = 1.01; }), "top_p");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.min_p = 2; }), "min_p");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.repetition_penalty = 0; }), "repetition_penalty");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.frequency_penalty = 3; }), "frequency_penalty");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.presence_penalty = -3; }), "presence_penalty");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.top_logprobs = 21; }), "top_logprobs");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.logit_bias = {{8, 0}}; }), "logit_bias");
  EXPECT_EQ(refused([](SamplerSettings& s) { s.logit_bias = {{1, 101}}; }), "logit_bias");
  EXPECT_EQ(refused([](SamplerSettings&) {}), "accepted");
}

}  // namespace
}  // namespace freehold
