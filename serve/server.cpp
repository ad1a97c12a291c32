#include "serve/server.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "serve/connection.h"

namespace freehold {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto accept_pause = std::chrono::milliseconds(100);  // when the system has no more handles
constexpr auto last_words = std::chrono::seconds(5);           // for answers to end when the server does
constexpr int own_handles = 64;                                // files, threads, the model

// As many handles as the system lets us have; how many connections that allows.
int raise_handles(int wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, static_cast<rlim_t>(wanted + own_handles));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return std::max(4, static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20)) - own_handles);
}

}  // namespace

struct Server::State {
  Shared shared;
  tcp::acceptor acceptor{shared.io};
  asio::steady_timer pause{shared.io}, end{shared.io};
  asio::signal_set signals{shared.io};
  std::function<void()> ending;

  Result<Done> take_over(ServerOptions& options) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    if (::getsockname(options.listening, reinterpret_cast<sockaddr*>(&name), &length) != 0 ||
        (name.ss_family != AF_INET && name.ss_family != AF_INET6))
      return usage_error("the socket that was handed over is none of TCP");
    boost::system::error_code error;
    acceptor.assign(name.ss_family == AF_INET ? tcp::v4() : tcp::v6(), options.listening, error);
    const auto bound = acceptor.local_endpoint(error);
    if (error) return io_error("the socket that was handed over: {}", error.message());
    options.address = bound.address().to_string(), options.port = bound.port();
    return Done{};
  }

  void accept() {
    acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || shared.ending) return;
      if (error) {  // no handle left, or the client has gone already
        pause.expires_after(accept_pause);
        pause.async_wait([this](const boost::system::error_code& stopped) {
          if (!stopped) accept();
        });
        return;
      }
      welcome(std::move(socket));
      accept();
    });
  }

  void welcome(tcp::socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error) return;
    const auto most = static_cast<size_t>(shared.options.connections);
    if (shared.connections.size() >= most) return;  // closes it
    const std::string name = peer.address().to_string(error);
    int& from = shared.from_address[name];
    if (!peer.address().is_loopback() && static_cast<size_t>(from) >= std::max<size_t>(most / 2, 1)) return;
    ++from;
    const auto connection = std::make_shared<Connection>(shared, std::move(socket), name);
    shared.connections.insert(connection);
    connection->start();
  }

  void listen_for_signals() {
    signals.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      if (shared.ending) return shared.io.stop();
      listen_for_signals();  // first: begin_end may cancel it
      begin_end();
    });
  }

  void begin_end() {
    if (std::exchange(shared.ending, true)) return;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    if (ending) ending();
    for (const auto& connection : std::set(shared.connections)) connection->end_when_idle();
    wait_for_last(std::chrono::steady_clock::now() + last_words);
  }

  void wait_for_last(std::chrono::steady_clock::time_point until) {
    if (shared.connections.empty() || std::chrono::steady_clock::now() > until) {
      for (const auto& connection : std::set(shared.connections)) connection->close();
      signals.cancel();
      return;
    }
    end.expires_after(std::chrono::milliseconds(20));
    end.async_wait([this, until](const boost::system::error_code&) { wait_for_last(until); });
  }
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::make(ServerOptions options) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return usage_error("--host: expected an address such as 127.0.0.1, found {}", printable(options.address));
  if (options.port < 0 || options.port > 65535)
    return usage_error("--port: expected 0 to 65535, found {}", options.port);
  options.rules.scheme = options.tls ? "https" : "http";
  options.connections = std::min(options.connections, raise_handles(options.connections));
  auto state = std::make_unique<State>();
  if (options.listening >= 0) {
    TRY(state->take_over(options));
    state->shared.options = std::move(options);
    return std::unique_ptr<Server>(new Server(std::move(state)));
  }
  const tcp::endpoint end(address, static_cast<unsigned short>(options.port));
  const auto failed = [&](const char* what) {
    return io_error("{} {}:{}: {}", what, options.address, options.port, error.message());
  };
  if (state->acceptor.open(end.protocol(), error)) return failed("socket for");
  state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (state->acceptor.bind(end, error)) return failed("listening on");
  if (state->acceptor.listen(1024, error)) return failed("listening on");
  options.port = state->acceptor.local_endpoint(error).port();
  state->shared.options = std::move(options);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

const std::string& Server::address() const { return state_->shared.options.address; }

int Server::port() const { return state_->shared.options.port; }

std::string Server::url() const {
  const bool six = address().find(':') != std::string::npos;
  return fmt::format("http{}://{}{}{}:{}", state_->shared.options.tls ? "s" : "", six ? "[" : "", address(),
                     six ? "]" : "", port());
}

Result<Done> Server::run(const Handler& handler, const std::function<void()>& ending) {
  State& state = *state_;
  state.shared.handler = handler;
  state.ending = ending;
  state.accept();
  state.shared.io.run();
  state.shared.reader.stop();
  state.shared.reader.join();
  boost::system::error_code error;
  state.signals.clear(error);
  return Done{};
}

void Server::take_signals() {
  boost::system::error_code error;
  state_->signals.add(SIGINT, error);
  state_->signals.add(SIGTERM, error);
  state_->listen_for_signals();
}

void Server::stop() {
  asio::post(state_->shared.io, [state = state_.get()] { state->begin_end(); });
}

}  // namespace freehold
