// Tool calls that are one JSON object each, {"name": .., "arguments": {..}}: in tags (Qwen, Hermes) or bare (Llama 3,
// whose members are name and parameters).
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "text/tool_machine.h"

namespace freehold {
namespace {

constexpr std::string_view open_tag = "<tool_call>", close_tag = "</tool_call>", python_tag = "<|python_tag|>";

class JsonTools : public ToolMachine {
 public:
  JsonTools(bool bare, const ToolLimits& limits)
      : ToolMachine(limits, {std::string(bare ? python_tag : open_tag)}, bare ? "" : "\n"), bare_(bare) {}

 private:
  enum class State { open, key, colon, value, arguments, comma, tail };

  char bare_opener() const override { return bare_ ? '{' : '\0'; }
  void opened(std::string_view opener) override {
    new_call();
    state_ = opener == "{" ? State::key : State::open;
  }
  void new_call() {
    name_.clear();
    in_key_ = has_name_ = has_arguments_ = false;
    first_member_ = true;
  }

  // Without tags, JSON that is no call is an answer.
  Move no_call(std::string reason) {
    if (bare_ && !begun())
      was_text();
    else
      broken(std::move(reason));
    return Move::on;
  }

  Move move() override {
    if (state_ == State::value) return value();
    if (state_ == State::arguments) return arguments();
    if (state_ != State::key || !in_key_) skip_white();
    if (rest().empty()) return Move::wait;
    const char c = rest()[0];
    switch (state_) {
      case State::open:
        if (c != '{') return no_call("no JSON object where a call should be");
        take(1);
        state_ = State::key;
        return Move::on;
      case State::key:
        return key(c);
      case State::colon:
        if (c != ':') return no_call("a key without its colon");
        take(1);
        state_ = is_arguments_key() ? State::arguments : State::value;
        value_.clear();
        scanner_ = JsonScanner();
        if (state_ == State::arguments) {
          if (has_arguments_) return no_call("arguments twice");
          has_arguments_ = true;
          if (has_name_) begin(name_);
        }
        return Move::on;
      case State::comma:
        if (c != ',' && c != '}') return no_call("a value without a comma behind it");
        take(1);
        if (c == '}') return object_ends();
        state_ = State::key;
        return Move::on;
      case State::tail:
        return tail(c);
      default:
        return Move::wait;
    }
  }

  Move key(char c) {
    if (!in_key_) {
      if (c == '}' && first_member_) {
        take(1);
        return object_ends();
      }
      if (c != '"') return no_call("a key that is no string");
      in_key_ = true;
      value_.clear();
      scanner_ = JsonScanner();
    }
    if (!read_value(limits_.name_bytes)) return Move::wait;
    in_key_ = false;
    first_member_ = false;
    const auto decoded = parse_json(value_, "key");
    if (!decoded) return no_call(decoded.error().what);
    key_ = decoded->get<std::string>();
    state_ = State::colon;
    return Move::on;
  }

  bool is_arguments_key() const { return key_ == "arguments" || key_ == "parameters"; }

  // Another member than the arguments.
  Move value() {
    if (scanner_.state() == JsonScanner::State::before) {
      skip_white();
      if (rest().empty()) return Move::wait;
    }
    const bool is_name = key_ == "name";
    if (!read_value(is_name ? 6 * limits_.name_bytes + 2 : limits_.argument_bytes)) return Move::wait;
    state_ = State::comma;
    if (!is_name) return Move::on;
    const auto decoded = parse_json(value_, "name");
    if (!decoded) return no_call(decoded.error().what);
    if (!decoded->is_string()) return no_call("a name that is no string");
    if (has_name_) return no_call("two names");
    name_ = decoded->get<std::string>();
    has_name_ = true;
    if (arguments_read()) begin(name_);
    return Move::on;
  }

  // One whole JSON value into value_; false when it is not there yet, or broken.
  bool read_value(size_t most) {
    const std::string_view some = rest().substr(0, most - value_.size());
    const size_t bytes = scanner_.feed(some);
    value_ += some.substr(0, bytes);
    take(bytes);
    if (scanner_.state() == JsonScanner::State::done) return true;
    in_key_ = in_key_ && scanner_.state() == JsonScanner::State::inside;
    if (scanner_.state() == JsonScanner::State::bad)
      no_call("no JSON");
    else if (value_.size() == most)
      no_call(fmt::format("a name or value of more than {} bytes", most));
    return false;
  }

  Move arguments() {
    if (!read_arguments()) return Move::wait;
    state_ = State::comma;
    return Move::on;
  }

  Move object_ends() {
    if (!has_name_ || (bare_ && !has_arguments_)) return no_call("a call without a name");
    if (!has_arguments_) {
      begin(name_);
      if (!begun()) return Move::on;
      pass_arguments("{}");
    }
    if (!bare_) {
      state_ = State::tail;
      return Move::on;
    }
    end();
    state_ = State::tail;
    return Move::on;
  }

  Move tail(char c) {
    if (bare_) {  // behind a call: another one, or text
      if (c == ';' || c == ',') {
        take(1);
        new_call();
        state_ = State::open;
        return Move::on;
      }
      was_text();
      return Move::on;
    }
    if (const Next over = next(close_tag); over != Next::yes) {
      const Next another = peek(open_tag);
      if (over == Next::maybe || another == Next::maybe) return Move::wait;
      if (another == Next::no) {
        broken("text behind the call");
        return Move::on;
      }
    }
    end();
    leave();
    return Move::on;
  }

  void cut_off() override {
    if (bare_ && state_ == State::tail)
      was_text();
    else if (!bare_ && state_ == State::tail) {
      end();
      leave();
    } else {
      no_call("the answer ends inside a call");
    }
  }

  const bool bare_;
  State state_ = State::open;
  bool in_key_ = false, first_member_ = true, has_name_ = false, has_arguments_ = false;
  std::string key_, name_, value_;
  JsonScanner scanner_;
};

}  // namespace

std::unique_ptr<ToolMachine> make_json_tools(bool bare, const ToolLimits& limits) {
  return std::make_unique<JsonTools>(bare, limits);
}

}  // namespace freehold
