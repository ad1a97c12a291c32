#include "text/jinja/operations.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

std::string_view symbol_of(Operator op) {
  static constexpr std::string_view symbols[] = {
      "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return symbols[static_cast<size_t>(op)];
}

Result<Done> refuse_undefined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) return undefined_use(*undefined);
  return Done{};
}

Failure overflow(Operator op) { return range_error("the result of '{}' has more than 64 bits", symbol_of(op)); }
Failure by_zero() { return range_error("division by zero"); }

Result<Value> integers(Operator op, int64_t a, int64_t b, Author author) {
  int64_t result;
  switch (op) {
    case Operator::add:
      if (__builtin_add_overflow(a, b, &result)) return overflow(op);
      return Value(result, author);
    case Operator::subtract:
      if (__builtin_sub_overflow(a, b, &result)) return overflow(op);
      return Value(result, author);
    case Operator::multiply:
      if (__builtin_mul_overflow(a, b, &result)) return overflow(op);
      return Value(result, author);
    case Operator::divide:
      if (b == 0) return by_zero();
      return Value(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)), author);
    case Operator::floor_divide:
    case Operator::modulo: {
      if (b == 0) return by_zero();
      if (b == -1) {  // INT64_MIN / -1 does not fit
        if (op == Operator::modulo) return Value(int64_t{0}, author);
        if (__builtin_sub_overflow(int64_t{0}, a, &result)) return overflow(op);
        return Value(result, author);
      }
      const int64_t rest = a % b, down = rest != 0 && (rest < 0) != (b < 0) ? 1 : 0;
      return op == Operator::modulo ? Value(rest + down * b, author) : Value(a / b - down, author);
    }
    default:
      break;
  }
  if (b < 0) {
    if (a == 0) return by_zero();
    return Value(std::pow(static_cast<double>(a), static_cast<double>(b)), author);
  }
  result = 1;
  for (int64_t base = a, left = b; left > 0;) {  // by squaring; overflows soon or ends soon
    if ((left & 1) && __builtin_mul_overflow(result, base, &result)) return overflow(op);
    left >>= 1;
    if (left > 0 && __builtin_mul_overflow(base, base, &base)) return overflow(op);
  }
  return Value(result, author);
}

Result<Value> reals(Operator op, double a, double b, Author author) {
  switch (op) {
    case Operator::add:
      return Value(a + b, author);
    case Operator::subtract:
      return Value(a - b, author);
    case Operator::multiply:
      return Value(a * b, author);
    case Operator::divide:
      if (b == 0) return by_zero();
      return Value(a / b, author);
    case Operator::floor_divide:
    case Operator::modulo: {
      if (b == 0) return by_zero();
      double rest = std::fmod(a, b), quotient = (a - rest) / b;
      if (rest != 0) {
        if ((b < 0) != (rest < 0)) {
          rest += b;
          quotient -= 1;
        }
      } else {
        rest = std::copysign(0.0, b);
      }
      if (op == Operator::modulo) return Value(rest, author);
      if (quotient == 0) return Value(std::copysign(0.0, a / b), author);
      double floor = std::floor(quotient);
      if (quotient - floor > 0.5) floor += 1;
      return Value(floor, author);
    }
    default:
      break;
  }
  if (a == 0 && b < 0) return by_zero();
  const double power = std::pow(a, b);
  if (std::isnan(power) && !std::isnan(a) && !std::isnan(b)) return type_error("a complex number");
  if (std::isinf(power) && !std::isinf(a) && !std::isinf(b)) return range_error("the result of '**' is too large");
  return Value(power, author);
}

Result<Value> repeated(Machine& machine, const Value& value, int64_t times) {
  Budget& budget = machine.budget;
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  if (const Text* text = value.text()) {
    if (text->size() && count > limits::template_value_bytes / text->size())
      return over_limit("a text of more than {} bytes", limits::template_value_bytes);
    if (text->empty() || count == 0) return Value(Text());
    TRY(budget.make(text->size() * count));
    std::string bytes(text->bytes());
    std::vector<Run> once, runs;
    text->each_run(0, text->size(), [&](std::string_view part, Author author) {
      once.push_back({(once.empty() ? 0 : once.back().end) + part.size(), author});
    });
    if (once.size() == 1) {
      runs.push_back({text->size() * count, once[0].author});
    } else {
      TRY(budget.make(once.size() * count * sizeof(Run)));
      for (uint64_t i = 0; i < count; ++i) {
        for (const Run& run : once) {
          const size_t end = i * text->size() + run.end;
          if (!runs.empty() && runs.back().author == run.author)
            runs.back().end = end;
          else
            runs.push_back({end, run.author});
        }
      }
    }
    while (bytes.size() < text->size() * count)
      bytes.append(bytes, 0, std::min(bytes.size(), text->size() * count - bytes.size()));
    return Value(Text(std::move(bytes), std::move(runs)).as_markup(text->markup()));
  }
  const List& list = *value.list();
  if (!list.items.empty() && count > limits::template_value_bytes / sizeof(Value) / list.items.size())
    return over_limit("a list of more than {} bytes", limits::template_value_bytes);
  TRY(budget.make(list.items.size() * count * sizeof(Value)));
  std::vector<Value> items;
  if (!list.items.empty()) {
    for (uint64_t i = 0; i < count; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return make_list(budget, std::move(items), value.author(), list.form);
}

bool can_repeat(const Value& value) {
  const List* list = value.list();
  return value.text() || (list && (list->form == List::Form::list || list->form == List::Form::tuple));
}

Result<Value> added(Machine& machine, const Value& a, const Value& b) {
  Budget& budget = machine.budget;
  if (a.text() && b.text()) {
    Text x = *a.text(), y = *b.text();
    if (x.markup() || y.markup()) {
      TRY_ASSIGN(x, escape_html(budget, x));
      TRY_ASSIGN(y, escape_html(budget, y));
    }
    TextBuilder out(budget);
    out.add(x);
    out.add(y);
    TRY_ASSIGN(const Text sum, out.finish());
    return Value(sum.as_markup(x.markup()));
  }
  const List *x = a.list(), *y = b.list();
  if (x && y && x->form == y->form && (x->form == List::Form::list || x->form == List::Form::tuple)) {
    TRY(budget.make((x->items.size() + y->items.size()) * sizeof(Value)));
    std::vector<Value> items = x->items;
    items.insert(items.end(), y->items.begin(), y->items.end());
    return make_list(budget, std::move(items), either(a.author(), b.author()), x->form);
  }
  return type_error("unsupported operand types for +: '{}' and '{}'", a.type(), b.type());
}

// Numbers only: int64 against double exactly.
int compare_numbers(const Value& a, const Value& b) {
  const auto exact = [](const Value& v) -> long double {
    if (const auto* large = v.as<LargeInteger>()) return static_cast<long double>(large->value);
    const auto i = v.integer();
    return i ? static_cast<long double>(*i) : static_cast<long double>(*v.as<double>());
  };
  const long double x = exact(a), y = exact(b);
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;  // 2: NaN
}
bool is_numeric_value(const Value& v) { return v.is_number() || v.as<LargeInteger>(); }

Result<bool> equal_maps(Budget& budget, const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (!other) return false;
    TRY_ASSIGN(const bool same, equal(budget, value, *other));
    if (!same) return false;
  }
  return true;
}

}  // namespace

Result<Value> arithmetic(Machine& machine, Operator op, const Value& a, const Value& b) {
  TRY(machine.budget.step());
  if (op == Operator::modulo && a.text()) {
    TRY_ASSIGN(const Text text, format_percent(machine, *a.text(), b));
    return Value(text);
  }
  TRY(refuse_undefined(a));
  TRY(refuse_undefined(b));
  if (a.as<LargeInteger>() || b.as<LargeInteger>()) return overflow(op);
  const Author author = either(a.author(), b.author());
  const auto i = a.integer(), j = b.integer();
  if (i && j) return integers(op, *i, *j, author);
  const auto x = a.number(), y = b.number();
  if (x && y) return reals(op, *x, *y, author);
  if (op == Operator::add) return added(machine, a, b);
  if (op == Operator::multiply && can_repeat(a) && j) return repeated(machine, a, *j);
  if (op == Operator::multiply && can_repeat(b) && i) return repeated(machine, b, *i);
  return type_error("unsupported operand types for {}: '{}' and '{}'", symbol_of(op), a.type(), b.type());
}

Result<Value> negative(const Value& value) {
  TRY(refuse_undefined(value));
  if (const auto i = value.integer()) return integers(Operator::subtract, 0, *i, value.author());
  if (const auto* d = value.as<double>()) return Value(-*d, value.author());
  return type_error("bad operand type for unary -: '{}'", value.type());
}

Result<Text> concatenate(Budget& budget, const std::vector<Value>& values) {
  TextBuilder out(budget);
  for (const Value& value : values) {
    TRY_ASSIGN(const Text text, to_text(budget, value));
    out.add(text);
  }
  return out.finish();
}

Result<bool> equal(Budget& budget, const Value& a, const Value& b) {
  TRY(budget.step());
  if (is_numeric_value(a) && is_numeric_value(b)) return compare_numbers(a, b) == 0;
  if (a.text() && b.text()) {
    TRY(budget.read(std::min(a.text()->size(), b.text()->size())));
    return a.text()->bytes() == b.text()->bytes();
  }
  if (a.list() && b.list()) {
    const List &x = *a.list(), &y = *b.list();
    if (&x == &y) return true;
    if (x.form != y.form || x.items.size() != y.items.size()) return false;
    for (size_t i = 0; i < x.items.size(); ++i) {
      TRY_ASSIGN(const bool same, equal(budget, x.items[i], y.items[i]));
      if (!same) return false;
    }
    return true;
  }
  if (a.map() && b.map()) return a.map() == b.map() ? Result<bool>(true) : equal_maps(budget, *a.map(), *b.map());
  if (a.data().index() != b.data().index()) return false;
  if (const auto* object = a.as<Object*>()) return *object == *b.as<Object*>();
  if (const auto* function = a.as<const Function*>()) return *function == *b.as<const Function*>();
  if (const auto* bound = a.as<std::shared_ptr<const BoundMethod>>())
    return *bound == *b.as<std::shared_ptr<const BoundMethod>>();
  return a.is_none() || a.is_undefined();
}

Result<int> compare(Budget& budget, const Value& a, const Value& b) {
  TRY(budget.step());
  TRY(refuse_undefined(a));
  TRY(refuse_undefined(b));
  if (is_numeric_value(a) && is_numeric_value(b)) return compare_numbers(a, b);
  if (a.text() && b.text()) {
    TRY(budget.read(std::min(a.text()->size(), b.text()->size())));
    const int order = a.text()->bytes().compare(b.text()->bytes());  // UTF-8 sorts as its characters do
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  const List *x = a.list(), *y = b.list();
  if (x && y && x->form == y->form && (x->form == List::Form::list || x->form == List::Form::tuple)) {
    for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i) {
      TRY_ASSIGN(const bool same, equal(budget, x->items[i], y->items[i]));
      if (!same) return compare(budget, x->items[i], y->items[i]);
    }
    return x->items.size() < y->items.size() ? -1 : x->items.size() > y->items.size() ? 1 : 0;
  }
  return type_error("'{}' and '{}' have no order", a.type(), b.type());
}

Result<bool> contains(Budget& budget, const Value& container, const Value& item) {
  TRY(budget.step());
  if (const Text* text = container.text()) {
    if (!item.text()) return type_error("'in <string>' requires string as left operand, not {}", item.type());
    TRY(budget.read(text->size()));
    return text->bytes().find(item.text()->bytes()) != std::string_view::npos;
  }
  if (const Map* map = container.map()) {
    if (!is_hashable(item)) return type_error("unhashable type: '{}'", item.type());
    return map->find(item) != nullptr;
  }
  if (const auto* undefined = container.as<Undefined>(); undefined && undefined->forbidden) return false;
  if (!container.is_undefined() && !container.list() && !container.object(Object::Kind::generator))
    return type_error("argument of type '{}' is not iterable", container.type());
  if (const List* list = container.list()) {
    if (list->form == List::Form::keys && !is_hashable(item)) return type_error("unhashable type: '{}'", item.type());
    for (const Value& candidate : list->items) {
      TRY_ASSIGN(const bool same, equal(budget, candidate, item));
      if (same) return true;
    }
    return false;
  }
  TRY_ASSIGN(const auto items, items_of(budget, container));
  for (const Value& candidate : items) {
    TRY_ASSIGN(const bool same, equal(budget, candidate, item));
    if (same) return true;
  }
  return false;
}

Result<bool> holds(Budget& budget, Operator op, const Value& a, const Value& b) {
  switch (op) {
    case Operator::equal:
      return equal(budget, a, b);
    case Operator::in:
      return contains(budget, b, a);
    case Operator::unequal: {
      TRY_ASSIGN(const bool same, equal(budget, a, b));
      return !same;
    }
    case Operator::not_in: {
      TRY_ASSIGN(const bool inside, contains(budget, b, a));
      return !inside;
    }
    default:
      break;
  }
  TRY_ASSIGN(const int order, compare(budget, a, b));
  if (order == 2) return false;
  switch (op) {
    case Operator::less:
      return order < 0;
    case Operator::less_equal:
      return order <= 0;
    case Operator::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

Result<std::vector<size_t>> order_of(Budget& budget, const std::vector<Value>& keys, bool reverse) {
  TRY(budget.make(2 * keys.size() * sizeof(size_t)));
  std::vector<size_t> order(keys.size()), merged(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t width = 1; width < order.size(); width *= 2) {  // merge sort: a comparison may fail
    for (size_t first = 0; first < order.size(); first += 2 * width) {
      const size_t middle = std::min(first + width, order.size()), end = std::min(first + 2 * width, order.size());
      size_t left = first, right = middle;
      for (size_t at = first; at < end; ++at) {
        bool take_right = left == middle;
        if (!take_right && right < end) {
          TRY_ASSIGN(const int c, compare(budget, keys[order[right]], keys[order[left]]));
          take_right = reverse ? c == 1 : c == -1;
        }
        merged[at] = take_right ? order[right++] : order[left++];
      }
    }
    order.swap(merged);
  }
  return order;
}

Result<Value> slice_of(Machine& machine, const Value& value, const Value& first, const Value& end, const Value& step) {
  Budget& budget = machine.budget;
  TRY(budget.step());
  TRY(refuse_undefined(value));
  const Text* text = value.text();
  const List* list = value.list();
  const bool is_view =
      list && list->form != List::Form::list && list->form != List::Form::tuple && list->form != List::Form::range;
  if ((!text && !list) || is_view) return type_error("'{}' object cannot be sliced", value.type());
  for (const Value* bound : {&first, &end, &step})
    if (!bound->is_none() && !bound->integer()) return type_error("slice indices must be integers or None");

  const int64_t stride = step.is_none() ? 1 : *step.integer();
  if (stride == 0) return type_error("slice step cannot be zero");
  const auto size = static_cast<int64_t>(text ? text->characters() : list->items.size());
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? size : size - 1;
  const auto bounded = [&](const Value& bound, int64_t otherwise) {
    if (bound.is_none()) return otherwise;
    int64_t at = *bound.integer();
    if (at < 0) at += size;  // size >= 0: no overflow
    return std::clamp(at, low, high);
  };
  int64_t at = bounded(first, stride > 0 ? low : high);
  const int64_t stop = bounded(end, stride > 0 ? high : low);
  if (text && stride == 1) {
    TRY(budget.make(text->size()));
    const size_t from = text->offset_of(static_cast<size_t>(at));
    return Value(text->slice(from, std::max(from, text->offset_of(static_cast<size_t>(std::max(at, stop))))));
  }

  std::vector<int64_t> indices;
  TRY(budget.make(static_cast<uint64_t>(size) * sizeof(int64_t)));
  for (; stride > 0 ? at < stop : at > stop;) {
    indices.push_back(at);
    if (__builtin_add_overflow(at, stride, &at)) break;
  }
  if (text) {
    TRY(budget.make((text->characters() + 1) * sizeof(size_t)));
    std::vector<size_t> offsets;
    for (size_t byte = 0; byte < text->size(); byte = next_character(text->bytes(), byte)) offsets.push_back(byte);
    offsets.push_back(text->size());
    TextBuilder out(budget);
    for (const int64_t i : indices)
      out.add(*text, offsets[static_cast<size_t>(i)], offsets[static_cast<size_t>(i) + 1]);
    TRY_ASSIGN(const Text made, out.finish());
    return Value(made.as_markup(text->markup()));
  }
  std::vector<Value> items;
  items.reserve(indices.size());
  for (const int64_t i : indices) items.push_back(list->items[static_cast<size_t>(i)]);
  const auto form = list->form == List::Form::range ? List::Form::list : list->form;
  return make_list(budget, std::move(items), value.author(), form);
}

}  // namespace freehold::jinja
