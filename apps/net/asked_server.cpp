#include "apps/net/asked_server.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace freehold {

void AskedServer::add_to(CLI::App& app) {
  app.add_option("--url", url, "where the server is; on this machine or its network")
      ->type_name("URL")
      ->capture_default_str();
  app.add_option("--key", key, "what it lets in; default: $FREEHOLD_KEY")->type_name("KEY")->envname("FREEHOLD_KEY");
  app.add_option("--model", model, "which of its models; default: the first it lists")->type_name("NAME");
  app.add_flag("--json", json, "the result as one JSON object");
}

Result<bool> parse_words(CLI::App& app, std::vector<std::string> words, size_t skip) {
  words.erase(words.begin(), words.begin() + static_cast<long>(std::min(skip, words.size())));
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp& e) {
    app.exit(e);
    return false;
  } catch (const CLI::ParseError& e) {
    return usage_error("{}; see {} --help", e.what(), app.get_name());
  }
  return true;
}

Result<std::string> find_model(HttpClient& client, const std::string& named, Json& about) {
  const HttpReply reply = client.ask({.method = "GET", .path = "/v1/models", .seconds = 30});
  if (!reply.fault.empty()) return io_error("{}: {}", client.url(), reply.fault);
  const Result<Json> parsed = parse_json(reply.body, "/v1/models");
  if (reply.status == 401 || reply.status == 403)
    return io_error("{}: {}; it asks for a key (--key)", client.url(), reply.status);
  if (parsed && parsed->is_object() && parsed->contains("data") && (*parsed)["data"].is_array())
    for (const Json& one : (*parsed)["data"])
      if (one.is_object() && one.contains("id") && one["id"].is_string() &&
          (named.empty() || one["id"] == Json(named))) {
        about = one;
        return one["id"].get<std::string>();
      }
  if (!named.empty()) return named;  // it may go by a name that is not listed
  return io_error("{}: /v1/models answered {} and lists no model; --model NAME says which to ask", client.url(),
                  reply.status);
}

}  // namespace freehold
