#include "text/jinja/objects.h"

#include "text/jinja/filters.h"
#include "text/jinja/operations.h"

namespace freehold::jinja {
namespace {

Value count(size_t value) { return Value(static_cast<int64_t>(value)); }
template <class T>
T& as(const Value& self) {
  return *static_cast<T*>(*self.as<Object*>());
}

std::optional<Value> loop_attribute(const Loop& loop, std::string_view name) {
  const size_t i = loop.index, size = loop.items.size();
  if (name == "index") return count(i + 1);
  if (name == "index0") return count(i);
  if (name == "revindex") return count(size - i);
  if (name == "revindex0") return count(size - i - 1);
  if (name == "first") return Value(i == 0);
  if (name == "last") return Value(i + 1 == size);
  if (name == "length") return count(size);
  if (name == "depth") return Value(int64_t{loop.depth});
  if (name == "depth0") return Value(int64_t{loop.depth - 1});
  if (name == "previtem") return i > 0 ? loop.items[i - 1] : Value(Undefined{Text("previtem", Author::the_template)});
  if (name == "nextitem")
    return i + 1 < size ? loop.items[i + 1] : Value(Undefined{Text("nextitem", Author::the_template)});
  return std::nullopt;
}

Result<Value> loop_cycle(Machine&, const Value& self, Call& call) {
  if (!call.named.empty()) return type_error("cycle takes no arguments by name");
  if (call.positional.empty()) return type_error("no items for cycling given");
  return call.positional[as<Loop>(self).index % call.positional.size()];
}
Result<Value> loop_changed(Machine& machine, const Value& self, Call& call) {
  if (!call.named.empty()) return type_error("changed takes no arguments by name");
  TRY_ASSIGN(Value seen, make_list(machine.budget, std::move(call.positional), Author::the_template));
  auto& last = as<Loop>(self).last_seen;
  if (last) {
    TRY_ASSIGN(const bool same, equal(machine.budget, *last, seen));
    if (same) return Value(false);
  }
  last = std::move(seen);
  return Value(true);
}
constexpr Method loop_methods[] = {{"cycle", loop_cycle}, {"changed", loop_changed}};

Result<Value> cycler_next(Machine&, const Value& self, Call& call) {
  TRY(bind("next", call, {}));
  auto& cycler = as<Cycler>(self);
  const Value now = cycler.items[cycler.index];
  cycler.index = (cycler.index + 1) % cycler.items.size();
  return now;
}
Result<Value> cycler_reset(Machine&, const Value& self, Call& call) {
  TRY(bind("reset", call, {}));
  as<Cycler>(self).index = 0;
  return Value();
}
constexpr Method cycler_methods[] = {{"next", cycler_next}, {"reset", cycler_reset}};

}  // namespace

Result<Done> check_attribute(const Text& name) {
  if (!name.bytes().starts_with('_')) return Done{};
  return forbidden("a namespace cannot have '{}'", printable(name.bytes(), 40));
}

std::optional<Value> object_attribute(Object& object, std::string_view name) {
  if (object.kind == Object::Kind::loop) return loop_attribute(static_cast<Loop&>(object), name);
  if (object.kind == Object::Kind::name_space) {
    const Value* found = static_cast<Namespace&>(object).attributes.find(name);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (object.kind == Object::Kind::macro && name == "name") return Value(static_cast<MacroObject&>(object).macro->name);
  if (object.kind == Object::Kind::cycler && name == "current")
    return static_cast<Cycler&>(object).items[static_cast<Cycler&>(object).index];
  return std::nullopt;
}

const Method* object_method(const Object& object, std::string_view name) {
  std::span<const Method> methods;
  if (object.kind == Object::Kind::loop) methods = loop_methods;
  if (object.kind == Object::Kind::cycler) methods = cycler_methods;
  for (const Method& method : methods)
    if (method.name == name) return &method;
  return nullptr;
}

}  // namespace freehold::jinja
