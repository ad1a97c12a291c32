#include "apps/wrap.h"

#include <gtest/gtest.h>

#include <clocale>
#include <vector>

namespace freehold {
namespace {

// What stands on a terminal after printing: handles newline, "move left by n" and "erase to the end of the line".
std::vector<std::string> screen(const std::vector<std::string>& parts, int columns) {
  WordWrap wrap;
  std::vector<std::string> lines(1);
  for (const std::string& part : parts) {
    const std::string out = wrap.put(part, columns);
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i] == '\n') {
        lines.emplace_back();
      } else if (out[i] == '\033') {
        const int left = std::stoi(out.substr(i + 2));
        i = out.find('K', i);
        lines.back().resize(lines.back().size() - static_cast<size_t>(left));
      } else {
        lines.back() += out[i];
      }
    }
  }
  for (const std::string& line : lines) EXPECT_LT(line.size(), static_cast<size_t>(columns));
  return lines;
}
std::vector<std::string> letters(const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.push_back(std::string(1, c));
  return parts;
}
using Lines = std::vector<std::string>;

TEST(WordWrap, BreaksAtWordsWhateverThePieces) {
  const std::string text = "The quick brown fox\njumps over it";
  const Lines expected = {"The quick ", "brown fox", "jumps over ", "it"};
  EXPECT_EQ(screen({text}, 12), expected);
  EXPECT_EQ(screen(letters(text), 12), expected);
  EXPECT_EQ(screen({"The qui", "ck brow", "n fox\njum", "ps over it"}, 12), expected);
}

TEST(WordWrap, CutsWordsThatAreLongerThanALine) {
  EXPECT_EQ(screen(letters("ab 0123456789012345"), 12), (Lines{"ab ", "01234567890", "12345"}));
}

TEST(WordWrap, ASpaceAtTheEndBecomesTheBreak) {
  EXPECT_EQ(screen(letters("0123456789a bc"), 12), (Lines{"0123456789a", "bc"}));
}

TEST(WordWrap, CodeKeepsItsLines) {
  WordWrap wrap;
  const std::string code = "```py\nprint('a long line of code that is wider')\n```\n";
  EXPECT_EQ(wrap.put(code, 12), code);
  EXPECT_EQ(wrap.put("aaaa bbbb cccc", 12), "aaaa bbbb c\033[1D\033[K\ncccc");
}

TEST(WordWrap, WideCharactersCountTwice) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  WordWrap wrap;
  EXPECT_EQ(wrap.put("日本語日本語", 10), "日本語日\n本語");
}

}  // namespace
}  // namespace freehold
