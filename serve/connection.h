// Connection: one client of the server. Receives a request, hands it over, sends the answer, and again. All of it on
// the thread of the io_context; what other threads have to say comes by way of it.
#pragma once

#include <utility>  // Boost.Beast 1.74 needs it first

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <map>
#include <optional>
#include <set>

#include "serve/server.h"

namespace freehold {

class Connection;

// What the connections of a server share.
struct Shared {
  ServerOptions options;
  boost::asio::io_context io{1};
  boost::asio::thread_pool reader{1};  // reads requests and makes answers of them
  Handler handler;
  std::set<std::shared_ptr<Connection>> connections;
  std::map<std::string, int> from_address;
  uint64_t bodies = 0;  // bytes of requests that are being received
  bool ending = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Shared& shared, boost::asio::ip::tcp::socket socket, std::string peer);
  void start();
  void end_when_idle();  // the server is ending
  void close();

  // For the Exchange of request number `serial`; others are late and do nothing.
  void answer(uint64_t serial, HttpAnswer answer);
  void begin_events(uint64_t serial, Headers headers, StreamForm form);
  void event(uint64_t serial, const std::string& data, const std::string& name = {});
  void end_events(uint64_t serial);
  void on_gone(uint64_t serial, std::function<void()> gone);

 private:
  enum class State : uint8_t { idle, head, body, answering, events, closing };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  void receive();
  void received(size_t count);
  void advance();
  bool take_head();
  bool take_body();
  void hand_over();
  void refuse(const ApiError& error);
  std::string head_of(int status, const Headers& headers, bool has_body) const;
  void send(std::string bytes);
  void put_out(std::string bytes);
  void flush();
  void finished();
  void ping_later();
  void deadline(double seconds);
  void release_body();

  Shared& shared_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_, ping_;
  const std::string peer_, local_;
  State state_ = State::idle;
  StreamForm form_ = StreamForm::events;  // of the stream that is being sent
  bool receiving_ = false, waiting_to_send_ = false, keep_ = true, chunked_ = true, gone_ = false;
  uint64_t serial_ = 0, body_seen_ = 0;
  std::string in_, out_;
  size_t sent_ = 0;   // of out_
  size_t after_ = 0;  // bytes thrown away while closing
  std::optional<TlsSession> tls_;
  std::optional<Parser> parser_;
  HttpRequest request_;
  std::chrono::steady_clock::time_point body_start_{}, last_sent_{};
  std::function<void()> on_gone_;
  std::array<char, 16384> buffer_;
};

}  // namespace freehold
