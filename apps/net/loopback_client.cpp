#include "apps/net/loopback_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

namespace freehold {
namespace {

constexpr size_t most_bytes = 64u << 20;

class Connection {
 public:
  ~Connection() {
    if (handle_ >= 0) ::close(handle_);
  }
  Result<Done> open(int port, double seconds) {
    handle_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle_ < 0) return failed("socket");
    const timeval patience = {static_cast<time_t>(seconds), static_cast<suseconds_t>(std::fmod(seconds, 1) * 1e6)};
    ::setsockopt(handle_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(handle_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address = {};
    address.sin_family = AF_INET, address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("connect");
    return Done{};
  }
  Result<Done> say(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(handle_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return Done{};  // it has answered already
      if (count < 0) return failed("send");
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return Done{};
  }
  Result<std::string> hear() {  // all, until the server closes
    std::string all, buffer(65536, '\0');
    for (;;) {
      const ssize_t count = ::recv(handle_, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == ECONNRESET && !all.empty()) return all;
      if (count < 0) return failed("recv");
      if (count == 0) return all;
      all.append(buffer, 0, static_cast<size_t>(count));
      if (all.size() > most_bytes) return out_of_resources("the server's answer is over {} bytes", most_bytes);
    }
  }

 private:
  static Failure failed(const char* call) {
    return io_error("the server on this machine: {}: {}", call, std::strerror(errno));
  }
  int handle_ = -1;
};

std::string joined_chunks(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t line = text.find("\r\n");
    size_t size = 0;
    if (line == std::string_view::npos ||
        std::from_chars(text.data(), text.data() + line, size, 16).ec != std::errc() || size == 0)
      break;
    text.remove_prefix(line + 2);
    out += text.substr(0, size);
    text.remove_prefix(std::min(text.size(), size + 2));
  }
  return out;
}

}  // namespace

Result<LoopbackAnswer> ask_loopback(int port, const LoopbackRequest& request, double seconds) {
  Connection connection;
  TRY(connection.open(port, seconds));
  std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n", request.method, request.path);
  for (const std::string& header : request.headers) head += header + "\r\n";
  if (request.method != "GET")
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", request.type, request.body.size());
  TRY(connection.say(head + "\r\n" + request.body));
  TRY_ASSIGN(const std::string all, connection.hear());
  LoopbackAnswer answer;
  const size_t end = all.find("\r\n\r\n");
  if (!all.starts_with("HTTP/1.1 ") || end == std::string::npos) return malformed("the server's answer is no HTTP/1.1");
  std::from_chars(all.data() + 9, all.data() + 12, answer.status);
  answer.headers = all.substr(0, end);
  answer.body = all.substr(end + 4);
  if (answer.headers.find("Transfer-Encoding: chunked") != std::string::npos) answer.body = joined_chunks(answer.body);
  return answer;
}

}  // namespace freehold
