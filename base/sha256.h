// SHA-256 of bytes in memory (OpenSSL's).
#pragma once

#include <string>
#include <string_view>

namespace freehold {

std::string sha256_of(std::string_view bytes);  // 64 hex digits

}  // namespace freehold
