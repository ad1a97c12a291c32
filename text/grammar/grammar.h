// Grammar: a context-free grammar over bytes, put together by a front end (JSON schema, regular expression, GBNF) and
// then compiled into a Program (program.h). Nodes are expressions; a rule is a name for one, and rules may call each
// other and themselves. An answer fits when it is, from its first byte to its last, a text of the root.
//
// A grammar that grows over its budget says so when it is compiled: front ends need not look after each node.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "text/grammar/char_set.h"

namespace freehold {

class Grammar {
 public:
  using Node = int32_t;
  using Rule = int32_t;
  // How a character is written: as it is, or inside a JSON string (quotes, backslashes and controls escaped).
  enum class Writing : uint8_t { plain, json };

  Node nothing() { return add({.kind = Kind::sequence}); }  // the empty text
  Node never() { return add({.kind = Kind::choice}); }      // no text at all
  Node literal(std::string_view bytes);
  Node literals(std::vector<std::string> texts);  // any of many
  Node chars(CharSet set, Writing writing = Writing::plain);
  Node sequence(std::vector<Node> parts);
  Node choice(std::vector<Node> ways);
  Node repeat(Node what, int least, int most = -1);  // most below 0: any number
  Node optional(Node what) { return repeat(what, 0, 1); }
  // The texts of `what` that have so many characters. `what` is made of chars, literals, sequences, choices and
  // repeats, without calls.
  Node sized(Node what, int least, int most);

  Rule declare(std::string name);
  void define(Rule rule, Node node);
  Node call(Rule rule) { return add({.kind = Kind::call, .rule = rule}); }
  void set_root(Rule rule) { root_ = rule; }
  void make_root(Node node);  // a rule of its own, which is the root

  // Of the compiler.
  enum class Kind : uint8_t { sequence, choice, literals, chars, repeat, sized, call };
  struct Part {
    Kind kind = Kind::sequence;
    std::vector<Node> parts = {};         // sequence, choice; repeat, sized: one
    std::vector<std::string> texts = {};  // literals
    CharSet set = {};
    Writing writing = Writing::plain;
    int least = 0, most = 0;
    Rule rule = -1;
  };
  struct Named {
    std::string name;
    Node node = -1;  // below 0: not defined
  };
  const Part& at(Node node) const { return parts_[static_cast<size_t>(node)]; }
  const std::vector<Named>& rules() const { return rules_; }
  Rule root() const { return root_; }
  bool too_large() const { return too_large_; }

 private:
  Node add(Part part);
  std::vector<Part> parts_;
  std::vector<Named> rules_;
  uint64_t bytes_ = 0;
  Rule root_ = -1;
  bool too_large_ = false;
};

}  // namespace freehold
