// Tests: value is NAME(arguments).
#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

// The one argument of a test.
Result<Value> argument(std::string_view name, Call& call) {
  TRY_ASSIGN(const Bound bound, bind(name, call, {"other"}, 1));
  return *bound[0];
}

template <Operator op>
Result<bool> compared(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Value other, argument("a comparison", call));
  return holds(machine.budget, op, self, other);
}

// A test without arguments.
template <bool (*holds)(const Value&)>
Result<bool> plain(Machine&, const Value& self, Call& call) {
  TRY(bind("a test", call, {}));
  return holds(self);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.as<bool>(); }
bool is_true(const Value& v) { return v.as<bool>() && *v.as<bool>(); }
bool is_false(const Value& v) { return v.as<bool>() && !*v.as<bool>(); }
bool is_integer(const Value& v) { return v.as<int64_t>() || v.as<LargeInteger>(); }
bool is_float(const Value& v) { return v.as<double>(); }
bool is_number(const Value& v) { return v.is_number() || v.as<LargeInteger>(); }
bool is_string(const Value& v) { return v.text(); }
bool is_mapping(const Value& v) { return v.map(); }
bool is_iterable(const Value& v) {
  return v.text() || v.list() || v.map() || v.is_undefined() || v.object(Object::Kind::generator) ||
         v.object(Object::Kind::loop);
}
bool is_sequence(const Value& v) {
  const List* list = v.list();
  return v.text() || v.map() || v.is_undefined() ||
         (list &&
          (list->form == List::Form::list || list->form == List::Form::tuple || list->form == List::Form::range));
}
bool is_callable(const Value& v) {
  return v.is_undefined() || v.as<std::shared_ptr<const BoundMethod>>() || v.as<const Function*>() ||
         v.object(Object::Kind::macro) || v.object(Object::Kind::joiner) || v.object(Object::Kind::loop);
}
bool is_escaped(const Value& v) { return v.text() && v.text()->markup(); }

Result<bool> same_as(Machine&, const Value& self, Call& call) {
  TRY_ASSIGN(const Value other, argument("sameas", call));
  if (self.data().index() != other.data().index()) return false;
  if (const List* list = self.list()) return list == other.list();
  if (const Map* map = self.map()) return map == other.map();
  if (const Text* text = self.text()) return text->bytes() == other.text()->bytes();
  if (const auto i = self.integer()) return *i == *other.integer();
  if (const auto* d = self.as<double>()) return *d == *other.as<double>();
  if (const auto* object = self.as<Object*>()) return *object == *other.as<Object*>();
  return self.is_none();
}

Result<bool> remainder_is(Machine& machine, const Value& self, const Value& divisor, int64_t rest) {
  TRY_ASSIGN(const Value remainder, arithmetic(machine, Operator::modulo, self, divisor));
  return equal(machine.budget, remainder, Value(rest));
}
Result<bool> odd(Machine& machine, const Value& self, Call& call) {
  TRY(bind("odd", call, {}));
  return remainder_is(machine, self, Value(int64_t{2}), 1);
}
Result<bool> even(Machine& machine, const Value& self, Call& call) {
  TRY(bind("even", call, {}));
  return remainder_is(machine, self, Value(int64_t{2}), 0);
}
Result<bool> divisible_by(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Value divisor, argument("divisibleby", call));
  return remainder_is(machine, self, divisor, 0);
}

template <bool (*wanted)(char32_t), bool (*other)(char32_t)>
Result<bool> all_in_case(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a test of case", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY(machine.budget.read(text.size()));
  bool any = false;
  for (size_t at = 0; at < text.size(); at = next_character(text.bytes(), at)) {
    const char32_t c = character_at(text.bytes(), at);
    if (other(c) || is_title(c)) return false;
    any |= wanted(c);
  }
  return any;
}

Result<bool> is_filter(Machine&, const Value& self, Call& call) {
  TRY(bind("filter", call, {}));
  if (!is_hashable(self)) return type_error("unhashable type: '{}'", self.type());
  return self.text() && find_filter(self.text()->bytes());
}
Result<bool> is_test(Machine&, const Value& self, Call& call) {
  TRY(bind("test", call, {}));
  if (!is_hashable(self)) return type_error("unhashable type: '{}'", self.type());
  return self.text() && find_test(self.text()->bytes());
}

constexpr Test table[] = {
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"none", plain<is_none>},
    {"boolean", plain<is_boolean>},
    {"true", plain<is_true>},
    {"false", plain<is_false>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"number", plain<is_number>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"iterable", plain<is_iterable>},
    {"sequence", plain<is_sequence>},
    {"callable", plain<is_callable>},
    {"escaped", plain<is_escaped>},
    {"odd", odd},
    {"even", even},
    {"divisibleby", divisible_by},
    {"sameas", same_as},
    {"lower", all_in_case<is_lower, is_upper>},
    {"upper", all_in_case<is_upper, is_lower>},
    {"filter", is_filter},
    {"test", is_test},
    {"in", compared<Operator::in>},
    {"eq", compared<Operator::equal>},
    {"==", compared<Operator::equal>},
    {"equalto", compared<Operator::equal>},
    {"ne", compared<Operator::unequal>},
    {"!=", compared<Operator::unequal>},
    {"lt", compared<Operator::less>},
    {"<", compared<Operator::less>},
    {"lessthan", compared<Operator::less>},
    {"le", compared<Operator::less_equal>},
    {"<=", compared<Operator::less_equal>},
    {"gt", compared<Operator::greater>},
    {">", compared<Operator::greater>},
    {"greaterthan", compared<Operator::greater>},
    {"ge", compared<Operator::greater_equal>},
    {">=", compared<Operator::greater_equal>},
};

}  // namespace

const Test* find_test(std::string_view name) {
  for (const Test& test : table)
    if (test.name == name) return &test;
  return nullptr;
}

}  // namespace freehold::jinja
