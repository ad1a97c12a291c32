// A client as plain as can be, for a server on this machine: one connection a request, HTTP/1.1, nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold {

struct LoopbackAnswer {
  int status = 0;
  std::string headers;  // as sent
  std::string body;     // chunks joined
};

struct LoopbackRequest {
  std::string method = "GET", path = "/", body = {}, type = "application/json";
  std::vector<std::string> headers = {};  // "Name: value"
};

Result<LoopbackAnswer> ask_loopback(int port, const LoopbackRequest& request, double seconds = 120);

}  // namespace freehold
