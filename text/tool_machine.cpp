#include "text/tool_machine.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "text/utf8.h"

namespace freehold {
namespace {

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

std::vector<ToolEvent> ToolMachine::push(std::string_view text) {
  input_ += text;
  return run();
}

std::vector<ToolEvent> ToolMachine::finish() {
  last_ = true;
  auto events = run();
  last_ = false;
  return events;
}

std::vector<ToolEvent> ToolMachine::run() {
  for (;;) {
    if (in_text_) {
      if (!scan_text()) break;
    } else if (move() == Move::wait && !in_text_) {
      const bool clipped = input_.size() - at_ > rest().size();
      if (clipped)
        broken(fmt::format("a call of more than {} bytes", raw_limit()));
      else if (last_)
        cut_off();
      else
        break;
    }
  }
  input_.erase(0, at_);
  at_ = 0;
  return std::exchange(events_, {});
}

// Passes on what is certain to be text; true when a block was found.
bool ToolMachine::scan_text() {
  std::string_view text = std::string_view(input_).substr(at_);
  if (bare_opener() && at_start_) {
    const size_t white = white_bytes();
    if (white < text.size() && text[white] == bare_opener()) {
      at_start_ = in_text_ = false;
      raw_.assign(text.substr(0, white + 1));
      at_ += white + 1;
      opened(std::string_view(&text[white], 1));
      return true;
    }
    if (white == text.size() && !last_) return false;
  }
  size_t found = text.npos;
  const std::string* opener = nullptr;
  for (const std::string& candidate : openers_) {
    const size_t place = text.find(candidate);
    if (place < found) {
      found = place;
      opener = &candidate;
    }
  }
  if (opener) {
    const size_t lead = text.substr(0, found).ends_with(lead_) ? lead_.size() : 0;
    say(text.substr(0, found - lead));
    raw_.assign(text.substr(found - lead, lead + opener->size()));
    at_ += found + opener->size();
    in_text_ = at_start_ = false;
    opened(*opener);
    return true;
  }
  size_t held = 0;
  if (!last_) {
    for (const std::string& candidate : openers_) held = std::max(held, begun_mark_bytes(text, candidate));
    // In front of that, what may be the lead.
    if (!lead_.empty()) {
      const std::string_view before = text.substr(0, text.size() - held);
      held += held == 0 ? std::max(begun_mark_bytes(before, lead_), before.ends_with(lead_) ? lead_.size() : 0)
                        : (before.ends_with(lead_) ? lead_.size() : 0);
    }
  }
  say(text.substr(0, text.size() - held));
  at_ += text.size() - held;
  return false;
}

void ToolMachine::say(std::string_view text) {
  if (text.empty()) return;
  at_start_ = false;
  if (!events_.empty() && events_.back().kind == ToolEvent::Kind::text)
    events_.back().text += text;
  else
    events_.push_back({ToolEvent::Kind::text, -1, std::string(text), ""});
}

void ToolMachine::emit(ToolEvent::Kind kind, std::string_view text) {
  if (kind == ToolEvent::Kind::arguments) {
    if (text.empty()) return;
    if (!events_.empty() && events_.back().kind == kind) {
      events_.back().text += text;
      return;
    }
  }
  events_.push_back({kind, calls_ - 1, std::string(text), ""});
}

std::string_view ToolMachine::rest() const {
  return std::string_view(input_).substr(at_,
                                         in_text_ ? input_.npos : raw_limit() - std::min(raw_limit(), raw_.size()));
}

void ToolMachine::take(size_t bytes) {
  raw_ += rest().substr(0, bytes);
  at_ += bytes;
}

size_t ToolMachine::white_bytes() const {
  const std::string_view text = rest();
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_white) - text.begin());
}

ToolMachine::Next ToolMachine::peek(std::string_view mark) const {
  const std::string_view text = rest();
  if (text.starts_with(mark)) return Next::yes;
  return mark.starts_with(text) && !last_ ? Next::maybe : Next::no;
}

ToolMachine::Next ToolMachine::next(std::string_view mark) {
  const Next answer = peek(mark);
  if (answer == Next::yes) take(mark.size());
  return answer;
}

ToolMachine::Next ToolMachine::next_call(std::string_view call, std::string_view block_end) {
  skip_white();
  if (rest().empty()) return Next::maybe;
  const Next another = next(call);
  if (another == Next::yes) {
    after_call_ = false;
    return another;
  }
  const Next over = peek(block_end);
  if (another == Next::maybe || over == Next::maybe) return Next::maybe;
  if (over == Next::yes) {
    take(block_end.size());
    if (!after_call_)
      broken("a block without a call");
    else
      leave();
  } else if (after_call_) {
    was_text();  // the end of the block is missing; what was skipped is white space in front of text
  } else {
    broken("no call where one should begin");
  }
  return Next::no;
}

std::optional<std::string_view> ToolMachine::until(std::string_view mark, size_t most, std::string_view what) {
  const std::string_view text = rest().substr(0, most + mark.size());
  const size_t place = text.find(mark);
  if (place != text.npos) return text.substr(0, place);
  if (text.size() == most + mark.size()) broken(fmt::format("{} of more than {} bytes", what, most));
  return std::nullopt;
}

void ToolMachine::begin(std::string_view name) {
  CHECK(!begun_);
  if (name.empty()) return broken("a call without a name");
  if (name.size() > limits_.name_bytes) return broken(fmt::format("a name of more than {} bytes", limits_.name_bytes));
  if (!is_clean_utf8(name)) return broken("a name that is no plain text");
  if (calls_ >= limits_.calls) return broken(fmt::format("more than {} calls", limits_.calls));
  ++calls_;
  begun_ = true;
  emit(ToolEvent::Kind::begin, name);
  if (!quoted_) emit(ToolEvent::Kind::arguments, arguments_);  // those that came before the name
}

bool ToolMachine::read_arguments() {
  if (scanner_.state() == JsonScanner::State::before) {
    skip_white();
    if (rest().empty()) return false;
    const char c = rest()[0];
    if (c != '{' && c != '"') return broken("the arguments are no JSON object"), false;
    quoted_ = c == '"';
  }
  const std::string_view some = rest().substr(0, limits_.argument_bytes - arguments_.size());
  const std::string_view part = some.substr(0, scanner_.feed(some));
  arguments_ += part;
  if (!quoted_ && begun_) emit(ToolEvent::Kind::arguments, part);
  take(part.size());
  if (scanner_.state() == JsonScanner::State::bad) return broken("the arguments are no JSON"), false;
  if (scanner_.state() != JsonScanner::State::done) {
    if (arguments_.size() == limits_.argument_bytes)
      broken(fmt::format("arguments of more than {} bytes", limits_.argument_bytes));
    return false;
  }
  auto value = parse_json(arguments_, "arguments");
  if (value && quoted_ && value->is_string()) {
    arguments_ = value->get<std::string>();
    quoted_ = false;
    value = parse_json(arguments_, "arguments");
    if (value && value->is_object() && begun_) emit(ToolEvent::Kind::arguments, arguments_);
  }
  if (!value) return broken(value.error().what), false;
  if (!value->is_object()) return broken("the arguments are no JSON object"), false;
  arguments_done_ = true;
  return true;
}

void ToolMachine::pass_arguments(std::string_view json) {
  if (json.size() > limits_.argument_bytes - arguments_.size())
    return broken(fmt::format("arguments of more than {} bytes", limits_.argument_bytes));
  arguments_ += json;
  emit(ToolEvent::Kind::arguments, json);
}

bool ToolMachine::end() {
  CHECK(begun_);
  if (!arguments_done_) {  // made by the machine: of parts that it has not seen together
    const auto value = parse_json(arguments_, "arguments");
    if (!value) return broken(value.error().what), false;
  }
  emit(ToolEvent::Kind::end, "");
  reset_call();
  after_call_ = true;
  return true;
}

void ToolMachine::broken(std::string reason) {
  ToolEvent event{ToolEvent::Kind::broken, begun_ ? calls_ - 1 : -1, std::move(raw_), std::move(reason)};
  events_.push_back(std::move(event));
  reset_call();
  leave();
}

void ToolMachine::was_text() {
  say(raw_);
  reset_call();
  leave();
}

void ToolMachine::leave() {
  raw_.clear();
  in_text_ = true;
  after_call_ = false;
}

void ToolMachine::reset_call() {
  raw_.clear();
  begun_ = false;
  scanner_ = JsonScanner();
  arguments_.clear();
  quoted_ = arguments_done_ = false;
}

}  // namespace freehold
