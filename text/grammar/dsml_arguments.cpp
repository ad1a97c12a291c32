#include "text/grammar/dsml_arguments.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "text/grammar/json_grammar.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/json_schema_parts.h"
#include "text/grammar/regex_grammar.h"

namespace freehold {
namespace {

using Node = Grammar::Node;

constexpr std::string_view begin = "<｜DSML｜parameter name=\"", is_text = "\" string=\"true\">",
                           is_json = "\" string=\"false\">", end = "</｜DSML｜parameter>";
constexpr std::string_view in_no_text = "</｜";
constexpr int most_further = 64, most_name = 64, most_depth = 16;

CharSet all_but(std::string_view ascii) { return CharSet::all().without(CharSet::of(ascii)); }

class ArgumentsReader {
 public:
  ArgumentsReader(Grammar& grammar, const Json& root) : g_(grammar), root_(root), parts_(root), json_(grammar) {}

  Result<Node> read() {
    TRY(SchemaParts::check(root_, "#"));
    if (root_.is_boolean()) return root_ == Json(true) ? further() : g_.never();
    for (const char* keyword :
         {"anyOf", "oneOf", "allOf", "$ref", "enum", "const", "nullable", "minProperties", "maxProperties"})
      if (root_.contains(keyword)) return unsupported("#: keyword {} is not supported for parameters in DSML", keyword);
    TRY_ASSIGN(const std::vector<std::string> types, types_of(root_, "#"));
    if (!types.empty() && std::find(types.begin(), types.end(), "object") == types.end()) return g_.never();
    const Json none = Json::object(), all = Json(true);
    const Json& properties = root_.contains("properties") ? root_["properties"] : none;
    const Json& others = root_.contains("additionalProperties") ? root_["additionalProperties"] : all;
    std::vector<std::string> required;
    if (root_.contains("required")) required = root_["required"].get<std::vector<std::string>>();
    std::vector<Node> lines;
    std::set<std::string> there;
    for (const auto& [name, schema] : properties.items()) {
      there.insert(name);
      TRY_ASSIGN(const Node one, line(name, schema, fmt::format("#/properties/{}", printable(name, 40))));
      const bool must = std::find(required.begin(), required.end(), name) != required.end();
      lines.push_back(must ? one : g_.optional(one));
    }
    for (const std::string& name : required) {
      if (!there.insert(name).second) continue;
      TRY_ASSIGN(const Node one, line(name, others, fmt::format("#/required/{}", printable(name, 40))));
      lines.push_back(one);
    }
    if (lines.empty() && others == all) return further();
    if (lines.empty() && others != Json(false))
      return unsupported("#: a schema for additionalProperties is not supported for parameters in DSML");
    return g_.sequence(std::move(lines));
  }

  // Parameters of any name and kind.
  Node further() {
    const Node name = g_.repeat(g_.chars(all_but("\"<>&\n\r\t")), 1, most_name);
    const Node one = g_.sequence({g_.literal(begin), name,
                                  g_.choice({g_.sequence({g_.literal(is_text), text_to_the_end()}),
                                             g_.sequence({g_.literal(is_json), json_.value(), g_.literal(end)})}),
                                  g_.literal("\n")});
    return g_.repeat(one, 0, most_further);
  }

 private:
  Result<Node> line(const std::string& name, const Json& schema, const std::string& place) {
    if (name.empty() || name.size() > limits::tool_name_bytes || std::any_of(name.begin(), name.end(), [](char c) {
          return c == '"' || c == '<' || static_cast<unsigned char>(c) < ' ';
        }))
      return unsupported("{}: a parameter of this name is not supported in DSML", place);
    std::vector<Node> ways;
    TRY(add_ways(schema, place, 0, ways));
    return g_.sequence({g_.literal(std::string(begin) + name), g_.choice(std::move(ways)), g_.literal("\n")});
  }

  void add_text(Node text_and_end, std::vector<Node>& ways) {
    ways.push_back(g_.sequence({g_.literal(is_text), text_and_end}));
  }
  void add_json(Node value, std::vector<Node>& ways) {
    ways.push_back(g_.sequence({g_.literal(is_json), value, g_.literal(end)}));
  }

  // From behind the name to the end of the tag that closes the parameter.
  Result<Done> add_ways(const Json& schema, const std::string& place, int depth, std::vector<Node>& ways) {
    if (depth > most_depth) return unsupported("{}: schemas are nested more than {} deep", place, most_depth);
    TRY(SchemaParts::check(schema, place));
    if (schema.is_boolean()) {
      if (schema == Json(false)) return Done{};
      add_text(text_to_the_end(), ways);
      add_json(json_.value(), ways);
      return Done{};
    }
    if (schema.contains("nullable")) {
      if (schema["nullable"] == Json(true)) add_json(json_.null(), ways);
      return add_ways(SchemaParts::without(schema, {"nullable"}), place, depth + 1, ways);
    }
    for (const char* keyword : {"allOf", "oneOf"})
      if (schema.contains(keyword))
        return unsupported("{}: keyword {} is not supported for a parameter in DSML", place, keyword);
    for (const char* keyword : {"$ref", "anyOf"}) {
      if (!schema.contains(keyword)) continue;
      if (SchemaParts::says_anything(SchemaParts::without(schema, {keyword})))
        return unsupported("{}: keywords beside {} are not supported for a parameter in DSML", place, keyword);
      if (std::string_view(keyword) == "$ref") {
        TRY_ASSIGN(const Json* target, parts_.resolve(schema["$ref"], place));
        return add_ways(*target, place, depth + 1, ways);
      }
      for (size_t i = 0; i < schema["anyOf"].size(); ++i)
        TRY(add_ways(schema["anyOf"][i], fmt::format("{}/anyOf/{}", place, i), depth + 1, ways));
      return Done{};
    }
    if (schema.contains("enum") || schema.contains("const")) return add_values(schema, place, ways);
    TRY_ASSIGN(const std::vector<std::string> types, types_of(schema, place));
    if (types.empty() && !schema.contains("type")) return add_ways(Json(true), place, depth + 1, ways);
    for (const std::string& type : types) {
      if (type == "string") {
        TRY_ASSIGN(const Node text, text_of(schema, place));
        add_text(text, ways);
        continue;
      }
      Json one = schema;
      one["type"] = type;
      for (const char* definitions : {"$defs", "definitions"})
        if (root_.contains(definitions)) one[definitions] = root_[definitions];
      TRY_ASSIGN(const Node value, read_json_schema(g_, one));
      add_json(value, ways);
    }
    return Done{};
  }

  Result<Done> add_values(const Json& schema, const std::string& place, std::vector<Node>& ways) {
    if (SchemaParts::says_anything(SchemaParts::without(schema, {"enum", "const", "type"})) ||
        (schema.contains("enum") && schema.contains("const")))
      return unsupported("{}: keywords beside enum or const are not supported for a parameter in DSML", place);
    TRY_ASSIGN(const std::vector<std::string> types, types_of(schema, place));
    std::vector<std::string> texts, others;
    for (const Json& value : schema.contains("enum") ? schema["enum"] : Json::array({schema["const"]})) {
      if (schema.contains("type") &&
          std::none_of(types.begin(), types.end(), [&](const std::string& type) { return is_of_type(value, type); }))
        continue;
      if (value.is_string() && value.get_ref<const std::string&>().find(in_no_text) != std::string::npos)
        return unsupported("{}: a value with \"{}\" is not supported in DSML", place, in_no_text);
      if (value.is_string())
        texts.push_back(value);
      else
        others.push_back(value.dump());
    }
    if (!texts.empty()) add_text(g_.sequence({g_.literals(std::move(texts)), g_.literal(end)}), ways);
    if (!others.empty()) add_json(g_.literals(std::move(others)), ways);
    return Done{};
  }

  Result<Node> text_of(const Json& schema, const std::string& place) {
    if (schema.contains("pattern"))
      return unsupported("{}: keyword pattern is not supported for a parameter in DSML", place);
    const bool by_length = schema.contains("minLength") || schema.contains("maxLength");
    if (schema.contains("format")) {
      const auto& format = schema["format"].get_ref<const std::string&>();
      const std::optional<std::string> pattern = pattern_of_format(format);
      if (!pattern || by_length)
        return unsupported("{}: format {} is not supported here", place, printable(format, 40));
      TRY_ASSIGN(const Node text, read_regex(g_, *pattern, RegexScope::whole, Grammar::Writing::plain));
      return g_.sequence({text, g_.literal(end)});
    }
    if (!by_length) return text_to_the_end();
    const int least = schema.value("minLength", 0), most = schema.value("maxLength", -1);
    if (most >= 0 && least > most) return g_.never();
    return g_.sequence({g_.repeat(g_.chars(all_but("<")), least, most), g_.literal(end)});
  }

  // Any text without in_no_text, and the tag behind it. Where a '<' stands, "</" may lead to the tag or back into the
  // text.
  Node text_to_the_end() {
    if (text_ < 0) {
      CharSet after_slash = all_but("<");
      CharSet bar;
      bar.add(U'｜');
      after_slash = after_slash.without(bar);
      const Node opening = g_.sequence({g_.literal("<"), g_.repeat(g_.choice({g_.literal("<"), g_.literal("/<")}), 0)});
      const Node back = g_.choice({g_.chars(all_but("</")), g_.sequence({g_.literal("/"), g_.chars(after_slash)})});
      const Node piece = g_.choice({g_.chars(all_but("<")), g_.sequence({opening, back})});
      text_ = g_.declare("text");
      g_.define(text_, g_.sequence({g_.repeat(piece, 0), opening, g_.literal(end.substr(1))}));
    }
    return g_.call(text_);
  }

  Grammar& g_;
  const Json& root_;
  SchemaParts parts_;
  JsonGrammar json_;
  Grammar::Rule text_ = -1;
};

}  // namespace

Result<Node> read_dsml_arguments(Grammar& grammar, const Json& schema) {
  return ArgumentsReader(grammar, schema).read();
}

Result<Grammar> dsml_arguments_grammar(const Json& schema) {
  Grammar grammar;
  TRY_ASSIGN(const Node node, read_dsml_arguments(grammar, schema));
  grammar.make_root(node);
  return grammar;
}

Node any_dsml_arguments(Grammar& grammar) {
  const Json all = Json(true);
  return ArgumentsReader(grammar, all).further();
}

}  // namespace freehold
