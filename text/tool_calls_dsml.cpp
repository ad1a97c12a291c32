// Tool calls in DSML, the notation of V3.2 and V4. string="true" is text as it stands; string="false" is JSON.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "text/json_text.h"
#include "text/tool_machine.h"
#include "text/utf8.h"

namespace freehold {
namespace {

constexpr std::string_view invoke = "<｜DSML｜invoke", invoke_end = "</｜DSML｜invoke>",
                           parameter = "<｜DSML｜parameter", parameter_end = "</｜DSML｜parameter>";

std::string tag(std::string_view open, std::string_view name) { return fmt::format("{}｜DSML｜{}>", open, name); }

// `text` is ` name="NAME` or ` name="NAME" string="FLAG`: what stands before the closing `">`.
struct Attributes {
  std::string name, flag;
};
std::optional<Attributes> attributes_of(std::string_view text) {
  constexpr std::string_view name = "name=\"", flag = "\" string=\"";
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  const size_t place = text.find(flag);
  if (place == text.npos) return Attributes{std::string(text), ""};
  return Attributes{std::string(text.substr(0, place)), std::string(text.substr(place + flag.size()))};
}

class DsmlTools : public ToolMachine {
 public:
  DsmlTools(std::string_view block, const ToolLimits& limits)
      : ToolMachine(limits, {tag("<", block), std::string(invoke)}, "\n\n"), block_end_(tag("</", block)) {}

 private:
  enum class State { between, head, parameters, parameter_head, text, json, unknown, parameter_tail };

  void opened(std::string_view opener) override {
    state_ = opener == invoke ? State::head : State::between;  // a call without a block around it
  }

  Move move() override {
    switch (state_) {
      case State::between:
        return between();
      case State::head:
        return head();
      case State::parameters:
        return parameters();
      case State::parameter_head:
        return parameter_head();
      case State::text:
        return text();
      case State::json:
        return json();
      case State::unknown:
        return unknown();
      case State::parameter_tail:
        return parameter_tail();
    }
    return Move::wait;
  }

  Move between() {
    const Next begins = next_call(invoke, block_end_);
    if (begins == Next::maybe) return Move::wait;
    if (begins == Next::yes) state_ = State::head;
    return Move::on;
  }

  Move head() {
    const auto found = until("\">", limits_.name_bytes + 16, "a name");
    if (!found) return Move::wait;
    const size_t bytes = found->size() + 2;
    const auto attributes = attributes_of(*found);
    take(bytes);
    if (!attributes || !attributes->flag.empty()) {
      broken("a call without name=\"...\"");
      return Move::on;
    }
    begin(attributes->name);
    if (!begun()) return Move::on;
    names_.clear();
    pass_arguments("{");
    state_ = State::parameters;
    return Move::on;
  }

  Move parameters() {
    skip_white();
    if (rest().empty()) return Move::wait;
    const Next another = next(parameter);
    if (another == Next::yes) {
      state_ = State::parameter_head;
      return Move::on;
    }
    const Next over = next(invoke_end);
    if (another == Next::maybe || over == Next::maybe) return Move::wait;
    if (over == Next::no) {
      broken("neither a parameter nor the end of the call");
      return Move::on;
    }
    state_ = State::between;
    pass_arguments("}");
    if (begun()) end();
    return Move::on;
  }

  Move parameter_head() {
    const auto found = until("\">", limits_.name_bytes + 32, "a parameter's name");
    if (!found) return Move::wait;
    const size_t bytes = found->size() + 2;
    const auto attributes = attributes_of(*found);
    take(bytes);
    if (!attributes || attributes->name.empty()) {
      broken("a parameter without name=\"...\"");
      return Move::on;
    }
    if (std::find(names_.begin(), names_.end(), attributes->name) != names_.end()) {
      broken(fmt::format("the parameter '{}' twice", printable(attributes->name, 40)));
      return Move::on;
    }
    const std::string start = fmt::format("{}\"{}\": ", names_.empty() ? "" : ", ", json_quoted(attributes->name));
    names_.push_back(attributes->name);
    if (names_.size() > most_parameters) {
      broken(fmt::format("more than {} parameters", most_parameters));
      return Move::on;
    }
    const bool is_text = attributes->flag == "true";
    pass_arguments(is_text ? start + "\"" : start);
    value_.clear();
    scanner_ = JsonScanner();
    state_ = is_text ? State::text : attributes->flag == "false" ? State::json : State::unknown;
    return Move::on;
  }

  // How much of the value is certain to stand before the closing tag; whether that was found.
  std::pair<size_t, bool> certain() const {
    const std::string_view text = rest();
    if (const size_t place = text.find(parameter_end); place != text.npos) return {place, true};
    return {text.size() - begun_mark_bytes(text, parameter_end), false};
  }

  Move text() {
    const auto [bytes, closed] = certain();
    // Escapes make a byte at most six. Near the limit byte by byte, so that the limit falls on the same one however the
    // text comes.
    const size_t step = argument_room() / 6 > bytes ? bytes : 1;
    for (size_t first = 0; first < bytes && begun(); first += step) {
      const std::string quoted = json_quoted(rest().substr(0, step));
      take(step);
      pass_arguments(quoted);
    }
    if (!begun()) return Move::on;
    if (!closed) return Move::wait;
    take(parameter_end.size());
    pass_arguments("\"");
    state_ = State::parameters;
    return Move::on;
  }

  Move json() {
    if (scanner_.state() == JsonScanner::State::before) {
      skip_white();
      if (rest().empty()) return Move::wait;
    }
    const std::string_view some = rest().substr(0, limits_.argument_bytes - value_.size());
    const size_t bytes = scanner_.feed(some);
    value_ += some.substr(0, bytes);
    take(bytes);
    if (scanner_.state() == JsonScanner::State::bad) {
      broken("a value that is no JSON");
    } else if (scanner_.state() == JsonScanner::State::done) {
      pass_value(value_);
      state_ = State::parameter_tail;
    } else if (value_.size() == limits_.argument_bytes) {
      broken(fmt::format("arguments of more than {} bytes", limits_.argument_bytes));
    } else {
      return Move::wait;
    }
    return Move::on;
  }

  void pass_value(const std::string& json) {
    const auto value = parse_json(json, "a parameter");
    if (!value)
      broken(value.error().what);
    else
      pass_arguments(json);
  }

  // No flag, or another than true or false: JSON if it is that, else text.
  Move unknown() {
    const auto [bytes, closed] = certain();
    value_ += rest().substr(0, bytes);
    take(bytes);
    if (!closed) return Move::wait;
    take(parameter_end.size());
    pass_arguments(parse_json(value_, "a parameter") ? value_ : fmt::format("\"{}\"", json_quoted(value_)));
    state_ = State::parameters;
    return Move::on;
  }

  Move parameter_tail() {
    skip_white();
    if (rest().empty()) return Move::wait;
    const Next over = next(parameter_end);
    if (over == Next::maybe) return Move::wait;
    if (over == Next::no)
      broken("text behind a value");
    else
      state_ = State::parameters;
    return Move::on;
  }

  void cut_off() override {
    if (state_ == State::between && after_call())
      was_text();
    else
      broken("the answer ends inside a call");
  }

  static constexpr size_t most_parameters = 256;
  const std::string block_end_;
  State state_ = State::between;
  std::vector<std::string> names_;
  std::string value_;
  JsonScanner scanner_;
};

}  // namespace

std::unique_ptr<ToolMachine> make_dsml_tools(std::string_view block, const ToolLimits& limits) {
  return std::make_unique<DsmlTools>(block, limits);
}

}  // namespace freehold
