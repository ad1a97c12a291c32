// TLS between a connection and its client (OpenSSL, over buffers in memory: it never touches the socket). Versions 1.2
// and 1.3, no renegotiation, no certificates of clients: those are told apart by keys.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"

namespace freehold {

class TlsCertificate {  // of the server, with its key; shared by all connections
 public:
  // PEM: the certificate with those between it and the root after it; its private key.
  static Result<std::shared_ptr<const TlsCertificate>> read(const Path& certificate, const Path& key);
  ~TlsCertificate();

 private:
  friend class TlsSession;
  struct Context;
  explicit TlsCertificate(std::unique_ptr<Context> context);
  const std::unique_ptr<Context> context_;
};

class TlsSession {  // of one connection
 public:
  explicit TlsSession(const TlsCertificate& certificate);
  ~TlsSession();
  // What came from the client; what it said is added to `plain`. False: it speaks no TLS, or has ended it.
  bool receive(std::string_view bytes, std::string& plain);
  void send(std::string_view plain);
  void end();          // says that nothing more comes
  std::string take();  // bytes that are to go to the client, since the last time

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace freehold
