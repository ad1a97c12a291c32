// What can be said of JSON schemas without a grammar: their keywords, references, and two of them made one.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace freehold {

class SchemaParts {
 public:
  explicit SchemaParts(const Json& root) : root_(root) {}

  // Refuses what is no schema and keywords that are not supported.
  static Result<Done> check(const Json& schema, std::string_view place);
  // Whether anything but annotations and definitions is there.
  static bool says_anything(const Json& schema);

  Result<const Json*> resolve(const Json& reference, std::string_view place) const;
  // What fits both. References at the top are put in; anyOf of both are multiplied.
  Result<Json> both(const Json& a, const Json& b, const std::string& place, int depth = 0);
  // Whether no value fits both, as far as type, enum, const and required properties tell.
  Result<bool> apart(const Json& a, const Json& b, const std::string& place);

  static Json without(const Json& schema, std::initializer_list<std::string_view> keywords);

 private:
  Result<Json> with_reference(const Json& schema, const std::string& place, int depth);
  Result<Done> join(Json& to, const std::string& keyword, const Json& value, const std::string& place, int depth);
  Result<Done> join_properties(Json& to, const Json& a, const Json& b);
  const Json& root_;
  uint64_t work_ = 0;
};

// The types that a schema names, or that its keywords are about; empty: all.
Result<std::vector<std::string>> types_of(const Json& schema, std::string_view place);
// What a string of this format looks like, as an expression for the whole of it without '<'; nothing for others.
std::optional<std::string> pattern_of_format(std::string_view format);
// Whether a JSON value is of such a type.
bool is_of_type(const Json& value, std::string_view type);

}  // namespace freehold
