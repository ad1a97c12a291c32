// UTF-8: reading one character, checking, and repairing. Text from outside may hold any bytes; each maximal invalid
// part (the longest start of a well-formed character, or one byte; Unicode 15, section 3.9, "U+FFFD Substitution of
// Maximal Subparts", also the WHATWG rule) becomes one U+FFFD. Surrogates, overlong forms and code points over U+10FFFF
// are invalid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace freehold {

inline constexpr char32_t replacement_character = 0xfffd;

struct Character {
  char32_t code;  // U+FFFD where the bytes are invalid
  int bytes;      // 1..4; for an invalid part, its length
  bool valid;
};

// The character of two or more bytes, or the invalid part, that begins at `at`.
Character long_character_at(std::string_view text, size_t at);

// The character or invalid part that begins at `at`, which must be inside the text.
inline Character character_at(std::string_view text, size_t at) {
  const unsigned char first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1, true};
  return long_character_at(text, at);
}

void append_utf8(std::string& text, char32_t code);

// Bytes of the longest valid beginning.
size_t valid_utf8_prefix(std::string_view text);
inline bool valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

// The text with each invalid part replaced.
std::string repaired_utf8(std::string_view text);

// Bytes of `text` before a last character that is not complete yet, but may become valid with more bytes.
size_t complete_utf8_prefix(std::string_view text);

// How many bytes at the end of `text` could be the start of `mark`, of which more may come.
size_t begun_mark_bytes(std::string_view text, std::string_view mark);

}  // namespace freehold
