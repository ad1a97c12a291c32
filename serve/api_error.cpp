#include "serve/api_error.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace freehold {

std::string body_of(const ApiError& error) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json inner = {
      {"message", error.message}, {"type", error.type}, {"param", or_null(error.param)}, {"code", or_null(error.code)}};
  if (error.context > 0) {
    inner["n_prompt_tokens"] = error.prompt_tokens;
    inner["n_ctx"] = error.context;
  }
  return Json{{"error", std::move(inner)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Anthropic's names for what an error is; the field stands in the message.
std::string messages_body_of(const ApiError& error) {
  const char* type = error.status == 401   ? "authentication_error"
                     : error.status == 402 ? "billing_error"
                     : error.status == 403 ? "permission_error"
                     : error.status == 404 ? "not_found_error"
                     : error.status == 413 ? "request_too_large"
                     : error.status == 429 ? "rate_limit_error"
                     : error.status == 503 ? "overloaded_error"
                     : error.status >= 500 ? "api_error"
                                           : "invalid_request_error";
  return Json{{"type", "error"}, {"error", {{"type", type}, {"message", error.message}}}, {"request_id", nullptr}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

std::string ollama_body_of(const ApiError& error) {
  return Json{{"error", error.message}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpAnswer answer_of(const ApiError& error, Style style) {
  HttpAnswer answer{error.status, style == Style::messages ? messages_body_of(error)
                                  : is_ollama(style)       ? ollama_body_of(error)
                                                           : body_of(error)};
  if (error.status == 429 || error.status == 503)
    answer.headers.push_back({"Retry-After", std::to_string(error.retry_after)});
  if (error.status == 401) answer.headers.push_back({"WWW-Authenticate", "Bearer"});
  return answer;
}

ApiError api_error(const Error& error, std::string param) {
  switch (error.fault) {
    case Fault::usage:
    case Fault::malformed:
    case Fault::unsupported:
    case Fault::inconsistent:
      return {.message = error.what, .param = std::move(param), .code = "invalid_value"};
    case Fault::resources:
      return {.status = 429, .message = error.what, .type = "rate_limit_error", .code = "queue_full"};
    case Fault::cancelled:
      return {.status = 503, .message = error.what, .type = "unavailable_error", .code = "ending"};
    default:
      return {.status = 500, .message = "the engine failed", .type = "server_error", .code = "internal_error"};
  }
}

ApiError invalid(std::string param, std::string message) {
  return {.message = param + ": " + message, .param = std::move(param), .code = "invalid_value"};
}

ApiError unsupported_field(std::string param, std::string message) {
  return {.message = param + ": " + message, .param = std::move(param), .code = "unsupported_parameter"};
}

}  // namespace freehold
