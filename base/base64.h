// Base64 (RFC 4648, section 4), with padding.
#pragma once

#include <span>
#include <string>

namespace freehold {

std::string base64_of(std::span<const std::byte> bytes);

}  // namespace freehold
