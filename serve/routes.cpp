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
  if (path == "/api/generate") return Style::ollama_generate;
  if (path == "/api/embed") return Style::ollama_embed;
  if (path == "/api/embeddings") return Style::ollama_embeddings;
  if (path.starts_with("/api/")) return Style::ollama_chat;
  return path == "/completions" ? Style::text : Style::chat;
}

std::optional<ApiError> refuse_route(std::string_view path) {
  constexpr const char* fetch = "models are not fetched through the server: freehold pull NAME does it";
  constexpr const char* keep = "the server serves the model that it was started with, and changes no files";
  constexpr const char* slots = "the server keeps what it has computed by itself (--disk-cache-mib), without slots";
  constexpr std::pair<std::string_view, const char*> known[] = {
      {"/api/pull", fetch},  {"/api/push", keep},   {"/api/create", keep}, {"/api/copy", keep},
      {"/api/delete", keep}, {"/api/blobs/", keep}, {"/slots/", slots},
  };
  for (const auto& [beginning, why] : known)
    if (beginning.ends_with('/') ? path.starts_with(beginning) : path == beginning)
      return ApiError{.status = 501,
                      .message = fmt::format("{}: {}", printable(path), why),
                      .type = "not_supported_error",
                      .code = "not_supported"};
  return std::nullopt;
}

std::optional<uint8_t> scope_for(std::string_view path) {
  if (is_page_file(path)) return std::nullopt;
  path = without_base(path);
  if (path == "/health") return std::nullopt;
  if (path == "/metrics" || path == "/slots") return scope_metrics;
  if (path == "/freehold/state") return uint8_t{0};
  if (path == "/freehold/usage" || path == "/freehold/budget") return scope_admin;
  if (path.starts_with("/freehold/")) return scope_papers;
  return scope_inference;
}

}  // namespace freehold
