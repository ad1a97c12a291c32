// HttpClient: asks a server that the user names, on this machine or its network, by libcurl: any number of requests at
// once, on one thread. Addresses of the internet are refused, redirects are not followed, proxies are not used; an
// answer has at most 64 MiB and a request its time. What the server says is kept as it came and believed in nothing.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold {

struct HttpAsk {
  std::string method = "POST", path, body = {}, type = "application/json";
  std::vector<std::string> headers = {};  // "Name: value"; "Name:" leaves one out
  double seconds = 300;
};

struct HttpReply {
  int status = 0;                                   // 0: no answer, and `fault` says why
  bool no_server = false;                           // nobody listens at the address, or it is none that may be asked
  bool too_late = false;                            // its time was over
  std::string head = {}, body = {};                 // the head as sent
  std::string fault = {};                           // also where an answer broke off
  std::string header(std::string_view name) const;  // "" when absent
};

class HttpClient {
 public:
  using Piece = std::function<void(std::string_view)>;  // of the body, as it comes
  using End = std::function<void(HttpReply)>;
  // `url`: http://HOST:PORT or https://..., with or without /v1. `key` may be empty. Stops when `cancelled` turns true.
  static Result<std::unique_ptr<HttpClient>> make(std::string_view url, std::string key,
                                                  const std::atomic<bool>& cancelled);
  ~HttpClient();

  int begin(const HttpAsk& ask, Piece piece, End end);  // a number for leave()
  void leave(int number);                               // closes its connection; `end` is not called
  void wait(int most_ms);                               // goes on with all requests; calls piece and end
  size_t under_way() const { return transfers_.size(); }
  HttpReply ask(const HttpAsk& ask);  // one, whole; others go on meanwhile

  const std::string& url() const { return url_; }
  const std::string& key() const { return key_; }
  bool cancelled() const { return cancelled_; }

 private:
  struct Transfer;
  HttpClient(std::string url, std::string key, const std::atomic<bool>& cancelled);
  static size_t take_head(char* bytes, size_t one, size_t count, void* user);
  static size_t take_body(char* bytes, size_t one, size_t count, void* user);

  const std::string url_, key_;
  const std::atomic<bool>& cancelled_;
  void* multi_;
  int last_ = 0;
  std::map<int, std::unique_ptr<Transfer>> transfers_;
};

// The data of the events that are whole in `text`, which keeps the rest: "data:" lines joined, names and comments left
// out. For streams as they come.
std::vector<std::string> take_events(std::string& text);

}  // namespace freehold
