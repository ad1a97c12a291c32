// What the head of a request must be before anything else looks at it, and who may ask at all. Stricter than the HTTP
// library: what two programs could read differently is refused, so that nothing can be smuggled past one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.h"
#include "serve/http.h"

namespace freehold {

// The bytes up to and with the blank line: CRLF line ends only, no folded lines, no control bytes, no space before a
// colon, one Host, at most one Content-Length (digits only) and never beside Transfer-Encoding, which is exactly
// "chunked".
std::optional<ApiError> check_head(std::string_view head);

struct AccessRules {
  std::vector<std::string> hosts;    // names we go by beside the loopback's and the address of the connection
  std::vector<std::string> origins;  // "https://intranet.example": pages that may ask
  std::string scheme = "http";       // of our own pages
};
// Host and Origin, against pages in the owner's browser; the content type of a body; keys that stand in the address.
// `local`: the address of our end of the connection.
std::optional<ApiError> check_access(const HttpRequest& request, const AccessRules& rules, std::string_view local);
// The headers that let the page read the answer; none when no page of the list asks.
Headers origin_headers(const HttpRequest& request, const AccessRules& rules);

}  // namespace freehold
