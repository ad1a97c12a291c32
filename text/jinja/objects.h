// What has state while a template runs: loops, macros with the scope they were defined in, cyclers and joiners.
#pragma once

#include "text/jinja/machine.h"
#include "text/jinja/syntax.h"

namespace freehold::jinja {

struct Scope {
  explicit Scope(Scope* p) : parent(p) {}
  Scope* parent;
  std::vector<std::pair<Name, Value>> variables;

  Value* find(Name name) {
    for (auto& [own, value] : variables)
      if (own == name) return &value;
    return nullptr;
  }
  void set(Name name, Value value) {
    if (Value* old = find(name))
      *old = std::move(value);
    else
      variables.emplace_back(name, std::move(value));
  }
};

struct Loop : Object {
  Loop() : Object(Kind::loop) {}
  std::vector<Value> items;
  size_t index = 0;
  int depth = 1;
  std::optional<Value> last_seen;        // by loop.changed
  const Statement* statement = nullptr;  // of a recursive loop, and the scope around it
  Scope* scope = nullptr;
};
struct MacroObject : Object {
  MacroObject(const Macro& m, Scope* s) : Object(Kind::macro), macro(&m), scope(s) {}
  const Macro* macro;
  Scope* scope;
};
struct Cycler : Object {
  Cycler() : Object(Kind::cycler) {}
  std::vector<Value> items;
  size_t index = 0;
};
struct Joiner : Object {
  explicit Joiner(Value s) : Object(Kind::joiner), separator(std::move(s)) {}
  Value separator;
  bool used = false;
};

Result<Done> check_attribute(const Text& name);  // of a namespace: none with an underscore in front
std::optional<Value> object_attribute(Object&, std::string_view name);  // without methods
const Method* object_method(const Object&, std::string_view name);

}  // namespace freehold::jinja
