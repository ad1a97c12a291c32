// What the readers of requests share (answer_request.cpp).
#pragma once

#include "serve/answer_request.h"
#include "serve/fields.h"

namespace freehold {

// Sampling, lengths, stops, streaming, forms: what all kinds of request have. `ask.sampling` holds what holds where
// the request is silent.
void read_common(const ModelSide& side, Fields& fields, Ask& ask, AnswerRequest& request);
// When all fields are read: the first fault, or one of the request as a whole.
std::optional<ApiError> settle_request(const ModelSide& side, Fields& fields, AnswerRequest& request);

// What holds where a request in llama.cpp's words is silent.
SamplerSettings llamacpp_sampling();

// The prompt that asks for what belongs between two texts; `param` is named where the model was not taught that.
tl::expected<std::vector<Token>, ApiError> encode_gap(const ModelSide& side, std::string_view prefix,
                                                      std::string_view suffix, std::span<const OtherFile> others,
                                                      const std::string& param);

}  // namespace freehold
