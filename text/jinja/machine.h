// Machine: what filters, tests, methods and functions see of the running template: its budget, the language's own
// look-ups and calls, and a place for things with state. The interpreter is one.
#pragma once

#include <ctime>
#include <memory>
#include <optional>

#include "text/jinja/value.h"

namespace freehold::jinja {

struct Filter {
  std::string_view name;
  Result<Value> (*apply)(Machine&, const Value& self, Call&);
};
struct Test {
  std::string_view name;
  Result<bool> (*holds)(Machine&, const Value& self, Call&);
};
struct Function {
  std::string_view name;
  Result<Value> (*call)(Machine&, Call&);
};
struct Method {
  std::string_view name;
  Result<Value> (*call)(Machine&, const Value& self, Call&);
};

class Machine {
 public:
  Machine(uint64_t steps, uint64_t bytes) : budget(steps, bytes) {}
  virtual ~Machine() = default;
  Budget budget;
  std::optional<std::tm> now;  // local time, for strftime_now; the clock's if absent

  virtual Result<Value> call(const Value& callee, Call&) = 0;
  // A value of the request or a mutable state of the template: everything lives until the rendering ends.
  template <class T>
  Value own(std::unique_ptr<T> object) {
    objects_.push_back(std::move(object));
    return Value(static_cast<Object*>(objects_.back().get()));
  }

 private:
  std::vector<std::unique_ptr<Object>> objects_;
};

// value.name: Python's attributes (methods) first, then keys.  value[key]: keys first.
Result<Value> attribute_of(Machine&, const Value& value, const Text& name);
Result<Value> item_of(Machine&, const Value& value, const Value& key);

// What is said when an undefined (or hidden) value is used.
Failure undefined_use(const Undefined&);

// Arguments by position or name, as Python binds them: what is not given is nullopt. `required` of the first must be
// there. Any other name, and too many arguments, are type errors.
using Bound = std::vector<std::optional<Value>>;
Result<Bound> bind(std::string_view function, Call&, std::initializer_list<std::string_view> names,
                   size_t required = 0);

// The value of an argument that must be of that kind.
Result<int64_t> integer_argument(std::string_view function, const std::optional<Value>&, int64_t otherwise);
Result<Text> text_argument(std::string_view function, const Value&);
inline bool flag_argument(const std::optional<Value>& value, bool otherwise) {
  return value ? value->truth() : otherwise;
}

}  // namespace freehold::jinja
