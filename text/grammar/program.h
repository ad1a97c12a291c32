// Program: a grammar compiled to a pushdown automaton over bytes. States of a rule form an automaton without
// determinism; a call state runs another rule `least` to `most` times, counting on the stack, before it goes on. So a
// repetition costs one state, however large its numbers are.
//
// What is made here can be walked safely: each state can still reach the end of its rule, no rule calls itself before
// it has read a byte, and a rule that is called several times never fits the empty text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace freehold {

class Program {
 public:
  using State = int32_t;
  enum class Kind : uint8_t {
    bytes,  // one byte of sets[a], then next
    split,  // any of nexts[a .. a + b)
    call,   // rule that begins at a, least..most times (most below 0: any number), then next
    end,    // of a rule
  };
  struct Step {
    Kind kind = Kind::end;
    int32_t a = -1, b = 0;
    State next = -1;
    int32_t least = 0, most = 0;
  };

  // Refuses what never ends, what calls itself without reading anything, and what is over a limit.
  static Result<Program> compile(const Grammar& grammar);

  const Step& at(State state) const { return steps_[static_cast<size_t>(state)]; }
  State start() const { return start_; }
  std::span<const State> ways(const Step& split) const {
    return std::span(nexts_).subspan(static_cast<size_t>(split.a), static_cast<size_t>(split.b));
  }
  // Bytes that no state tells apart are one class.
  int classes() const { return classes_; }
  uint8_t class_of(uint8_t byte) const { return class_of_[byte]; }
  uint8_t byte_of(int byte_class) const { return byte_of_[static_cast<size_t>(byte_class)]; }
  bool takes(const Step& bytes, int byte_class) const {
    return sets_[static_cast<size_t>(bytes.a)][byte_of_[static_cast<size_t>(byte_class)]];
  }
  size_t states() const { return steps_.size(); }
  // The fewest bytes from here to the end of the rule; `far` is that many or more.
  static constexpr int32_t far = 1 << 28;
  int32_t rest(State state) const { return rests_[static_cast<size_t>(state)]; }

 private:
  friend class Compiler;
  std::vector<Step> steps_;
  std::vector<State> nexts_;
  std::vector<ByteSet> sets_;
  std::vector<int32_t> rests_;  // of states
  std::array<uint8_t, 256> class_of_{};
  std::vector<uint8_t> byte_of_;
  int classes_ = 0;
  State start_ = -1;
};

}  // namespace freehold
