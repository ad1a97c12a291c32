// Server: HTTP/1.1 on one listening socket. One thread owns all connections, which are events: a slow or silent client
// costs its socket and nothing else. A second thread reads requests and makes answers of them (JSON, templates,
// tokens), so that a large one does not hold up the streams of others. It opens no connection of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "serve/head_rules.h"
#include "serve/http.h"
#include "serve/tls.h"

namespace freehold {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 8080;     // 0: any that is free
  int listening = -1;  // a handle that listens already, opened by whoever started the program; then address and port
                       // are what it says
  std::shared_ptr<const TlsCertificate> tls;  // absent: in the clear
  AccessRules rules;
  // Knows the caller of a request by its head, or says why it is refused; absent: anybody may ask.
  std::function<tl::expected<Caller, ApiError>(const HttpRequest&)> gate;
  int connections = limits::connections;  // at the same time; half of them from one address that is not this machine
  uint64_t body_bytes = limits::request_bytes;     // of one request
  uint64_t bodies_bytes = limits::requests_bytes;  // of all requests that are being received
  double head_seconds = 5, body_seconds = 20, idle_seconds = 60, stall_seconds = 20, ping_seconds = 15;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> make(ServerOptions options);  // listens from here on
  ~Server();

  int port() const;
  const std::string& address() const;
  std::string url() const;  // "http://127.0.0.1:8080"
  // SIGINT and SIGTERM end run() from here on, also when they come before it. Whatever handled them is out of it.
  void take_signals();
  // Serves until stop() or such a signal. Then takes no more, calls `ending` and waits a moment for the answers under
  // way to end; a second signal ends at once.
  Result<Done> run(const Handler& handler, const std::function<void()>& ending);
  void stop();  // from any thread

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold
