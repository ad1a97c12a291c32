// libutf8proc orders combining marks by exchanging neighbours, which is quadratic on hostile text; here each run of
// marks is sorted (stably) instead, and the library composes what is already in order.
#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "text/utf8.h"

namespace freehold {
namespace {

bool white_space_beyond_ascii(char32_t code) {
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
         code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

utf8proc_category_t category(char32_t code) { return utf8proc_category(static_cast<utf8proc_int32_t>(code)); }

int combining_class(int32_t code) { return utf8proc_get_property(code)->combining_class; }

// Text that no normal form changes: all code points below U+0300 for the composed canonical form, ASCII for the others.
bool surely_normal(std::string_view text, NormalForm form) {
  const unsigned char bound = form == NormalForm::nfc ? 0xcc : 0x80;
  return std::none_of(text.begin(), text.end(), [=](char c) { return static_cast<unsigned char>(c) >= bound; });
}

}  // namespace

Classes classes_beyond_ascii(char32_t code) {
  const Classes blank = white_space_beyond_ascii(code) ? space : 0;
  const int c = category(code);
  if (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) return letter | blank;
  if (c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME) return mark | blank;
  if (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO) return number | blank;
  if (c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO) return punctuation | blank;
  if (c >= UTF8PROC_CATEGORY_SM && c <= UTF8PROC_CATEGORY_SO) return symbol | blank;
  if (c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_ZP) return blank;
  return other | blank;
}

bool control_character(char32_t code) {
  const int c = category(code);
  return c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_CO;
}

bool nonspacing_mark(char32_t code) { return category(code) == UTF8PROC_CATEGORY_MN; }

bool word_character(char32_t code) {
  const int c = category(code);
  return (classes_of(code) & (letter | mark)) || c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL ||
         c == UTF8PROC_CATEGORY_PC;
}

char32_t simple_lowercase(char32_t code) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

std::string normal_form(std::string_view text, NormalForm form) {
  if (surely_normal(text, form)) return std::string(text);
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  const bool compose = form == NormalForm::nfc || form == NormalForm::nfkc;
  const int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);

  std::vector<int32_t> codes;
  codes.reserve(text.size() + 16);
  int boundary_class = UTF8PROC_BOUNDCLASS_START;
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    at += static_cast<size_t>(c.bytes);
    int32_t parts[32];  // the longest decomposition has 18 code points
    const auto count = utf8proc_decompose_char(static_cast<int32_t>(c.code), parts, std::size(parts),
                                               static_cast<utf8proc_option_t>(options), &boundary_class);
    CHECK(count >= 0 && count <= static_cast<utf8proc_ssize_t>(std::size(parts)), "U+{:04X}: {}",
          static_cast<uint32_t>(c.code), count);
    codes.insert(codes.end(), parts, parts + count);
  }
  for (auto run = codes.begin(); run != codes.end();) {
    if (combining_class(*run) == 0) {
      ++run;
      continue;
    }
    const auto end = std::find_if(run, codes.end(), [](int32_t code) { return combining_class(code) == 0; });
    if (end - run > 1)
      std::stable_sort(run, end, [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
    run = end;
  }
  auto count = static_cast<utf8proc_ssize_t>(codes.size());
  if (compose)
    count = utf8proc_normalize_utf32(codes.data(), count,
                                     static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  CHECK(count >= 0, "{}", count);
  std::string result;
  result.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    append_utf8(result, static_cast<char32_t>(codes[static_cast<size_t>(i)]));
  return result;
}

}  // namespace freehold
