#include "text/grammar/gbnf.h"

#include <algorithm>
#include <map>

#include "base/hex.h"
#include "text/utf8.h"

namespace freehold {
namespace {

class GbnfReader {
 public:
  explicit GbnfReader(std::string_view text) : text_(text) {}

  Result<Grammar> read() {
    if (text_.size() > limits::grammar_text_bytes)
      return out_of_resources("grammar: {} bytes; at most {} are read", text_.size(), limits::grammar_text_bytes);
    for (skip(true); !ends(); skip(true)) TRY(rule());
    for (const auto& [name, id] : rules_)
      if (grammar_.rules()[static_cast<size_t>(id)].node < 0)
        return malformed("grammar: rule {} is called, but not defined", printable(name));
    const auto root = rules_.find("root");
    if (root == rules_.end()) return malformed("grammar: there is no rule called root");
    grammar_.set_root(root->second);
    return std::move(grammar_);
  }

 private:
  using Node = Grammar::Node;

  Failure fault(std::string_view what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return malformed("grammar: line {}: {}, found {}", line, what,
                     ends() ? std::string("the end") : printable(text_.substr(at_, 12)));
  }
  bool ends() const { return at_ == text_.size(); }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  // White space and comments; ends of lines too where a rule cannot end there.
  void skip(bool lines) {
    for (; !ends(); ++at_) {
      const char c = text_[at_];
      if (c == '#') {
        while (!ends() && text_[at_] != '\n') ++at_;
        if (ends()) return;
      }
      if (text_[at_] == '\n' || text_[at_] == '\r') {
        if (!lines) return;
      } else if (c != '#' && c != ' ' && c != '\t') {
        return;
      }
    }
  }
  // A choice may go on in the next line.
  bool take_bar(bool lines) {
    const size_t before = at_;
    skip(true);
    if (take("|")) return true;
    at_ = before;
    skip(lines);
    return false;
  }

  std::string_view name() {
    const size_t first = at_;
    const auto part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    while (!ends() && part(text_[at_])) ++at_;
    return text_.substr(first, at_ - first);
  }
  Grammar::Rule rule_of(std::string_view name) {
    const auto found = rules_.find(name);
    if (found != rules_.end()) return found->second;
    return rules_.emplace(name, grammar_.declare(std::string(name))).first->second;
  }

  Result<Done> rule() {
    const std::string_view called = name();
    if (called.empty()) return fault("expected the name of a rule");
    skip(false);
    if (!take("::=")) return fault("expected \"::=\"");
    const Grammar::Rule id = rule_of(called);
    if (grammar_.rules()[static_cast<size_t>(id)].node >= 0 && !grammar_.too_large())
      return malformed("grammar: rule {} is defined twice", printable(called));
    TRY_ASSIGN(const Node node, choices(0));
    grammar_.define(id, node);
    if (!ends() && text_[at_] != '\n' && text_[at_] != '\r') return fault("expected the end of the rule");
    return Done{};
  }

  Result<Node> choices(int depth) {
    if (depth > limits::grammar_nesting)
      return out_of_resources("grammar: groups are nested more than {} deep", limits::grammar_nesting);
    std::vector<Node> ways;
    do {
      skip(depth > 0);
      // A way may begin in the next line. If a rule begins there, this way is the empty text.
      const size_t end_of_line = at_;
      skip(true);
      if (depth == 0 && (ends() || next_rule_begins())) at_ = end_of_line;
      TRY_ASSIGN(const Node way, sequence(depth));
      ways.push_back(way);
    } while (take_bar(depth > 0));
    return ways.size() == 1 ? ways[0] : grammar_.choice(std::move(ways));
  }

  bool next_rule_begins() {
    const size_t before = at_;
    const bool named = !name().empty();
    skip(false);
    const bool begins = named && take("::=");
    at_ = before;
    return begins;
  }

  Result<Node> sequence(int depth) {
    std::vector<Node> parts;
    while (!ends() && text_[at_] != '|' && text_[at_] != ')' && text_[at_] != '\n' && text_[at_] != '\r') {
      TRY_ASSIGN(Node part, item(depth));
      TRY_ASSIGN(part, repeated(part));
      parts.push_back(part);
      skip(depth > 0);
    }
    return grammar_.sequence(std::move(parts));
  }

  Result<Node> repeated(Node what) {
    int least = 0, most = -1;
    if (take("*")) {
    } else if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (take("{")) {
      TRY_ASSIGN(least, number());
      most = least;
      skip(false);
      if (take(",")) {
        skip(false);
        most = -1;
        if (!text_.substr(at_).starts_with("}")) {
          TRY_ASSIGN(most, number());
        }
      }
      skip(false);
      if (!take("}")) return fault("expected \"}\"");
      if (most >= 0 && most < least) return fault("expected a second number that is not below the first");
    } else {
      return what;
    }
    return grammar_.repeat(what, least, most);
  }

  Result<int> number() {
    int value = 0;
    const size_t first = at_;
    for (; !ends() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      value = 10 * value + (text_[at_] - '0');
      if (value > limits::grammar_repetitions)
        return out_of_resources("grammar: a repetition of more than {} times", limits::grammar_repetitions);
    }
    if (at_ == first) return fault("expected a number");
    return value;
  }

  Result<Node> item(int depth) {
    if (take("\"")) {
      std::string text;
      while (!take("\"")) {
        TRY_ASSIGN(const char32_t code, character("expected the end of the text"));
        append_utf8(text, code);
      }
      return grammar_.literal(text);
    }
    if (take("[")) {
      const bool inverted = take("^");
      CharSet set;
      while (!take("]")) {
        TRY_ASSIGN(const char32_t low, character("expected a ']'"));
        char32_t high = low;
        if (text_.substr(at_).starts_with("-") && !text_.substr(at_).starts_with("-]")) {
          ++at_;
          TRY_ASSIGN(high, character("expected a ']'"));
          if (high < low) return fault("expected a range that ends behind its beginning");
        }
        set.add(low, high);
      }
      return grammar_.chars(inverted ? set.inverted() : set);
    }
    if (take(".")) return grammar_.chars(CharSet::all());
    if (take("(")) {
      skip(true);
      TRY_ASSIGN(const Node inner, choices(depth + 1));
      skip(true);
      if (!take(")")) return fault("expected a ')'");
      return inner;
    }
    if (text_[at_] == '<' || text_[at_] == '!') return unsupported("grammar: tokens by number or name, at {}", at_);
    const std::string_view called = name();
    if (called.empty()) return fault("expected a text, a class, a group or the name of a rule");
    return grammar_.call(rule_of(called));
  }

  Result<char32_t> character(std::string_view expected) {
    if (ends()) return fault(expected);
    if (!take("\\")) {
      const Character c = character_at(text_, at_);
      at_ += static_cast<size_t>(c.bytes);
      return c.code;
    }
    if (ends()) return fault("expected an escape");
    const char c = text_[at_++];
    for (const auto& [letter, code] : {std::pair{'n', '\n'},
                                       {'r', '\r'},
                                       {'t', '\t'},
                                       {'\\', '\\'},
                                       {'"', '"'},
                                       {'[', '['},
                                       {']', ']'},
                                       {'-', '-'},
                                       {'^', '^'},
                                       {'/', '/'}})
      if (c == letter) return static_cast<char32_t>(code);
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const auto value = hex_number(text_.substr(at_, digits));
    if (digits == 0 || text_.size() - at_ < digits || !value) return fault("expected an escape");
    at_ += digits;
    if (*value > 0x10ffff || (*value >= 0xd800 && *value <= 0xdfff)) return fault("expected a character");
    return static_cast<char32_t>(*value);
  }

  std::string_view text_;
  size_t at_ = 0;
  Grammar grammar_;
  std::map<std::string, Grammar::Rule, std::less<>> rules_;
};

}  // namespace

Result<Grammar> gbnf_grammar(std::string_view text) { return GbnfReader(text).read(); }

}  // namespace freehold
