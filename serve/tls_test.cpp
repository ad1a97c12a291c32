#include "serve/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

namespace freehold {
namespace {

std::string pem_of(BIO* bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio, &start);
  std::string text(start, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

class Tls : public testing::Test {
 protected:
  Tls() : folder_(std::filesystem::temp_directory_path() / ("tls_test." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    for (const char* name : {"a", "b"}) {
      EVP_PKEY* key = EVP_EC_gen("P-256");
      X509* certificate = X509_new();
      ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
      X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
      X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
      X509_set_pubkey(certificate, key);
      X509_sign(certificate, key, EVP_sha256());
      BIO* bio = BIO_new(BIO_s_mem());
      PEM_write_bio_X509(bio, certificate);
      EXPECT_TRUE(replace_file(folder_ / (std::string(name) + ".crt"), pem_of(bio)));
      bio = BIO_new(BIO_s_mem());
      PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
      EXPECT_TRUE(replace_file(folder_ / (std::string(name) + ".key"), pem_of(bio)));
      X509_free(certificate);
      EVP_PKEY_free(key);
    }
  }
  ~Tls() override { std::filesystem::remove_all(folder_); }
  const Path folder_;
};

// A client over buffers in memory.
struct ClientSide {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl;
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  explicit ClientSide(int most_version) {
    SSL_CTX_set_max_proto_version(context, most_version);
    ssl = SSL_new(context);
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
  }
  ~ClientSide() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  std::string take() {
    std::string bytes(BIO_ctrl_pending(out), '\0');
    if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  void give(const std::string& bytes) {
    if (!bytes.empty()) BIO_write(in, bytes.data(), static_cast<int>(bytes.size()));
  }
};

TEST_F(Tls, TalksInBothDirectionsInPiecesOfAnySize) {
  const auto certificate = TlsCertificate::read(folder_ / "a.crt", folder_ / "a.key");
  ASSERT_TRUE(certificate) << certificate.error().what;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const size_t step : {1ul, 7ul, 100'000ul}) {
      TlsSession server(**certificate);
      ClientSide client(version);
      std::string heard;
      bool good = true;
      for (int round = 0; round < 10 && !SSL_is_init_finished(client.ssl); ++round) {
        SSL_do_handshake(client.ssl);
        const std::string bytes = client.take();
        for (size_t at = 0; at < bytes.size(); at += step) good = good && server.receive(bytes.substr(at, step), heard);
        client.give(server.take());
      }
      ASSERT_TRUE(good && SSL_is_init_finished(client.ssl));
      const std::string question(50'000, 'q'), reply(300'000, 'r');
      ASSERT_EQ(SSL_write(client.ssl, question.data(), static_cast<int>(question.size())),
                static_cast<int>(question.size()));
      const std::string bytes = client.take();
      for (size_t at = 0; at < bytes.size(); at += step) ASSERT_TRUE(server.receive(bytes.substr(at, step), heard));
      EXPECT_EQ(heard, question);
      server.send(reply);
      client.give(server.take());
      std::string got(reply.size() + 1, '\0');
      size_t filled = 0;
      for (int count; (count = SSL_read(client.ssl, got.data() + filled, static_cast<int>(got.size() - filled))) > 0;)
        filled += static_cast<size_t>(count);
      got.resize(filled);
      EXPECT_EQ(got, reply);
      server.end();
      client.give(server.take());
      EXPECT_LE(SSL_read(client.ssl, got.data(), 1), 0);
      EXPECT_TRUE(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN);
    }
}

TEST_F(Tls, OldVersionsAndWhatIsNoTlsAreTurnedAway) {
  const auto certificate = TlsCertificate::read(folder_ / "a.crt", folder_ / "a.key");
  ASSERT_TRUE(certificate);
  ClientSide old(TLS1_1_VERSION);
  SSL_do_handshake(old.ssl);
  TlsSession server(**certificate);
  std::string heard;
  const std::string hello = old.take();
  if (!hello.empty()) {  // many clients do not even ask
    EXPECT_FALSE(server.receive(hello, heard));
  }
  for (const std::string text :
       {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\xff\xff garbage that is no hello at all"}) {
    TlsSession another(**certificate);
    bool good = another.receive(text, heard);
    for (int i = 0; good && i < 10'000; ++i) good = another.receive(std::string(16, 'x'), heard);
    EXPECT_FALSE(good);
  }
  EXPECT_EQ(heard, "");
}

TEST_F(Tls, CertificatesAndKeysMustFit) {
  EXPECT_EQ(TlsCertificate::read(folder_ / "a.crt", folder_ / "b.key").error().fault, Fault::inconsistent);
  EXPECT_EQ(TlsCertificate::read(folder_ / "a.key", folder_ / "a.key").error().fault, Fault::malformed);
  EXPECT_EQ(TlsCertificate::read(folder_ / "a.crt", folder_ / "a.crt").error().fault, Fault::malformed);
  EXPECT_EQ(TlsCertificate::read(folder_ / "none", folder_ / "a.key").error().fault, Fault::io);
  ASSERT_TRUE(replace_file(folder_ / "empty", ""));
  EXPECT_EQ(TlsCertificate::read(folder_ / "empty", folder_ / "a.key").error().fault, Fault::malformed);
}

}  // namespace
}  // namespace freehold
