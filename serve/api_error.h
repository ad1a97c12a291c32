// An error as clients of the API get it, with the HTTP status that goes with it.
#pragma once

#include <string>

#include "base/result.h"
#include "serve/http.h"

namespace freehold {

// Which API's words a request came in and its answer goes out in.
// The last four are Ollama's: /api/chat, /api/generate, /api/embed and, older, /api/embeddings.
enum class Style : uint8_t {
  chat,
  text,
  messages,
  responses,
  infill,
  ollama_chat,
  ollama_generate,
  ollama_embed,
  ollama_embeddings
};
inline bool is_ollama(Style style) { return style >= Style::ollama_chat; }

struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param = {};              // the field; null when empty
  std::string code = {};               // null when empty
  int prompt_tokens = 0, context = 0;  // given with context_length_exceeded
  int retry_after = 2;                 // seconds; sent with 429 and 503
};

std::string body_of(const ApiError& error);  // {"error": {...}}
HttpAnswer answer_of(const ApiError& error, Style style = Style::chat);
std::string messages_body_of(const ApiError& error);  // {"type": "error", "error": {...}}
std::string ollama_body_of(const ApiError& error);    // {"error": "..."}
// An error of ours for a field: usage, malformed ... are the client's fault; resources is 429; the rest is 500.
ApiError api_error(const Error& error, std::string param);

ApiError invalid(std::string param, std::string message);            // 400, invalid_value
ApiError unsupported_field(std::string param, std::string message);  // 400, unsupported_parameter

}  // namespace freehold
