// Filters on lists and maps, and those that any value can take.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/print.h"
#include "text/jinja/text_tools.h"

namespace freehold::jinja {
namespace {

Value nothing(std::string_view what) { return Value(Undefined{Text(std::string(what), Author::the_template)}); }
bool is_given(const std::optional<Value>& value) { return value && !value->is_none(); }

Result<Value> generator_of(Machine& machine, std::vector<Value> items, Author author) {
  TRY(machine.budget.make(sizeof(Generator)));
  return machine.own(std::make_unique<Generator>(std::move(items))).by(author);
}

// Looks up "a.b.0" part by part; parts of digits are indices.
class Path {
 public:
  static Result<Path> of(Machine& machine, const Value& path) {
    Path made;
    if (path.is_none()) return made;
    if (!path.text()) {
      made.parts_.push_back(path);
      return made;
    }
    TRY_ASSIGN(const auto parts, split(machine.budget, *path.text(), Text(".", Author::the_template), -1, Side::left));
    for (const Text& part : parts) {
      const bool is_index =
          !part.empty() && part.size() < 10 && part.bytes().find_first_not_of("0123456789") == std::string_view::npos;
      made.parts_.push_back(is_index ? Value(int64_t{std::stol(std::string(part.bytes()))}) : Value(part));
    }
    return made;
  }
  Result<Value> in(Machine& machine, Value value, const std::optional<Value>& otherwise = {}) const {
    for (const Value& part : parts_) {
      TRY_ASSIGN(value, item_of(machine, value, part));
      if (is_given(otherwise) && value.is_undefined()) value = *otherwise;
    }
    return value;
  }

 private:
  std::vector<Value> parts_;
};

Result<Value> without_case(Machine& machine, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.text()) return value;
  TRY_ASSIGN(const Text lower, cased(machine.budget, *value.text(), Casing::lower));
  return Value(lower);
}

Result<Value> by_default(Machine&, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("default", call, {"default_value", "boolean"}));
  const bool replace = self.is_undefined() || (flag_argument(bound[1], false) && !self.truth());
  if (!replace) return self;
  return bound[0] ? *bound[0] : Value(Text());
}

Result<Value> length(Machine&, const Value& self, Call& call) {
  TRY(bind("length", call, {}));
  size_t count;
  if (self.is_undefined())
    count = 0;
  else if (const Text* text = self.text())
    count = text->characters();
  else if (const List* list = self.list())
    count = list->items.size();
  else if (const Map* map = self.map())
    count = map->size();
  else
    return type_error("object of type '{}' has no len()", self.type());
  return Value(static_cast<int64_t>(count));
}

Result<Value> first(Machine& machine, const Value& self, Call& call) {
  TRY(bind("first", call, {}));
  if (const List* list = self.list())
    return list->items.empty() ? nothing("first item of nothing") : list->items.front();
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  return items.empty() ? nothing("first item of nothing") : items.front();
}

Result<Value> last(Machine& machine, const Value& self, Call& call) {
  TRY(bind("last", call, {}));
  if (self.object(Object::Kind::generator)) return type_error("'generator' object is not reversible");
  if (const List* list = self.list()) return list->items.empty() ? nothing("last item of nothing") : list->items.back();
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  return items.empty() ? nothing("last item of nothing") : items.back();
}

Result<Value> join(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("join", call, {"d", "attribute"}));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  Text separator;
  if (bound[0]) {
    TRY_ASSIGN(separator, to_text(machine.budget, *bound[0]));
  }
  TRY_ASSIGN(const Path path, Path::of(machine, bound[1].value_or(Value())));
  std::vector<Text> parts;
  for (const Value& item : items) {
    TRY_ASSIGN(const Value part, path.in(machine, item));
    TRY_ASSIGN(parts.emplace_back(), to_text(machine.budget, part));
  }
  TRY_ASSIGN(const Text made, joined(machine.budget, parts, separator));
  return Value(made);
}

Result<Value> list(Machine& machine, const Value& self, Call& call) {
  TRY(bind("list", call, {}));
  TRY_ASSIGN(auto items, items_of(machine.budget, self));
  return make_list(machine.budget, std::move(items), self.author());
}

// The items to map or select from; a false value has none, whatever its type.
Result<std::vector<Value>> source_items(Machine& machine, const Value& self) {
  if (!self.truth()) return std::vector<Value>();
  return items_of(machine.budget, self);
}

Result<Value> map(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const auto items, source_items(machine, self));
  std::vector<Value> made;
  if (call.positional.empty() && !call.named.empty()) {
    TRY_ASSIGN(const Bound bound, bind("map", call, {"attribute", "default"}));
    if (!bound[0]) return type_error("map requires a filter argument");
    TRY_ASSIGN(const Path path, Path::of(machine, *bound[0]));
    for (const Value& item : items) {
      TRY_ASSIGN(made.emplace_back(), path.in(machine, item, bound[1]));
    }
    return generator_of(machine, std::move(made), self.author());
  }
  const Text* name = call.positional.empty() ? nullptr : call.positional[0].text();
  if (!name) return type_error("map requires a filter argument");
  const Filter* filter = find_filter(name->bytes());
  if (!filter) return type_error("no filter named '{}'", printable(name->bytes(), 40));
  call.positional.erase(call.positional.begin());
  for (const Value& item : items) {
    TRY(machine.budget.step());
    Call each = call;
    TRY_ASSIGN(made.emplace_back(), filter->apply(machine, item, each));
  }
  return generator_of(machine, std::move(made), self.author());
}

enum class Look { at_item, at_attribute };
template <Look look, bool wanted>
Result<Value> chosen(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const auto items, source_items(machine, self));
  Path path;
  if constexpr (look == Look::at_attribute) {
    if (call.positional.empty()) return type_error("missing parameter for attribute name");
    TRY_ASSIGN(path, Path::of(machine, call.positional[0]));
    call.positional.erase(call.positional.begin());
  }
  const Test* test = nullptr;
  if (!call.positional.empty()) {
    const Text* name = call.positional[0].text();
    test = name ? find_test(name->bytes()) : nullptr;
    if (!test)
      return type_error("no test named '{}'",
                        name ? printable(name->bytes(), 40) : std::string(call.positional[0].type()));
    call.positional.erase(call.positional.begin());
  }
  std::vector<Value> made;
  for (const Value& item : items) {
    TRY(machine.budget.step());
    TRY_ASSIGN(const Value looked_at, path.in(machine, item));
    bool holds = looked_at.truth();
    if (test) {
      Call each = call;
      TRY_ASSIGN(holds, test->holds(machine, looked_at, each));
    }
    if (holds == wanted) made.push_back(item);
  }
  return generator_of(machine, std::move(made), self.author());
}

Result<Value> sort(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("sort", call, {"reverse", "case_sensitive", "attribute"}));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  const bool case_sensitive = flag_argument(bound[1], false);
  const Value attribute = bound[2].value_or(Value());
  std::vector<Path> paths;
  if (attribute.text()) {
    TRY_ASSIGN(const auto names,
               split(machine.budget, *attribute.text(), Text(",", Author::the_template), -1, Side::left));
    for (const Text& name : names) {
      TRY_ASSIGN(paths.emplace_back(), Path::of(machine, Value(name)));
    }
  } else {
    TRY_ASSIGN(paths.emplace_back(), Path::of(machine, attribute));
  }
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> parts;
    for (const Path& path : paths) {
      TRY_ASSIGN(const Value part, path.in(machine, item));
      TRY_ASSIGN(parts.emplace_back(), without_case(machine, part, case_sensitive));
    }
    // As lists, so that equal parts need no order of their own.
    TRY_ASSIGN(keys.emplace_back(), make_list(machine.budget, std::move(parts), Author::the_template));
  }
  TRY_ASSIGN(const auto order, order_of(machine.budget, keys, flag_argument(bound[0], false)));
  std::vector<Value> sorted;
  for (const size_t i : order) sorted.push_back(items[i]);
  return make_list(machine.budget, std::move(sorted), self.author());
}

Result<Value> unique(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("unique", call, {"case_sensitive", "attribute"}));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const Path path, Path::of(machine, bound[1].value_or(Value())));
  Map seen;
  std::vector<Value> made;
  for (const Value& item : items) {
    TRY_ASSIGN(const Value part, path.in(machine, item));
    TRY_ASSIGN(const Value key, without_case(machine, part, flag_argument(bound[0], false)));
    if (!is_hashable(key)) return type_error("unhashable type: '{}'", key.type());
    TRY(machine.budget.make(sizeof(Map::Entry)));
    if (seen.find(key)) continue;
    seen.set(key, Value());
    made.push_back(item);
  }
  return generator_of(machine, std::move(made), self.author());
}

template <int wanted>
Result<Value> extreme(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("min or max", call, {"case_sensitive", "attribute"}));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const Path path, Path::of(machine, bound[1].value_or(Value())));
  if (items.empty()) return nothing("extreme of nothing");
  size_t best = 0;
  Value best_key;
  for (size_t i = 0; i < items.size(); ++i) {
    TRY_ASSIGN(const Value part, path.in(machine, items[i]));
    TRY_ASSIGN(Value key, without_case(machine, part, flag_argument(bound[0], false)));
    if (i > 0) {
      TRY_ASSIGN(const int order, compare(machine.budget, key, best_key));
      if (order != wanted) continue;
    }
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}

Result<Value> sum(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("sum", call, {"attribute", "start"}));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const Path path, Path::of(machine, bound[0].value_or(Value())));
  Value total = bound[1].value_or(Value(int64_t{0}));
  if (total.text()) return type_error("sum() can't sum strings");
  for (const Value& item : items) {
    TRY_ASSIGN(const Value part, path.in(machine, item));
    TRY_ASSIGN(total, arithmetic(machine, Operator::add, total, part));
  }
  return total;
}

Result<Value> reverse(Machine& machine, const Value& self, Call& call) {
  TRY(bind("reverse", call, {}));
  if (self.text()) return slice_of(machine, self, Value(), Value(), Value(int64_t{-1}));
  TRY_ASSIGN(auto items, items_of(machine.budget, self));
  std::reverse(items.begin(), items.end());
  if (self.object(Object::Kind::generator)) return make_list(machine.budget, std::move(items), self.author());
  return generator_of(machine, std::move(items), self.author());
}

Result<std::vector<Value>> pairs_of(Machine& machine, const Map& map, Author author) {
  std::vector<Value> pairs;
  for (const auto& [key, value] : map.entries()) {
    TRY_ASSIGN(pairs.emplace_back(), make_list(machine.budget, {key, value}, author, List::Form::tuple));
  }
  return pairs;
}

Result<Value> dictsort(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("dictsort", call, {"case_sensitive", "by", "reverse"}));
  const Text* by = bound[1] ? bound[1]->text() : nullptr;
  const std::string_view which = bound[1] ? (by ? by->bytes() : "") : "key";
  if (which != "key" && which != "value") return type_error("dictsort: you can only sort by either 'key' or 'value'");
  if (self.is_undefined()) return undefined_use(*self.as<Undefined>());
  if (!self.map()) return type_error("'{}' object has no attribute 'items'", self.type());
  std::vector<Value> keys;
  for (const auto& [key, value] : self.map()->entries()) {
    TRY_ASSIGN(keys.emplace_back(),
               without_case(machine, which == "key" ? key : value, flag_argument(bound[0], false)));
  }
  TRY_ASSIGN(const auto order, order_of(machine.budget, keys, flag_argument(bound[2], false)));
  TRY_ASSIGN(const auto pairs, pairs_of(machine, *self.map(), self.author()));
  std::vector<Value> sorted;
  for (const size_t i : order) sorted.push_back(pairs[i]);
  return make_list(machine.budget, std::move(sorted), self.author());
}

Result<Value> items(Machine& machine, const Value& self, Call& call) {
  TRY(bind("items", call, {}));
  if (self.is_undefined()) return generator_of(machine, {}, Author::the_template);
  if (!self.map()) return type_error("Can only get item pairs from a mapping.");
  TRY_ASSIGN(auto pairs, pairs_of(machine, *self.map(), self.author()));
  return generator_of(machine, std::move(pairs), self.author());
}

Result<Value> batch(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("batch", call, {"linecount", "fill_with"}, 1));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const int64_t count, integer_argument("batch", bound[0], 0));
  std::vector<Value> made, group;
  const auto flush = [&]() -> Result<Done> {
    TRY_ASSIGN(made.emplace_back(), make_list(machine.budget, std::exchange(group, {}), self.author()));
    return Done{};
  };
  for (const Value& item : items) {
    if (static_cast<int64_t>(group.size()) == count) TRY(flush());
    group.push_back(item);
  }
  if (!group.empty()) {
    if (is_given(bound[1]) && count > static_cast<int64_t>(group.size())) {
      TRY(machine.budget.make(
          static_cast<uint64_t>(count) > (1u << 20) ? ~0ull : static_cast<uint64_t>(count) * sizeof(Value)));
      group.resize(static_cast<size_t>(count), *bound[1]);
    }
    TRY(flush());
  }
  return generator_of(machine, std::move(made), self.author());
}

Result<Value> slice(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("slice", call, {"slices", "fill_with"}, 1));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const int64_t slices, integer_argument("slice", bound[0], 0));
  if (slices == 0) return range_error("division by zero");
  if (slices < 0) return generator_of(machine, {}, self.author());
  const auto size = static_cast<int64_t>(items.size()), each = size / slices, longer = size % slices;
  std::vector<Value> made;
  for (int64_t i = 0, at = 0; i < slices; ++i) {
    std::vector<Value> part;
    for (const int64_t end = at + each + (i < longer ? 1 : 0); at < end; ++at)
      part.push_back(items[static_cast<size_t>(at)]);
    if (is_given(bound[1]) && i >= longer) part.push_back(*bound[1]);
    TRY_ASSIGN(made.emplace_back(), make_list(machine.budget, std::move(part), self.author()));
  }
  return generator_of(machine, std::move(made), self.author());
}

Result<Value> groupby(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("groupby", call, {"attribute", "default", "case_sensitive"}, 1));
  TRY_ASSIGN(const auto items, items_of(machine.budget, self));
  TRY_ASSIGN(const Path path, Path::of(machine, *bound[0]));
  std::vector<Value> values, keys;
  for (const Value& item : items) {
    TRY_ASSIGN(values.emplace_back(), path.in(machine, item, bound[1]));
    TRY_ASSIGN(keys.emplace_back(), without_case(machine, values.back(), flag_argument(bound[2], false)));
  }
  TRY_ASSIGN(const auto order, order_of(machine.budget, keys, false));
  std::vector<Value> made;
  for (size_t at = 0; at < order.size();) {
    std::vector<Value> group;
    const size_t start = order[at];
    for (; at < order.size(); ++at) {
      TRY_ASSIGN(const bool same, equal(machine.budget, keys[order[at]], keys[start]));
      if (!same) break;
      group.push_back(items[order[at]]);
    }
    if (group.empty()) return type_error("a key that does not equal itself");  // NaN
    TRY_ASSIGN(const Value group_list, make_list(machine.budget, std::move(group), self.author()));
    List pair;
    pair.form = List::Form::tuple;
    pair.is_group = true;
    pair.depth = 1 + std::max(values[start].depth(), group_list.depth());
    pair.items = {values[start], group_list};
    made.push_back(Value(std::make_shared<const List>(std::move(pair)), self.author()));
  }
  return make_list(machine.budget, std::move(made), self.author());
}

Result<Value> attribute(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("attr", call, {"name"}, 1));
  TRY_ASSIGN(const Text name, text_argument("attr", *bound[0]));
  if (self.is_undefined()) return undefined_use(*self.as<Undefined>());
  const bool has_attributes =
      self.as<Object*>() || find_method(self, name.bytes()) || is_hidden_attribute(self, name.bytes());
  if (!has_attributes) return Value(Undefined{name});
  return attribute_of(machine, self, name);
}

Result<Value> refused(Machine&, const Value&, Call&) {
  return not_done("one of the filters pprint, random, striptags, urlize, wordwrap, xmlattr");
}

constexpr Filter table[] = {
    {"default", by_default},
    {"d", by_default},
    {"length", length},
    {"count", length},
    {"first", first},
    {"last", last},
    {"join", join},
    {"list", list},
    {"map", map},
    {"sort", sort},
    {"unique", unique},
    {"sum", sum},
    {"select", chosen<Look::at_item, true>},
    {"reject", chosen<Look::at_item, false>},
    {"selectattr", chosen<Look::at_attribute, true>},
    {"rejectattr", chosen<Look::at_attribute, false>},
    {"min", extreme<-1>},
    {"max", extreme<1>},
    {"reverse", reverse},
    {"dictsort", dictsort},
    {"items", items},
    {"batch", batch},
    {"slice", slice},
    {"groupby", groupby},
    {"attr", attribute},
    {"pprint", refused},
    {"random", refused},
    {"striptags", refused},
    {"urlize", refused},
    {"wordwrap", refused},
    {"xmlattr", refused},
};

}  // namespace

std::span<const Filter> list_filters() { return table; }

const Filter* find_filter(std::string_view name) {
  for (const auto part : {text_filters(), list_filters(), number_filters()})
    for (const Filter& filter : part)
      if (filter.name == name) return &filter;
  return nullptr;
}

}  // namespace freehold::jinja
