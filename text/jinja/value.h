// Value: what an expression of the template language can be. Texts, lists and maps are immutable and shared; what has
// state (namespaces, loops, macros, generators) are Objects, owned by the rendering and only pointed to. So no cycle
// of ownership can be built, and as lists and maps know how deep they are, no walk over a value is too deep.
//
// A value made from a request's number, truth value, list or map is marked as the request's, as texts are by run.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/text.h"

namespace freehold::jinja {

class Map;
class Value;
class Machine;
struct Function;
struct Method;

struct None {};
struct Undefined {
  Text name;               // of the variable, attribute or key that is not there
  bool forbidden = false;  // it is there, but the sandbox hides it
};
struct LargeInteger {  // an integer of a request above 2^63-1: can be printed and compared, not reckoned with
  uint64_t value;
};

struct List {
  enum class Form { list, tuple, range, keys, values, items };
  Form form = Form::list;
  std::vector<Value> items;
  int depth = 1;
  int64_t start = 0, stop = 0, step = 1;  // of a range
  bool is_group = false;                  // a tuple of groupby: has .grouper and .list
};

// Something with state, owned by the Machine.
struct Object {
  enum class Kind { name_space, loop, macro, generator, cycler, joiner };
  explicit Object(Kind k) : kind(k) {}
  virtual ~Object() = default;
  const Kind kind;
};

struct BoundMethod;

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, LargeInteger, double, Text, std::shared_ptr<const List>,
                            std::shared_ptr<const Map>, Object*, std::shared_ptr<const BoundMethod>, const Function*>;
  Value() : data_(None{}) {}
  template <class T>
  Value(T data, Author author = Author::the_template) : data_(std::move(data)), author_(author) {}  // NOLINT

  const Data& data() const { return data_; }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return as<Undefined>(); }
  bool is_none() const { return as<None>(); }
  const Text* text() const { return as<Text>(); }
  const List* list() const {
    const auto* p = as<std::shared_ptr<const List>>();
    return p ? p->get() : nullptr;
  }
  const Map* map() const {
    const auto* p = as<std::shared_ptr<const Map>>();
    return p ? p->get() : nullptr;
  }
  Object* object(Object::Kind kind) const {
    const auto* p = as<Object*>();
    return p && (*p)->kind == kind ? *p : nullptr;
  }
  std::optional<int64_t> integer() const;  // int or bool
  std::optional<double> number() const;    // int, bool or float
  bool is_number() const { return number().has_value(); }
  bool truth() const;
  int depth() const;  // 0 for what holds nothing
  Author author() const;
  Value by(Author author) const;  // the same, marked

  // As Python names the type: "str", "NoneType", "dict".
  std::string_view type() const;

 private:
  Data data_;
  Author author_ = Author::the_template;
};

// Keys in the order of the source. Python's equality of keys: 1, 1.0 and true are one key.
class Map {
 public:
  using Entry = std::pair<Value, Value>;
  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);  // key hashable; only before the map is shared

 private:
  struct Index;
  std::vector<Entry> entries_;
  std::shared_ptr<Index> index_;  // sorted, so that no choice of keys makes it slow; none while the map is small
  int depth_ = 1;
};

// The arguments of a call, a filter or a test, evaluated.
struct Call {
  std::vector<Value> positional;
  std::vector<std::pair<Text, Value>> named;
};

struct BoundMethod {
  Value self;
  const Method* method;
};
struct Generator : Object {  // what map() or select() return: can be walked once
  explicit Generator(std::vector<Value> all) : Object(Kind::generator), items(std::move(all)) {}
  std::vector<Value> items;
  size_t next = 0;
};
struct Namespace : Object {
  Namespace() : Object(Kind::name_space) {}
  Map attributes;
};

inline Author either(Author a, Author b) { return a == Author::the_request ? a : b; }

// These pay for what they make and refuse nesting that is too deep. `author`: of the list itself, not of its items.
Result<Value> make_list(Budget&, std::vector<Value> items, Author author, List::Form form = List::Form::list);
Result<Value> make_map(Budget&, Map map, Author author);
Result<Value> make_text(Budget&, std::string bytes, Author author);

bool is_hashable(const Value&);
// What a for loop walks over, as a list: lists and the like, keys of maps, characters of texts, what is left of a
// generator. Undefined has no items.
Result<std::vector<Value>> items_of(Budget&, const Value&);

}  // namespace freehold::jinja
