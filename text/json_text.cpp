#include "text/json_text.h"

#include <fmt/format.h>

namespace freehold {

std::string json_escape(char32_t character) {
  switch (character) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\f':
      return "\\f";
    case '\b':
      return "\\b";
    default:
      return character < 0x20 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(character)) : std::string();
  }
}

std::string json_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {  // what is escaped is a single byte, so the rest goes as it is
    const std::string escape = json_escape(static_cast<unsigned char>(c));
    if (escape.empty())
      out += c;
    else
      out += escape;
  }
  return out;
}

}  // namespace freehold
