#include "text/utf8.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

const std::string fffd = "\xef\xbf\xbd";

TEST(Utf8, reads_every_length) {
  const std::string text = "a\u00e9\u4e2d\U0001f642";
  size_t at = 0;
  for (char32_t expected : {U'a', U'\u00e9', U'\u4e2d', U'\U0001f642'}) {
    const Character c = character_at(text, at);
    EXPECT_TRUE(c.valid);
    EXPECT_EQ(c.code, expected);
    std::string back;
    append_utf8(back, c.code);
    EXPECT_EQ(back, text.substr(at, static_cast<size_t>(c.bytes)));
    at += static_cast<size_t>(c.bytes);
  }
  EXPECT_EQ(at, text.size());
}

TEST(Utf8, every_code_point_survives) {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code == 0xd800) code = 0xe000;
    std::string text;
    append_utf8(text, code);
    const Character c = character_at(text, 0);
    ASSERT_TRUE(c.valid) << static_cast<uint32_t>(code);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(static_cast<size_t>(c.bytes), text.size());
  }
}

TEST(Utf8, replaces_maximal_invalid_parts) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"\x80", fffd},
      {"a\xff"
       "b",
       "a" + fffd + "b"},
      {"\xc0\xaf", fffd + fffd},                        // overlong: neither byte begins anything
      {"\xe0\x80\x80", fffd + fffd + fffd},             // overlong
      {"\xed\xa0\x80", fffd + fffd + fffd},             // surrogate
      {"\xf4\x90\x80\x80", fffd + fffd + fffd + fffd},  // over U+10FFFF
      {"\xe4\xbd", fffd},                               // cut: one part
      {"\xf0\x9f\x99", fffd},
      {"\xf0\x9f\x99z", fffd + "z"},
      {"\xe1\xa0\xc0\xe1", fffd + fffd + fffd},
      {"\xc3\xc3\xa9", fffd + "\u00e9"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(repaired_utf8(bytes), expected);
}

TEST(Utf8, finds_the_valid_prefix_and_the_complete_one) {
  EXPECT_EQ(valid_utf8_prefix("twelve bytes\xffx"), 12u);
  EXPECT_TRUE(valid_utf8("eight888\u00e9"));
  EXPECT_EQ(complete_utf8_prefix(""), 0u);
  EXPECT_EQ(complete_utf8_prefix("ab"), 2u);
  EXPECT_EQ(complete_utf8_prefix("ab\xc3"), 2u);
  EXPECT_EQ(complete_utf8_prefix("ab\xf0\x9f\x99"), 2u);
  EXPECT_EQ(complete_utf8_prefix("ab\xf0\x9f\x99\x82"), 6u);
  EXPECT_EQ(complete_utf8_prefix("ab\xff"), 3u);  // never becomes valid: nothing to wait for
  EXPECT_EQ(complete_utf8_prefix("\x80\x80\x80\x80"), 4u);
  EXPECT_EQ(complete_utf8_prefix("\xe0\x80"), 2u);
}

}  // namespace
}  // namespace freehold
