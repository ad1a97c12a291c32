#include "base/sealed_bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <climits>
#include <memory>

#include "base/check.h"
#include "base/freed_by.h"

namespace freehold {
namespace {

constexpr std::string_view family = "FHSEAL", magic = "FHSEAL01";
constexpr size_t salt_bytes = 32, tag_bytes = 16;
constexpr unsigned char nonce[12] = {};

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreedBy<EVP_CIPHER_CTX_free>>;

const unsigned char* data_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* data_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// The cipher of one sealing, which has taken in what is authenticated and not encrypted.
Cipher cipher_for(const SealKey& key, std::string_view salt, std::string_view name, bool encrypt) {
  SealKey own = hmac_sha256(key, std::string("sealed bytes") + std::string(salt));
  Cipher cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool good =
      cipher && EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, own.data(), nonce, encrypt ? 1 : 0) == 1 &&
      EVP_CipherUpdate(cipher.get(), nullptr, &length, data_of(magic), static_cast<int>(magic.size())) == 1 &&
      EVP_CipherUpdate(cipher.get(), nullptr, &length, data_of(name), static_cast<int>(name.size())) == 1;
  OPENSSL_cleanse(own.data(), own.size());
  CHECK(good, "AES-256-GCM cannot be used");
  return cipher;
}

}  // namespace

Result<SealKey> random_seal_key() {
  SealKey key;
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
    return io_error("key: the system gave no random bytes");
  return key;
}

std::array<unsigned char, 32> hmac_sha256(const SealKey& key, std::string_view bytes) {
  std::array<unsigned char, 32> out;
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data_of(bytes), bytes.size(), out.data(),
             &length) &&
        length == out.size());
  return out;
}

Result<std::string> seal_bytes(const SealKey& key, std::string_view name, std::string_view bytes) {
  CHECK(bytes.size() <= INT_MAX, "{} bytes", bytes.size());
  std::string out(magic);
  out.resize(bytes.size() + sealed_overhead);
  const size_t salt_at = magic.size(), text_at = salt_at + salt_bytes, tag_at = text_at + bytes.size();
  if (RAND_bytes(data_of(out) + salt_at, salt_bytes) != 1) return io_error("seal: the system gave no random bytes");
  const Cipher cipher = cipher_for(key, std::string_view(out).substr(salt_at, salt_bytes), name, true);
  int length = 0, last = 0;
  CHECK(EVP_CipherUpdate(cipher.get(), data_of(out) + text_at, &length, data_of(bytes),
                         static_cast<int>(bytes.size())) == 1 &&
        EVP_CipherFinal_ex(cipher.get(), data_of(out) + text_at + length, &last) == 1 &&
        static_cast<size_t>(length + last) == bytes.size());
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, data_of(out) + tag_at) == 1);
  return out;
}

Result<std::string> open_sealed(const SealKey& key, std::string_view name, std::string_view sealed) {
  if (!sealed.starts_with(family))
    return malformed("{}: expected sealed bytes of freehold (\"{}\"), found something else", printable(name), magic);
  if (sealed.size() >= magic.size() && !sealed.starts_with(magic))
    return unsupported("{}: sealed in a form that this version does not know", printable(name));
  if (sealed.size() < sealed_overhead || sealed.size() > INT_MAX)
    return malformed("{}: {} bytes; expected at least {}", printable(name), sealed.size(), sealed_overhead);
  const Cipher cipher = cipher_for(key, sealed.substr(magic.size(), salt_bytes), name, false);
  const std::string_view text =
      sealed.substr(magic.size() + salt_bytes, sealed.size() - sealed_overhead);
  std::string tag(sealed.substr(sealed.size() - tag_bytes)), out(text.size(), '\0');
  int length = 0, last = 0;
  const bool good =
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_CipherUpdate(cipher.get(), data_of(out), &length, data_of(text), static_cast<int>(text.size())) == 1 &&
      EVP_CipherFinal_ex(cipher.get(), data_of(out) + length, &last) == 1;
  if (!good)
    return failure(Fault::integrity, fmt::format("{}: damaged, or sealed under another key or name", printable(name)));
  return out;
}

}  // namespace freehold
