// Bytes that only the holder of a key can read, or make: AES-256-GCM (OpenSSL's).
//
//   magic "FHSEAL01" | salt, 32 random bytes | the bytes, encrypted | tag, 16 bytes
//
// The cipher's key is HMAC-SHA-256(key, "sealed bytes" salt), so each sealing has one of its own, and with it the nonce
// (12 zeros) is never met twice, however many are made. Magic and `name` are authenticated too: what was sealed under
// one name does not open under another.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold {

using SealKey = std::array<unsigned char, 32>;
inline constexpr size_t sealed_overhead = 8 + 32 + 16;  // bytes that a sealing adds

Result<SealKey> random_seal_key();
std::array<unsigned char, 32> hmac_sha256(const SealKey& key, std::string_view bytes);

Result<std::string> seal_bytes(const SealKey& key, std::string_view name, std::string_view bytes);
// Refuses what is no sealing (malformed), one of a form to come (unsupported), and what was changed, cut off, or sealed
// under another key or name (integrity).
Result<std::string> open_sealed(const SealKey& key, std::string_view name, std::string_view sealed);

}  // namespace freehold
