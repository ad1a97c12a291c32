#include "base/result.h"

#include <cstdint>

namespace freehold {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::check_failed: return "check failed";
    case Fault::usage: return "usage";
    case Fault::malformed: return "malformed";
    case Fault::unsupported: return "unsupported";
    case Fault::inconsistent: return "inconsistent";
    case Fault::resources: return "resources";
    case Fault::io: return "io";
    case Fault::integrity: return "integrity";
    case Fault::cancelled: return "cancelled";
  }
  return "unknown";
}

int exit_code(Fault fault) {
  switch (fault) {
    case Fault::check_failed: return 1;
    case Fault::usage: return 2;
    case Fault::malformed:
    case Fault::unsupported:
    case Fault::inconsistent: return 3;
    case Fault::resources: return 4;
    case Fault::io: return 5;
    case Fault::integrity: return 6;
    case Fault::cancelled: return 7;
  }
  return 70;
}

namespace {

// Length of the valid UTF-8 character at `s`, or 0. Overlong forms, surrogates and values past U+10FFFF are invalid.
size_t utf8_length(std::string_view s) {
  const auto byte = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : uint8_t{0}; };
  const auto more = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return more(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    return more(1) && more(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return more(1) && more(2) && more(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view bytes, size_t most) {
  std::string out;
  size_t i = 0;
  while (i < bytes.size()) {
    const size_t length = utf8_length(bytes.substr(i));
    const auto byte = static_cast<uint8_t>(bytes[i]);
    std::string next;
    if (length == 0 || (length == 1 && (byte < 0x20 || byte == 0x7f)))
      next = fmt::format("\\x{:02x}", byte);
    else
      next = bytes.substr(i, length);
    if (out.size() + next.size() > most) return out + "...";
    out += next;
    i += length ? length : 1;
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = utf8_length(bytes.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool is_clean_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = utf8_length(bytes.substr(i));
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) return false;
    i += length;
  }
  return true;
}

Failure failure(Fault fault, std::string what) { return Failure(Error{fault, printable(what, 300)}); }

}  // namespace freehold
