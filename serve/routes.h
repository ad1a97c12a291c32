// What an address of the server is, as far as it matters before a request is read.
#pragma once

#include <optional>
#include <string_view>

#include "serve/api_error.h"
#include "serve/caller.h"

namespace freehold {

// The path below the API's own prefix, and those of bases that clients are set to.
std::string_view without_base(std::string_view path);
// Routes that others have and that nothing here stands behind: why not.
std::optional<ApiError> refuse_route(std::string_view path);
Style style_of(std::string_view path);  // of a path with or without the base

// The scope that a key needs for it: none for what anybody may have (the page's files, /health), 0 where any key
// will do.
std::optional<uint8_t> scope_for(std::string_view path);

}  // namespace freehold
