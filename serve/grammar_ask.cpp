#include "serve/grammar_ask.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/fields.h"

namespace freehold {
namespace {

using Kind = GrammarAsk::Kind;

void use(Fields& fields, GrammarAsk& ask, Kind kind, Json value, const std::string& param) {
  if (ask.kind != Kind::none)
    return fields.fail(invalid(param, "says how the answer looks, and so does " + ask.param + "; only one may"));
  ask = {kind, std::move(value), param};
}

// A schema, or the text of one.
void use_schema(Fields& fields, GrammarAsk& ask, const Json& given, const std::string& param) {
  if (given.is_object() || given.is_boolean()) return use(fields, ask, Kind::json_schema, given, param);
  Result<Json> parsed = given.is_string() ? parse_json(given.get_ref<const std::string&>(), param)
                                          : Result<Json>(malformed("expected a JSON schema"));
  if (!parsed) return fields.fail(invalid(param, "expected a JSON schema"));
  use(fields, ask, Kind::json_schema, std::move(*parsed), param);
}

void use_text(Fields& fields, GrammarAsk& ask, Kind kind, const Json& given, const std::string& param) {
  if (!given.is_string()) return fields.fail(invalid(param, "expected a string"));
  use(fields, ask, kind, given, param);
}

void use_choice(Fields& fields, GrammarAsk& ask, const Json& given, const std::string& param) {
  if (!given.is_array() || given.empty() ||
      !std::all_of(given.begin(), given.end(), [](const Json& one) { return one.is_string(); }))
    return fields.fail(invalid(param, "expected a list of strings"));
  use(fields, ask, Kind::choice, given, param);
}

void read_response_format(Fields& fields, GrammarAsk& ask) {
  const Json* format = fields.find("response_format");
  if (!format) return;
  const std::string param = "response_format";
  if (!format->is_object()) return fields.fail(invalid(param, "expected an object with a type"));
  Fields outer(*format, param + ".");
  std::string type;
  if (!outer.one_of("type", {"text", "json_object", "json_schema"}, type))
    outer.fail(invalid(param + ".type", "expected text, json_object or json_schema"));
  const Json* schema = outer.find("schema");  // as llama.cpp has it
  if (const Json* inner = outer.find("json_schema"); inner && type == "json_schema") {
    if (!inner->is_object()) {
      outer.fail(invalid(param + ".json_schema", "expected an object with a schema"));
    } else {
      Fields named(*inner, param + ".json_schema.");
      std::string text;
      bool strict = false;
      named.text("name", text);
      named.text("description", text);
      named.boolean("strict", strict);  // what is written always fits
      schema = named.find("schema");
      for (const std::string& name : named.unknown()) named.fail(unsupported_field(name, "is not known"));
      if (named.error()) outer.fail(*named.error());
    }
  }
  for (const std::string& name : outer.unknown()) outer.fail(unsupported_field(name, "is not known"));
  if (outer.error()) return fields.fail(*outer.error());
  if (type == "text") return;
  if (schema) return use_schema(fields, ask, *schema, param);
  if (type == "json_schema") return fields.fail(invalid(param + ".json_schema", "expected an object with a schema"));
  use(fields, ask, Kind::json_object, nullptr, param);
}

void read_structured_outputs(Fields& fields, GrammarAsk& ask) {
  const Json* outputs = fields.find("structured_outputs");
  if (!outputs) return;
  const std::string param = "structured_outputs";
  if (!outputs->is_object()) return fields.fail(invalid(param, "expected an object"));
  Fields inner(*outputs, param + ".");
  if (const Json* given = inner.find("json")) use_schema(inner, ask, *given, param + ".json");
  if (const Json* given = inner.find("regex")) use_text(inner, ask, Kind::regex, *given, param + ".regex");
  if (const Json* given = inner.find("grammar")) use_text(inner, ask, Kind::gbnf, *given, param + ".grammar");
  if (const Json* given = inner.find("choice")) use_choice(inner, ask, *given, param + ".choice");
  bool object = false;
  if (inner.boolean("json_object", object) && object)
    use(inner, ask, Kind::json_object, nullptr, param + ".json_object");
  for (const std::string& name : inner.unknown()) inner.fail(unsupported_field(name, "is not served"));
  if (inner.error()) fields.fail(*inner.error());
}

}  // namespace

GrammarAsk read_grammar_ask(Fields& fields) {
  GrammarAsk ask;
  read_response_format(fields, ask);
  read_structured_outputs(fields, ask);
  for (const char* name : {"json_schema", "guided_json"})
    if (const Json* given = fields.find(name)) use_schema(fields, ask, *given, name);
  for (const char* name : {"grammar", "guided_grammar"})
    if (const Json* given = fields.find(name); given && *given != Json(""))
      use_text(fields, ask, Kind::gbnf, *given, name);
  if (const Json* given = fields.find("guided_regex")) use_text(fields, ask, Kind::regex, *given, "guided_regex");
  if (const Json* given = fields.find("guided_choice")) use_choice(fields, ask, *given, "guided_choice");
  return ask;
}

}  // namespace freehold
