// Well-formed byte sequences are those of Unicode's table 3-7: the second byte's range depends on the first, later
// bytes are 80..BF. `read` below is that table; everything else walks with it.
#include "text/utf8.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace freehold {
namespace {

unsigned char byte_at(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

struct Read {
  Character character;
  bool cut;  // the text ended inside a character that was well-formed so far
};

Read read(std::string_view text, size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return {{first, 1, true}, false};
  unsigned char least = 0x80, most = 0xbf;  // of the second byte
  int bytes = 0;
  char32_t code = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    bytes = 2;
    code = first & 0x1fu;
  } else if (first >= 0xe0 && first <= 0xef) {
    bytes = 3;
    code = first & 0x0fu;
    if (first == 0xe0) least = 0xa0;  // overlong
    if (first == 0xed) most = 0x9f;   // surrogates
  } else if (first >= 0xf0 && first <= 0xf4) {
    bytes = 4;
    code = first & 0x07u;
    if (first == 0xf0) least = 0x90;  // overlong
    if (first == 0xf4) most = 0x8f;   // over U+10FFFF
  } else {
    return {{replacement_character, 1, false}, false};
  }
  for (int i = 1; i < bytes; ++i) {
    if (at + static_cast<size_t>(i) == text.size()) return {{replacement_character, i, false}, true};
    const unsigned char next = byte_at(text, at + static_cast<size_t>(i));
    if (next < least || next > most) return {{replacement_character, i, false}, false};
    code = (code << 6) | (next & 0x3fu);
    least = 0x80;
    most = 0xbf;
  }
  return {{code, bytes, true}, false};
}

}  // namespace

Character long_character_at(std::string_view text, size_t at) { return read(text, at).character; }

void append_utf8(std::string& text, char32_t code) {
  CHECK(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff), "code {:x}", static_cast<uint32_t>(code));
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8) {  // eight ASCII bytes at once
      uint64_t eight;
      std::memcpy(&eight, text.data() + at, 8);
      if (!(eight & 0x8080808080808080ull)) {
        at += 8;
        continue;
      }
    }
    const Character c = character_at(text, at);
    if (!c.valid) return at;
    at += static_cast<size_t>(c.bytes);
  }
  return at;
}

std::string repaired_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const size_t good = valid_utf8_prefix(text);
    repaired.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    append_utf8(repaired, replacement_character);
    text.remove_prefix(static_cast<size_t>(character_at(text, 0).bytes));
  }
  return repaired;
}

size_t complete_utf8_prefix(std::string_view text) {
  // Only a character that begins in the last three bytes can be incomplete.
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const size_t at = text.size() - back;
    const unsigned char byte = byte_at(text, at);
    if (byte < 0x80) break;
    if (byte >= 0xc0) return read(text, at).cut ? at : text.size();
  }
  return text.size();
}

size_t begun_mark_bytes(std::string_view text, std::string_view mark) {
  for (size_t n = std::min(text.size(), mark.size() - 1); n > 0; --n)
    if (text.ends_with(mark.substr(0, n))) return n;
  return 0;
}

}  // namespace freehold
