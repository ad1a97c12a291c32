// What the commands share in speaking to people and programs: the one error line and its exit code, JSON output, text
// made fit for a terminal, and progress on standard error. Results go to standard output, messages to standard error.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace freehold {

// "freehold: error: <class>: <what>" on standard error; with `json` also {"error": {...}} on standard output.
// Returns the exit code.
int report(const Error& error, bool json);
void report_note(std::string_view text);  // "freehold: note: <text>" on standard error, from any thread
void print_json(const Json& json);  // one line; text that is no UTF-8 is replaced
void print(std::string_view text);  // to standard output, as it is
bool output_is_closed();            // whether a print failed: nobody reads any more, or the disk is full

// Characters are UTF-8, whatever the environment says; call once at start.
void use_utf8();
bool output_is_terminal();
bool messages_are_terminal();
// Control characters that could steer a terminal (all but newline and tab) as visible text.
std::string fit_for_terminal(std::string_view text);
std::string dim(std::string_view text);              // styled unless NO_COLOR is set; for what goes to a terminal
std::string dim_if_terminal(std::string_view text);  // for standard output
std::string bold(std::string_view text);

std::string text_of_bytes(uint64_t bytes);  // "1.04 GiB"
std::string text_of_count(uint64_t count);  // "1,543,714,304"
std::string text_of_large(uint64_t count);  // "1.54 B"

// One line on standard error, rewritten in place: appears when the work has taken a second and looks like more than
// two, with the time left. Silent where standard error is not a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void at(double fraction);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now(), last_{};
};

// Ctrl-C: the first one is noted here, for whoever is at work to stop; a second one before `reset` ends the program
// with 7.
namespace interrupt {
void install();
bool requested();
void reset();
// Waits for input on standard input, or for Ctrl-C, whichever thread the system gives it to. False after Ctrl-C.
bool wait_for_input();
// While a line is edited Ctrl-C only drops the line, however often it is pressed: the terminal is to be left in order.
void editing(bool on);
}  // namespace interrupt

}  // namespace freehold
