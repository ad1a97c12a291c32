// Decimal numbers between two bounds, as a grammar: digit by digit, as long as the digits are those of a bound, its
// next one limits what may come; after a digit between the bounds any may.
#include <algorithm>
#include <cstdlib>

#include "text/grammar/json_grammar.h"

namespace freehold {
namespace {

constexpr int most_digits = 16, most_bound_digits = 25;

struct Decimal {                      // its size; the sign stands apart
  std::string whole = "0", fraction;  // without zeros in front, or at the end
  bool negative = false, exclusive = false;
  bool zero() const { return whole == "0" && fraction.empty(); }
};

Result<Decimal> decimal_of(const JsonGrammar::Bound& bound) {
  Decimal made;
  made.exclusive = bound.exclusive;
  std::string text = bound.value.dump();  // the shortest that reads as the same number
  if (text.starts_with('-')) made.negative = true, text.erase(0, 1);
  int exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    exponent = std::atoi(text.c_str() + e + 1);
    text.resize(e);
  }
  const size_t point = text.find('.');
  std::string figures = text.substr(0, point);
  int places = static_cast<int>(figures.size()) + exponent;  // in front of the point
  if (point != text.npos) figures += text.substr(point + 1);
  if (std::abs(exponent) > most_bound_digits || figures.size() > most_bound_digits)
    return unsupported("a bound of more than {} digits: {}", most_bound_digits, printable(bound.value.dump(), 40));
  if (places <= 0) figures.insert(0, static_cast<size_t>(1 - places), '0'), places = 1;
  if (static_cast<size_t>(places) > figures.size()) figures.append(static_cast<size_t>(places) - figures.size(), '0');
  made.whole = figures.substr(0, static_cast<size_t>(places));
  made.fraction = figures.substr(static_cast<size_t>(places));
  made.whole.erase(0, std::min(made.whole.find_first_not_of('0'), made.whole.size() - 1));
  made.fraction.erase(made.fraction.find_last_not_of('0') + 1);
  if (made.zero()) made.negative = false;
  return made;
}

bool whole_less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string plus_one(std::string whole) {
  size_t i = whole.size();
  while (i > 0 && whole[i - 1] == '9') whole[--i] = '0';
  if (i > 0)
    ++whole[i - 1];
  else
    whole.insert(whole.begin(), '1');
  return whole;
}

std::string minus_one(std::string whole) {  // of what is above 0
  size_t i = whole.size();
  while (whole[i - 1] == '0') whole[--i] = '9';
  --whole[i - 1];
  if (whole.size() > 1 && whole[0] == '0') whole.erase(0, 1);
  return whole;
}

class Range {
 public:
  explicit Range(Grammar& grammar) : g_(grammar) {}
  using Node = Grammar::Node;

  // Whole numbers from `low` to `high`; without `high` as long as is usual.
  Node whole(const std::string& low, const std::optional<std::string>& high) {
    std::vector<Node> ways;
    const size_t longest = high ? high->size() : std::max<size_t>(most_digits, low.size() + 1);
    for (size_t length = low.size(); length <= longest; ++length) {
      std::string least(length, '0');
      least[0] = '1';
      if (length == low.size()) least = low;
      const std::string most = high && length == high->size() ? *high : std::string(length, '9');
      if (least <= most) ways.push_back(whole_from(least, most, 0, true, true));
    }
    return g_.choice(std::move(ways));
  }

  // Nothing, or a point and digits: above the digits of `low`, below those of `high`, where they are given.
  Node fraction(const Decimal* low, const Decimal* high) {
    std::vector<Node> ways;
    if (may_end(low, high, 0)) ways.push_back(g_.nothing());
    ways.push_back(g_.sequence({g_.literal("."), g_.choice(digits_from(low, high, 0))}));
    return g_.choice(std::move(ways));
  }

 private:
  Node figures(int first, int last) {
    CharSet set;
    set.add(static_cast<char32_t>('0' + first), static_cast<char32_t>('0' + last));
    return g_.chars(std::move(set));
  }

  // Digits from..end of numbers as long as both; `tight`: those before are the bound's own.
  Node whole_from(const std::string& low, const std::string& high, size_t from, bool low_tight, bool high_tight) {
    if (from == low.size()) return g_.nothing();
    const int left = static_cast<int>(low.size() - from);
    if (!low_tight && !high_tight) return g_.repeat(figures(0, 9), left, left);
    const int a = low_tight ? low[from] - '0' : 0, b = high_tight ? high[from] - '0' : 9;
    if (a == b && low_tight && high_tight)
      return g_.sequence({figures(a, a), whole_from(low, high, from + 1, true, true)});
    std::vector<Node> ways;
    const int first = low_tight ? a + 1 : a, last = high_tight ? b - 1 : b;
    if (low_tight) ways.push_back(g_.sequence({figures(a, a), whole_from(low, high, from + 1, true, false)}));
    if (first <= last)
      ways.push_back(g_.sequence({figures(first, last), whole_from(low, high, from + 1, false, false)}));
    if (high_tight) ways.push_back(g_.sequence({figures(b, b), whole_from(low, high, from + 1, false, true)}));
    return g_.choice(std::move(ways));
  }

  // Bounds that are given have been equal so far.
  static bool may_end(const Decimal* low, const Decimal* high, size_t from) {
    if (low && (from < low->fraction.size() || low->exclusive)) return false;
    return !(high && from >= high->fraction.size() && high->exclusive);
  }

  std::vector<Node> digits_from(const Decimal* low, const Decimal* high, size_t from) {
    if (low && from >= low->fraction.size() && !low->exclusive) low = nullptr;  // what follows only adds
    std::vector<Node> ways;
    const size_t longest = most_digits + (low ? low->fraction.size() : 0) + (high ? high->fraction.size() : 0);
    if (from >= longest) return ways;
    if (!low && !high) {
      ways.push_back(g_.repeat(figures(0, 9), 1, most_digits));
      return ways;
    }
    const auto figure = [from](const Decimal* bound) {
      return from < bound->fraction.size() ? bound->fraction[from] - '0' : 0;
    };
    const int a = low ? figure(low) : 0, b = high ? figure(high) : 9;
    for (int first = a, last; first <= b; first = last + 1) {
      const bool at_low = low && first == a, at_high = high && first == b;
      last = at_low || at_high ? first : high ? b - 1 : b;
      const Decimal *next_low = at_low ? low : nullptr, *next_high = at_high ? high : nullptr;
      std::vector<Node> more = digits_from(next_low, next_high, from + 1);
      if (may_end(next_low, next_high, from + 1)) more.push_back(g_.nothing());
      if (!more.empty()) ways.push_back(g_.sequence({figures(first, last), g_.choice(std::move(more))}));
    }
    return ways;
  }

  Grammar& g_;
};

// Sizes from `low` to `high`.
Grammar::Node sizes(Grammar& g, Decimal low, const std::optional<Decimal>& high, bool integer) {
  Range range(g);
  if (integer) {
    if (!low.fraction.empty() || low.exclusive) low.whole = plus_one(low.whole);
    std::optional<std::string> most;
    if (high) {
      most = high->whole;
      if (high->fraction.empty() && high->exclusive) {
        if (*most == "0") return g.never();
        most = minus_one(*most);
      }
      if (whole_less(*most, low.whole)) return g.never();
    }
    return range.whole(low.whole, most);
  }
  const auto with = [&](Grammar::Node whole, const Decimal* least, const Decimal* most) {
    return g.sequence({whole, range.fraction(least, most)});
  };
  if (high && whole_less(high->whole, low.whole)) return g.never();
  if (high && high->whole == low.whole) {
    if (low.fraction > high->fraction) return g.never();
    return with(g.literal(low.whole), &low, &*high);
  }
  std::vector<Grammar::Node> ways{with(g.literal(low.whole), &low, nullptr)};
  const std::string first = plus_one(low.whole);
  if (!high)
    ways.push_back(with(range.whole(first, std::nullopt), nullptr, nullptr));
  else {
    const std::string last = minus_one(high->whole);
    if (!whole_less(last, first)) ways.push_back(with(range.whole(first, last), nullptr, nullptr));
    ways.push_back(with(g.literal(high->whole), nullptr, &*high));
  }
  return g.choice(std::move(ways));
}

}  // namespace

Result<Grammar::Node> JsonGrammar::number_between(const std::optional<Bound>& low, const std::optional<Bound>& high,
                                                  bool integer) {
  if (!low && !high) return integer ? this->integer() : number();
  std::optional<Decimal> least, most;
  if (low) {
    TRY_ASSIGN(least, decimal_of(*low));
  }
  if (high) {
    TRY_ASSIGN(most, decimal_of(*high));
  }
  std::vector<Node> ways;
  if (!most || !most->negative) {  // from 0 up
    const Decimal from = least && !least->negative ? *least : Decimal{};
    ways.push_back(sizes(g_, from, most, integer));
  }
  if (!least || least->negative) {  // below 0: sizes turn around
    Decimal from;
    from.exclusive = true;
    if (most && most->negative) from = *most;
    ways.push_back(g_.sequence({g_.literal("-"), sizes(g_, from, least, integer)}));
  }
  return g_.choice(std::move(ways));
}

}  // namespace freehold
