// Caller: who sent a request, as the keys tell it (serve/keys.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace freehold {

// What a key may be used for; a set of them is a sum of bits.
enum Scope : uint8_t { scope_inference = 1, scope_metrics = 2, scope_admin = 4, scope_papers = 8 };

struct Caller {
  std::string key_id = {};               // empty: no keys are set up, and anybody may ask
  std::string department = {};           // may be empty
  std::vector<std::string> models = {};  // that the key may use; empty: all
  std::vector<std::string> labels = {};  // of the papers it may see; without keys all are seen
  uint8_t scopes = 0;                    // of the key
  std::string name = {};                 // of the key, as its owner calls it
};

}  // namespace freehold
