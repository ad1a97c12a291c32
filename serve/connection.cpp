#include "serve/connection.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <ctime>

#include "serve/request_id.h"
#include "serve/routes.h"

namespace freehold {
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace {

constexpr size_t most_ahead = 64 << 10;  // received before it is asked for
constexpr size_t most_after = 1 << 20;   // thrown away of a request that was refused
constexpr double closing_seconds = 2;

const char* reason_of(int status) { return http::obsolete_reason(static_cast<http::status>(status)).data(); }

std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                     1900 + utc.tm_year, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string address_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto end = socket.local_endpoint(error);
  return error ? std::string() : end.address().to_string(error);
}

// The way back to a connection from any thread.
class ConnectionExchange : public Exchange {
 public:
  ConnectionExchange(Shared& shared, std::weak_ptr<Connection> connection, uint64_t serial)
      : shared_(shared), connection_(std::move(connection)), serial_(serial) {}
  void answer(HttpAnswer answer) override {
    with(
        [serial = serial_, answer = std::move(answer)](Connection& c) mutable { c.answer(serial, std::move(answer)); });
  }
  void begin_events(Headers headers, StreamForm form) override {
    with([serial = serial_, headers = std::move(headers), form](Connection& c) mutable {
      c.begin_events(serial, std::move(headers), form);
    });
  }
  void event(std::string data, std::string name) override {
    with([serial = serial_, data = std::move(data), name = std::move(name)](Connection& c) {
      c.event(serial, data, name);
    });
  }
  void end_events() override {
    with([serial = serial_](Connection& c) { c.end_events(serial); });
  }
  void post(std::function<void()> work) override { asio::post(shared_.io, std::move(work)); }
  void on_gone(std::function<void()> gone) override {
    asio::post(shared_.io, [connection = connection_, serial = serial_, gone = std::move(gone)]() mutable {
      if (const auto live = connection.lock())
        live->on_gone(serial, std::move(gone));
      else
        gone();
    });
  }

 private:
  template <class Call>
  void with(Call call) {
    asio::dispatch(shared_.io, [connection = connection_, call = std::move(call)]() mutable {
      if (const auto live = connection.lock()) call(*live);
    });
  }
  Shared& shared_;
  std::weak_ptr<Connection> connection_;
  uint64_t serial_;
};

}  // namespace

Connection::Connection(Shared& shared, asio::ip::tcp::socket socket, std::string peer)
    : shared_(shared),
      socket_(std::move(socket)),
      deadline_(shared.io),
      ping_(shared.io),
      peer_(std::move(peer)),
      local_(address_of(socket_)) {
  if (shared_.options.tls) tls_.emplace(*shared_.options.tls);
}

void Connection::start() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  deadline(shared_.options.idle_seconds);
  receive();
}

// One deadline at a time: that of the state; 0 for none.
void Connection::deadline(double seconds) {
  deadline_.cancel();
  if (seconds <= 0) return;
  deadline_.expires_after(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
  deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->close();
  });
}

void Connection::close() {
  if (gone_) return;
  gone_ = true;
  release_body();
  deadline_.cancel();
  ping_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (on_gone_) std::exchange(on_gone_, {})();
  auto& from = shared_.from_address;
  if (const auto i = from.find(peer_); i != from.end() && --i->second == 0) from.erase(i);
  shared_.connections.erase(shared_from_this());
}

void Connection::end_when_idle() {
  keep_ = false;
  if (state_ == State::idle || state_ == State::head || state_ == State::body) close();
}

void Connection::release_body() { shared_.bodies -= std::exchange(body_seen_, 0); }

// Also while an answer is made: that is how a client is seen to go. Bytes of a next request wait in in_.
void Connection::receive() {
  if (receiving_ || gone_ || (state_ >= State::answering && state_ != State::closing && in_.size() >= most_ahead))
    return;
  receiving_ = true;
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](const boost::system::error_code& error, size_t count) {
                            self->receiving_ = false;
                            if (error) return self->close();
                            self->received(count);
                          });
}

void Connection::received(size_t count) {
  if (gone_) return;
  if (state_ == State::closing) {
    after_ += count;
    if (after_ > most_after) return close();
    return receive();
  }
  if (tls_) {
    const bool goes_on = tls_->receive({buffer_.data(), count}, in_);
    put_out(tls_->take());
    if (!goes_on) return close();
  } else {
    in_.append(buffer_.data(), count);
  }
  advance();
  receive();
}

void Connection::advance() {
  if (waiting_to_send_) return;  // the answer before; finished() comes back
  if (state_ == State::idle && !in_.empty()) {
    state_ = State::head;
    deadline(shared_.options.head_seconds);
  }
  if (state_ == State::head && !take_head()) return;
  if (state_ == State::body && !take_body()) return;
}

// True when there is a body to be received; a request without one is complete here.
bool Connection::take_head() {
  const size_t end = in_.find("\r\n\r\n");
  if (end == std::string::npos || end > limits::request_head_bytes) {
    if (in_.size() > limits::request_head_bytes)
      refuse({.status = 431, .message = "request head: is over 32 KiB", .code = "request_too_large"});
    return false;
  }
  const std::string_view head = std::string_view(in_).substr(0, end + 4);
  if (const auto fault = check_head(head)) return refuse(*fault), false;
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(limits::request_head_bytes + 64));
  const uint64_t most = head.starts_with("PUT ") ? limits::paper_bytes : shared_.options.body_bytes;
  parser_->body_limit(most);
  boost::system::error_code error;
  parser_->eager(false);
  parser_->put(asio::buffer(head.data(), head.size()), error);
  if (error || !parser_->is_header_done()) {
    const bool large = error == http::error::body_limit;
    refuse(large ? ApiError{.status = 413, .message = "request body: is too large", .code = "request_too_large"}
                 : ApiError{.message = "request head: " + error.message(), .code = "bad_request"});
    return false;
  }
  in_.erase(0, end + 4);
  const auto& message = parser_->get();
  request_ = {};
  request_.method = std::string(message.method_string());
  const std::string target(message.target());
  const size_t mark = target.find('?');
  request_.path = target.substr(0, mark);
  if (mark != std::string::npos) request_.query = target.substr(mark + 1);
  request_.peer = peer_;
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    request_.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request_.id = std::string(request_.header("x-request-id"));
  if (request_.id.empty() || request_.id.size() > 128) request_.id = make_id("req_");
  keep_ = message.keep_alive() && !shared_.ending;
  chunked_ = message.version() >= 11;
  if (const auto fault = check_access(request_, shared_.options.rules, local_)) return refuse(*fault), false;
  if (shared_.options.gate && request_.method != "OPTIONS") {  // a browser asks before it sends a key
    auto caller = shared_.options.gate(request_);
    if (!caller) return refuse(caller.error()), false;
    request_.caller = std::move(*caller);
  }
  const auto length = parser_->content_length();
  if (length && *length > most)
    return refuse({.status = 413,
                   .message = fmt::format("request body: {} bytes, the limit is {}", *length, most),
                   .code = "request_too_large"}),
           false;
  if (parser_->is_done() || (!parser_->chunked() && length.value_or(0) == 0)) return hand_over(), false;
  const std::string_view expect = request_.header("expect");
  if (!expect.empty() && expect != "100-continue")
    return refuse({.status = 417, .message = "Expect: is not known", .code = "bad_request"}), false;
  if (!expect.empty() && in_.empty()) send("HTTP/1.1 100 Continue\r\n\r\n");
  state_ = State::body;
  body_start_ = std::chrono::steady_clock::now();
  return true;
}

bool Connection::take_body() {
  const size_t before = in_.size();
  boost::system::error_code error;
  while (!in_.empty() && !parser_->is_done()) {
    const size_t used = parser_->put(asio::buffer(in_), error);
    in_.erase(0, used);
    if (error || used == 0) break;
  }
  if (error && error != http::error::need_more) {
    refuse(error == http::error::body_limit
               ? ApiError{.status = 413, .message = "request body: is too large", .code = "request_too_large"}
               : ApiError{.message = "request body: " + error.message(), .code = "bad_request"});
    return false;
  }
  body_seen_ += before - in_.size();
  shared_.bodies += before - in_.size();
  if (parser_->is_done()) {
    request_.body = std::move(parser_->get().body());
    hand_over();
    return true;
  }
  if (in_.size() > most_ahead) return refuse({.message = "request body: broken chunk", .code = "bad_request"}), false;
  if (shared_.bodies > shared_.options.bodies_bytes)
    return refuse({.status = 503,
                   .message = "too much is being received at the moment; try again later",
                   .type = "unavailable_error",
                   .code = "busy"}),
           false;
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - body_start_).count();
  deadline(std::max(0.001, shared_.options.body_seconds + static_cast<double>(body_seen_) / (64 << 10) - passed));
  return false;
}

void Connection::hand_over() {
  release_body();
  parser_.reset();
  deadline(0);
  state_ = State::answering;
  const auto exchange = std::make_shared<ConnectionExchange>(shared_, weak_from_this(), ++serial_);
  if (request_.method == "OPTIONS") {  // a page asks whether it may: check_access has said yes
    Headers headers = {{"Allow", "GET, POST, OPTIONS"}};
    if (!origin_headers(request_, shared_.options.rules).empty()) {
      headers.push_back({"Access-Control-Allow-Methods", "GET, POST"});
      headers.push_back(
          {"Access-Control-Allow-Headers", "authorization, content-type, x-api-key, x-freehold-receipt, x-request-id"});
      headers.push_back({"Access-Control-Max-Age", "600"});
    }
    return answer(serial_, {204, "", "", std::move(headers)});
  }
  asio::post(shared_.reader, [&shared = shared_, request = request_, exchange]() mutable {
    try {
      shared.handler(std::move(request), exchange);
    } catch (const std::bad_alloc&) {
      exchange->answer(answer_of({.status = 503,
                                  .message = "no memory for this request at the moment",
                                  .type = "unavailable_error",
                                  .code = "busy"}));
    }
  });
  request_.body.clear();
}

// Answers once and closes: what follows a request that was not understood cannot be told from it.
void Connection::refuse(const ApiError& error) {
  release_body();
  parser_.reset();
  keep_ = false;
  state_ = State::answering;
  answer(++serial_, answer_of(error, style_of(request_.path)));
}

std::string Connection::head_of(int status, const Headers& headers, bool has_body) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nConnection: {}\r\nX-Content-Type-Options: nosniff\r\n",
                                 status, reason_of(status), date(), keep_ ? "keep-alive" : "close");
  const auto add = [&](const Headers& some) {
    for (const auto& [name, value] : some) head += name + ": " + value + "\r\n";
  };
  if (!request_.id.empty()) head += "X-Request-Id: " + request_.id + "\r\n";
  add(headers);
  add(origin_headers(request_, shared_.options.rules));
  if (!has_body) head += "\r\n";
  return head;
}

void Connection::answer(uint64_t serial, HttpAnswer answer) {
  if (serial != serial_ || state_ != State::answering || gone_) return;
  std::string bytes = head_of(answer.status, answer.headers, true);
  if (answer.status != 204) {
    bytes += "Content-Type: " + answer.type + "\r\n";
    bytes += fmt::format("Content-Length: {}\r\n", answer.body.size());
  }
  bytes += "\r\n";
  if (request_.method != "HEAD") bytes += answer.body;
  on_gone_ = {};
  send(std::move(bytes));
  finished();
}

void Connection::begin_events(uint64_t serial, Headers headers, StreamForm form) {
  if (serial != serial_ || state_ != State::answering || gone_) return;
  state_ = State::events;
  form_ = form;
  if (!chunked_) keep_ = false;
  headers.push_back({"Content-Type", form == StreamForm::lines ? "application/x-ndjson" : "text/event-stream"});
  headers.push_back({"Cache-Control", "no-cache"});
  headers.push_back({"X-Accel-Buffering", "no"});
  if (chunked_) headers.push_back({"Transfer-Encoding", "chunked"});
  send(head_of(200, headers, false));
  if (form == StreamForm::events) ping_later();  // a line cannot be a comment
}

void Connection::event(uint64_t serial, const std::string& data, const std::string& name) {
  if (serial != serial_ || state_ != State::events || gone_) return;
  std::string text = form_ == StreamForm::lines ? data + "\n"
                     : data.starts_with(':')    ? data + "\n\n"
                                                : "data: " + data + "\n\n";
  if (!name.empty() && form_ == StreamForm::events) text = "event: " + name + "\n" + text;
  send(chunked_ ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : text);
}

void Connection::end_events(uint64_t serial) {
  if (serial != serial_ || state_ != State::events || gone_) return;
  ping_.cancel();
  on_gone_ = {};
  if (chunked_) send("0\r\n\r\n");
  finished();
}

void Connection::on_gone(uint64_t serial, std::function<void()> gone) {
  if (gone_) return gone();
  if (serial == serial_ && (state_ == State::answering || state_ == State::events)) on_gone_ = std::move(gone);
}

// A comment, when nothing else has been said for a while: proxies and clients give up on silence.
void Connection::ping_later() {
  ping_.expires_after(std::chrono::milliseconds(static_cast<int64_t>(shared_.options.ping_seconds * 1000)));
  ping_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->state_ != State::events || self->gone_) return;
    const double silent = std::chrono::duration<double>(std::chrono::steady_clock::now() - self->last_sent_).count();
    if (silent > 0.9 * self->shared_.options.ping_seconds) self->event(self->serial_, ": ping");
    self->ping_later();
  });
}

void Connection::send(std::string bytes) {
  if (gone_) return;
  if (!tls_) return put_out(std::move(bytes));
  tls_->send(bytes);
  put_out(tls_->take());
}

void Connection::put_out(std::string bytes) {
  if (gone_ || bytes.empty()) return;
  if (sent_ == out_.size())
    out_ = std::move(bytes), sent_ = 0;
  else
    out_ += bytes;
  if (!waiting_to_send_) flush();
}

// Plain send(): the library's own sending would bring in calls that can also open a connection.
void Connection::flush() {
  while (!gone_ && sent_ < out_.size()) {
    const ssize_t count =
        ::send(socket_.native_handle(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      sent_ += static_cast<size_t>(count);
      last_sent_ = std::chrono::steady_clock::now();
      if (sent_ > (1 << 20)) out_.erase(0, std::exchange(sent_, 0));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      waiting_to_send_ = true;
      deadline(shared_.options.stall_seconds);
      socket_.async_wait(asio::ip::tcp::socket::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->waiting_to_send_ = false;
                           if (error || self->gone_) return self->close();
                           self->deadline(0);
                           self->flush();
                           if (!self->waiting_to_send_ && !self->gone_ && self->state_ == State::idle) self->finished();
                         });
      return;
    }
    // Not from within: whoever called may still be at work on this connection.
    return asio::post(shared_.io, [self = shared_from_this()] { self->close(); });
  }
}

// The answer is complete (though perhaps not sent).
void Connection::finished() {
  if (gone_) return;
  ++serial_;
  state_ = State::idle;
  if (waiting_to_send_) return;  // comes back here
  if (!keep_) {
    state_ = State::closing;
    if (tls_) {
      tls_->end();
      put_out(tls_->take());
    }
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    in_.clear();
    deadline(closing_seconds);
    return receive();
  }
  deadline(shared_.options.idle_seconds);
  // Not at once: many requests sent ahead would nest.
  asio::post(shared_.io, [self = shared_from_this()] {
    if (self->gone_ || self->state_ != State::idle) return;
    self->advance();
    self->receive();
  });
}

}  // namespace freehold
