// Sampler: from the logits of one position to the next token. All in double with exp and log of our own, one random
// number a choice, ties to the lowest id: the same seed gives the same tokens on every machine.
//
// Where a grammar says which tokens may come, the others are left out before the first step; log probabilities stay
// those of all.
//
// Order of the steps, each on what the one before left:
//   1. logit bias        logit += bias[token]
//   2. repetition        of every token seen (prompt and answer): logit > 0 ? logit / r : logit * r   (Keskar 2019)
//   3. frequency, presence  of every token of the answer: logit -= frequency * count + presence
//   4. temperature       0: take the largest, done. Else logit / temperature, and probabilities by softmax
//   5. top-k             the k most likely stay
//   6. top-p             the fewest most likely whose probabilities (of what stayed) reach p stay
//   7. min-p             those with at least min_p times the probability of the most likely stay
//   8. draw
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "text/grammar/compiled_grammar.h"

namespace freehold {

using Token = int32_t;

struct SamplerSettings {
  double temperature = 0.7;                          // 0..100; 0: always the most likely
  int top_k = 40;                                    // 0: all
  double top_p = 0.95;                               // above 0, at most 1
  double min_p = 0.05;                               // 0..1
  double repetition_penalty = 1;                     // above 0, at most 10; 1: none
  double frequency_penalty = 0;                      // -2..2
  double presence_penalty = 0;                       // -2..2
  std::vector<std::pair<Token, double>> logit_bias;  // -100..100 each, tokens below the vocabulary
  uint64_t seed = 0;
  bool score = false;    // fill Choice::logprob (costs a sum over the vocabulary)
  int top_logprobs = 0;  // 0..20; fill Choice::top with so many
};

// Refuses values out of range, naming the setting.
Result<Done> check_settings(const SamplerSettings&, int vocabulary);

struct Scored {
  Token token = -1;
  double logprob = 0;  // natural logarithm, of the model's own distribution: before bias, penalties and temperature
};
struct Choice : Scored {
  std::vector<Scored> top;  // most likely first
};

class Sampler {
 public:
  static Result<Sampler> make(SamplerSettings settings, int vocabulary);

  // Forgets the counts of penalties and counts `prompt` as seen. The random sequence goes on.
  void begin(std::span<const Token> prompt);
  // The next token, which is counted as part of the answer; one of `allowed`, if given. NaN, +infinity or nothing but
  // -infinity is an error.
  Result<Choice> pick(std::span<const float> logits, const TokenMask* allowed = nullptr);

  const SamplerSettings& settings() const { return settings_; }

 private:
  struct Candidate {
    double number;  // adjusted logit, then unnormalised probability
    Token token;
  };
  static bool better(const Candidate& a, const Candidate& b) {
    return a.number > b.number || (a.number == b.number && a.token < b.token);
  }
  class Ranking;
  Sampler(SamplerSettings settings, int vocabulary);
  void count(Token token);
  double adjusted(Token token, float logit) const;
  double choose_candidates(std::span<const float> logits, float largest, const TokenMask* allowed);
  Token draw(std::span<const float> logits, float largest, const TokenMask* allowed);

  SamplerSettings settings_;
  Random random_;
  bool plain_ = true;                   // neither bias nor penalties: the logits are used as they are
  std::vector<float> bias_;             // [vocabulary], empty without bias
  std::vector<uint8_t> seen_;           // [vocabulary]: in prompt or answer
  std::vector<int32_t> answer_counts_;  // [vocabulary]
  std::vector<Candidate> candidates_, ranked_;
  std::vector<uint32_t> class_counts_;
};

// Log probabilities of `token` and of the `top` most likely under the model's own distribution.
Result<Choice> score_token(std::span<const float> logits, Token token, int top);

double portable_exp(double x);  // within 2 units in the last place; 0 far below
double portable_log(double x);  // x > 0

}  // namespace freehold
