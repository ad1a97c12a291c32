#include "text/grammar/json_grammar.h"

#include <algorithm>

namespace freehold {
namespace {

constexpr std::string_view digits = "0123456789", hex_digits = "0123456789abcdefABCDEF";
constexpr int most_digits = 16, most_indent = 20;
constexpr size_t most_told_apart = 128;  // bytes of a name; another that begins with as many of the same is left out

CharSet unescaped() {
  CharSet set = CharSet::of("\"\\");
  set.add(0, 0x1f);
  return set.inverted();
}

}  // namespace

JsonGrammar::Node JsonGrammar::called(Grammar::Rule& rule, const char* name, Node (JsonGrammar::*make)()) {
  if (rule < 0) {
    rule = g_.declare(name);
    g_.define(rule, (this->*make)());
  }
  return g_.call(rule);
}

JsonGrammar::Node JsonGrammar::space() { return called(space_, "space", &JsonGrammar::make_space); }
JsonGrammar::Node JsonGrammar::value() { return called(value_, "value", &JsonGrammar::make_value); }
JsonGrammar::Node JsonGrammar::object() { return called(object_, "object", &JsonGrammar::make_object); }
JsonGrammar::Node JsonGrammar::array() { return called(array_, "array", &JsonGrammar::make_array); }
JsonGrammar::Node JsonGrammar::string() { return called(string_, "string", &JsonGrammar::make_string); }
JsonGrammar::Node JsonGrammar::number() { return called(number_, "number", &JsonGrammar::make_number); }
JsonGrammar::Node JsonGrammar::integer() { return called(integer_, "integer", &JsonGrammar::make_integer); }

JsonGrammar::Node JsonGrammar::make_space() {
  const Node indent = g_.repeat(g_.chars(CharSet::of(" \t")), 0, most_indent);
  return g_.choice({g_.nothing(), g_.literal(" "), g_.sequence({g_.literal("\n"), indent})});
}

JsonGrammar::Node JsonGrammar::character() {
  const Node any = hex(hex_digits);
  // Characters past U+FFFF are two escapes; one half alone is no character.
  const Node unicode = g_.choice(
      {g_.sequence({hex("0123456789abcefABCEF"), any, any, any}), g_.sequence({hex("dD"), hex("01234567"), any, any}),
       g_.sequence({hex("dD"), hex("89abAB"), any, any, g_.literal("\\u"), hex("dD"), hex("cdefCDEF"), any, any})});
  const Node escape = g_.choice({g_.chars(CharSet::of("\"\\/bfnrt")), g_.sequence({g_.literal("u"), unicode})});
  return g_.choice({g_.chars(unescaped()), g_.sequence({g_.literal("\\"), escape})});
}

JsonGrammar::Node JsonGrammar::make_string() { return string_of(g_.repeat(character(), 0)); }

JsonGrammar::Node JsonGrammar::make_integer() {
  const Node whole = g_.sequence({hex(digits.substr(1)), g_.repeat(digit(), 0, most_digits - 1)});
  return g_.sequence({g_.optional(g_.literal("-")), g_.choice({g_.literal("0"), whole})});
}

JsonGrammar::Node JsonGrammar::make_number() {
  const Node fraction = g_.sequence({g_.literal("."), g_.repeat(digit(), 1, most_digits)});
  const Node exponent = g_.sequence({hex("eE"), g_.optional(g_.chars(CharSet::of("+-"))), g_.repeat(digit(), 1, 2)});
  return g_.sequence({integer(), g_.optional(fraction), g_.optional(exponent)});
}

JsonGrammar::Node JsonGrammar::make_value() {
  return g_.choice({string(), number(), object(), array(), g_.literals({"true", "false", "null"})});
}

JsonGrammar::Node JsonGrammar::make_object() {
  return list("{", g_.sequence({string(), g_.literal(":"), space(), value()}), 0, -1, "}");
}

JsonGrammar::Node JsonGrammar::make_array() { return list("[", value(), 0, -1, "]"); }

JsonGrammar::Node JsonGrammar::list(std::string_view open, Node element, int least, int most, std::string_view close) {
  std::vector<Node> parts{g_.literal(open), space()};
  if (most != 0) {
    const Node more = g_.sequence({g_.literal(","), space(), element, space()});
    const Node all = g_.sequence({element, space(), g_.repeat(more, std::max(least - 1, 0), most < 0 ? -1 : most - 1)});
    parts.push_back(least == 0 ? g_.optional(all) : all);
  }
  parts.push_back(g_.literal(close));
  return g_.sequence(std::move(parts));
}

JsonGrammar::Node JsonGrammar::other_name(const std::vector<std::string>& names) {
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return g_.sequence({g_.literal("\""), other_ending(sorted, 0, sorted.size(), 0), g_.literal("\"")});
}

// What may follow the first `from` bytes, which names first..last have in common, so that none of them comes out.
JsonGrammar::Node JsonGrammar::other_ending(const std::vector<std::string>& names, size_t first, size_t last,
                                            size_t from) {
  const Node rest = g_.repeat(g_.chars(unescaped()), 0);
  if (first == last) return rest;
  std::vector<Node> ways;
  if (names[first].size() != from) ways.push_back(g_.nothing());
  // Characters are told apart by their first byte in the names: another character that begins alike is left out too.
  CharSet others = unescaped();
  for (size_t i = first; i < last;) {
    if (names[i].size() == from) {
      ++i;
      continue;
    }
    const auto byte = static_cast<unsigned char>(names[i][from]);
    size_t end = i + 1;
    while (end < last && static_cast<unsigned char>(names[end][from]) == byte) ++end;
    if (byte < 0x80) {
      others = others.without(CharSet::of(std::string_view(&names[i][from], 1)));
      if (byte >= 0x20 && byte != '"' && byte != '\\' && from < most_told_apart)
        ways.push_back(
            g_.sequence({g_.literal(std::string_view(&names[i][from], 1)), other_ending(names, i, end, from + 1)}));
    } else {
      CharSet beyond;
      beyond.add(0x80, 0x10ffff);
      others = others.without(beyond);
    }
    i = end;
  }
  ways.push_back(g_.sequence({g_.chars(std::move(others)), rest}));
  return g_.choice(std::move(ways));
}

Grammar json_object_grammar() {
  Grammar grammar;
  JsonGrammar json(grammar);
  grammar.make_root(json.object());
  return grammar;
}

}  // namespace freehold
