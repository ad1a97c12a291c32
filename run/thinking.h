// ThinkingSplitter: tells a reasoning model's thinking from its answer while the text streams. Thinking stands at the
// start, "<think> ... </think>"; the opening tag may be missing because the prompt ended with it. A tag may come in any
// number of pieces, or twice: a model may open what the prompt has opened. Tags later in the answer are text: an answer
// may speak about them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freehold {

enum class Voice : uint8_t { thinking, answer };
struct Part {
  Voice voice;
  std::string text;
};

class ThinkingSplitter {
 public:
  // `open`: the prompt ended inside thinking.
  explicit ThinkingSplitter(bool open) : state_(open ? State::opened : State::start) {}

  std::vector<Part> push(std::string_view text);  // what became certain; no empty parts
  std::vector<Part> finish();                     // what was held back
  bool thinking() const { return state_ == State::thinking; }
  bool answering() const { return state_ == State::after || state_ == State::answer; }

 private:
  // start, opened (by the prompt): nothing but white space so far. after: thinking has ended, white space before the
  // answer is dropped.
  enum class State : uint8_t { start, opened, thinking, after, answer };
  void take(bool last, std::vector<Part>& parts);
  State state_;
  std::string held_;
};

}  // namespace freehold
