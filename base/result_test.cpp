#include "base/result.h"

#include <gtest/gtest.h>

#include <set>

#include "base/checked.h"
#include "base/reader.h"

namespace freehold {
namespace {

TEST(Result, every_fault_has_a_name_and_a_code) {
  std::set<std::string_view> names;
  for (int f = 0; f <= static_cast<int>(Fault::cancelled); ++f) {
    const auto fault = static_cast<Fault>(f);
    EXPECT_TRUE(names.insert(name_of(fault)).second);
    EXPECT_GE(exit_code(fault), 1);
    EXPECT_LE(exit_code(fault), 7);
  }
  EXPECT_EQ(exit_code(Fault::malformed), 3);
  EXPECT_EQ(exit_code(Fault::unsupported), 3);
  EXPECT_EQ(exit_code(Fault::inconsistent), 3);
  EXPECT_EQ(exit_code(Fault::integrity), 6);
}

Result<int> half(int n) {
  if (n % 2) return malformed("{}: odd; expected an even number", n);
  return n / 2;
}
Result<int> quarter(int n) {
  TRY_ASSIGN(const int h, half(n));
  TRY(half(h));
  return h / 2;
}

TEST(Result, try_hands_the_first_error_up) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(3).error().what, "3: odd; expected an even number");
  EXPECT_EQ(quarter(6).error().what, "3: odd; expected an even number");
}

TEST(Result, an_error_line_is_short_and_clean) {
  const auto error = Result<int>(failure(Fault::io, std::string(1000, 'x') + "\n")).error();
  EXPECT_LE(error.what.size(), 303u);
  EXPECT_EQ(Result<int>(failure(Fault::io, "a\nb\x1b[1m\xff")).error().what, "a\\x0ab\\x1b[1m\\xff");
}

TEST(Result, printable_keeps_whole_characters) {
  EXPECT_EQ(printable("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(printable("caf\xc3\xa9", 4), "caf...");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
}

TEST(Result, clean_utf8) {
  for (std::string_view good : {"", "a", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "a b"}) EXPECT_TRUE(is_clean_utf8(good));
  for (std::string_view bad : {"\n", "\x7f", "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"})
    EXPECT_FALSE(is_clean_utf8(bad));
  EXPECT_FALSE(is_clean_utf8(std::string_view("\0", 1)));
}

TEST(Checked, arithmetic_does_not_wrap) {
  EXPECT_EQ(checked_add(1, 2), 3u);
  EXPECT_FALSE(checked_add(UINT64_MAX, 1));
  EXPECT_EQ(checked_mul(1ull << 32, 1ull << 31), 1ull << 63);
  EXPECT_FALSE(checked_mul(1ull << 32, 1ull << 32));
  EXPECT_EQ(checked_align(0, 32), 0u);
  EXPECT_EQ(checked_align(1, 32), 32u);
  EXPECT_EQ(checked_align(64, 32), 64u);
  EXPECT_FALSE(checked_align(UINT64_MAX - 3, 32));
}

TEST(Reader, checks_what_is_left) {
  const std::byte bytes[] = {std::byte{3}, {}, {}, {}, {}, {}, {}, {}, std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  Reader reader(bytes, "file");
  EXPECT_EQ(*reader.string(10, "word"), "abc");
  EXPECT_EQ(reader.left(), 0u);
  EXPECT_FALSE(reader.u32("more"));
  for (uint64_t count : {uint64_t{1}, uint64_t{1} << 31, uint64_t{1} << 63, UINT64_MAX})
    EXPECT_FALSE(reader.take(count, "x")) << count;

  Reader limited(bytes, "file");
  EXPECT_EQ(limited.string(2, "word").error().fault, Fault::malformed);
  Reader counts(bytes, "file");
  EXPECT_EQ(*counts.count(2, 5, 100, "list"), 2u);
  EXPECT_FALSE(counts.count(3, 5, 100, "list"));
  EXPECT_FALSE(counts.count(11, 1, 10, "list"));
  EXPECT_FALSE(counts.count(UINT64_MAX, 8, UINT64_MAX, "list"));
}

}  // namespace
}  // namespace freehold
