// ToolMachine: what the state machines of all tool-call syntaxes share. The text outside calls, its marks and what is
// held back; what was written of the call that is being read; arguments that are JSON; limits; the two ways a call
// ends.
//
// A machine reads from rest() and takes bytes off it. move() makes one move and says whether there is another; it must
// depend on the bytes only, never on how many have come so far beyond those it needs: so the pieces do not matter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/json_scanner.h"
#include "text/tool_calls.h"

namespace freehold {

class ToolMachine {
 public:
  virtual ~ToolMachine() = default;
  std::vector<ToolEvent> push(std::string_view text);
  std::vector<ToolEvent> finish();

 protected:
  // `openers` begin a block; `lead` is the white space that the format writes before one.
  ToolMachine(const ToolLimits& limits, std::vector<std::string> openers, std::string lead)
      : limits_(limits), openers_(std::move(openers)), lead_(std::move(lead)) {}

  enum class Move { on, wait };
  virtual Move move() = 0;
  virtual void opened(std::string_view opener) = 0;  // it has been taken
  virtual void cut_off() { broken("the answer ends inside a call"); }
  // Of a syntax without marks: a call is the whole answer, which begins with this byte.
  virtual char bare_opener() const { return '\0'; }

  std::string_view rest() const;
  void take(size_t bytes);
  void skip_white() { take(white_bytes()); }

  // Is `mark` next? Takes it if so. `maybe`: more text is needed to tell.
  enum class Next { yes, no, maybe };
  Next next(std::string_view mark);
  Next peek(std::string_view mark) const;

  // Before, between and behind the calls of a block. yes: a call begins, its mark is taken. no: the block is over, as
  // it should be or not.
  Next next_call(std::string_view call, std::string_view block_end);

  // Bytes before `mark` within the first `most`; `broken` is called when it cannot come any more.
  std::optional<std::string_view> until(std::string_view mark, size_t most, std::string_view what);

  void begin(std::string_view name);
  bool begun() const { return begun_; }
  bool after_call() const { return after_call_; }  // in a block, behind a call that is whole
  // Reads the arguments as one JSON value, an object or a string that holds one, passing them on if the call has begun.
  // True when they are whole and right.
  bool read_arguments();
  void pass_arguments(std::string_view json);  // made by the machine itself
  size_t argument_room() const { return limits_.argument_bytes - arguments_.size(); }
  bool arguments_read() const { return arguments_done_; }
  bool end();  // false: it was broken instead
  void broken(std::string reason);
  void leave();  // the block is over, text follows
  // A call that was not begun and is no fault: text.
  void was_text();

  const ToolLimits limits_;

 private:
  size_t white_bytes() const;
  std::vector<ToolEvent> run();
  bool scan_text();
  void say(std::string_view text);
  void emit(ToolEvent::Kind kind, std::string_view text);
  size_t raw_limit() const { return limits_.argument_bytes + 2 * limits_.name_bytes + 4096; }
  void reset_call();

  const std::vector<std::string> openers_;
  const std::string lead_;
  std::string input_;
  size_t at_ = 0;
  bool last_ = false, in_text_ = true, at_start_ = true;
  std::vector<ToolEvent> events_;

  std::string raw_;  // what was taken of the call, marks and white space too
  int calls_ = 0;    // begun so far
  bool begun_ = false, after_call_ = false;
  JsonScanner scanner_;
  std::string arguments_;
  bool quoted_ = false, arguments_done_ = false;
};

std::unique_ptr<ToolMachine> make_deepseek_tools(bool fenced, const ToolLimits&);
std::unique_ptr<ToolMachine> make_dsml_tools(std::string_view block, const ToolLimits&);
std::unique_ptr<ToolMachine> make_json_tools(bool bare, const ToolLimits&);

}  // namespace freehold
