#include "serve/rerank.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/limits.h"
#include "serve/fields.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

// A document is a text, or an object with one.
const std::string* text_of_document(const Json& document) {
  const Json* text = &document;
  if (document.is_object()) {
    const auto found = document.find("text");
    if (found == document.end()) return nullptr;
    text = &*found;
  }
  return text->is_string() ? &text->get_ref<const std::string&>() : nullptr;
}

// Of vectors of length 1.
double cosine(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return std::clamp(sum, -1.0, 1.0);
}

// vectors: the query's, then those of the documents. Equal ones stay in the order in which they came.
Json ranked(std::span<const std::vector<float>> vectors, size_t most, const std::vector<std::string>& texts) {
  std::vector<double> scores;
  for (const auto& vector : vectors.subspan(1)) scores.push_back(cosine(vectors[0], vector));
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  Json results = Json::array();
  for (const size_t i : std::span(order).first(std::min(most, order.size()))) {
    results.push_back({{"index", i}, {"relevance_score", scores[i]}});
    if (!texts.empty()) results.back()["document"] = {{"text", texts[i]}};
  }
  return {{"object", "list"}, {"results", std::move(results)}};
}

}  // namespace

tl::expected<EmbeddingRequest, ApiError> read_rerank_request(const ModelSide& side, const Json& body) {
  if (!side.facts.encoder || !side.vectors)
    return Refused(
        ApiError{.status = 501,
                 .message = "no encoder is served, which ranking takes; freehold serve MODEL --encoder ENCODER",
                 .type = "not_supported_error",
                 .code = "not_supported"});
  EmbeddingRequest request;
  request.pooling = side.vectors->pooling;
  request.dimensions = static_cast<size_t>(side.facts.hidden);
  Fields fields(body);
  fields.find("model");  // checked by name
  std::string query;
  if (!fields.text("query", query)) fields.fail(invalid("query", "is missing; expected a text"));
  int most = static_cast<int>(limits::embedding_inputs);
  fields.integer("top_n", 1, INT32_MAX, most);
  bool give_texts = false;
  fields.boolean("return_documents", give_texts);
  fields.accept({"user", "metadata"});
  const Json* documents = fields.find("documents");
  if (!documents || !documents->is_array() || documents->empty() || documents->size() >= limits::embedding_inputs)
    fields.fail(invalid("documents", fmt::format("expected a list of 1 to {} texts", limits::embedding_inputs - 1)));
  request.ignored = fields.unknown();
  if (side.strict && !request.ignored.empty()) fields.fail(unsupported_field(request.ignored.front(), "is not known"));
  if (fields.error()) return Refused(*fields.error());

  auto asked = tokens_for_vector(side, query, "query");
  if (!asked) return Refused(std::move(asked.error()));
  request.inputs.push_back(std::move(*asked));
  std::vector<std::string> texts;
  for (size_t i = 0; i < documents->size(); ++i) {
    const std::string param = fmt::format("documents[{}]", i);
    const std::string* text = text_of_document((*documents)[i]);
    if (!text) return Refused(invalid(param, "expected a text, or an object with text"));
    auto tokens = tokens_for_vector(side, *text, param);
    if (!tokens) return Refused(std::move(tokens.error()));
    request.inputs.push_back(std::move(*tokens));
    if (give_texts) texts.push_back(*text);
  }
  request.made_of = [most = static_cast<size_t>(most), texts = std::move(texts)](
                        std::span<const std::vector<float>> vectors) { return ranked(vectors, most, texts); };
  return request;
}

}  // namespace freehold
