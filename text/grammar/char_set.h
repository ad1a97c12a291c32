// Sets of characters (code points without surrogates) and of bytes, as grammars speak of them, and how a range of
// characters looks in UTF-8.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace freehold {

using ByteSet = std::bitset<256>;

class CharSet {
 public:
  struct Range {
    char32_t first, last;
    bool operator==(const Range&) const = default;
  };
  static CharSet all();
  static CharSet of(std::string_view ascii);

  void add(char32_t first, char32_t last);
  void add(char32_t code) { add(code, code); }
  void add(const CharSet&);
  CharSet inverted() const;
  CharSet without(const CharSet&) const;
  bool contains(char32_t code) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }  // ascending, apart from each other
  bool operator==(const CharSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

// The bytes of some characters of one length: any of bytes[0], then any of bytes[1] ...
struct ByteSequence {
  struct Range {
    uint8_t first, last;
  };
  std::array<Range, 4> bytes;
  int length;
};
std::vector<ByteSequence> utf8_of(CharSet::Range range);

}  // namespace freehold
