#include "run/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace freehold {

// exp(x) = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2: the Taylor series of e^r to r^13 is exact to a double.
// Plain additions and multiplications in one order (no contraction), so every IEEE machine gets the same bits.
double portable_exp(double x) {
  if (!(x > -708.0)) return 0;
  if (x > 709.0) return std::numeric_limits<double>::infinity();
  constexpr double inverse_ln2 = 1.44269504088896338700, ln2_high = 0x1.62e42fee00000p-1,
                   ln2_low = 0x1.a39ef35793c76p-33;
  const double n = std::floor(x * inverse_ln2 + 0.5);
  const double r = (x - n * ln2_high) - n * ln2_low;
  constexpr double inverse_factorial[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  double sum = inverse_factorial[0];
  for (size_t i = 1; i < std::size(inverse_factorial); ++i) sum = sum * r + inverse_factorial[i];
  return sum * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

// log(x) = e ln 2 + 2 artanh((m - 1) / (m + 1)) with m in [sqrt(1/2), sqrt(2)): z² <= 0.0295, eleven terms suffice.
double portable_log(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752440) {
    m *= 2;
    --exponent;
  }
  const double z = (m - 1) / (m + 1), square = z * z;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return 2 * z * sum + exponent * 0.69314718055994530942;
}

Result<Done> check_settings(const SamplerSettings& s, int vocabulary) {
  const auto within = [](std::string_view name, double value, double least, double most) -> Result<Done> {
    if (!(value >= least && value <= most))
      return usage_error("{}: expected a number from {} to {}, found {}", name, least, most, value);
    return Done{};
  };
  TRY(within("temperature", s.temperature, 0, 100));
  TRY(within("top_k", s.top_k, 0, std::numeric_limits<int>::max()));
  TRY(within("top_p", s.top_p, std::numeric_limits<double>::min(), 1));
  TRY(within("min_p", s.min_p, 0, 1));
  TRY(within("repetition_penalty", s.repetition_penalty, 0.01, 10));
  TRY(within("frequency_penalty", s.frequency_penalty, -2, 2));
  TRY(within("presence_penalty", s.presence_penalty, -2, 2));
  TRY(within("top_logprobs", s.top_logprobs, 0, 20));
  for (const auto& [token, bias] : s.logit_bias) {
    if (token < 0 || token >= vocabulary)
      return usage_error("logit_bias: token {} is not in the vocabulary of {}", token, vocabulary);
    TRY(within("logit_bias", bias, -100, 100));
  }
  return Done{};
}

Result<Sampler> Sampler::make(SamplerSettings settings, int vocabulary) {
  CHECK(vocabulary > 0, "vocabulary {}", vocabulary);
  TRY(check_settings(settings, vocabulary));
  return Sampler(std::move(settings), vocabulary);
}

Sampler::Sampler(SamplerSettings settings, int vocabulary)
    : settings_(std::move(settings)),
      random_(settings_.seed),
      seen_(static_cast<size_t>(vocabulary)),
      answer_counts_(static_cast<size_t>(vocabulary)) {
  const SamplerSettings& s = settings_;
  plain_ = s.logit_bias.empty() && s.repetition_penalty == 1 && s.frequency_penalty == 0 && s.presence_penalty == 0;
  if (!s.logit_bias.empty()) bias_.resize(static_cast<size_t>(vocabulary));
  for (const auto& [token, bias] : s.logit_bias) bias_[static_cast<size_t>(token)] += static_cast<float>(bias);
  candidates_.reserve(static_cast<size_t>(vocabulary));
}

void Sampler::begin(std::span<const Token> prompt) {
  std::fill(seen_.begin(), seen_.end(), uint8_t{0});
  std::fill(answer_counts_.begin(), answer_counts_.end(), 0);
  for (const Token token : prompt) {
    CHECK(token >= 0 && static_cast<size_t>(token) < seen_.size(), "token {}", token);
    seen_[static_cast<size_t>(token)] = 1;
  }
}

void Sampler::count(Token token) {
  seen_[static_cast<size_t>(token)] = 1;
  ++answer_counts_[static_cast<size_t>(token)];
}

double Sampler::adjusted(Token token, float raw) const {
  const size_t i = static_cast<size_t>(token);
  double logit = raw;
  if (plain_) return logit;
  if (!bias_.empty()) logit += bias_[i];
  if (seen_[i] && settings_.repetition_penalty != 1)
    logit = logit > 0 ? logit / settings_.repetition_penalty : logit * settings_.repetition_penalty;
  if (answer_counts_[i] > 0) logit -= settings_.frequency_penalty * answer_counts_[i] + settings_.presence_penalty;
  return logit;
}

namespace {

// At least one number to choose, none that is not a number.
Result<Done> check_logits(std::span<const float> logits) {
  float most = -std::numeric_limits<float>::infinity();
  bool number = true;
  for (const float logit : logits) {
    number &= logit == logit;
    most = std::max(most, logit);
  }
  if (number && std::isfinite(most)) return Done{};
  for (size_t i = 0; i < logits.size(); ++i)
    if (!(logits[i] < std::numeric_limits<float>::infinity()))
      return inconsistent("logits: token {} has {}, expected finite numbers: the weights or an edit are broken", i,
                          logits[i]);
  return inconsistent("logits: every token is excluded, expected one to choose");
}

constexpr size_t first_sorted = 64;

}  // namespace

Token Sampler::draw(std::span<const float> logits) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  };
  const int vocabulary = static_cast<int>(logits.size());
  if (settings_.temperature == 0) {
    Candidate best{-std::numeric_limits<double>::infinity(), 0};
    for (Token token = 0; token < vocabulary; ++token)
      if (const double logit = adjusted(token, logits[static_cast<size_t>(token)]); logit > best.logit)
        best = {logit, token};
    return best.token;
  }

  // The k most likely, best first. Most tokens of a large vocabulary are below the worst of a small heap.
  candidates_.clear();
  const size_t keep =
      settings_.top_k > 0 ? std::min<size_t>(static_cast<size_t>(settings_.top_k), logits.size()) : logits.size();
  for (Token token = 0; token < vocabulary; ++token) {
    const Candidate candidate{adjusted(token, logits[static_cast<size_t>(token)]), token};
    if (candidates_.size() < keep) {
      candidates_.push_back(candidate);
      if (keep < logits.size()) std::push_heap(candidates_.begin(), candidates_.end(), better);
    } else if (better(candidate, candidates_.front())) {
      std::pop_heap(candidates_.begin(), candidates_.end(), better);
      candidates_.back() = candidate;
      std::push_heap(candidates_.begin(), candidates_.end(), better);
    }
  }
  // From here on `logit` holds the unnormalised probability; the most likely has 1.
  const double most = std::min_element(candidates_.begin(), candidates_.end(), better)->logit;
  double total = 0;
  for (Candidate& candidate : candidates_) {
    candidate.logit = portable_exp((candidate.logit - most) / settings_.temperature);
    total += candidate.logit;
  }
  // Best first, as far as that is needed: of a large vocabulary seldom more than the first block.
  size_t sorted = 0;
  const auto sort_up_to = [&](size_t count) {
    if (count <= sorted) return;
    const auto from = candidates_.begin() + static_cast<std::ptrdiff_t>(sorted);
    const size_t end = std::min(candidates_.size(), std::max(count, 8 * sorted + first_sorted));
    const auto to = candidates_.begin() + static_cast<std::ptrdiff_t>(end);
    if (to != candidates_.end()) std::nth_element(from, to, candidates_.end(), better);
    std::sort(from, to, better);
    sorted = end;
  };
  size_t stay = candidates_.size();
  if (settings_.top_p < 1) {
    double sum = 0;
    stay = 0;
    while (stay < candidates_.size() && (stay == 0 || sum < settings_.top_p * total)) {
      sort_up_to(stay + 1);
      sum += candidates_[stay++].logit;
    }
  }
  if (settings_.min_p > 0) {
    const auto enough = [&](const Candidate& candidate) { return candidate.logit >= settings_.min_p; };
    const auto count = std::count_if(candidates_.begin(), candidates_.end(), enough);
    stay = std::max<size_t>(1, std::min(stay, static_cast<size_t>(count)));
  }

  double sum = total;
  if (stay < candidates_.size()) {
    sort_up_to(stay);
    sum = 0;
    for (size_t i = 0; i < stay; ++i) sum += candidates_[i].logit;
  }
  const double mark = random_.uniform() * sum;
  double passed = 0;
  for (size_t i = 0; i < stay; ++i) {
    sort_up_to(i + 1);
    if ((passed += candidates_[i].logit) > mark) return candidates_[i].token;
  }
  return candidates_[stay - 1].token;  // rounding of the sum
}

Result<Choice> Sampler::pick(std::span<const float> logits) {
  CHECK(logits.size() == seen_.size(), "{} logits, vocabulary {}", logits.size(), seen_.size());
  TRY(check_logits(logits));
  Choice choice;
  choice.token = draw(logits);
  if (settings_.score || settings_.top_logprobs > 0) {
    TRY_ASSIGN(choice, score_token(logits, choice.token, settings_.top_logprobs));
  }
  count(choice.token);
  return choice;
}

Result<Choice> score_token(std::span<const float> logits, Token token, int top) {
  CHECK(token >= 0 && static_cast<size_t>(token) < logits.size(), "token {}", token);
  TRY(check_logits(logits));
  const double most = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += portable_exp(logit - most);
  const double base = most + portable_log(total);
  Choice choice;
  choice.token = token;
  choice.logprob = logits[static_cast<size_t>(token)] - base;
  std::vector<Token> order(static_cast<size_t>(top > 0 ? logits.size() : 0));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
  const size_t count = std::min(order.size(), static_cast<size_t>(std::max(top, 0)));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](Token a, Token b) {
                      const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
                      return x > y || (x == y && a < b);
                    });
  for (size_t i = 0; i < count; ++i) choice.top.push_back({order[i], logits[static_cast<size_t>(order[i])] - base});
  return choice;
}

}  // namespace freehold
