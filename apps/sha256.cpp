#include "apps/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "apps/report.h"
#include "base/hex.h"

namespace freehold {

Result<std::string> sha256_of_file(const Path& path) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
    return out_of_resources("SHA-256 is not available");
  ProgressLine line("hashing " + file.name());
  constexpr size_t piece = 4u << 20;
  const auto bytes = file.bytes();
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (interrupt::requested()) return failure(Fault::cancelled, file.name() + ": hashing stopped");
    const auto part = bytes.subspan(at, std::min(piece, bytes.size() - at));
    if (EVP_DigestUpdate(hash.get(), part.data(), part.size()) != 1) return out_of_resources("SHA-256 failed");
    line.at(static_cast<double>(at) / static_cast<double>(bytes.size()));
  }
  if (!file.intact()) return io_error("{}: changed while it was read", file.name());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_DigestFinal_ex(hash.get(), digest, &length) != 1) return out_of_resources("SHA-256 failed");
  return hex_of({digest, length});
}

}  // namespace freehold
