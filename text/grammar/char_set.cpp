#include "text/grammar/char_set.h"

#include <algorithm>

namespace freehold {
namespace {

constexpr char32_t last_character = 0x10ffff, first_surrogate = 0xd800, last_surrogate = 0xdfff;

void split(char32_t first, char32_t last, std::vector<ByteSequence>& out) {
  for (const char32_t end : {char32_t{0x7f}, char32_t{0x7ff}, char32_t{0xffff}})
    if (first <= end && end < last) return split(first, end, out), split(end + 1, last, out);
  const int length = first < 0x80 ? 1 : first < 0x800 ? 2 : first < 0x10000 ? 3 : 4;
  // Ranges of a later byte stand for all characters only if that byte runs through all its values.
  for (int i = 1; i < length; ++i) {
    const char32_t low = (char32_t{1} << (6 * i)) - 1;
    if ((first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) return split(first, first | low, out), split((first | low) + 1, last, out);
    if ((last & low) != low) return split(first, (last & ~low) - 1, out), split(last & ~low, last, out);
  }
  ByteSequence sequence{{}, length};
  constexpr unsigned marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (int i = 0; i < length; ++i) {
    const int shift = 6 * (length - 1 - i);
    const auto byte = [&](char32_t code) {
      const unsigned bits = static_cast<unsigned>(code >> shift);
      return static_cast<uint8_t>(i == 0 ? (length == 1 ? bits : marks[length] | bits) : 0x80 | (bits & 0x3f));
    };
    sequence.bytes[static_cast<size_t>(i)] = {byte(first), byte(last)};
  }
  out.push_back(sequence);
}

}  // namespace

CharSet CharSet::all() {
  CharSet set;
  set.add(0, last_character);
  return set;
}

CharSet CharSet::of(std::string_view ascii) {
  CharSet set;
  for (const char c : ascii) set.add(static_cast<unsigned char>(c));
  return set;
}

void CharSet::add(char32_t first, char32_t last) {
  last = std::min(last, last_character);
  if (first <= last_surrogate && last >= first_surrogate) {  // these are no characters
    if (first < first_surrogate) add(first, first_surrogate - 1);
    if (last > last_surrogate) add(last_surrogate + 1, last);
    return;
  }
  if (first > last) return;
  const auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                                      [](const Range& range, char32_t code) { return range.last + 1 < code; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
  }
  ranges_.insert(ranges_.erase(begin, end), {first, last});
}

void CharSet::add(const CharSet& other) {
  for (const Range& range : other.ranges_) add(range.first, range.last);
}

CharSet CharSet::inverted() const {
  CharSet set;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) set.add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= last_character) set.add(next, last_character);
  return set;
}

CharSet CharSet::without(const CharSet& other) const {
  CharSet outside = inverted();
  outside.add(other);
  return outside.inverted();
}

bool CharSet::contains(char32_t code) const {
  const auto range = std::lower_bound(ranges_.begin(), ranges_.end(), code,
                                      [](const Range& one, char32_t value) { return one.last < value; });
  return range != ranges_.end() && range->first <= code;
}

std::vector<ByteSequence> utf8_of(CharSet::Range range) {
  std::vector<ByteSequence> out;
  split(range.first, range.last, out);
  return out;
}

}  // namespace freehold
