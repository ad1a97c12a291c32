// JSON from outside, behind one door: duplicate keys are refused, nesting and size are capped, numbers stay exact,
// text is valid UTF-8, NaN and Infinity do not exist. Objects keep the order of their keys (templates print them), so
// looking a key up is linear: walk over a large object (a vocabulary) instead of asking it for each key.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace freehold {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  uint64_t bytes = limits::json_bytes;  // more is Fault::resources
  int nesting = limits::json_nesting;
};

// `name` (a file, a request) stands first in the error, which gives the byte offset.
Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

// One step of a walk over JSON text, for files whose tree would be many times their size (safetensors headers).
struct JsonEvent {
  enum class Kind : uint8_t {
    null,
    boolean,
    integer,
    natural,
    real,
    string,
    key,
    begin_object,
    end_object,
    begin_array,
    end_array,
  };
  Kind kind;
  int depth;              // containers open around it: 0 for the document's own value
  uint64_t offset;        // just past the token
  std::string_view text;  // string, key: valid during the call only
  bool boolean = false;
  int64_t integer = 0;  // below zero
  uint64_t natural = 0;
  double real = 0;
};
// Calls `on_event` for each step and stops at the first failure. Same limits and errors as parse_json, but finding
// duplicate keys is left to the caller.
Result<Done> walk_json(std::string_view text, std::string_view name, JsonLimits limits,
                       const std::function<Result<Done>(JsonEvent&&)>& on_event);

}  // namespace freehold
