// What the two halves of the server say to each other: the half that speaks HTTP (connection, server) and the half that
// knows the API (all else). Only the first includes Boost.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/caller.h"

namespace freehold {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method, path, query;  // of the target "path?query", as sent
  Headers headers;                  // names in lower case
  std::string body;
  std::string peer;  // the address it came from
  std::string id;    // x-request-id, theirs or ours
  Caller caller;
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  Headers headers = {};
};

// What the pieces of a stream stand in: events of text/event-stream, or lines of application/x-ndjson.
enum class StreamForm : uint8_t { events, lines };

// One request and the way back to whoever sent it. Any thread may call. Either one answer(), or begin_events(), any
// number of event() and one end_events(). Calls after the client has gone do nothing.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void answer(HttpAnswer answer) = 0;
  virtual void begin_events(Headers headers, StreamForm form) = 0;  // 200
  // "data: <data>" and a blank line; before it "event: <name>" if there is a name. Where lines are sent: the data
  // alone.
  virtual void event(std::string data, std::string name = {}) = 0;
  virtual void end_events() = 0;
  // Runs on the thread of the connections, which must not be kept waiting.
  virtual void post(std::function<void()> work) = 0;
  // Called once on that thread if the client goes before the answer is complete; at once if it has gone already.
  virtual void on_gone(std::function<void()> gone) = 0;
};

using Handler = std::function<void(HttpRequest, std::shared_ptr<Exchange>)>;

}  // namespace freehold
