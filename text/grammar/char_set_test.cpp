#include "text/grammar/char_set.h"

#include <gtest/gtest.h>

#include "text/utf8.h"

namespace freehold {
namespace {

TEST(CharSet, joins_inverts_and_takes_away) {
  CharSet set;
  set.add('d', 'f');
  set.add('a');
  set.add('b', 'c');
  EXPECT_EQ(set.ranges(), (std::vector<CharSet::Range>{{'a', 'f'}}));
  set.add('x');
  EXPECT_FALSE(set.contains('g'));
  EXPECT_TRUE(set.contains('x'));
  EXPECT_EQ(set.inverted().inverted(), set);
  EXPECT_FALSE(set.inverted().contains('a'));
  EXPECT_TRUE(set.inverted().contains(0x10ffff));
  EXPECT_EQ(set.without(CharSet::of("bx")).ranges(), (std::vector<CharSet::Range>{{'a', 'a'}, {'c', 'f'}}));
  EXPECT_EQ(CharSet::all().ranges(), (std::vector<CharSet::Range>{{0, 0xd7ff}, {0xe000, 0x10ffff}}));
  EXPECT_TRUE(CharSet::all().inverted().empty());
}

// Each character of the range is in one of the sequences, and no other bytes are.
TEST(CharSet, ranges_in_utf8_are_exact) {
  for (const CharSet::Range range : {CharSet::Range{0, 0x10ffff},
                                     {'a', 'z'},
                                     {0x7f, 0x80},
                                     {0x7ff, 0x800},
                                     {0x3a9, 0x5d0},
                                     {0x1000, 0xd7ff},
                                     {0xe000, 0xffff},
                                     {0xfffe, 0x10001},
                                     {0x1f600, 0x1f64f},
                                     {0x12345, 0x54321}}) {
    CharSet set;
    set.add(range.first, range.last);
    uint64_t counted = 0;
    for (const CharSet::Range& part : set.ranges())
      for (const ByteSequence& sequence : utf8_of(part)) {
        uint64_t count = 1;
        std::string low, high;
        for (int i = 0; i < sequence.length; ++i) {
          const auto [first, last] = sequence.bytes[static_cast<size_t>(i)];
          ASSERT_LE(first, last);
          count *= last - first + 1u;
          low += static_cast<char>(first), high += static_cast<char>(last);
        }
        counted += count;
        for (const std::string& text : {low, high}) {
          const Character c = character_at(text, 0);
          EXPECT_TRUE(c.valid && static_cast<size_t>(c.bytes) == text.size());
          EXPECT_TRUE(c.code >= range.first && c.code <= range.last);
        }
      }
    uint64_t expected = 0;
    for (const CharSet::Range& part : set.ranges()) expected += part.last - part.first + 1u;
    EXPECT_EQ(counted, expected);
  }
}

}  // namespace
}  // namespace freehold
