// JSON from outside, behind one door: duplicate keys are refused, nesting and size are capped, numbers stay exact.
// Objects keep the order of their keys (templates print them).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace freehold {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  uint64_t bytes = limits::json_bytes;
  int nesting = limits::json_nesting;
};

// `name` (a file, a request) stands first in the error, which gives the byte offset.
Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

}  // namespace freehold
