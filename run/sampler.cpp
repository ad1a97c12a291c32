#include "run/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace freehold {

namespace {

// exp(x) = 2^n e^r with n = floor(x / ln 2 + 1/2), |r| <= ln 2 / 2: the Taylor series of e^r to r^13 is exact to a
// double. Plain additions and multiplications in one order (no contraction), so every IEEE machine gets the same bits.
// Without branches and calls, so that a loop over it computes several at once: a sum with `shift` leaves the nearest
// whole number in its low bits.
inline double exp_of(double given) {
  constexpr double least = -708, most = 709, shift = 0x1.8p52;
  constexpr double inverse_ln2 = 1.44269504088896338700, ln2_high = 0x1.62e42fee00000p-1,
                   ln2_low = 0x1.a39ef35793c76p-33;
  double x = given > least ? given : least;
  x = x > most ? most : x;
  const double place = x * inverse_ln2 + 0.5, nearest = (place + shift) - shift;
  const double n = nearest > place ? nearest - 1 : nearest;
  const double r = (x - n * ln2_high) - n * ln2_low;
  constexpr double inverse_factorial[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  double sum = inverse_factorial[0];
  for (size_t i = 1; i < std::size(inverse_factorial); ++i) sum = sum * r + inverse_factorial[i];
  const double power = std::bit_cast<double>((std::bit_cast<uint64_t>(n + shift) + 1023) << 52);
  const double found = given > most ? std::numeric_limits<double>::infinity() : sum * power;
  return given > least ? found : 0;
}

constexpr size_t exp_block = 64;  // numbers of a block whose exponentials are computed together

}  // namespace

double portable_exp(double x) { return exp_of(x); }

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
  ranked_.reserve(static_cast<size_t>(vocabulary));
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

constexpr size_t lanes = 16;  // of loops that look at several logits at once

// The largest, of at least one number to choose and none that is not a number.
Result<float> largest_of(std::span<const float> logits) {
  std::array<float, lanes> largest;
  std::array<uint32_t, lanes> not_numbers{};
  largest.fill(-std::numeric_limits<float>::infinity());
  const auto look = [&](size_t lane, float logit) {
    not_numbers[lane] |= logit == logit ? 0u : 1u;
    largest[lane] = largest[lane] < logit ? logit : largest[lane];
  };
  const size_t whole = logits.size() / lanes * lanes;
  for (size_t i = 0; i < whole; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) look(lane, logits[i + lane]);
  for (size_t i = whole; i < logits.size(); ++i) look(0, logits[i]);
  const float most = *std::max_element(largest.begin(), largest.end());
  if (std::count(not_numbers.begin(), not_numbers.end(), 0u) == lanes && std::isfinite(most)) return most;
  for (size_t i = 0; i < logits.size(); ++i)
    if (!(logits[i] < std::numeric_limits<float>::infinity()))
      return inconsistent("logits: token {} has {}, expected finite numbers: the weights or an edit are broken", i,
                          logits[i]);
  return inconsistent("logits: every token is excluded, expected one to choose");
}

bool none_above(std::span<const float> logits, float worst) {
  uint32_t above = 0;
  for (size_t i = 0; i < lanes; ++i) above |= logits[i] > worst ? 1u : 0u;
  return above == 0;
}

// The `keep` best of values 0..count-1, as a heap whose first is the worst of them. Most of a large vocabulary are below
// that: skip(i, worst) may say so of the values i..i+lanes-1. Of equals the first ones stay.
template <class Value, class Skip, class Better, class Candidate>
void keep_best(size_t count, size_t keep, Value value, Skip skip, Better better, std::vector<Candidate>& heap) {
  heap.clear();
  for (size_t i = 0; i < count; ++i) {
    if (heap.size() < keep) {
      heap.push_back({value(i), static_cast<Token>(i)});
      std::push_heap(heap.begin(), heap.end(), better);
      continue;
    }
    while (i + lanes <= count && skip(i, heap.front().number)) i += lanes;
    if (i == count) break;
    const Candidate candidate{value(i), static_cast<Token>(i)};
    if (!better(candidate, heap.front())) continue;
    std::pop_heap(heap.begin(), heap.end(), better);
    heap.back() = candidate;
    std::push_heap(heap.begin(), heap.end(), better);
  }
}

constexpr size_t first_sorted = 64;

}  // namespace

// Candidates best first, as far as is asked for: of a large vocabulary seldom more than the first few. They are counted
// by the upper bits of their numbers, which lie in 0..1, and taken out from the top, some classes of them at a time.
class Sampler::Ranking {
 public:
  Ranking(const std::vector<Candidate>& all, std::vector<Candidate>& ranked, std::vector<uint32_t>& counts)
      : all_(all), ranked_(ranked), counts_(counts) {
    ranked_.clear();
  }
  const Candidate& operator[](size_t i) {
    if (i >= ranked_.size()) extend(i + 1);
    return ranked_[i];
  }

 private:
  static constexpr int class_shift = 48;  // leaves the exponent and four bits of the fraction
  static constexpr uint32_t classes = (std::bit_cast<uint64_t>(1.0) >> class_shift) + 1;
  static uint32_t class_of(const Candidate& c) {
    return static_cast<uint32_t>(std::bit_cast<uint64_t>(c.number) >> class_shift);
  }

  void extend(size_t count) {
    if (ranked_.empty()) {
      counts_.assign(classes, 0);
      for (const Candidate& candidate : all_) ++counts_[class_of(candidate)];
    }
    const size_t wanted = std::max(count, 8 * ranked_.size() + first_sorted), before = ranked_.size();
    const uint32_t end = open_;
    for (size_t sum = before; sum < wanted && open_ > 0;) sum += counts_[--open_];
    for (const Candidate& candidate : all_)
      if (const uint32_t its = class_of(candidate); its >= open_ && its < end) ranked_.push_back(candidate);
    std::sort(ranked_.begin() + static_cast<std::ptrdiff_t>(before), ranked_.end(), better);
  }

  const std::vector<Candidate>& all_;
  std::vector<Candidate>& ranked_;
  std::vector<uint32_t>& counts_;
  uint32_t open_ = classes;  // classes from here on are ranked
};

// The candidates with their adjusted logits: the k most likely, or all in the order of tokens. Returns the largest.
double Sampler::choose_candidates(std::span<const float> logits, float largest, const TokenMask* allowed) {
  const auto count = logits.size();
  const auto value = [&](size_t i) { return adjusted(static_cast<Token>(i), logits[i]); };
  if (allowed) {
    candidates_.clear();
    allowed->each([&](Token token) { candidates_.push_back({value(static_cast<size_t>(token)), token}); });
    if (const auto keep = static_cast<size_t>(settings_.top_k); settings_.top_k > 0 && keep < candidates_.size()) {
      std::partial_sort(candidates_.begin(), candidates_.begin() + settings_.top_k, candidates_.end(), better);
      candidates_.resize(keep);
    }
    return std::min_element(candidates_.begin(), candidates_.end(), better)->number;
  }
  if (settings_.top_k > 0 && static_cast<size_t>(settings_.top_k) < count) {
    const auto skip = [&](size_t first, double worst) {
      return plain_ && none_above(logits.subspan(first, lanes), static_cast<float>(worst));
    };
    keep_best(count, static_cast<size_t>(settings_.top_k), value, skip, better, candidates_);
    return std::min_element(candidates_.begin(), candidates_.end(), better)->number;
  }
  candidates_.resize(count);
  double most = plain_ ? largest : -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < count; ++i) candidates_[i] = {plain_ ? logits[i] : value(i), static_cast<Token>(i)};
  for (size_t i = 0; i < count && !plain_; ++i) most = std::max(most, candidates_[i].number);
  return most;
}

Token Sampler::draw(std::span<const float> logits, float largest, const TokenMask* allowed) {
  if (settings_.temperature == 0) {
    if (plain_ && !allowed) return static_cast<Token>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
    Candidate best{-std::numeric_limits<double>::infinity(), -1};
    const auto look = [&](Token token) {
      const double logit = adjusted(token, logits[static_cast<size_t>(token)]);
      if (best.token < 0 || logit > best.number) best = {logit, token};
    };
    if (allowed) {
      allowed->each(look);
    } else {
      for (Token token = 0; token < static_cast<Token>(logits.size()); ++token) look(token);
    }
    return best.token;
  }

  // Numbers become unnormalised probabilities; that of the most likely is 1.
  const double most = choose_candidates(logits, largest, allowed);
  if (most == -std::numeric_limits<double>::infinity()) return candidates_.front().token;  // all that are allowed
  double total = 0, x[exp_block];
  for (size_t first = 0; first < candidates_.size(); first += exp_block) {
    const size_t count = std::min(exp_block, candidates_.size() - first);
    for (size_t i = 0; i < count; ++i) x[i] = (candidates_[first + i].number - most) / settings_.temperature;
    for (size_t i = 0; i < count; ++i) x[i] = exp_of(x[i]);
    for (size_t i = 0; i < count; ++i) total += candidates_[first + i].number = x[i];
  }
  Ranking ranked(candidates_, ranked_, class_counts_);
  size_t stay = candidates_.size();
  if (settings_.top_p < 1) {
    double sum = 0;
    stay = 0;
    while (stay < candidates_.size() && (stay == 0 || sum < settings_.top_p * total)) sum += ranked[stay++].number;
  }
  if (settings_.min_p > 0) {
    const auto enough = [&](const Candidate& candidate) { return candidate.number >= settings_.min_p; };
    const auto count = std::count_if(candidates_.begin(), candidates_.end(), enough);
    stay = std::max<size_t>(1, std::min(stay, static_cast<size_t>(count)));
  }

  double sum = total;
  if (stay < candidates_.size()) {
    sum = 0;
    for (size_t i = 0; i < stay; ++i) sum += ranked[i].number;
  }
  const double mark = random_.uniform() * sum;
  double passed = 0;
  for (size_t i = 0; i < stay; ++i)
    if ((passed += ranked[i].number) > mark) return ranked[i].token;
  return ranked[stay - 1].token;  // rounding of the sum
}

Result<Choice> Sampler::pick(std::span<const float> logits, const TokenMask* allowed) {
  CHECK(logits.size() == seen_.size(), "{} logits, vocabulary {}", logits.size(), seen_.size());
  CHECK(!allowed || allowed->count() > 0, "no token is allowed");
  TRY_ASSIGN(const float largest, largest_of(logits));
  Choice choice;
  choice.token = draw(logits, largest, allowed);
  if (settings_.score || settings_.top_logprobs > 0) {
    TRY_ASSIGN(choice, score_token(logits, choice.token, settings_.top_logprobs));
  }
  count(choice.token);
  return choice;
}

Result<Choice> score_token(std::span<const float> logits, Token token, int top) {
  CHECK(token >= 0 && static_cast<size_t>(token) < logits.size(), "token {}", token);
  TRY_ASSIGN(const float largest, largest_of(logits));
  const double most = largest;
  double total = 0, x[exp_block];
  for (size_t first = 0; first < logits.size(); first += exp_block) {
    const size_t count = std::min(exp_block, logits.size() - first);
    for (size_t i = 0; i < count; ++i) x[i] = exp_of(logits[first + i] - most);
    for (size_t i = 0; i < count; ++i) total += x[i];
  }
  const double base = most + portable_log(total);
  Choice choice;
  choice.token = token;
  choice.logprob = logits[static_cast<size_t>(token)] - base;
  if (top <= 0) return choice;
  struct Likely {
    float number;
    Token token;
  };
  const auto better = [](const Likely& a, const Likely& b) {
    return a.number > b.number || (a.number == b.number && a.token < b.token);
  };
  std::vector<Likely> best;
  keep_best(
      logits.size(), std::min(logits.size(), static_cast<size_t>(top)), [&](size_t i) { return logits[i]; },
      [&](size_t first, float worst) { return none_above(logits.subspan(first, lanes), worst); }, better, best);
  std::sort(best.begin(), best.end(), better);
  for (const Likely& one : best) choice.top.push_back({one.token, one.number - base});
  return choice;
}

}  // namespace freehold
