#include "run/thinking.h"

#include <algorithm>

#include "text/utf8.h"

namespace freehold {
namespace {

constexpr std::string_view opening = "<think>", closing = "</think>", white = " \t\r\n";

void give(std::vector<Part>& parts, Voice voice, std::string_view text) {
  if (text.empty()) return;
  if (!parts.empty() && parts.back().voice == voice)
    parts.back().text += text;
  else
    parts.push_back({voice, std::string(text)});
}

}  // namespace

std::vector<Part> ThinkingSplitter::push(std::string_view text) {
  held_ += text;
  std::vector<Part> parts;
  take(false, parts);
  return parts;
}

std::vector<Part> ThinkingSplitter::finish() {
  std::vector<Part> parts;
  take(true, parts);
  return parts;
}

void ThinkingSplitter::take(bool last, std::vector<Part>& parts) {
  if (state_ == State::start || state_ == State::opened) {
    const size_t first = held_.find_first_not_of(white);
    const std::string_view rest = first == std::string::npos ? "" : std::string_view(held_).substr(first);
    if (rest.starts_with(opening)) {
      held_.erase(0, first + opening.size());
      state_ = State::thinking;
    } else if (last || !opening.starts_with(rest)) {
      state_ = state_ == State::opened ? State::thinking : State::answer;
    } else {
      return;
    }
  }
  if (state_ == State::thinking) {
    const size_t end = held_.find(closing);
    const size_t certain =
        end != std::string::npos ? end : held_.size() - (last ? 0 : begun_mark_bytes(held_, closing));
    give(parts, Voice::thinking, std::string_view(held_).substr(0, certain));
    held_.erase(0, certain);
    if (end == std::string::npos) return;
    held_.erase(0, closing.size());
    state_ = State::after;
  }
  if (state_ == State::after) {
    held_.erase(0, std::min(held_.find_first_not_of(white), held_.size()));
    if (held_.empty()) return;
    state_ = State::answer;
  }
  give(parts, Voice::answer, held_);
  held_.clear();
}

}  // namespace freehold
