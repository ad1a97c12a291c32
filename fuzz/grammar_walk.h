// What must hold for every grammar that compiles: wherever its bytes lead, it may end or goes on.
#pragma once

#include "base/random.h"
#include "fuzz/fuzz.h"
#include "text/grammar/byte_machine.h"

namespace freehold::fuzz {

inline void walk_grammar(const Result<Grammar>& grammar, uint64_t seed) {
  if (!grammar) return expect(!grammar.error().what.empty());
  Result<Program> program = Program::compile(*grammar);
  if (!program) return expect(!program.error().what.empty());
  ByteMachine machine(std::move(*program));
  Random random(seed);
  ByteMachine::Config at = machine.start();
  for (int i = 0; i < 100 && !machine.failed(); ++i) {
    machine.begin_work();
    if (i == 50) machine.keep({&at, 1});
    std::vector<ByteMachine::Config> ways;
    for (int k = 0; k < machine.program().classes() && !machine.failed(); ++k)
      if (const auto to = machine.step(at, machine.program().byte_of(k)); to != ByteMachine::nowhere)
        ways.push_back(to);
    if (machine.failed()) return;
    expect(!ways.empty() == machine.may_go_on(at));
    expect(!ways.empty() || machine.may_end(at));
    if (ways.empty()) return;
    at = ways[random.next() % ways.size()];
  }
}

}  // namespace freehold::fuzz
