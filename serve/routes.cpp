#include "serve/routes.h"

#include <algorithm>

#include "serve/page.h"

namespace freehold {

std::string_view without_base(std::string_view path) {
  if (path == "/v2/rerank") return "/rerank";  // Cohere's
  for (const std::string_view base : {"/v1/", "/beta/v1/", "/beta/"})
    if (path.starts_with(base)) return path.substr(base.size() - 1);
  return path;
}

Style style_of(std::string_view path) {
  path = without_base(path);
  if (path.starts_with("/messages")) return Style::messages;
  if (path == "/responses") return Style::responses;
  if (path == "/infill") return Style::infill;
  return path == "/completions" ? Style::text : Style::chat;
}

std::optional<uint8_t> scope_for(std::string_view path) {
  if (is_page_file(path)) return std::nullopt;
  path = without_base(path);
  if (path == "/health") return std::nullopt;
  if (path == "/metrics") return scope_metrics;
  if (path == "/freehold/state") return uint8_t{0};
  if (path == "/freehold/usage" || path == "/freehold/budget") return scope_admin;
  if (path.starts_with("/freehold/")) return scope_papers;
  return scope_inference;
}

}  // namespace freehold
