#include "apps/net/signed_report.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/freed_by.h"
#include "base/json.h"
#include "base/sha256.h"

namespace freehold {
namespace {

using Pkey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;

constexpr uint64_t most_key_bytes = 64 << 10;

std::string text_of(BIO* bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio, &start);
  return std::string(start, static_cast<size_t>(size));
}

std::string base64(std::string_view bytes) { return base64_of(std::as_bytes(std::span(bytes))); }

std::string from_base64(std::string_view text) {
  std::string out(text.size() + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return {};
  out.resize(static_cast<size_t>(size));
  for (size_t i = 0; i < 2 && !text.empty() && text.ends_with('='); ++i) text.remove_suffix(1), out.pop_back();
  return out;
}

std::string signed_bytes(std::string_view type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, payload.size(), payload);
}

Result<std::string> public_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return out_of_resources("the public key cannot be written");
  return text_of(bio.get());
}

Result<Pkey> key_in(const Path& path) {
  if (std::error_code error; std::filesystem::exists(path, error)) {
    TRY_ASSIGN(const std::string text, read_file(path, most_key_bytes));
    const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC)
      return malformed("{}: expected a private ECDSA key in PEM", path.filename().string());
    return key;
  }
  Pkey key(EVP_EC_gen("P-256"));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return out_of_resources("no ECDSA key could be made");
  TRY(replace_file(path, text_of(bio.get()), 0600));
  TRY_ASSIGN(const std::string open, public_pem(key.get()));
  TRY(replace_file(path.native() + ".pub", open, 0644));
  return key;
}

}  // namespace

Result<std::string> signed_envelope(const Path& path, std::string_view type, std::string_view payload) {
  TRY_ASSIGN(const Pkey key, key_in(path));
  TRY_ASSIGN(const std::string open, public_pem(key.get()));
  const std::string bytes = signed_bytes(type, payload);
  const Digest digest(EVP_MD_CTX_new());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t size = 0;
  if (!digest || EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, data, bytes.size()) != 1)
    return out_of_resources("the report cannot be signed");
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, bytes.size()) != 1)
    return out_of_resources("the report cannot be signed");
  signature.resize(size);
  const Json envelope = {{"payloadType", type},
                         {"payload", base64(payload)},
                         {"signatures", Json::array({{{"keyid", sha256_of(open)}, {"sig", base64(signature)}}})}};
  return envelope.dump(1) + "\n";
}

Result<std::string> open_envelope(const Path& public_key, std::string_view type, std::string_view envelope) {
  TRY_ASSIGN(const std::string text, read_file(public_key, most_key_bytes));
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Pkey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return malformed("{}: expected a public key in PEM", public_key.filename().string());
  TRY_ASSIGN(const Json json, parse_json(envelope, "report"));
  const auto text_at = [&](const Json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                                                   : "";
  };
  const bool one = json.is_object() && json.contains("signatures") && json["signatures"].is_array() &&
                   json["signatures"].size() == 1;
  if (!one || text_at(json, "payloadType") != type)
    return malformed("report: expected an envelope of {} with one signature", type);
  const std::string payload = from_base64(text_at(json, "payload")),
                    signature = from_base64(text_at(json["signatures"][0], "sig"));
  const std::string bytes = signed_bytes(type, payload);
  const Digest digest(EVP_MD_CTX_new());
  if (!digest || EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) != 1)
    return failure(Fault::integrity, "report: its signature does not fit the key");
  return payload;
}

}  // namespace freehold
