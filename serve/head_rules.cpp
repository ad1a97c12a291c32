#include "serve/head_rules.h"

#include <algorithm>

namespace freehold {
namespace {

ApiError bad_head(std::string message) {
  return {.message = "request head: " + std::move(message), .code = "bad_request"};
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The name in "name", "name:port", "[address]:port"; empty when it is none of them.
std::string host_name(std::string_view host) {
  if (host.empty() || host.size() > 255) return {};
  std::string_view rest;
  std::string_view name;
  if (host.front() == '[') {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    name = host.substr(1, end - 1), rest = host.substr(end + 1);
  } else {
    const size_t colon = host.find(':');
    name = host.substr(0, colon);
    rest = colon == std::string_view::npos ? "" : host.substr(colon);
  }
  if (!rest.empty() && (rest.front() != ':' || rest.size() < 2 || rest.size() > 6 ||
                        !std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; })))
    return {};
  return lower(name);
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

std::optional<ApiError> check_head(std::string_view head) {
  int hosts = 0, lengths = 0, encodings = 0;
  for (size_t line = 0; !head.empty(); ++line) {
    const size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return bad_head("a line does not end in CR LF");
    const std::string_view text = head.substr(0, end);
    head.remove_prefix(end + 2);
    for (const char c : text)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return bad_head("has control bytes");
    if (line == 0) {
      if (text.empty()) return bad_head("the request line is empty");
      if (std::any_of(text.begin(), text.end(),
                      [](char c) { return c == '\t' || static_cast<unsigned char>(c) > 0x7e; }))
        return bad_head("the request line has bytes that an address cannot have");
      continue;
    }
    if (text.empty()) {
      if (!head.empty()) return bad_head("goes on after the blank line");
      break;
    }
    if (text.front() == ' ' || text.front() == '\t') return bad_head("a header is folded over two lines");
    const size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos) return bad_head("a header has no name");
    if (!std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), is_name_byte))
      return bad_head("a header's name has bytes that it cannot have");
    const std::string name = lower(text.substr(0, colon));
    const std::string_view value = trimmed(text.substr(colon + 1));
    if (name == "host") ++hosts;
    if (name == "transfer-encoding") {
      ++encodings;
      if (value != "chunked") return bad_head("Transfer-Encoding: expected chunked");
    }
    if (name == "content-length") {
      ++lengths;
      if (value.empty() || value.size() > 18 ||
          !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return bad_head("Content-Length: expected digits");
    }
  }
  if (hosts != 1) return bad_head("expected one Host, found " + std::to_string(hosts));
  if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0))
    return bad_head("expected one Content-Length or one Transfer-Encoding");
  return std::nullopt;
}

std::optional<ApiError> check_access(const HttpRequest& request, const AccessRules& rules, std::string_view local) {
  const std::string host = host_name(request.header("host"));
  if (host != "localhost" && host != "127.0.0.1" && host != "::1" && (host.empty() || host != local) &&
      !contains(rules.hosts, host))
    return ApiError{.status = 421,
                    .message = "this server does not go by that Host; it may be added with --allow-host",
                    .code = "wrong_host"};
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && lower(origin) != rules.scheme + "://" + lower(request.header("host")) &&
      !contains(rules.origins, origin))
    return ApiError{.status = 403,
                    .message = "pages of that Origin may not ask; it may be added with --allow-origin",
                    .type = "permission_error",
                    .code = "origin_not_allowed"};
  for (const std::string_view name : {"key=", "api_key=", "api-key=", "apikey=", "token=", "access_token="}) {
    const size_t at = lower(request.query).find(name);
    if (at != std::string::npos && (at == 0 || request.query[at - 1] == '&'))
      return ApiError{.message = "a key in the address lands in histories and logs; send it as Authorization: Bearer",
                      .code = "key_in_address"};
  }
  if (request.method == "POST") {
    const std::string type = lower(request.header("content-type"));
    const std::string_view kind = trimmed(std::string_view(type).substr(0, type.find(';')));
    if (kind != "application/json")
      return ApiError{
          .status = 415, .message = "Content-Type: expected application/json", .code = "unsupported_media_type"};
  }
  return std::nullopt;
}

Headers origin_headers(const HttpRequest& request, const AccessRules& rules) {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !contains(rules.origins, origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "x-request-id, x-freehold-ignored"},
          {"Vary", "Origin"}};
}

}  // namespace freehold
