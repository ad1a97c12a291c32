// The page: served from the program itself, under rules that let it reach nothing but this server.
#pragma once

#include <optional>

#include "serve/http.h"

namespace freehold {

// Absent: not one of its addresses. The files are the same for everybody and tell nothing, so no key is asked for.
bool is_page_file(std::string_view path);
std::optional<HttpAnswer> page_answer(const HttpRequest& request);

}  // namespace freehold
