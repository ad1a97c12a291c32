#include "text/grammar/regex_grammar.h"

#include <algorithm>

#include "base/hex.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace freehold {
namespace {

// The characters that some dialect counts as \d, \w or \s, where all take the ASCII ones.
const CharSet& wide_class(char name) {
  const auto gather = [](auto&& is_one) {
    CharSet set;
    for (char32_t code = 0; code <= 0x10ffff; ++code)
      if (is_one(code)) set.add(code);
    return set;
  };
  static const CharSet digits = gather([](char32_t c) { return (classes_of(c) & number) != 0; });
  static const CharSet words =
      gather([](char32_t c) { return word_character(c) || (classes_of(c) & (letter | number | mark)) != 0; });
  static const CharSet spaces =
      gather([](char32_t c) { return (classes_of(c) & space) != 0 || c == 0xfeff || (c >= 0x1c && c <= 0x1f); });
  return name == 'd' ? digits : name == 'w' ? words : spaces;
}

CharSet narrow_class(char name) {
  if (name == 's') return CharSet::of(" \t\n\r\f\v");
  CharSet set;
  set.add('0', '9');
  if (name == 'd') return set;
  set.add('a', 'z');
  set.add('A', 'Z');
  set.add('_');
  return set;
}

// \d and its kin: `wide`: with all that some dialect takes.
CharSet class_of_escape(char escape, bool wide) {
  const char lower = static_cast<char>(escape | 0x20);
  const bool inverted = lower != escape;
  const CharSet set = wide != inverted ? wide_class(lower) : narrow_class(lower);
  return inverted ? set.inverted() : set;
}

class RegexReader {
 public:
  RegexReader(Grammar& grammar, std::string_view text, RegexScope scope, Grammar::Writing writing)
      : grammar_(grammar), text_(text), scope_(scope), writing_(writing) {}

  Result<Grammar::Node> read() {
    if (text_.size() > limits::regex_bytes)
      return out_of_resources("pattern: {} bytes; at most {} are read", text_.size(), limits::regex_bytes);
    TRY_ASSIGN(const Grammar::Node node, choices(0));
    if (at_ < text_.size()) return fault("a ')' without its '('");
    return node;
  }

 private:
  using Node = Grammar::Node;

  Failure fault(std::string_view what) const { return malformed("pattern: {} at {}", what, at_); }
  Failure not_done(std::string_view what) const { return unsupported("pattern: {} at {} is not supported", what, at_); }
  bool ends() const { return at_ == text_.size(); }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Result<Node> choices(int depth) {
    if (depth > limits::grammar_nesting)
      return out_of_resources("pattern: groups are nested more than {} deep", limits::grammar_nesting);
    std::vector<Node> ways;
    do {
      TRY_ASSIGN(const Node way, sequence(depth));
      ways.push_back(way);
    } while (take("|"));
    return ways.size() == 1 ? ways[0] : grammar_.choice(std::move(ways));
  }

  Result<Node> sequence(int depth) {
    bool from_start = depth > 0 || scope_ == RegexScope::whole, to_end = from_start;
    while (depth == 0 && take("^")) from_start = true;
    std::vector<Node> parts;
    while (!ends() && text_[at_] != '|' && text_[at_] != ')') {
      if (depth == 0 && text_[at_] == '$' && (at_ + 1 == text_.size() || text_[at_ + 1] == '|')) {
        take("$");
        to_end = true;
        break;
      }
      TRY_ASSIGN(const Node part, repeated(depth));
      parts.push_back(part);
    }
    const Node rest = from_start && to_end ? -1 : grammar_.repeat(grammar_.chars(CharSet::all(), writing_), 0);
    if (!from_start) parts.insert(parts.begin(), rest);
    if (!to_end) parts.push_back(rest);
    return grammar_.sequence(std::move(parts));
  }

  Result<Node> repeated(int depth) {
    TRY_ASSIGN(const Node what, atom(depth));
    int least = 1, most = 1;
    if (take("*"))
      least = 0, most = -1;
    else if (take("+"))
      most = -1;
    else if (take("?"))
      least = 0;
    else if (!counts(least, most))
      return what;
    if (least > limits::grammar_repetitions || most > limits::grammar_repetitions)
      return out_of_resources("pattern: repeats more than {} times before {}", limits::grammar_repetitions, at_);
    if (most >= 0 && least > most) return fault("a repetition whose first number is the larger one");
    take("?");  // which way is tried first does not change what fits
    if (!ends() && (text_[at_] == '+' || text_[at_] == '*' || text_[at_] == '?'))
      return not_done("a repetition of a repetition");
    return grammar_.repeat(what, least, most);
  }

  // {m}, {m,}, {,n}, {m,n}; else the brace is a character.
  bool counts(int& least, int& most) {
    const size_t begin = at_;
    const auto figures = [&](int& to) {
      const size_t first = at_;
      int64_t value = 0;
      for (; !ends() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
        value = std::min<int64_t>(10 * value + (text_[at_] - '0'), INT32_MAX);
      to = static_cast<int>(value);
      return at_ > first;
    };
    if (take("{")) {
      const bool has_least = figures(least);
      if (take(",")) {
        if (!has_least) least = 0;
        const bool has_most = figures(most);
        if (!has_most) most = -1;
        if ((has_least || has_most) && take("}")) return true;
      } else if (has_least && take("}")) {
        most = least;
        return true;
      }
    }
    at_ = begin;
    least = most = 1;
    return false;
  }

  Result<Node> atom(int depth) {
    if (take("(")) {
      if (take("?<=") || take("?<!") || take("?=") || take("?!")) return not_done("looking around");
      if (take("?P<") || take("?<")) {
        const size_t end = text_.find('>', at_);
        if (end == text_.npos) return fault("a name of a group that does not end");
        at_ = end + 1;
      } else if (!take("?:") && take("?")) {
        return not_done("a group that begins in \"(?\"");
      }
      TRY_ASSIGN(const Node inner, choices(depth + 1));
      if (!take(")")) return fault("a group without its ')'");
      return inner;
    }
    if (take("[")) {
      TRY_ASSIGN(CharSet set, set_of_class());
      return grammar_.chars(std::move(set), writing_);
    }
    if (take(".")) return grammar_.chars(line_ends().inverted(), writing_);
    if (text_[at_] == '^' || text_[at_] == '$') return not_done("an anchor inside the expression");
    if (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '?') return fault("a repetition of nothing");
    if (take("\\")) {
      if (ends()) return fault("a backslash at the end");
      if (is_class_escape()) return grammar_.chars(class_of_escape(text_[at_++], false), writing_);
      TRY_ASSIGN(const char32_t code, escaped(false));
      return one(code);
    }
    const Character c = character_at(text_, at_);
    at_ += static_cast<size_t>(c.bytes);
    return one(c.code);
  }

  Node one(char32_t code) {
    CharSet set;
    set.add(code);
    return grammar_.chars(std::move(set), writing_);
  }
  static CharSet line_ends() {
    CharSet set = CharSet::of("\n\r");
    set.add(0x2028, 0x2029);
    return set;
  }
  bool is_class_escape() const { return std::string_view("dwsDWS").find(text_[at_]) != std::string_view::npos; }

  // Behind the backslash.
  Result<char32_t> escaped(bool in_class) {
    const char c = text_[at_];
    const auto hex = [&](size_t digits) -> Result<char32_t> {
      const auto value = hex_number(text_.substr(at_, digits));
      if (text_.size() - at_ < digits || !value) return fault("an escape without its hexadecimal digits");
      at_ += digits;
      return character(*value);
    };
    if (c >= '1' && c <= '9') return not_done("a reference to a group");
    if (c == 'b' && in_class) return ++at_, char32_t{'\b'};
    if (c == 'b' || c == 'B' || c == 'A' || c == 'Z' || c == 'z' || c == 'G') return not_done("an anchor by letter");
    if (c == 'p' || c == 'P' || c == 'k' || c == 'c' || c == 'N') return not_done(fmt::format("\\{}", c));
    if (take("x")) return hex(2);
    if (take("u{")) {
      const size_t end = text_.find('}', at_);
      if (end == text_.npos || end == at_ || end - at_ > 6) return fault("an escape without its hexadecimal digits");
      TRY_ASSIGN(const char32_t code, hex(end - at_));
      ++at_;
      return code;
    }
    if (take("u")) return hex(4);
    for (const auto& [sign, code] :
         {std::pair{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}, {'0', '\0'}})
      if (c == sign) return ++at_, static_cast<char32_t>(code);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return fault("a letter that is no escape");
    const Character plain = character_at(text_, at_);
    at_ += static_cast<size_t>(plain.bytes);
    return plain.code;
  }
  Result<char32_t> character(uint32_t value) const {
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return not_done("what is no character");
    return static_cast<char32_t>(value);
  }

  Result<CharSet> set_of_class() {
    const bool inverted = take("^");
    CharSet set;
    for (bool first = true; first || !take("]"); first = false) {
      if (first && take("]")) return fault("a class without characters");
      if (ends()) return fault("a class without its ']'");
      bool is_class = false;
      TRY_ASSIGN(const char32_t low, class_item(set, inverted, is_class));
      const bool range = !is_class && text_.substr(at_).starts_with("-") && !text_.substr(at_).starts_with("-]");
      if (!range) {
        if (!is_class) set.add(low);
        continue;
      }
      ++at_;
      if (ends()) return fault("a class without its ']'");
      TRY_ASSIGN(const char32_t high, class_item(set, inverted, is_class));
      if (is_class) return not_done("a range that ends in a class");
      if (high < low) return fault("a range that ends before it begins");
      set.add(low, high);
    }
    return inverted ? set.inverted() : set;
  }

  // One character; or a class, which goes into `set` (in an inverted class with all that some dialect takes).
  Result<char32_t> class_item(CharSet& set, bool inverted, bool& is_class) {
    if (take("\\")) {
      if (ends()) return fault("a backslash at the end");
      if (is_class_escape()) {
        is_class = true;
        set.add(class_of_escape(text_[at_++], inverted));
        return char32_t{0};
      }
      return escaped(true);
    }
    if (text_.substr(at_).starts_with("[:")) return not_done("a class by name");
    const Character c = character_at(text_, at_);
    at_ += static_cast<size_t>(c.bytes);
    return c.code;
  }

  Grammar& grammar_;
  std::string_view text_;
  RegexScope scope_;
  Grammar::Writing writing_;
  size_t at_ = 0;
};

}  // namespace

Result<Grammar::Node> read_regex(Grammar& grammar, std::string_view pattern, RegexScope scope,
                                 Grammar::Writing writing) {
  return RegexReader(grammar, pattern, scope, writing).read();
}

Result<Grammar> regex_grammar(std::string_view pattern) {
  Grammar grammar;
  TRY_ASSIGN(const Grammar::Node node, read_regex(grammar, pattern, RegexScope::whole, Grammar::Writing::plain));
  grammar.make_root(node);
  return grammar;
}

}  // namespace freehold
