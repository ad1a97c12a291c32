// What the commands that ask a running server share: where it is, and which of its models is meant.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "apps/net/http_client.h"
#include "base/json.h"

namespace freehold {

struct AskedServer {
  std::string url = "http://127.0.0.1:8080", key, model;
  bool json = false;
  void add_to(CLI::App& app);
};

// Reads `words`, the first of which are the command's own (`skip`). False: --help was asked for, and given.
Result<bool> parse_words(CLI::App& app, std::vector<std::string> words, size_t skip);

// The one that is named, or the first that the server lists; `about` becomes what it says of it.
Result<std::string> find_model(HttpClient& client, const std::string& named, Json& about);

}  // namespace freehold
