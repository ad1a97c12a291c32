#include "base/base64.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace freehold {

std::string base64_of(std::span<const std::byte> bytes) {
  CHECK(bytes.size() < INT32_MAX / 2, "{} bytes", bytes.size());
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a zero
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

}  // namespace freehold
