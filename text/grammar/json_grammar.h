// JSON as grammars write it: the values, and the little white space that is allowed between their parts (a space, or a
// line end and up to 20 spaces or tabs: enough for every usual style, too little to write nothing else for ever).
// Numbers have at most 16 digits on each side of their point.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"
#include "text/grammar/grammar.h"

namespace freehold {

class JsonGrammar {
 public:
  using Node = Grammar::Node;
  explicit JsonGrammar(Grammar& grammar) : g_(grammar) {}

  Node space();
  Node value();  // any; what nests calls rules
  Node object();
  Node array();
  Node string();
  Node string_of(Node characters) { return g_.sequence({g_.literal("\""), characters, g_.literal("\"")}); }
  Node character();  // one, inside a string, escaped in whatever way
  Node number();
  Node integer();
  Node boolean() { return g_.literals({"true", "false"}); }
  Node null() { return g_.literal("null"); }
  // A string that is none of these names, without escapes.
  Node other_name(const std::vector<std::string>& names);

  // An element, more behind commas, in brackets of this kind.
  Node list(std::string_view open, Node element, int least, int most, std::string_view close);

  // Numbers between two bounds, json_numbers.cpp. Without exponents. An error where a bound is too large or too fine.
  struct Bound {
    Json value;
    bool exclusive = false;
  };
  Result<Node> number_between(const std::optional<Bound>& low, const std::optional<Bound>& high, bool integer);

 private:
  Node called(Grammar::Rule& rule, const char* name, Node (JsonGrammar::*make)());
  Node make_space();
  Node make_value();
  Node make_object();
  Node make_array();
  Node make_string();
  Node make_number();
  Node make_integer();
  Node digit() { return g_.chars(CharSet::of("0123456789")); }
  Node hex(std::string_view digits) { return g_.chars(CharSet::of(digits)); }
  Node other_ending(const std::vector<std::string>& names, size_t first, size_t last, size_t from);
  Grammar& g_;
  Grammar::Rule space_ = -1, value_ = -1, object_ = -1, array_ = -1, string_ = -1, number_ = -1, integer_ = -1;
};

// An object, whatever is in it: response_format json_object.
Grammar json_object_grammar();

}  // namespace freehold
