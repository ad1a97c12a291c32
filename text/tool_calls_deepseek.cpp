// Tool calls of V2.5, V3 and R1, in a fence, and of V3.1, without.
#include "base/result.h"
#include "text/tool_machine.h"

namespace freehold {
namespace {

constexpr std::string_view calls_begin = "<｜tool▁calls▁begin｜>", call_begin = "<｜tool▁call▁begin｜>",
                           separator = "<｜tool▁sep｜>", call_end = "<｜tool▁call▁end｜>",
                           calls_end = "<｜tool▁calls▁end｜>", fence_mark = "```", json_fence = "```json";

class DeepseekTools : public ToolMachine {
 public:
  DeepseekTools(bool fenced, const ToolLimits& limits)
      : ToolMachine(limits, {std::string(calls_begin), std::string(call_begin)}, ""), fenced_(fenced) {}

 private:
  enum class State { between, head, name, fence, arguments, tail };

  void opened(std::string_view opener) override {
    state_ = opener == calls_begin ? State::between : State::head;  // a call without a block around it
  }

  Move move() override {
    switch (state_) {
      case State::between:
        return between();
      case State::head:
        return head();
      case State::name:
        if (const auto name = until("\n", limits_.name_bytes, "a name")) {
          const std::string copy(*name);
          take(copy.size() + 1);
          begin(copy);
          state_ = State::fence;
          return Move::on;
        }
        return Move::wait;
      case State::fence:
        return open_fence();
      case State::arguments:
        if (!read_arguments()) return Move::wait;
        state_ = State::tail;
        return Move::on;
      case State::tail:
        return tail();
    }
    return Move::wait;
  }

  Move between() {
    const Next begins = next_call(call_begin, calls_end);
    if (begins == Next::maybe) return Move::wait;
    if (begins == Next::yes) state_ = State::head;
    return Move::on;
  }

  Move head() {
    const auto before = until(separator, limits_.name_bytes, "a name");
    if (!before) return Move::wait;
    const std::string text(*before);
    take(text.size() + separator.size());
    if (fenced_) {  // "function": the only type there is
      state_ = State::name;
      return Move::on;
    }
    begin(text);
    state_ = State::arguments;
    return Move::on;
  }

  Move open_fence() {
    skip_white();
    if (rest().empty()) return Move::wait;
    const Next named = next(json_fence);
    if (named == Next::maybe) return Move::wait;
    if (named == Next::no && peek(fence_mark) == Next::yes) take(fence_mark.size());
    state_ = State::arguments;
    return Move::on;
  }

  Move tail() {
    skip_white();
    if (rest().empty()) return Move::wait;
    if (fenced_) {
      const Next closing = next(fence_mark);
      if (closing == Next::yes) return Move::on;
      if (closing == Next::maybe) return Move::wait;
    }
    if (const Next over = next(call_end); over != Next::yes) {
      const Next all_over = peek(calls_end), another = peek(call_begin);
      if (over == Next::maybe || all_over == Next::maybe || another == Next::maybe) return Move::wait;
      if (all_over == Next::no && another == Next::no) {
        broken("text behind the arguments");
        return Move::on;
      }
    }
    end();
    state_ = State::between;
    return Move::on;
  }

  void cut_off() override {
    if (state_ == State::tail) {  // the arguments are whole, only marks are missing
      end();
      leave();
    } else if (state_ == State::between && after_call()) {
      was_text();
    } else {
      broken("the answer ends inside a call");
    }
  }

  const bool fenced_;
  State state_ = State::between;
};

}  // namespace

std::unique_ptr<ToolMachine> make_deepseek_tools(bool fenced, const ToolLimits& limits) {
  return std::make_unique<DeepseekTools>(fenced, limits);
}

}  // namespace freehold
