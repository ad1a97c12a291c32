// Ollama's own API below /api/, for programs that know no other: what is served, in its words, and texts that become
// vectors. Chats and texts are read in ollama_request.cpp and written in ollama_shapes.cpp.
//
// Whatever has the form of Ollama's file keeping (pull, create, delete ...) is refused by routes.cpp: one model is
// served, and it stays in memory while the server runs.
#pragma once

#include "serve/embeddings.h"
#include "serve/model_side.h"

namespace freehold {

// The version of Ollama whose requests are read here. Clients compare it with the one that they need.
inline constexpr const char* ollama_api_version = "0.33.0";

// A model may be called NAME:latest, and by `name`, as older clients do: makes of both `model` as other APIs have it.
// `served`: one of these may have a name that ends so by itself.
void settle_ollama_name(Json& body, std::span<const ModelSide* const> served);

Json ollama_listed(const ModelSide& side);                                                 // as /api/tags has it
Json ollama_running(const ModelSide& side);                                                // as /api/ps
tl::expected<HttpAnswer, ApiError> ollama_shown(const ModelSide& side, const Json& body);  // /api/show

// A request without prompt or messages asks that the model be loaded. It is, and the answer says so.
bool asks_to_load(Style style, const Json& body);
tl::expected<HttpAnswer, ApiError> loaded_answer(const ModelSide& side, Style style, const Json& body);

tl::expected<EmbeddingRequest, ApiError> read_ollama_embedding_request(const ModelSide& side, Style style,
                                                                       const Json& body);

// A length of time in words ("5m"), or a number of seconds: how long a model is to stay loaded.
class Fields;
void read_keep_alive(Fields& fields);
int64_t nanoseconds(double ms);

// What a reader of others' requests said, in Ollama's words: `words` has theirs first, then those of the reader.
using Words = std::span<const std::pair<std::string_view, std::string_view>>;
std::string in_words(Words words, const std::string& field);
ApiError in_words(Words words, ApiError error);

}  // namespace freehold
