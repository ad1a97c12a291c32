// POST /v1/rerank: documents in the order of how near their vectors are to that of a query (the cosine), by an encoder.
// The words are those of Cohere and Jina.
#pragma once

#include "serve/embeddings.h"

namespace freehold {

tl::expected<EmbeddingRequest, ApiError> read_rerank_request(const ModelSide& side, const Json& body);

}  // namespace freehold
