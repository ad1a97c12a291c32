// Members of JSON objects from tokenizer files, with the type that they must have. `where` names file and object for
// errors: "tokenizer.json: pre_tokenizer".
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace freehold {

// The member, or null when it is absent or null.
inline const Json* json_member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

template <class T>
Failure wrong_type(const T& found, std::string_view key, std::string_view expected, std::string_view where) {
  return malformed("{}: '{}' is a {}; expected {}", where, key, found.type_name(), expected);
}

inline Result<bool> json_flag(const Json& object, std::string_view key, bool otherwise, std::string_view where) {
  const Json* member = json_member(object, key);
  if (!member) return otherwise;
  if (!member->is_boolean()) return wrong_type(*member, key, "true or false", where);
  return member->get<bool>();
}

inline Result<std::string> json_text(const Json& object, std::string_view key, std::string_view where) {
  const Json* member = json_member(object, key);
  if (!member) return malformed("{}: '{}' is missing", where, key);
  if (!member->is_string()) return wrong_type(*member, key, "a string", where);
  return member->get<std::string>();
}

inline Result<std::string> json_text_or(const Json& object, std::string_view key, std::string_view otherwise,
                                        std::string_view where) {
  return json_member(object, key) ? json_text(object, key, where) : std::string(otherwise);
}

// The "type" of a normalizer, pre-tokenizer or model.
inline Result<std::string> json_type(const Json& object, std::string_view where) {
  if (!object.is_object()) return malformed("{}: expected an object, found a {}", where, object.type_name());
  return json_text(object, "type", where);
}

}  // namespace freehold
