// Each matcher answers for one place of the text: how many bytes match there (greedy and leftmost-first, as the regular
// expression in its comment would), or how many bytes can be passed because no match begins in them. A run of n
// characters is looked at a fixed number of times, so hostile text costs linear time.
#include "text/pretokenize_loops.h"

#include <algorithm>
#include <array>
#include <string>

#include "text/unicode.h"
#include "text/utf8.h"

namespace freehold {
namespace {

struct Found {
  size_t matched;  // 0: no match here
  size_t passed;   // then: bytes in which none begins, at least one character
};
Found match(size_t bytes) { return {bytes, 0}; }
Found none(size_t passed) { return {0, passed}; }

template <class Matcher>
class LoopStep : public SplitStep {
 public:
  void split(std::string_view text, PieceSink sink) const override {
    size_t done = 0, at = 0;
    while (at < text.size()) {
      const Found found = Matcher{}(text, at);
      if (!found.matched) {
        at += found.passed;
        continue;
      }
      if (done < at) sink(text.substr(done, at - done));
      sink(text.substr(at, found.matched));
      at += found.matched;
      done = at;
    }
    if (done < text.size()) sink(text.substr(done));
  }
};

// A character with its classes; past the end: no bytes, no classes.
struct Seen {
  char32_t code = 0;
  size_t bytes = 0;
  Classes classes = 0;
  bool is(Classes any) const { return (classes & any) != 0; }
  bool none_of(Classes any) const { return bytes != 0 && (classes & any) == 0; }
};
inline Seen see(std::string_view text, size_t at) {
  if (at >= text.size()) return {};
  const Character c = character_at(text, at);
  return {c.code, static_cast<size_t>(c.bytes), classes_of(c.code)};
}

// The first place at or after `at` whose character has none of the classes, or, with `wanted` false, any of them.
template <bool wanted = true>
size_t run_end(std::string_view text, size_t at, Classes classes) {
  while (at < text.size()) {
    const Seen c = see(text, at);
    if (c.is(classes) != wanted) break;
    at += c.bytes;
  }
  return at;
}

bool ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// 's|'t|'re|'ve|'m|'ll|'d  at an apostrophe: bytes, or 0.
size_t contraction(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  const char c = rest[0];
  if (c == 's' || c == 't' || c == 'm' || c == 'd') return 2;
  return rest == "re" || rest == "ve" || rest == "ll" ? 3 : 0;
}

// The same without regard to case; U+017F (long s) folds to s.
size_t contraction_any_case(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (rest == "\u017f") return 3;
  char folded[2] = {};
  for (size_t i = 0; i < rest.size(); ++i) folded[i] = ascii_letter(rest[i]) ? static_cast<char>(rest[i] | 0x20) : '\0';
  const char c = folded[0];
  if (c == 's' || c == 't' || c == 'm' || c == 'd') return 2;
  const std::string_view both(folded, 2);
  return both == "re" || both == "ve" || both == "ll" ? 3 : 0;
}

// \s+(?!\S)|\s+  at a white space whose run ends at `end`: the last one is left to the word behind it.
size_t spaces(std::string_view text, size_t at, size_t end) {
  if (end == text.size()) return end - at;
  size_t last = end - 1;
  while ((static_cast<unsigned char>(text[last]) & 0xc0) == 0x80) --last;
  return last > at ? last - at : end - at;
}

// \s*[\r\n]+|\s+(?!\S)|\s+  at a white space.
size_t lines_or_spaces(std::string_view text, size_t at) {
  const size_t end = run_end(text, at, space);
  const size_t newline = text.substr(at, end - at).find_last_of("\r\n");
  return newline != text.npos ? newline + 1 : spaces(text, at, end);
}

//  's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
struct Gpt2 {
  Found operator()(std::string_view text, size_t at) const {
    const char first = text[at];
    if (first == '\'')
      if (const size_t bytes = contraction(text, at)) return match(bytes);
    const size_t start = at + (first == ' ');
    const Seen c = see(text, start);
    if (c.is(letter)) return match(run_end(text, start + c.bytes, letter) - at);
    if (c.is(number)) return match(run_end(text, start + c.bytes, number) - at);
    if (c.none_of(space)) return match(run_end<false>(text, start + c.bytes, space | letter | number) - at);
    return match(spaces(text, at, run_end(text, at, space)));
  }
};

//  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
//  \s+(?!\S)|\s+
template <int digits>
struct QwenWords {
  Found operator()(std::string_view text, size_t at) const {
    const Seen c = see(text, at);
    if (c.is(letter)) return match(run_end(text, at + c.bytes, letter) - at);
    if (c.is(number)) {
      size_t end = at + c.bytes;
      for (int i = 1; i < digits; ++i) {
        const Seen next = see(text, end);
        if (!next.is(number)) break;
        end += next.bytes;
      }
      return match(end - at);
    }
    if (c.code == '\'')
      if (const size_t bytes = contraction_any_case(text, at)) return match(bytes);
    const size_t second = at + c.bytes;
    const Seen next = see(text, second);
    if (!c.is(line_end) && next.is(letter)) return match(run_end(text, second + next.bytes, letter) - at);
    if (!c.is(space) || (c.code == ' ' && next.none_of(space | letter | number))) {
      const size_t end = run_end<false>(text, second, space | letter | number);
      return match(run_end(text, end, line_end) - at);
    }
    return match(lines_or_spaces(text, at));
  }
};

//  [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
//  \s*[\r\n]+|\s+(?!\S)|\s+
struct DeepseekV3Words {
  Found operator()(std::string_view text, size_t at) const {
    const Seen c = see(text, at);
    const size_t second = at + c.bytes;
    if (c.is(letter | mark)) return match(run_end(text, second, letter | mark) - at);
    const bool drawn = c.is(punctuation | symbol);
    if (drawn && c.code < 128 && second < text.size() && ascii_letter(text[second])) {
      size_t end = second + 1;
      while (end < text.size() && ascii_letter(text[end])) ++end;
      return match(end - at);
    }
    const Seen next = see(text, second);
    if (!drawn && !c.is(line_end) && next.is(letter | mark))
      return match(run_end(text, second + next.bytes, letter | mark) - at);
    if (drawn || (c.code == ' ' && next.is(punctuation | symbol))) {
      const size_t end = run_end(text, second, punctuation | symbol);
      return match(run_end(text, end, line_end) - at);
    }
    if (c.is(space)) return match(lines_or_spaces(text, at));
    return none(c.bytes);
  }
};

// \p{N}{1,most}; 0: any number
template <int most>
struct Numbers {
  Found operator()(std::string_view text, size_t at) const {
    size_t end = at;
    for (int i = 0; most == 0 || i < most; ++i) {
      const Seen c = see(text, end);
      if (!c.is(number)) break;
      end += c.bytes;
    }
    return end > at ? match(end - at) : none(run_end<false>(text, at, number) - at);
  }
};

struct DigitsThree {
  Found operator()(std::string_view text, size_t at) const {
    const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
    if (digit(at) && digit(at + 1) && digit(at + 2)) return match(3);
    return none(see(text, at).bytes);
  }
};

struct LineEnd {
  Found operator()(std::string_view text, size_t at) const {
    if (text[at] == '\r' || text[at] == '\n') return match(1);
    return none(std::min(text.find_first_of("\r\n", at), text.size()) - at);
  }
};

// \s? and a run of one class
template <Classes classes>
struct SpacedRun {
  Found operator()(std::string_view text, size_t at) const {
    const Seen c = see(text, at);
    if (c.is(classes)) return match(run_end(text, at + c.bytes, classes) - at);
    if (c.is(space) && see(text, at + c.bytes).is(classes)) return match(run_end(text, at + c.bytes, classes) - at);
    return none(c.bytes);
  }
};

// \s+$  where $ is the end of the text or the place before a newline, as in Oniguruma.
struct LastSpaces {
  Found operator()(std::string_view text, size_t at) const {
    const size_t end = run_end(text, at, space);
    if (end == at) return none(run_end<false>(text, at, space) - at);
    if (end == text.size()) return match(end - at);
    const size_t newline = text.substr(0, end).rfind('\n');
    return newline != text.npos && newline > at ? match(newline - at) : none(end - at);
  }
};

struct DefaultMarks {
  static bool in(const Seen& c) { return c.is(punctuation) || (c.code < 128 && c.is(symbol) && c.code != '`'); }
  Found operator()(std::string_view text, size_t at) const {
    size_t end = at;
    for (Seen c = see(text, end); in(c); c = see(text, end)) end += c.bytes;
    return end > at ? match(end - at) : none(see(text, at).bytes);
  }
};

// Sets of ranges, sorted.
struct Range {
  char32_t first, last;
};
template <size_t n>
bool inside(const std::array<Range, n>& ranges, char32_t code) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                      [](char32_t c, const Range& range) { return c < range.first; });
  return after != ranges.begin() && code <= std::prev(after)->last;
}
template <size_t n>
size_t range_run_end(const std::array<Range, n>& ranges, std::string_view text, size_t at) {
  while (at < text.size()) {
    const Character c = character_at(text, at);
    if (!inside(ranges, c.code)) break;
    at += static_cast<size_t>(c.bytes);
  }
  return at;
}

constexpr std::array<Range, 2> cjk_ranges = {{{0x0800, 0x9fa5}, {0xac00, 0xd7ff}}};
constexpr std::array<Range, 2> cjk_kana_ranges = {{{0x3040, 0x30ff}, {0x4e00, 0x9fa5}}};
constexpr std::array<Range, 6> llm_mark_ranges = {
    {{'!', '/'}, {':', '~'}, {0x2018, 0x201f}, {0x3000, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e}}};
// The cased letters of the Unicode of DeepSeek-LLM's day, as its tokenizer spells them.
constexpr std::array<Range, 84> llm_letter_ranges = {
    {{0x0041, 0x005a},   {0x0061, 0x007a},   {0x00b5, 0x00b5},   {0x00c0, 0x00d6},   {0x00d8, 0x00f6},
     {0x00f8, 0x01ba},   {0x01bc, 0x01bf},   {0x01c4, 0x0293},   {0x0295, 0x02af},   {0x0370, 0x0373},
     {0x0376, 0x0377},   {0x037b, 0x037d},   {0x037f, 0x037f},   {0x0386, 0x0386},   {0x0388, 0x038a},
     {0x038c, 0x038c},   {0x038e, 0x03a1},   {0x03a3, 0x03f5},   {0x03f7, 0x0481},   {0x048a, 0x052f},
     {0x0531, 0x0556},   {0x10a0, 0x10c5},   {0x13a0, 0x13f5},   {0x13f8, 0x13fd},   {0x1c90, 0x1cba},
     {0x1cbd, 0x1cbf},   {0x1d00, 0x1d2b},   {0x1d6b, 0x1d77},   {0x1d79, 0x1d9a},   {0x1e00, 0x1f15},
     {0x1f18, 0x1f1d},   {0x1f20, 0x1f45},   {0x1f48, 0x1f4d},   {0x1f50, 0x1f57},   {0x1f59, 0x1f59},
     {0x1f5b, 0x1f5b},   {0x1f5d, 0x1f5d},   {0x1f5f, 0x1f7d},   {0x1f80, 0x1fb4},   {0x1fb6, 0x1fbc},
     {0x1fbe, 0x1fbe},   {0x1fc2, 0x1fc4},   {0x1fc6, 0x1fcc},   {0x1fd0, 0x1fd3},   {0x1fd6, 0x1fdb},
     {0x1fe0, 0x1fec},   {0x1ff2, 0x1ff4},   {0x1ff6, 0x1ffc},   {0x2102, 0x2102},   {0x2107, 0x2107},
     {0x210a, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211d},   {0x2124, 0x2124},   {0x2126, 0x2126},
     {0x2128, 0x2128},   {0x212a, 0x212d},   {0x212f, 0x2134},   {0x2139, 0x2139},   {0x213c, 0x213f},
     {0x2145, 0x2149},   {0x214e, 0x214e},   {0x2183, 0x2184},   {0x2c00, 0x2c7b},   {0x2c7e, 0x2ce4},
     {0x2ceb, 0x2cee},   {0x2cf2, 0x2cf3},   {0xa640, 0xa66d},   {0xa680, 0xa69b},   {0xa722, 0xa76f},
     {0xa771, 0xa787},   {0xa78b, 0xa78e},   {0xab70, 0xabbf},   {0xfb00, 0xfb06},   {0xfb13, 0xfb17},
     {0xff21, 0xff3a},   {0xff41, 0xff5a},   {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb},
     {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943}}};

template <const auto& ranges>
struct RangeRun {
  Found operator()(std::string_view text, size_t at) const {
    const size_t end = range_run_end(ranges, text, at);
    return end > at ? match(end - at) : none(see(text, at).bytes);
  }
};

// \s? and a run of a set
template <const auto& ranges>
struct SpacedRangeRun {
  Found operator()(std::string_view text, size_t at) const {
    const Seen c = see(text, at);
    const size_t start = inside(ranges, c.code) || !c.is(space) ? at : at + c.bytes;
    const size_t end = range_run_end(ranges, text, start);
    return end > start ? match(end - at) : none(c.bytes);
  }
};

// Regular expressions as the tokenizer.json files of the families write them, line ends as escapes.
struct Known {
  std::string_view expression;
  Pattern pattern;
};
constexpr std::string_view gpt2_expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr Known known[] = {
    {gpt2_expression, Pattern::gpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     Pattern::qwen2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     Pattern::llama3},
    {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     Pattern::deepseek_v3_words},
    {R"(\p{N})", Pattern::number},
    {R"(\p{N}+)", Pattern::numbers},
    {R"(\p{N}{1,3})", Pattern::numbers_by_three},
    {R"([\r\n])", Pattern::line_end},
    {R"(\s?\p{L}+)", Pattern::spaced_letters},
    {R"(\s?\p{P}+)", Pattern::spaced_marks},
    {R"(\s+$)", Pattern::last_spaces},
    {"[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", Pattern::cjk},
    {"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", Pattern::cjk_kana},
};

}  // namespace

std::shared_ptr<const SplitStep> loop_step(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
      return std::make_shared<LoopStep<Gpt2>>();
    case Pattern::qwen2:
      return std::make_shared<LoopStep<QwenWords<1>>>();
    case Pattern::llama3:
      return std::make_shared<LoopStep<QwenWords<3>>>();
    case Pattern::deepseek_v3_words:
      return std::make_shared<LoopStep<DeepseekV3Words>>();
    case Pattern::number:
      return std::make_shared<LoopStep<Numbers<1>>>();
    case Pattern::numbers:
      return std::make_shared<LoopStep<Numbers<0>>>();
    case Pattern::numbers_by_three:
      return std::make_shared<LoopStep<Numbers<3>>>();
    case Pattern::digits_three:
      return std::make_shared<LoopStep<DigitsThree>>();
    case Pattern::line_end:
      return std::make_shared<LoopStep<LineEnd>>();
    case Pattern::spaced_letters:
      return std::make_shared<LoopStep<SpacedRun<letter>>>();
    case Pattern::spaced_marks:
      return std::make_shared<LoopStep<SpacedRun<punctuation>>>();
    case Pattern::llm_words:
      return std::make_shared<LoopStep<SpacedRangeRun<llm_letter_ranges>>>();
    case Pattern::llm_marks:
      return std::make_shared<LoopStep<SpacedRangeRun<llm_mark_ranges>>>();
    case Pattern::last_spaces:
      return std::make_shared<LoopStep<LastSpaces>>();
    case Pattern::cjk:
      return std::make_shared<LoopStep<RangeRun<cjk_ranges>>>();
    case Pattern::cjk_kana:
      return std::make_shared<LoopStep<RangeRun<cjk_kana_ranges>>>();
    case Pattern::default_marks:
      return std::make_shared<LoopStep<DefaultMarks>>();
  }
  return nullptr;
}

std::optional<Pattern> known_pattern(std::string_view regular_expression) {
  std::string escaped;  // some files hold CR and LF themselves instead of \r and \n
  for (char c : regular_expression) {
    if (c == '\r')
      escaped += "\\r";
    else if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  for (const Known& k : known)
    if (k.expression == escaped) return k.pattern;
  return std::nullopt;
}

}  // namespace freehold
