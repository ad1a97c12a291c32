#include "text/grammar/json_schema.h"

#include <algorithm>
#include <deque>
#include <map>

#include "text/grammar/json_grammar.h"
#include "text/grammar/json_schema_parts.h"
#include "text/grammar/regex_grammar.h"
#include "text/utf8.h"

namespace freehold {
namespace {

using Node = Grammar::Node;

constexpr int most_nesting = 2 * limits::json_nesting;  // schemas joined may be deeper than what was sent

class SchemaReader {
 public:
  SchemaReader(Grammar& grammar, const Json& root) : g_(grammar), root_(root), parts_(root), json_(grammar) {}

  Result<Node> read() {
    const Grammar::Rule whole = rule_of(root_, "#");
    while (!open_.empty()) {  // not by recursion: references may be long
      const auto [schema, place, rule] = open_.front();
      open_.pop_front();
      TRY_ASSIGN(const Node node, value(*schema, place, 0));
      g_.define(rule, node);
    }
    return g_.call(whole);
  }

 private:
  // What a reference leads to is one rule, which may call itself.
  Grammar::Rule rule_of(const Json& schema, std::string place) {
    const auto [rule, fresh] = rules_.try_emplace(&schema, -1);
    if (fresh) {
      rule->second = g_.declare(place);
      open_.push_back({&schema, std::move(place), rule->second});
    }
    return rule->second;
  }

  Result<Node> value(const Json& schema, const std::string& place, int depth) {
    if (depth > most_nesting) return unsupported("{}: schemas are nested more than {} deep", place, most_nesting);
    TRY(SchemaParts::check(schema, place));
    if (schema.is_boolean()) return schema == Json(true) ? json_.value() : g_.never();
    if (schema.contains("$ref")) {
      const Json rest = SchemaParts::without(schema, {"$ref"});
      TRY_ASSIGN(const Json* target, parts_.resolve(schema["$ref"], place));
      if (rest.empty()) return g_.call(rule_of(*target, printable(schema["$ref"].get<std::string>(), 60)));
      TRY_ASSIGN(const Json joined, parts_.both(*target, rest, place));
      return value(joined, place, depth + 1);
    }
    if (schema.contains("allOf")) {
      Json joined = SchemaParts::without(schema, {"allOf"});
      const Json& all = schema["allOf"];
      if (joined.empty() && all.size() == 1) return value(all[0], place + "/allOf/0", depth + 1);
      for (size_t i = 0; i < all.size(); ++i) {
        TRY_ASSIGN(joined, parts_.both(joined, all[i], fmt::format("{}/allOf/{}", place, i)));
      }
      return value(joined, place, depth + 1);
    }
    if (schema.contains("nullable")) {
      TRY_ASSIGN(const Node node, value(SchemaParts::without(schema, {"nullable"}), place, depth + 1));
      return schema["nullable"] == Json(true) ? g_.choice({node, json_.null()}) : node;
    }
    for (const char* keyword : {"anyOf", "oneOf"})
      if (schema.contains(keyword)) return either(schema, keyword, place, depth);
    if (schema.contains("enum") || schema.contains("const")) return values(schema, place);
    TRY_ASSIGN(std::vector<std::string> types, types_of(schema, place));
    if (types.empty()) return schema.contains("type") ? g_.never() : json_.value();
    std::vector<Node> ways;
    for (const std::string& type : types) {
      TRY_ASSIGN(const Node way, of_type(schema, type, place, depth));
      ways.push_back(way);
    }
    return ways.size() == 1 ? ways[0] : g_.choice(std::move(ways));
  }

  Result<Node> of_type(const Json& schema, const std::string& type, const std::string& place, int depth) {
    if (type == "object") return object(schema, place, depth);
    if (type == "array") return array(schema, place, depth);
    if (type == "string") return string(schema, place);
    if (type == "boolean") return json_.boolean();
    if (type == "null") return json_.null();
    return number(schema, type == "integer", place);
  }

  Result<Node> either(const Json& schema, const char* keyword, const std::string& place, int depth) {
    const Json& all = schema[keyword];
    const Json rest = SchemaParts::without(schema, {keyword});
    if (std::string_view(keyword) == "oneOf")
      for (size_t i = 0; i < all.size(); ++i)
        for (size_t k = 0; k < i; ++k) {
          TRY(SchemaParts::check(all[i], fmt::format("{}/oneOf/{}", place, i)));
          TRY_ASSIGN(const bool apart, parts_.apart(all[i], all[k], place));
          if (!apart)
            return unsupported(
                "{}: keyword oneOf: {} and {} are not told apart by type, enum or const; anyOf would be supported",
                place, k, i);
          if (++work_ > limits::grammar_rules) return out_of_resources("{}: too many ways of oneOf", place);
        }
    std::vector<Node> ways;
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string here = fmt::format("{}/{}/{}", place, keyword, i);
      if (rest.empty()) {
        TRY_ASSIGN(const Node way, value(all[i], here, depth + 1));
        ways.push_back(way);
      } else {
        TRY_ASSIGN(const Json joined, parts_.both(rest, all[i], here));
        TRY_ASSIGN(const Node way, value(joined, here, depth + 1));
        ways.push_back(way);
      }
    }
    return g_.choice(std::move(ways));
  }

  // Those of enum and const that fit what else the schema says.
  Result<Node> values(const Json& schema, const std::string& place) {
    const Json rest = SchemaParts::without(schema, {"enum", "const"});
    const Json list = schema.contains("enum") ? schema["enum"] : Json::array({schema["const"]});
    std::vector<std::string> texts;
    for (const Json& one : list) {
      if (schema.contains("const") && one != schema["const"]) continue;
      TRY_ASSIGN(const bool kept, fits(one, rest, place));
      if (kept) texts.push_back(one.dump());
    }
    return g_.literals(std::move(texts));
  }

  Result<bool> fits(const Json& one, const Json& schema, const std::string& place) {
    TRY_ASSIGN(const auto types, types_of(schema, place));
    if (schema.contains("type") &&
        std::none_of(types.begin(), types.end(), [&](const std::string& type) { return is_of_type(one, type); }))
      return false;
    for (const auto& [keyword, limit] : schema.items()) {
      if (keyword == "type") continue;
      const bool of_string = keyword == "minLength" || keyword == "maxLength";
      const bool of_number = keyword.ends_with("imum") && limit.is_number();
      if (of_string && one.is_string()) {
        const auto& text = one.get_ref<const std::string&>();
        size_t length = 0;
        for (size_t at = 0; at < text.size(); ++length) at += static_cast<size_t>(character_at(text, at).bytes);
        if (keyword == "minLength" ? length < limit.get<size_t>() : length > limit.get<size_t>()) return false;
      } else if (of_number && one.is_number()) {
        const double a = one.get<double>(), b = limit.get<double>();
        if (keyword == "minimum"            ? a < b
            : keyword == "maximum"          ? a > b
            : keyword == "exclusiveMinimum" ? a <= b
                                            : a >= b)
          return false;
      } else if (!of_string && !of_number) {
        return unsupported("{}: keyword {} beside enum or const is not supported", place, keyword);
      }
    }
    return true;
  }

  static int count(const Json& schema, const char* keyword, int absent) {
    return schema.contains(keyword) ? schema[keyword].get<int>() : absent;
  }
  // A least and a most number (-1: none); false: they contradict each other.
  static bool counts(const Json& schema, const char* least_name, const char* most_name, int& least, int& most) {
    least = count(schema, least_name, 0);
    most = count(schema, most_name, -1);
    return most < 0 || least <= most;
  }

  Result<Node> string(const Json& schema, const std::string& place) {
    int least, most;
    if (!counts(schema, "minLength", "maxLength", least, most)) return g_.never();
    const bool by_length = least > 0 || most >= 0;
    std::optional<std::string> pattern;
    if (schema.contains("format")) {
      const auto& format = schema["format"].get_ref<const std::string&>();
      pattern = pattern_of_format(format);
      if (!pattern) return unsupported("{}: format {} is not supported", place, printable(format, 40));
      if (schema.contains("pattern")) return unsupported("{}: format beside pattern is not supported", place);
    }
    if (!pattern && !schema.contains("pattern"))
      return by_length ? json_.string_of(g_.repeat(json_.character(), least, most)) : json_.string();
    Result<Node> read =
        pattern ? read_regex(g_, *pattern, RegexScope::whole, Grammar::Writing::json)
                : read_regex(g_, schema["pattern"].get<std::string>(), RegexScope::anywhere, Grammar::Writing::json);
    if (!read) return failure(read.error().fault, place + ": " + read.error().what);
    if (by_length && std::max(least, most) > limits::grammar_repetitions)
      return out_of_resources("{}: pattern with a length over {}", place, limits::grammar_repetitions);
    return json_.string_of(by_length ? g_.sized(*read, least, most) : *read);
  }

  Result<Node> number(const Json& schema, bool integer, const std::string& place) {
    const auto bound = [&](const char* name, const char* exclusive, bool low) {
      std::optional<JsonGrammar::Bound> found;
      if (schema.contains(name)) found = {schema[name], schema.value(exclusive, Json()) == Json(true)};
      if (schema.contains(exclusive) && schema[exclusive].is_number()) {
        const Json& other = schema[exclusive];
        if (!found || (low ? other >= found->value : other <= found->value)) found = {other, true};
      }
      return found;
    };
    Result<Node> node = json_.number_between(bound("minimum", "exclusiveMinimum", true),
                                             bound("maximum", "exclusiveMaximum", false), integer);
    if (!node) return failure(node.error().fault, place + ": " + node.error().what);
    return node;
  }

  Result<Node> array(const Json& schema, const std::string& place, int depth) {
    int least, most;
    if (!counts(schema, "minItems", "maxItems", least, most)) return g_.never();
    const bool listed = schema.contains("items") && schema["items"].is_array();  // as drafts before 2020-12 have it
    const Json no_items = Json::array();
    const Json& first = listed ? schema["items"] : schema.contains("prefixItems") ? schema["prefixItems"] : no_items;
    const bool has_items = schema.contains("items") && !listed;
    Node element = json_.value();
    if (has_items) {
      TRY_ASSIGN(element, value(schema["items"], place + "/items", depth + 1));
    }
    if (first.empty())
      return json_.list("[", element, least, has_items && schema["items"] == Json(false) ? 0 : most, "]");
    const int known = static_cast<int>(std::min(first.size(), static_cast<size_t>(most < 0 ? INT32_MAX : most)));
    std::vector<Node> parts{g_.literal("["), json_.space()};
    for (int i = 0; i < known; ++i) {
      TRY_ASSIGN(const Node one,
                 value(first[static_cast<size_t>(i)], fmt::format("{}/prefixItems/{}", place, i), depth + 1));
      if (i > 0) parts.insert(parts.end(), {g_.literal(","), json_.space()});
      parts.insert(parts.end(), {one, json_.space()});
    }
    const int more_least = std::max(least - known, 0);
    const int more_most = !has_items ? more_least : most < 0 ? -1 : most - known;
    parts.push_back(
        g_.repeat(g_.sequence({g_.literal(","), json_.space(), element, json_.space()}), more_least, more_most));
    parts.push_back(g_.literal("]"));
    return g_.sequence(std::move(parts));
  }

  struct Member {
    Node node;  // with the white space behind it
    bool required;
  };

  Result<Node> object(const Json& schema, const std::string& place, int depth) {
    int least, most;
    if (!counts(schema, "minProperties", "maxProperties", least, most)) return g_.never();
    const Json none = Json::object();
    const Json& properties = schema.contains("properties") ? schema["properties"] : none;
    std::vector<std::string> names, required;
    if (schema.contains("required"))
      for (const Json& name : schema["required"]) required.push_back(name);
    const Json further = schema.contains("additionalProperties") ? schema["additionalProperties"] : Json(true);
    const auto must = [&](const std::string& name) {
      return std::find(required.begin(), required.end(), name) != required.end();
    };
    std::vector<Member> members;
    const auto add = [&](const std::string& name, const Json& inner, const std::string& here) -> Result<Done> {
      TRY_ASSIGN(const Node one, value(inner, here, depth + 1));
      const Node node = g_.sequence({g_.literal(Json(name).dump() + ":"), json_.space(), one, json_.space()});
      names.push_back(name);
      members.push_back({node, must(name)});
      return Done{};
    };
    for (const auto& [name, inner] : properties.items())
      TRY(add(name, inner, fmt::format("{}/properties/{}", place, printable(name, 40))));
    for (const std::string& name : required)
      if (!properties.contains(name) && std::find(names.begin(), names.end(), name) == names.end())
        TRY(add(name, further, fmt::format("{}/required/{}", place, printable(name, 40))));
    const bool open = further != Json(false) && (members.empty() || schema.contains("additionalProperties"));
    Node more = -1;
    if (open) {
      TRY_ASSIGN(const Node inner, value(further, place + "/additionalProperties", depth + 1));
      const Node name = names.empty() ? json_.string() : json_.other_name(names);
      more = g_.sequence({name, g_.literal(":"), json_.space(), inner});
    }
    if (members.empty() && open) return json_.list("{", more, least, most, "}");
    const auto needed = std::count_if(members.begin(), members.end(), [](const Member& one) { return one.required; });
    if (least > needed || (most >= 0 && (open || static_cast<size_t>(most) < members.size())))
      return unsupported("{}: minProperties and maxProperties beside properties are not supported", place);
    return members_in_braces(std::move(members), more);
  }

  // Members in their order, those that are not required or not there; then others, if `more` is one.
  Node members_in_braces(std::vector<Member> members, Node more) {
    const Node comma = g_.sequence({g_.literal(","), json_.space()});
    const Node others = more < 0 ? g_.nothing() : g_.repeat(g_.sequence({comma, more, json_.space()}), 0);
    const size_t first = static_cast<size_t>(
        std::find_if(members.begin(), members.end(), [](const Member& one) { return one.required; }) - members.begin());
    // Those up to the first that is required are written in two places.
    for (size_t i = 0; first > 0 && i < std::min(first + 1, members.size()); ++i) {
      const Grammar::Rule rule = g_.declare("member");
      g_.define(rule, members[i].node);
      members[i].node = g_.call(rule);
    }
    // tails[i]: what follows when some member stands already, and those from i on may.
    std::vector<Grammar::Rule> tails(members.size() + 1, -1);
    std::vector<size_t> open;
    const auto tail = [&](size_t i) {
      if (tails[i] < 0) {
        tails[i] = g_.declare("members");
        open.push_back(i);
      }
      return g_.call(tails[i]);
    };
    const auto from = [&](size_t start) {
      std::vector<Node> parts;
      for (size_t i = start; i < members.size(); ++i) {
        if (i > start && tails[i] >= 0) {
          parts.push_back(g_.call(tails[i]));
          return g_.sequence(std::move(parts));
        }
        const Node member = g_.sequence({comma, members[i].node});
        if (!members[i].required) {
          parts.push_back(g_.choice({g_.sequence({member, tail(i + 1)}), tail(i + 1)}));
          return g_.sequence(std::move(parts));
        }
        parts.push_back(member);
      }
      parts.push_back(others);
      return g_.sequence(std::move(parts));
    };
    std::vector<Node> ways;  // by the first member
    for (size_t i = 0; i <= std::min(first, members.size() - 1) && i < members.size(); ++i)
      ways.push_back(g_.sequence({members[i].node, tail(i + 1)}));
    if (first == members.size()) {
      ways.push_back(g_.nothing());
      if (more >= 0) ways.push_back(g_.sequence({more, json_.space(), others}));
    }
    for (size_t k = 0; k < open.size(); ++k) {
      const size_t i = open[k];
      const Node node = from(i);
      g_.define(tails[i], node);
    }
    return g_.sequence({g_.literal("{"), json_.space(), g_.choice(std::move(ways)), g_.literal("}")});
  }

  struct Open {
    const Json* schema;
    std::string place;
    Grammar::Rule rule;
  };
  Grammar& g_;
  const Json& root_;
  SchemaParts parts_;
  JsonGrammar json_;
  std::map<const Json*, Grammar::Rule> rules_;
  std::deque<Open> open_;
  uint64_t work_ = 0;
};

}  // namespace

Result<Grammar::Node> read_json_schema(Grammar& grammar, const Json& schema) {
  return SchemaReader(grammar, schema).read();
}

Result<Grammar> json_schema_grammar(const Json& schema) {
  Grammar grammar;
  TRY_ASSIGN(const Grammar::Node node, read_json_schema(grammar, schema));
  grammar.make_root(node);
  return grammar;
}

}  // namespace freehold
