#include "apps/net/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/check.h"

namespace freehold {
namespace {

constexpr size_t most_body_bytes = 64u << 20, most_head_bytes = 64u << 10;

bool is_near(const sockaddr& address) {  // this machine, or networks that the internet does not route
  if (address.sa_family == AF_INET) {
    const uint32_t a = ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
    return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe ||
           a >> 22 == 0x191;  // 100.64/10
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& a = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&a) || IN6_IS_ADDR_LINKLOCAL(&a) || (a.s6_addr[0] & 0xfe) == 0xfc;
}

// libcurl asks for a socket with the address that it will connect to.
curl_socket_t open_near(void* far, curlsocktype, curl_sockaddr* address) {
  if (!is_near(address->addr)) return *static_cast<bool*>(far) = true, CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

struct HttpClient::Transfer {
  ~Transfer() {
    if (easy) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string sent;
  HttpReply reply;
  Piece piece;
  End end;
  bool far = false;
  char error[CURL_ERROR_SIZE] = "";
};

std::string HttpReply::header(std::string_view name) const {
  size_t at = 0;
  while (at < head.size()) {
    const size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line(head.data() + at, end - at);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        ::strncasecmp(line.data(), name.data(), name.size()) == 0) {
      const size_t begin = std::min(line.find_first_not_of(" \t", name.size() + 1), line.size());
      return std::string(line.substr(begin));
    }
    at = end + 2;
  }
  return {};
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(std::string_view url, std::string key,
                                                     const std::atomic<bool>& cancelled) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  std::string whole(url);
  while (whole.ends_with("/")) whole.pop_back();
  if (whole.ends_with("/v1")) whole.resize(whole.size() - 3);
  bool good = parts && curl_url_set(parts.get(), CURLUPART_URL, whole.c_str(), 0) == CURLUE_OK &&
              (whole.starts_with("http://") || whole.starts_with("https://"));
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    char* text = nullptr;
    if (good && curl_url_get(parts.get(), part, &text, 0) == CURLUE_OK) good = false;
    curl_free(text);
  }
  if (!good)
    return usage_error("--url: {}: expected an address as http://127.0.0.1:8080, without user, query or fragment",
                       printable(url));
  if (key.find_first_of("\r\n") != std::string::npos) return usage_error("--key: expected one line");
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(whole), std::move(key), cancelled));
}

HttpClient::HttpClient(std::string url, std::string key, const std::atomic<bool>& cancelled)
    : url_(std::move(url)), key_(std::move(key)), cancelled_(cancelled), multi_(curl_multi_init()) {
  CHECK(multi_ != nullptr);
}

HttpClient::~HttpClient() {
  for (auto& [number, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
  transfers_.clear();
  curl_multi_cleanup(multi_);
}

size_t HttpClient::take_head(char* bytes, size_t one, size_t count, void* user) {
  HttpReply& reply = static_cast<Transfer*>(user)->reply;
  const std::string_view line(bytes, one * count);
  if (line.starts_with("HTTP/")) reply.head.clear();  // after "100 Continue" comes the answer
  if (reply.head.size() + line.size() > most_head_bytes) return reply.fault = "the head of the answer is too large", 0;
  reply.head += line;
  return line.size();
}

size_t HttpClient::take_body(char* bytes, size_t one, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view more(bytes, one * count);
  if (transfer.reply.body.size() + more.size() > most_body_bytes)
    return transfer.reply.fault = fmt::format("the answer has over {} bytes", most_body_bytes), 0;
  transfer.reply.body += more;
  if (transfer.piece) transfer.piece(more);
  return more.size();
}

int HttpClient::begin(const HttpAsk& ask, Piece piece, End end) {
  auto transfer = std::make_unique<Transfer>();
  Transfer& t = *transfer;
  t.easy = curl_easy_init();
  CHECK(t.easy != nullptr);
  t.sent = ask.body, t.piece = std::move(piece), t.end = std::move(end);
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(t.easy, option, value); };
  const auto header = [&](const std::string& line) { t.headers = curl_slist_append(t.headers, line.c_str()); };
  const bool own_key = std::any_of(ask.headers.begin(), ask.headers.end(),
                                   [](const std::string& h) { return h.starts_with("Authorization:"); });
  if (!key_.empty() && !own_key) header("Authorization: Bearer " + key_);
  for (const std::string& line : ask.headers) header(line);
  set(CURLOPT_URL, (url_ + ask.path).c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_CUSTOMREQUEST, ask.method.c_str());
  if (!ask.body.empty() || ask.method == "POST") {
    header("Content-Type: " + ask.type);
    set(CURLOPT_POSTFIELDS, t.sent.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.sent.size()));
  }
  set(CURLOPT_HTTPHEADER, t.headers);
  set(CURLOPT_CONNECTTIMEOUT, 5L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(ask.seconds * 1000));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "freehold-net");
  set(CURLOPT_ERRORBUFFER, &t.error[0]);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_near);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&t.far));
  set(CURLOPT_HEADERFUNCTION, &HttpClient::take_head);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&t));
  set(CURLOPT_WRITEFUNCTION, &HttpClient::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&t));
  if (const char* bundle = std::getenv("SSL_CERT_FILE"); bundle && *bundle) set(CURLOPT_CAINFO, bundle);
  CHECK(curl_multi_add_handle(multi_, t.easy) == CURLM_OK);
  transfers_.emplace(++last_, std::move(transfer));
  return last_;
}

void HttpClient::leave(int number) {
  const auto found = transfers_.find(number);
  if (found == transfers_.end()) return;
  curl_multi_remove_handle(multi_, found->second->easy);
  transfers_.erase(found);
}

void HttpClient::wait(int most_ms) {
  int open = 0;
  curl_multi_perform(multi_, &open);
  if (open == static_cast<int>(transfers_.size()) && most_ms > 0) {
    curl_multi_poll(multi_, nullptr, 0, std::min(most_ms, 200), nullptr);
    curl_multi_perform(multi_, &open);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    const auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                    [&](const auto& one) { return one.second->easy == message->easy_handle; });
    CHECK(found != transfers_.end());
    const std::unique_ptr<Transfer> t = std::move(found->second);
    transfers_.erase(found);
    curl_multi_remove_handle(multi_, t->easy);
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->reply.status = static_cast<int>(status);
    if (code != CURLE_OK && t->reply.fault.empty())
      t->reply.fault = t->far ? "the address is none of this machine or its network"
                              : printable(t->error[0] ? t->error : curl_easy_strerror(code), 160);
    t->reply.too_late = code == CURLE_OPERATION_TIMEDOUT;
    t->reply.no_server = t->far || code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    t->end(std::move(t->reply));
  }
}

HttpReply HttpClient::ask(const HttpAsk& ask) {
  std::optional<HttpReply> reply;
  const int number = begin(ask, {}, [&](HttpReply one) { reply = std::move(one); });
  while (!reply) {
    wait(200);
    if (cancelled_ && !reply) {
      leave(number);
      reply.emplace();
      reply->fault = "stopped";
    }
  }
  return std::move(*reply);
}

std::vector<std::string> take_events(std::string& text) {
  std::vector<std::string> events;
  std::erase(text, '\r');  // lines may end in either way; JSON has none as it is
  size_t at = 0;
  for (size_t end; (end = text.find("\n\n", at)) != std::string::npos; at = end + 2) {
    std::string data;
    bool any = false;
    for (size_t line = at; line < end;) {
      const size_t stop = std::min(text.find('\n', line), end);
      std::string_view one(text.data() + line, stop - line);
      if (one.starts_with("data:")) {
        one.remove_prefix(one.starts_with("data: ") ? 6 : 5);
        if (any) data += '\n';
        data += one, any = true;
      }
      line = stop + 1;
    }
    if (any) events.push_back(std::move(data));
  }
  text.erase(0, at);
  return events;
}

}  // namespace freehold
