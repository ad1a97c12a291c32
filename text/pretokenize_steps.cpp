#include "text/pretokenize_steps.h"

#include "text/utf8.h"

namespace freehold {
namespace {

// Takes the parts of a text in order, matches and gaps, and hands on the pieces that a behavior makes of them. Parts
// that are joined touch, so a piece is always a view of the text.
class Joiner {
 public:
  Joiner(Behavior behavior, PieceSink sink) : behavior_(behavior), sink_(sink) {}
  ~Joiner() { flush(); }

  void take(std::string_view part, bool is_match) {
    if (part.empty()) return;
    switch (behavior_) {
      case Behavior::isolated:
        sink_(part);
        return;
      case Behavior::removed:
        if (!is_match) sink_(part);
        return;
      case Behavior::contiguous:
        join_if(!held_.empty() && held_is_match_ == is_match, part);
        break;
      case Behavior::merged_with_previous:
        join_if(!held_.empty() && is_match && !held_is_match_, part);
        break;
      case Behavior::merged_with_next:
        join_if(!held_.empty() && !is_match && held_is_match_, part);
        break;
    }
    held_is_match_ = is_match;
  }

 private:
  void flush() {
    if (!held_.empty()) sink_(held_);
    held_ = {};
  }
  void join_if(bool join, std::string_view part) {
    if (join) {
      held_ = std::string_view(held_.data(), held_.size() + part.size());
      return;
    }
    flush();
    held_ = part;
  }

  Behavior behavior_;
  PieceSink sink_;
  std::string_view held_;
  bool held_is_match_ = false;  // of the part taken last
};

class RegexStep : public SplitStep {
 public:
  RegexStep(Regex regex, Behavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}
  void split(std::string_view text, PieceSink sink) const override {
    Joiner joiner(behavior_, sink);
    size_t done = 0;
    regex_.each_match(text, [&](size_t begin, size_t end) {
      joiner.take(text.substr(done, begin - done), invert_);
      joiner.take(text.substr(begin, end - begin), !invert_);
      done = end;
    });
    joiner.take(text.substr(done), invert_);
  }

 private:
  Regex regex_;
  Behavior behavior_;
  bool invert_;
};

class ClassStep : public SplitStep {
 public:
  ClassStep(std::function<bool(char32_t)> wanted, Behavior behavior)
      : wanted_(std::move(wanted)), behavior_(behavior) {}
  void split(std::string_view text, PieceSink sink) const override {
    Joiner joiner(behavior_, sink);
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
      const Character c = character_at(text, at);
      const size_t end = at + static_cast<size_t>(c.bytes);
      if (wanted_(c.code)) {
        joiner.take(text.substr(done, at - done), false);
        joiner.take(text.substr(at, end - at), true);
        done = end;
      }
      at = end;
    }
    joiner.take(text.substr(done), false);
  }

 private:
  std::function<bool(char32_t)> wanted_;
  Behavior behavior_;
};

class LeadingSpaceStep : public SplitStep {
 public:
  void split(std::string_view text, PieceSink sink) const override {
    if (text.starts_with(' ')) return sink(text);
    std::string spaced = " ";
    spaced += text;
    sink(spaced);
  }
};

}  // namespace

std::shared_ptr<const SplitStep> regex_step(Regex regex, Behavior behavior, bool invert) {
  return std::make_shared<RegexStep>(std::move(regex), behavior, invert);
}
std::shared_ptr<const SplitStep> class_step(std::function<bool(char32_t)> wanted, Behavior behavior) {
  return std::make_shared<ClassStep>(std::move(wanted), behavior);
}
std::shared_ptr<const SplitStep> leading_space_step() { return std::make_shared<LeadingSpaceStep>(); }

}  // namespace freehold
