// Look-ups and the binding of arguments: what all of the tables need.
#include "text/jinja/machine.h"

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

Value undefined(const Text& name, bool hidden = false) { return Value(Undefined{name, hidden}); }

// What Python's getattr finds: methods, what objects know, and what the sandbox hides.
std::optional<Value> python_attribute(const Value& value, const Text& name) {
  if (const auto* object = value.as<Object*>()) {
    if (auto found = object_attribute(**object, name.bytes())) return found;
  }
  if (const Method* method = find_method(value, name.bytes()))
    return Value(std::make_shared<const BoundMethod>(BoundMethod{value, method}));
  if (const List* list = value.list(); list && list->is_group) {
    if (name.bytes() == "grouper") return list->items[0];
    if (name.bytes() == "list") return list->items[1];
  }
  if (is_hidden_attribute(value, name.bytes())) return undefined(name, true);
  return std::nullopt;
}

std::optional<Value> at_key(const Value& value, const Value& key) {
  if (const Map* map = value.map()) {
    const Value* found = is_hashable(key) ? map->find(key) : nullptr;
    return found ? std::optional(*found) : std::nullopt;
  }
  const auto index = key.integer();
  if (!index) return std::nullopt;
  const Text* text = value.text();
  const List* list = value.list();
  if (list && (list->form == List::Form::keys || list->form == List::Form::values || list->form == List::Form::items))
    return std::nullopt;
  if (!text && !list) return std::nullopt;
  const auto size = static_cast<int64_t>(text ? text->characters() : list->items.size());
  const int64_t at = *index < 0 ? *index + size : *index;
  if (at < 0 || at >= size) return std::nullopt;
  if (list) return list->items[static_cast<size_t>(at)];
  const size_t first = text->offset_of(static_cast<size_t>(at));
  return Value(text->slice(first, next_character(text->bytes(), first)));
}

Result<Done> refuse_undefined(const Value& value, const Text& name) {
  const auto* base = value.as<Undefined>();
  if (!base) return Done{};
  if (base->forbidden) return undefined_use(*base);
  return undefined_error("'{}' is undefined, so it has no '{}'", printable(base->name.bytes(), 40),
                         printable(name.bytes(), 40));
}

}  // namespace

Failure undefined_use(const Undefined& undefined) {
  const std::string name = printable(undefined.name.bytes(), 40);
  if (undefined.forbidden) return forbidden("'{}' must not be used", name);
  return undefined_error("'{}' is undefined", name);
}

Result<Value> attribute_of(Machine& machine, const Value& value, const Text& name) {
  TRY(machine.budget.step());
  if (value.is_undefined() && is_hidden_attribute(value, name.bytes())) return undefined(name, true);
  TRY(refuse_undefined(value, name));
  if (auto found = python_attribute(value, name)) return *found;
  if (auto found = at_key(value, Value(name))) return *found;
  return undefined(name);
}

Result<Value> item_of(Machine& machine, const Value& value, const Value& key) {
  TRY(machine.budget.step());
  const Text name = key.text() ? *key.text() : Text("item", Author::the_template);
  TRY(refuse_undefined(value, name));
  if (value.text()) TRY(machine.budget.read(value.text()->size()));
  if (auto found = at_key(value, key)) return *found;
  if (key.text()) {
    if (auto found = python_attribute(value, name)) return *found;
  }
  return undefined(name);
}

Result<Bound> bind(std::string_view function, Call& call, std::initializer_list<std::string_view> names,
                   size_t required) {
  if (call.positional.size() > names.size())
    return type_error("{} takes at most {} arguments, {} are given", function, names.size(), call.positional.size());
  Bound bound(names.size());
  for (size_t i = 0; i < call.positional.size(); ++i) bound[i] = std::move(call.positional[i]);
  for (auto& [name, value] : call.named) {
    const auto* place = name.empty() ? names.end() : std::find(names.begin(), names.end(), name.bytes());
    if (place == names.end()) return type_error("{} has no argument '{}'", function, printable(name.bytes(), 40));
    auto& slot = bound[static_cast<size_t>(place - names.begin())];
    if (slot) return type_error("{} has two values for '{}'", function, *place);
    slot = std::move(value);
  }
  for (size_t i = 0; i < required; ++i)
    if (!bound[i]) return type_error("{} needs {} arguments", function, required);
  return bound;
}

Result<int64_t> integer_argument(std::string_view function, const std::optional<Value>& value, int64_t otherwise) {
  if (!value) return otherwise;
  if (const auto integer = value->integer()) return *integer;
  if (value->is_none() && function == "replace") return otherwise;  // count=None: all
  return type_error("{}: '{}' object cannot be interpreted as an integer", function, value->type());
}

Result<Text> text_argument(std::string_view function, const Value& value) {
  if (const Text* text = value.text()) return *text;
  return type_error("{}: expected str, found {}", function, value.type());
}

}  // namespace freehold::jinja
