#include "run/thinking.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

struct Split {
  std::string thinking, answer;
  bool operator==(const Split&) const = default;
};
// The text in pieces of `size` bytes; the result must not depend on it.
Split split(std::string_view text, size_t size, bool open) {
  ThinkingSplitter splitter(open);
  Split result;
  const auto add = [&](const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      EXPECT_FALSE(part.text.empty());
      (part.voice == Voice::thinking ? result.thinking : result.answer) += part.text;
    }
  };
  for (size_t at = 0; at < text.size(); at += size) add(splitter.push(text.substr(at, size)));
  add(splitter.finish());
  return result;
}
void expect(std::string_view text, bool open, const Split& expected) {
  for (size_t size = 1; size <= text.size() + 1; ++size) {
    const Split found = split(text, size, open);
    EXPECT_EQ(found.thinking, expected.thinking) << text << " by " << size;
    EXPECT_EQ(found.answer, expected.answer) << text << " by " << size;
  }
}

TEST(ThinkingSplitter, SplitsWhateverThePieces) {
  expect("<think>\nhm <b> </i\n</think>\n\nYes.", false, {"\nhm <b> </i\n", "Yes."});
  expect("\n <think></think>Yes </think> <think>", false, {"", "Yes </think> <think>"});
  expect("so it is</think> \n 4", true, {"so it is", "4"});
  expect("\n<think>\nso it is</think>4", true, {"\nso it is", "4"});
  expect("<thin ice</think>4", true, {"<thin ice", "4"});
  expect("<th", true, {"<th", ""});
  expect("</think>4", true, {"", "4"});
  expect("never closed </thin", true, {"never closed </thin", ""});
  expect("plain <think> later", false, {"", "plain <think> later"});
  expect("  <thin ice", false, {"", "  <thin ice"});
  expect("<thi", false, {"", "<thi"});
  expect("", false, {"", ""});
  expect("", true, {"", ""});
}

TEST(ThinkingSplitter, PlainTextIsNotHeldBack) {
  ThinkingSplitter splitter(false);
  EXPECT_EQ(splitter.push("H").size(), 1u);
  EXPECT_EQ(splitter.push("<").size(), 1u);
}

}  // namespace
}  // namespace freehold
