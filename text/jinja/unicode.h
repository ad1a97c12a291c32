// Characters as Python's str sees them: what is blank, a letter, a digit, printable, and how case changes. All
// functions take valid UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "text/utf8.h"

namespace freehold::jinja {

size_t count_characters(std::string_view bytes);
inline size_t next_character(std::string_view bytes, size_t at) {  // offset behind the character at `at`
  const auto lead = static_cast<unsigned char>(bytes[at]);
  return at + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
}
inline size_t previous_character(std::string_view bytes, size_t at) {  // offset of the character that ends at `at`
  do --at;
  while ((static_cast<unsigned char>(bytes[at]) & 0xc0) == 0x80);
  return at;
}
char32_t character_at(std::string_view bytes, size_t at);
bool is_scalar(char32_t c);  // may stand in UTF-8: no surrogate, not beyond U+10FFFF

bool is_space(char32_t c);
bool is_alphabetic(char32_t c);
bool is_decimal(char32_t c);  // Nd
bool is_digit(char32_t c);    // Nd, and superscripts and circled digits
bool is_numeric(char32_t c);  // Nd, Nl, No
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_cased(char32_t c);
bool is_printable(char32_t c);  // repr() shows it as it is
inline bool is_alphanumeric(char32_t c) { return is_alphabetic(c) || is_numeric(c); }
inline bool is_word(char32_t c) { return c == '_' || is_alphanumeric(c); }  // \w

enum class Case { upper, lower, title };
// The character in another case, one to three characters long. Lower case of a final sigma is the caller's matter.
std::string with_case(char32_t c, Case which);

// [first, end) without blanks at its left or right end.
size_t skip_spaces(std::string_view bytes, size_t first);
size_t trim_spaces(std::string_view bytes, size_t first, size_t end);

}  // namespace freehold::jinja
