// Compiler: from a Grammar to a Program. States are made from the end of a rule to its beginning: each function gets
// the state that follows and returns the one that begins.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/grammar/program.h"

namespace freehold {

class Compiler {
 public:
  explicit Compiler(const Grammar& grammar) : grammar_(grammar) {}
  Result<Program> run();

 private:
  using Node = Grammar::Node;
  using State = Program::State;
  using Kind = Program::Kind;
  using Step = Program::Step;

  // compiler.cpp
  Result<Done> find_empty_rules();
  bool fits_empty(Node node);
  State build(Node node, State next);
  State build_literals(const std::vector<std::string>& texts, size_t first, size_t last, size_t from, State next);
  State build_chars(const CharSet& set, Grammar::Writing writing, State next);
  State build_repeat(const Grammar::Part& part, State next);
  State add(Step step);
  State bytes(const ByteSet& set, State next);
  State text(std::string_view text, State next);
  State split(const std::vector<State>& ways);
  void set_ways(State state, const std::vector<State>& ways);
  State call(State rule, int least, int most, State next);

  // compiler_sized.cpp
  struct Atom {  // of the automaton over characters that a sized node is
    enum class Kind : uint8_t { chars, split, end } kind;
    CharSet set = {};
    Grammar::Writing writing = Grammar::Writing::plain;
    int next = -1;
    std::vector<int> ways = {};
  };
  State build_sized(const Grammar::Part& part, State next);
  int atoms_of(Node node, int next, std::vector<Atom>& atoms);

  // compiler_checks.cpp
  Result<Done> check();
  // By state, those that go on with it or call it: entries[firsts[s]] to entries[firsts[s + 1]].
  struct Users {
    std::vector<int32_t> firsts, entries;
    std::span<const State> of(State state) const {
      const auto s = static_cast<size_t>(state);
      return std::span(entries).subspan(static_cast<size_t>(firsts[s]), static_cast<size_t>(firsts[s + 1] - firsts[s]));
    }
  };
  Users users() const;
  // States from which the end of their rule is in reach; without reading a byte where `by_bytes` is false.
  std::vector<bool> reaching_end(bool by_bytes) const;
  void drop_dead_ways(const std::vector<bool>& live);
  Result<Done> refuse_left_recursion();
  std::string name_of_rule_at(State start) const;
  void make_classes();
  void measure();

  const Grammar& grammar_;
  Program program_;
  std::vector<bool> empty_;    // by rule: fits the empty text
  std::vector<State> starts_;  // by rule
  std::unordered_map<ByteSet, int> set_ids_;
  std::map<std::pair<int, State>, State> byte_states_;
  std::unordered_map<Node, State> repeated_;  // the anonymous rules of repetitions
  uint64_t work_ = 0;
  bool too_large_ = false;
  std::string unfit_;  // why a sized node is none
};

inline constexpr Program::State end_state = 0;

}  // namespace freehold
