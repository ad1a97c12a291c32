// What the tokenizers need to know about characters: general categories as a set of bits, white space, the normal forms
// and simple case folding. The tables are libutf8proc's (Unicode 15); ASCII is answered from a small table here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace freehold {

// Classes of a character. One may have several (U+3000 is space; CR is space and line_end).
using Classes = uint8_t;
inline constexpr Classes letter = 1;       // \p{L}
inline constexpr Classes number = 2;       // \p{N}
inline constexpr Classes space = 4;        // \s, the White_Space property
inline constexpr Classes punctuation = 8;  // \p{P}
inline constexpr Classes symbol = 16;      // \p{S}
inline constexpr Classes mark = 32;        // \p{M}
inline constexpr Classes line_end = 64;    // \r and \n
inline constexpr Classes other = 128;      // \p{C}: control, format, private use, not assigned

namespace unicode_detail {
constexpr std::array<Classes, 128> ascii_classes() {
  std::array<Classes, 128> table{};
  for (int c = 0; c < 128; ++c) {
    const bool small = c >= 'a' && c <= 'z', capital = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
    if (c < 32 || c == 127)
      table[static_cast<size_t>(c)] = other;
    else if (small || capital)
      table[static_cast<size_t>(c)] = letter;
    else if (digit)
      table[static_cast<size_t>(c)] = number;
    else if (c != ' ')
      table[static_cast<size_t>(c)] = punctuation;
  }
  for (char c : {'$', '+', '<', '=', '>', '^', '`', '|', '~'}) table[static_cast<size_t>(c)] = symbol;
  table[' '] = space;
  for (char c : {'\t', '\v', '\f'}) table[static_cast<size_t>(c)] = other | space;
  for (char c : {'\n', '\r'}) table[static_cast<size_t>(c)] = other | space | line_end;
  return table;
}
inline constexpr std::array<Classes, 128> ascii = ascii_classes();
}  // namespace unicode_detail

Classes classes_beyond_ascii(char32_t code);
inline Classes classes_of(char32_t code) {
  return code < 128 ? unicode_detail::ascii[code] : classes_beyond_ascii(code);
}

bool control_character(char32_t code);  // categories Cc, Cf, Co
bool nonspacing_mark(char32_t code);    // category Mn
bool word_character(char32_t code);     // \w: alphabetic, mark, decimal digit, connector
char32_t simple_lowercase(char32_t code);

enum class NormalForm : uint8_t { nfc, nfd, nfkc, nfkd };
// Valid UTF-8 in, valid UTF-8 out. Time is n log n whatever the order of combining marks.
std::string normal_form(std::string_view text, NormalForm form);

}  // namespace freehold
