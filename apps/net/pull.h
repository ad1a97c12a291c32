// Pull: gets one model of the catalogue into HOME/models/NAME.gguf, or the folder NAME. Tries the sources in order,
// goes on where an earlier pull stopped, checks size and SHA-256, puts file or folder in place in one step, and writes
// NAME.lock.json: what it is and where it came from. Two pulls of one name wait for each other.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "apps/net/catalogue.h"
#include "base/file.h"

namespace freehold {

struct PullOptions {
  Path models;                                // HOME/models, made if missing
  bool check_again = false;                   // read and hash a file that is there already
  bool progress = false;                      // a line on standard error
  std::function<void(std::string_view)> say;  // messages for a person
};

struct Pulled {
  Path path;
  std::string source;  // of the lock file when it was there already
  bool was_there = false;
  double seconds = 0;
};

Result<Pulled> pull(const CatalogueEntry& entry, const PullOptions& options, const std::atomic<bool>& cancelled);

// Whether the file and its lock are there and agree with the catalogue in size and checksum (the file is not read).
bool is_pulled(const CatalogueEntry& entry, const Path& models);

}  // namespace freehold
