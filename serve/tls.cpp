#include "serve/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/freed_by.h"

namespace freehold {
namespace {

constexpr uint64_t most_pem_bytes = 1 << 20;

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, FreedBy<X509_free>>;

Result<std::string> read_pem(const Path& path) { return read_file(path, most_pem_bytes); }

}  // namespace

struct TlsCertificate::Context {
  std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> ssl{SSL_CTX_new(TLS_server_method())};
};

TlsCertificate::TlsCertificate(std::unique_ptr<Context> context) : context_(std::move(context)) {}
TlsCertificate::~TlsCertificate() = default;

Result<std::shared_ptr<const TlsCertificate>> TlsCertificate::read(const Path& certificate, const Path& key) {
  auto context = std::make_unique<Context>();
  SSL_CTX* ssl = context->ssl.get();
  if (!ssl || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1) return out_of_resources("TLS is not available");
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const std::string certificate_name = certificate.filename().string(), key_name = key.filename().string();
  TRY_ASSIGN(const std::string certificates, read_pem(certificate));
  const Bio chain(BIO_new_mem_buf(certificates.data(), static_cast<int>(certificates.size())));
  X509Pointer own(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(ssl, own.get()) != 1)
    return malformed("{}: expected a certificate in PEM", printable(certificate_name));
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
    if (SSL_CTX_add0_chain_cert(ssl, next) != 1)
      return X509_free(next), malformed("{}: a certificate does not fit", printable(certificate_name));
  TRY_ASSIGN(const std::string keys, read_pem(key));
  const Bio key_bytes(BIO_new_mem_buf(keys.data(), static_cast<int>(keys.size())));
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Pkey own_key(PEM_read_bio_PrivateKey(key_bytes.get(), nullptr, no_password, nullptr));
  if (!own_key) return malformed("{}: expected a private key in PEM, without a password", printable(key_name));
  if (SSL_CTX_use_PrivateKey(ssl, own_key.get()) != 1 || SSL_CTX_check_private_key(ssl) != 1)
    return inconsistent("{}: is not the key of {}", printable(key_name), printable(certificate_name));
  ERR_clear_error();
  return std::shared_ptr<const TlsCertificate>(new TlsCertificate(std::move(context)));
}

struct TlsSession::State {
  std::unique_ptr<SSL, FreedBy<SSL_free>> ssl;
  BIO* in = nullptr;  // both belong to ssl
  BIO* out = nullptr;
};

TlsSession::TlsSession(const TlsCertificate& certificate) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.ssl.reset(SSL_new(certificate.context_->ssl.get()));
  s.in = BIO_new(BIO_s_mem()), s.out = BIO_new(BIO_s_mem());
  if (!s.ssl || !s.in || !s.out) throw std::bad_alloc();
  SSL_set_bio(s.ssl.get(), s.in, s.out);
  SSL_set_accept_state(s.ssl.get());
}

TlsSession::~TlsSession() = default;

bool TlsSession::receive(std::string_view bytes, std::string& plain) {
  State& s = *state_;
  ERR_clear_error();
  if (BIO_write(s.in, bytes.data(), static_cast<int>(bytes.size())) != static_cast<int>(bytes.size())) return false;
  char buffer[16384];
  for (;;) {  // the handshake goes on within
    const int count = SSL_read(s.ssl.get(), buffer, sizeof buffer);
    if (count > 0) {
      plain.append(buffer, static_cast<size_t>(count));
      continue;
    }
    const int reason = SSL_get_error(s.ssl.get(), count);
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
  }
}

// Whole answers come after the handshake, and memory takes all of them: nothing is ever left over.
void TlsSession::send(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    const int count =
        SSL_write(state_->ssl.get(), plain.data(), static_cast<int>(std::min<size_t>(plain.size(), 1 << 20)));
    if (count <= 0) return;  // the client has ended the session; its connection is about to close
    plain.remove_prefix(static_cast<size_t>(count));
  }
}

void TlsSession::end() {
  ERR_clear_error();
  SSL_shutdown(state_->ssl.get());
}

std::string TlsSession::take() {
  std::string bytes(BIO_ctrl_pending(state_->out), '\0');
  if (!bytes.empty())
    CHECK(BIO_read(state_->out, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size()));
  return bytes;
}

}  // namespace freehold
