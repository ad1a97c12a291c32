#include "text/grammar/json_schema_parts.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/hex.h"

namespace freehold {
namespace {

constexpr std::string_view annotations[] = {"title",     "description", "default",    "examples",   "example",
                                            "$schema",   "$id",         "$comment",   "deprecated", "readOnly",
                                            "writeOnly", "$defs",       "definitions"};
constexpr std::string_view keywords[] = {
    "type",          "enum",    "const",       "properties", "required", "additionalProperties", "minProperties",
    "maxProperties", "items",   "prefixItems", "minItems",   "maxItems", "uniqueItems",          "minLength",
    "maxLength",     "pattern", "format",      "minimum",    "maximum",  "exclusiveMinimum",     "exclusiveMaximum",
    "anyOf",         "oneOf",   "allOf",       "$ref",       "nullable"};
constexpr std::string_view types[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
constexpr uint64_t most_work = 20'000;  // schemas joined; anyOf in allOf multiply
constexpr int most_references = 32;     // one after the other, without a value between

template <class List>
bool among(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_annotation(std::string_view keyword) { return among(annotations, keyword) || keyword.starts_with("x-"); }

bool has(const Json& schema, const char* keyword) { return schema.is_object() && schema.contains(keyword); }

// The values of enum or const, if any.
std::optional<Json> values_of(const Json& schema) {
  if (has(schema, "const")) return Json::array({schema["const"]});
  if (has(schema, "enum") && schema["enum"].is_array()) return schema["enum"];
  return std::nullopt;
}

// Formats as expressions for the whole of a string. Days are those of the month and the year.
constexpr std::string_view year = "(?:[1-9]\\d{3}|0[1-9]\\d{2}|00[1-9]\\d|000[1-9])",
                           leap_year =
                               "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)",
                           label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
                           octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

}  // namespace

Result<Done> SchemaParts::check(const Json& schema, std::string_view place) {
  if (schema.is_boolean()) return Done{};
  if (!schema.is_object()) return malformed("{}: expected a schema: an object, true or false", place);
  for (const auto& [keyword, value] : schema.items()) {
    const auto wrong = [&, &word = keyword](std::string_view expected) {
      return malformed("{}: {}: expected {}", place, word, expected);
    };
    if (is_annotation(keyword)) continue;
    if (!among(keywords, keyword)) return unsupported("{}: keyword {} is not supported", place, printable(keyword, 40));
    if (keyword == "uniqueItems" && value != Json(false))
      return unsupported("{}: keyword uniqueItems is not supported", place);
    if (among(std::initializer_list<std::string_view>{"minProperties", "maxProperties", "minItems", "maxItems",
                                                      "minLength", "maxLength"},
              keyword) &&
        !(value.is_number_unsigned() && value.get<uint64_t>() <= INT32_MAX / 2))
      return wrong("a whole number from 0");
    if ((keyword == "minimum" || keyword == "maximum") && !value.is_number()) return wrong("a number");
    if (keyword.starts_with("exclusive") && !value.is_number() && !value.is_boolean()) return wrong("a number");
    if (among(std::initializer_list<std::string_view>{"anyOf", "oneOf", "allOf", "prefixItems"}, keyword) &&
        !(value.is_array() && !value.empty()))
      return wrong("a list that is not empty");
    if (keyword == "enum" && !value.is_array()) return wrong("a list");
    if (keyword == "properties" && !value.is_object()) return wrong("an object");
    if ((keyword == "pattern" || keyword == "format" || keyword == "$ref") && !value.is_string())
      return wrong("a string");
    if (keyword == "nullable" && !value.is_boolean()) return wrong("true or false");
    if (keyword == "required" && !(value.is_array() && std::all_of(value.begin(), value.end(),
                                                                   [](const Json& name) { return name.is_string(); })))
      return wrong("a list of names");
  }
  return Done{};
}

bool SchemaParts::says_anything(const Json& schema) {
  if (!schema.is_object()) return true;
  const auto items = schema.items();
  return std::any_of(items.begin(), items.end(), [](const auto& item) { return !is_annotation(item.key()); });
}

Json SchemaParts::without(const Json& schema, std::initializer_list<std::string_view> names) {
  Json rest = Json::object();
  for (const auto& [keyword, value] : schema.items())
    if (!among(names, keyword) && !is_annotation(keyword)) rest[keyword] = value;
  return rest;
}

Result<const Json*> SchemaParts::resolve(const Json& reference, std::string_view place) const {
  const std::string& text = reference.get_ref<const std::string&>();
  if (text.empty() || text[0] != '#' || (text.size() > 1 && text[1] != '/'))
    return unsupported("{}: $ref {}: only references inside the schema (#/$defs/..) are followed", place,
                       printable(text, 60));
  std::string plain;  // %XX taken out
  for (size_t i = 1; i < text.size(); ++i) {
    const auto code = text[i] == '%' ? hex_number(std::string_view(text).substr(i + 1, 2)) : std::nullopt;
    plain += code ? static_cast<char>(*code) : text[i];
    if (code) i += 2;
  }
  const Json* at = &root_;
  for (size_t from = 0; from < plain.size();) {
    const size_t end = std::min(plain.find('/', from + 1), plain.size());
    std::string name;
    for (size_t i = from + 1; i < end; ++i) {
      const bool escape = plain[i] == '~' && i + 1 < end;
      name += !escape ? plain[i] : plain[i + 1] == '1' ? '/' : '~';
      i += escape;
    }
    const Json* inner = nullptr;
    if (at->is_object() && at->contains(name)) inner = &(*at)[name];
    if (at->is_array() && !name.empty() && name.size() < 9 &&
        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      if (const size_t index = std::stoul(name); index < at->size()) inner = &(*at)[index];
    if (!inner) return malformed("{}: $ref {}: nothing is there", place, printable(text, 60));
    at = inner;
    from = end;
  }
  return at;
}

Result<Json> SchemaParts::with_reference(const Json& schema, const std::string& place, int depth) {
  if (depth > most_references) return unsupported("{}: references that lead in a circle", place);
  if (!schema.is_object()) return schema;
  if (!schema.contains("$ref")) return schema;
  TRY_ASSIGN(const Json* target, resolve(schema["$ref"], place));
  TRY(check(*target, place));
  return both(*target, without(schema, {"$ref"}), place, depth + 1);
}

Result<Json> SchemaParts::both(const Json& left, const Json& right, const std::string& place, int depth) {
  if (++work_ > most_work) return out_of_resources("{}: the schemas of allOf are too many to join", place);
  TRY(check(left, place));
  TRY(check(right, place));
  TRY_ASSIGN(Json a, with_reference(left, place, depth));
  TRY_ASSIGN(Json b, with_reference(right, place, depth));
  if (a == Json(false) || b == Json(false)) return Json(false);
  if (a == Json(true)) return b;
  if (b == Json(true)) return a;
  Json made = without(a, {"properties", "required", "additionalProperties"});
  const Json more = without(b, {"properties", "required", "additionalProperties"});
  for (const auto& [keyword, value] : more.items()) {
    if (!made.contains(keyword))
      made[keyword] = value;
    else if (made[keyword] != value)
      TRY(join(made, keyword, value, place, depth));
  }
  TRY(join_properties(made, a, b));
  return made;
}

// One keyword that both have.
Result<Done> SchemaParts::join(Json& to, const std::string& keyword, const Json& value, const std::string& place,
                               int depth) {
  Json& own = to[keyword];
  if (keyword == "type") {
    Json common = Json::array();
    const auto list = [](const Json& type) { return type.is_array() ? type : Json::array({type}); };
    for (const Json& a : list(own))
      for (const Json& b : list(value)) {
        if (a == b || (a == Json("integer") && b == Json("number"))) common.push_back(a);
        if (a == Json("number") && b == Json("integer")) common.push_back(b);
      }
    own = std::move(common);
  } else if (keyword.starts_with("min") || keyword == "exclusiveMinimum") {
    own = own.is_number() && value.is_number() ? std::max(own, value) : value;
  } else if (keyword.starts_with("max") || keyword == "exclusiveMaximum") {
    own = own.is_number() && value.is_number() ? std::min(own, value) : value;
  } else if (keyword == "enum") {
    Json common = Json::array();
    for (const Json& one : own)
      if (std::find(value.begin(), value.end(), one) != value.end()) common.push_back(one);
    own = std::move(common);
  } else if (keyword == "const") {
    to = {{"enum", Json::array()}};
  } else if (keyword == "anyOf" || keyword == "oneOf") {
    Json ways = Json::array();
    for (const Json& a : own)
      for (const Json& b : value) {
        TRY_ASSIGN(Json way, both(a, b, place, depth));
        ways.push_back(std::move(way));
      }
    own = std::move(ways);
  } else if (keyword == "items" && !own.is_array() && !value.is_array()) {
    own = {{"allOf", Json::array({own, value})}};
  } else if (keyword == "allOf") {
    for (const Json& one : value) own.push_back(one);
  } else if (keyword == "nullable") {
    own = false;
  } else {
    return unsupported("{}: keyword {}: two different ones cannot be joined", place, printable(keyword, 40));
  }
  return Done{};
}

// A property of one side must also fit what the other says of further ones.
Result<Done> SchemaParts::join_properties(Json& to, const Json& a, const Json& b) {
  const auto further = [](const Json& schema) {
    return has(schema, "additionalProperties") ? schema["additionalProperties"] : Json(true);
  };
  if (has(a, "properties") || has(b, "properties")) {
    Json all = Json::object();
    const auto add = [&](const Json& own, const Json& other) {
      if (!has(own, "properties")) return;
      for (const auto& [name, schema] : own["properties"].items()) {
        if (all.contains(name)) continue;
        const Json rule =
            has(other, "properties") && other["properties"].contains(name) ? other["properties"][name] : further(other);
        all[name] = rule == Json(true) ? schema : Json{{"allOf", Json::array({schema, rule})}};
      }
    };
    add(a, b);
    add(b, a);
    to["properties"] = std::move(all);
  }
  Json required = Json::array();
  for (const Json* one : {&a, &b})
    if (has(*one, "required"))
      for (const Json& name : (*one)["required"])
        if (std::find(required.begin(), required.end(), name) == required.end()) required.push_back(name);
  if (!required.empty()) to["required"] = std::move(required);
  if (has(a, "additionalProperties") || has(b, "additionalProperties")) {
    const Json left = further(a), right = further(b);
    to["additionalProperties"] = left == Json(true)    ? right
                                 : right == Json(true) ? left
                                                       : Json{{"allOf", Json::array({left, right})}};
    if (left == Json(false) || right == Json(false)) to["additionalProperties"] = false;
  }
  return Done{};
}

Result<bool> SchemaParts::apart(const Json& left, const Json& right, const std::string& place) {
  TRY_ASSIGN(const Json a, with_reference(left, place, 0));
  TRY_ASSIGN(const Json b, with_reference(right, place, 0));
  if (!a.is_object() || !b.is_object()) return a == Json(false) || b == Json(false);
  const auto values_a = values_of(a), values_b = values_of(b);
  if (values_a && values_b)
    return std::none_of(values_a->begin(), values_a->end(), [&](const Json& value) {
      return std::find(values_b->begin(), values_b->end(), value) != values_b->end();
    });
  if (has(a, "type") && has(b, "type")) {
    TRY_ASSIGN(const auto types_a, types_of(a, place));
    TRY_ASSIGN(const auto types_b, types_of(b, place));
    const auto kind = [](const std::string& type) { return type == "integer" ? "number" : type; };
    if (std::none_of(types_a.begin(), types_a.end(), [&](const std::string& one) {
          return std::any_of(types_b.begin(), types_b.end(),
                             [&](const std::string& other) { return kind(one) == kind(other); });
        }))
      return true;
    // Objects that must have a property which the others cannot have, or have with another value.
    if (types_a != std::vector<std::string>{"object"} || types_a != types_b) return false;
    for (const auto& [one, other] : {std::pair{&a, &b}, {&b, &a}}) {
      if (!has(*one, "required")) continue;
      for (const Json& name : (*one)["required"]) {
        const auto named = [&](const Json& schema) -> const Json* {
          const std::string& text = name.get_ref<const std::string&>();
          return has(schema, "properties") && schema["properties"].contains(text) ? &schema["properties"][text]
                                                                                  : nullptr;
        };
        const Json *mine = named(*one), *theirs = named(*other);
        if (!theirs && has(*other, "additionalProperties") && (*other)["additionalProperties"] == Json(false))
          return true;
        const bool both_must =
            has(*other, "required") &&
            std::find((*other)["required"].begin(), (*other)["required"].end(), name) != (*other)["required"].end();
        if (!mine || !theirs || !both_must) continue;
        const auto mine_values = values_of(*mine), their_values = values_of(*theirs);
        if (mine_values && their_values) {
          TRY_ASSIGN(const bool different, apart(*mine, *theirs, place));
          if (different) return true;
        }
      }
    }
  }
  return false;
}

Result<std::vector<std::string>> types_of(const Json& schema, std::string_view place) {
  std::vector<std::string> found;
  if (has(schema, "type")) {
    const Json list = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    for (const Json& type : list) {
      if (!type.is_string() || !among(types, type.get_ref<const std::string&>()))
        return malformed("{}: type: expected one of null, boolean, integer, number, string, array, object", place);
      found.push_back(type);
    }
    if (among(found, "number")) std::erase(found, "integer");
    return found;
  }
  const auto any_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return has(schema, name); });
  };
  if (any_of({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}))
    found.push_back("object");
  if (any_of({"items", "prefixItems", "minItems", "maxItems"})) found.push_back("array");
  if (any_of({"minLength", "maxLength", "pattern", "format"})) found.push_back("string");
  if (any_of({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) found.push_back("number");
  return found;
}

std::optional<std::string> pattern_of_format(std::string_view format) {
  const std::string date = fmt::format(
      "(?:{}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|"
      "02-(?:0[1-9]|1\\d|2[0-8]))|{}-02-29)",
      year, leap_year);
  const std::string time = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
  if (format == "date") return date;
  if (format == "time") return time;
  if (format == "date-time") return date + "T" + time;
  if (format == "email")
    return fmt::format("[\\w%+-]{{1,32}}(?:\\.[\\w%+-]{{1,32}}){{0,3}}@(?:{}\\.){{1,4}}[A-Za-z]{{2,24}}", label);
  if (format == "hostname") return fmt::format("(?:{}\\.){{0,4}}{}", label, label);
  if (format == "ipv4") return fmt::format("(?:{}\\.){{3}}{}", octet, octet);
  if (format == "uri") return "[A-Za-z][A-Za-z0-9+.-]{0,30}:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]+";
  if (format == "uuid") return "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
  return std::nullopt;
}

bool is_of_type(const Json& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "number") return value.is_number();
  return value.is_number_integer() ||
         (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
}

}  // namespace freehold
