// JSON as Python's json.dumps(value, ensure_ascii=False) spells it, in pieces: for all who write it themselves because
// they must say who wrote what.
#pragma once

#include <string>
#include <string_view>

namespace freehold {

std::string json_escape(char32_t character);     // empty where it stands for itself
std::string json_quoted(std::string_view text);  // without the quotes: what stands inside of them

}  // namespace freehold
