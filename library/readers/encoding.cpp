// Text of unknown encoding to UTF-8. Told by the byte order mark, by zeros in every second byte, by being valid UTF-8;
// what is left is read as Windows-1252, in which every byte means something.
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

void append(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](size_t i) -> uint32_t {
    const auto a = static_cast<unsigned char>(bytes[i]), b = static_cast<unsigned char>(bytes[i + 1]);
    return big_endian ? uint32_t{a} << 8 | b : uint32_t{b} << 8 | a;
  };
  std::string out;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    uint32_t code = unit(i);
    if (code >= 0xd800 && code < 0xdc00 && i + 3 < bytes.size() && (unit(i + 2) & 0xfc00) == 0xdc00) {
      code = 0x10000 + ((code - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
      i += 2;
    } else if (code >= 0xd800 && code < 0xe000) {
      code = 0xfffd;
    }
    append(out, code);
  }
  return out;
}

// Zeros in one half of the byte positions and nearly none in the other: -1 none, 0 little-endian, 1 big-endian.
int utf16_without_mark(std::string_view bytes) {
  const size_t n = std::min<size_t>(bytes.size(), 4096) & ~size_t{1};
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < n; ++i) zeros[i & 1] += bytes[i] == '\0';
  if (n < 4) return -1;
  if (zeros[1] > n / 4 && zeros[0] < n / 64 + 1) return 0;
  if (zeros[0] > n / 4 && zeros[1] < n / 64 + 1) return 1;
  return -1;
}

std::string with_plain_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {
      if (i + 1 >= text.size() || text[i + 1] != '\n') out += '\n';
    } else if (c == '\f' || c == '\v') {
      out += '\n';
    } else if (c != '\0') {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string from_code_point(uint32_t code) {
  std::string out;
  append(out, code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code);
  return out;
}

std::string from_windows_1252(std::string_view bytes) {
  static constexpr uint16_t high[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                        0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                        0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                        0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append(out, byte >= 0x80 && byte < 0xa0 ? high[byte - 0x80] : byte);
  }
  return out;
}

Result<std::string> to_utf8(std::string_view bytes, std::string_view name, std::string& how) {
  if (bytes.starts_with("\xef\xbb\xbf") && is_utf8(bytes.substr(3))) {
    how = "UTF-8 with mark";
    return with_plain_lines(bytes.substr(3));
  }
  int big = bytes.starts_with("\xff\xfe") ? 0 : bytes.starts_with("\xfe\xff") ? 1 : -1;
  const size_t mark = big >= 0 ? 2 : 0;
  if (big < 0) big = utf16_without_mark(bytes);
  if (big >= 0) {
    how = big ? "UTF-16 big-endian" : "UTF-16";
    return with_plain_lines(from_utf16(bytes.substr(mark), big == 1));
  }
  size_t controls = 0;
  for (const char c : bytes)
    controls += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  if (controls > bytes.size() / 50 + 2)
    return unsupported("{}: {} control bytes; this is no text and no format that is read", name, controls);
  how = is_utf8(bytes) ? "UTF-8" : "Windows-1252";
  return with_plain_lines(how == "UTF-8" ? std::string(bytes) : from_windows_1252(bytes));
}

std::string trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty()) {
    if (space(text.front()))
      text.remove_prefix(1);
    else if (text.starts_with("\xc2\xa0"))
      text.remove_prefix(2);
    else
      break;
  }
  while (!text.empty()) {
    if (space(text.back()))
      text.remove_suffix(1);
    else if (text.ends_with("\xc2\xa0"))
      text.remove_suffix(2);
    else
      break;
  }
  return std::string(text);
}

}  // namespace freehold::papers
