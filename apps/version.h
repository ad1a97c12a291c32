// What this program is and what it finds on this CPU.
#pragma once

#include <string_view>

namespace freehold {

inline constexpr std::string_view version_text = FREEHOLD_VERSION;
void print_version(bool json);

}  // namespace freehold
