// The texts of an expression that have so many characters: its automaton over characters, times a count of them.
#include <deque>

#include "text/grammar/compiler.h"

namespace freehold {

// As Compiler::build, over characters: calls cannot be counted, so there are none.
int Compiler::atoms_of(Node node, int next, std::vector<Atom>& atoms) {
  const Grammar::Part& part = grammar_.at(node);
  const auto add = [&](Atom atom) {
    if (atoms.size() >= limits::grammar_states) {
      too_large_ = true;
      return next;
    }
    atoms.push_back(std::move(atom));
    return static_cast<int>(atoms.size() - 1);
  };
  if (too_large_) return next;
  switch (part.kind) {
    case Grammar::Kind::sequence:
      for (size_t i = part.parts.size(); i-- > 0;) next = atoms_of(part.parts[i], next, atoms);
      return next;
    case Grammar::Kind::choice: {
      Atom atom{Atom::Kind::split};
      for (const Node way : part.parts) atom.ways.push_back(atoms_of(way, next, atoms));
      return add(std::move(atom));
    }
    case Grammar::Kind::chars:
      return add({Atom::Kind::chars, part.set, part.writing, next});
    case Grammar::Kind::repeat: {
      const int after = next;
      if (part.most < 0) {
        const int loop = add({Atom::Kind::split});
        const int body = atoms_of(part.parts[0], loop, atoms);
        atoms[static_cast<size_t>(loop)].ways = {body, after};
        next = loop;
      } else {
        for (int i = part.least; i < part.most && !too_large_; ++i) {
          const int body = atoms_of(part.parts[0], next, atoms);
          next = add({Atom::Kind::split, {}, {}, -1, {body, after}});
        }
      }
      for (int i = 0; i < part.least && !too_large_; ++i) next = atoms_of(part.parts[0], next, atoms);
      return next;
    }
    default:
      unfit_ = "an expression that calls rules cannot be limited in length";
      return next;
  }
}

Compiler::State Compiler::build_sized(const Grammar::Part& part, State next) {
  std::vector<Atom> atoms{{Atom::Kind::end}};
  const int first = atoms_of(part.parts[0], 0, atoms);
  if (too_large_ || !unfit_.empty()) return end_state;
  // Without a most, counts past `least` are one.
  const int last = part.most < 0 ? part.least : part.most;
  std::map<std::pair<int, int>, State> states;  // of an atom after so many characters
  std::deque<std::pair<int, int>> open;
  const auto state_of = [&](int atom, int count) {
    const auto [found, fresh] = states.try_emplace({atom, count}, -1);
    if (fresh) {
      found->second = add({.kind = Kind::split, .a = 0, .b = 0});
      open.push_back({atom, count});
    }
    return found->second;
  };
  const State begin = state_of(first, 0);
  while (!open.empty() && !too_large_) {
    const auto [index, count] = open.front();
    open.pop_front();
    const Atom& atom = atoms[static_cast<size_t>(index)];
    std::vector<State> ways;
    if (atom.kind == Atom::Kind::end && count >= part.least) ways.push_back(next);
    if (atom.kind == Atom::Kind::split)
      for (const int way : atom.ways) ways.push_back(state_of(way, count));
    if (atom.kind == Atom::Kind::chars && (count < last || part.most < 0))
      ways.push_back(build_chars(atom.set, atom.writing, state_of(atom.next, std::min(count + 1, last))));
    set_ways(states[{index, count}], ways);
  }
  return begin;
}

}  // namespace freehold
