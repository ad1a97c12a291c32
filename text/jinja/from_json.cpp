#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

constexpr std::string_view roles[] = {"assistant", "developer", "function", "ipython", "latest_reminder",
                                      "model",     "system",    "tool",     "user"};

Result<Text> text_of(Budget& budget, const std::string& bytes, Author author) {
  TRY(budget.make(bytes.size()));
  if (!valid_utf8(bytes)) return type_error("a string of the request is not valid UTF-8");
  return Text(bytes, author);
}

Result<Value> convert(Budget& budget, const Json& json, Author author, int level) {
  TRY(budget.step());
  if (level > limits::template_value_nesting)
    return over_limit("lists and maps inside each other more than {} deep", limits::template_value_nesting);
  switch (json.type()) {
    case Json::value_t::null:
      return Value(None{}, author);
    case Json::value_t::boolean:
      return Value(json.get<bool>(), author);
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>(), author);
    case Json::value_t::number_unsigned: {
      const auto value = json.get<uint64_t>();
      if (value > static_cast<uint64_t>(INT64_MAX)) return Value(LargeInteger{value}, author);
      return Value(static_cast<int64_t>(value), author);
    }
    case Json::value_t::number_float:
      return Value(json.get<double>(), author);
    case Json::value_t::string: {
      TRY_ASSIGN(const Text text, text_of(budget, json.get_ref<const std::string&>(), author));
      return Value(text);
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) {
        TRY_ASSIGN(items.emplace_back(), convert(budget, item, author, level + 1));
      }
      return make_list(budget, std::move(items), author);
    }
    case Json::value_t::object: {
      Map map;
      for (const auto& [key, item] : json.items()) {
        TRY_ASSIGN(const Text name, text_of(budget, key, author));
        TRY_ASSIGN(Value value, convert(budget, item, author, level + 1));
        map.set(Value(name), std::move(value));
      }
      return make_map(budget, std::move(map), author);
    }
    default:
      return type_error("a variable that is no JSON value");
  }
}

}  // namespace

Result<Value> value_of_json(Budget& budget, const Json& json, Author author) {
  return convert(budget, json, author, 0);
}

Result<Value> value_of_messages(Budget& budget, const Json& json) {
  if (!json.is_array()) return value_of_json(budget, json, Author::the_request);
  std::vector<Value> messages;
  for (const Json& message : json) {
    TRY_ASSIGN(Value value, value_of_json(budget, message, Author::the_request));
    if (const Map* map = value.map()) {
      const Value* role = map->find(std::string_view("role"));
      const bool is_known = role && role->text() &&
                            std::find(std::begin(roles), std::end(roles), role->text()->bytes()) != std::end(roles);
      if (is_known) {
        Map marked;
        for (const auto& [key, entry] : map->entries()) marked.set(key, entry);
        marked.set(Value(Text("role", Author::the_request)),
                   Value(Text(std::string(role->text()->bytes()), Author::the_template)));
        TRY_ASSIGN(value, make_map(budget, std::move(marked), Author::the_request));
      }
    }
    messages.push_back(std::move(value));
  }
  return make_list(budget, std::move(messages), Author::the_request);
}

}  // namespace freehold::jinja
