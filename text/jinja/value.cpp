#include "text/jinja/value.h"

#include <algorithm>
#include <map>

#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

constexpr size_t small_map = 8;  // up to this many keys a walk is as fast as an index

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// A total order of keys in which Python's equal keys are equal. long double holds every int64 and every double exactly.
int rank(const Value& key) {
  if (key.text()) return 0;
  if (key.is_number()) return 1;
  if (key.list()) return 2;
  if (key.as<LargeInteger>()) return 3;
  if (key.as<Object*>()) return 4;
  return 5 + static_cast<int>(key.data().index());
}
template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_keys(const Value& a, const Value& b) {
  const int which = rank(a);
  if (const int c = order(which, rank(b))) return c;
  if (which == 0) return a.text()->bytes().compare(b.text()->bytes());
  if (which == 1) {
    const auto exact = [](const Value& v) {
      const auto i = v.integer();
      return i ? static_cast<long double>(*i) : static_cast<long double>(*v.as<double>());
    };
    return order(exact(a), exact(b));
  }
  if (which == 2) {
    const auto &x = a.list()->items, &y = b.list()->items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (const int c = compare_keys(x[i], y[i])) return c;
    return order(x.size(), y.size());
  }
  if (which == 3) return order(a.as<LargeInteger>()->value, b.as<LargeInteger>()->value);
  if (which == 4) return order(*a.as<Object*>(), *b.as<Object*>());
  return 0;
}

}  // namespace

struct Map::Index {
  struct Less {
    bool operator()(const Value& a, const Value& b) const { return compare_keys(a, b) < 0; }
  };
  std::map<Value, size_t, Less> places;
};

const Value* Map::find(const Value& key) const {
  if (index_) {
    const auto place = index_->places.find(key);
    return place == index_->places.end() ? nullptr : &entries_[place->second].second;
  }
  for (const Entry& entry : entries_)
    if (compare_keys(entry.first, key) == 0) return &entry.second;
  return nullptr;
}

const Value* Map::find(std::string_view key) const {
  if (index_) return find(Value(Text(std::string(key), Author::the_template)));
  for (const Entry& entry : entries_)
    if (const Text* text = entry.first.text(); text && text->bytes() == key) return &entry.second;
  return nullptr;
}

void Map::set(Value key, Value value) {
  depth_ = std::max({depth_, 1 + key.depth(), 1 + value.depth()});
  if (const Value* old = find(key)) {
    const_cast<Value&>(*old) = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (index_)
    index_->places.emplace(entries_.back().first, entries_.size() - 1);
  else if (entries_.size() > small_map) {
    index_ = std::make_shared<Index>();
    for (size_t i = 0; i < entries_.size(); ++i) index_->places.emplace(entries_[i].first, i);
  }
}

std::optional<int64_t> Value::integer() const {
  if (const auto* i = as<int64_t>()) return *i;
  if (const auto* b = as<bool>()) return *b ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const auto* d = as<double>()) return *d;
  if (const auto i = integer()) return static_cast<double>(*i);
  return std::nullopt;
}

bool Value::truth() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return false; }, [](None) { return false; }, [](bool b) { return b; },
                 [](int64_t i) { return i != 0; }, [](LargeInteger) { return true; }, [](double d) { return d != 0; },
                 [](const Text& t) { return !t.empty(); },
                 [](const std::shared_ptr<const List>& l) { return !l->items.empty(); },
                 [](const std::shared_ptr<const Map>& m) { return m->size() != 0; }, [](const auto&) { return true; }},
      data_);
}

int Value::depth() const {
  if (const List* l = list()) return l->depth;
  if (const Map* m = map()) return m->depth();
  if (const auto* bound = as<std::shared_ptr<const BoundMethod>>()) return (*bound)->self.depth() + 1;
  return 0;
}

Author Value::author() const {
  if (const Text* t = text()) return t->author();
  return author_;
}

Value Value::by(Author author) const {
  Value marked = *this;
  marked.author_ = author;
  return marked;
}

std::string_view Value::type() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return "Undefined"; }, [](None) { return "NoneType"; },
                 [](bool) { return "bool"; }, [](int64_t) { return "int"; }, [](LargeInteger) { return "int"; },
                 [](double) { return "float"; }, [](const Text& t) { return t.markup() ? "Markup" : "str"; },
                 [](const std::shared_ptr<const List>& l) {
                   switch (l->form) {
                     case List::Form::list:
                       return "list";
                     case List::Form::tuple:
                       return "tuple";
                     case List::Form::range:
                       return "range";
                     case List::Form::keys:
                       return "dict_keys";
                     case List::Form::values:
                       return "dict_values";
                     case List::Form::items:
                       return "dict_items";
                   }
                   return "list";
                 },
                 [](const std::shared_ptr<const Map>&) { return "dict"; },
                 [](Object* const& o) {
                   switch (o->kind) {
                     case Object::Kind::name_space:
                       return "Namespace";
                     case Object::Kind::loop:
                       return "LoopContext";
                     case Object::Kind::macro:
                       return "Macro";
                     case Object::Kind::generator:
                       return "generator";
                     case Object::Kind::cycler:
                       return "Cycler";
                     case Object::Kind::joiner:
                       return "Joiner";
                   }
                   return "object";
                 },
                 [](const std::shared_ptr<const BoundMethod>&) { return "method"; },
                 [](const Function*) { return "function"; }},
      data_);
}

Result<Value> make_list(Budget& budget, std::vector<Value> items, Author author, List::Form form) {
  TRY(budget.make(items.size() * sizeof(Value) + sizeof(List)));
  auto list = std::make_shared<List>();
  list->form = form;
  for (const Value& item : items) list->depth = std::max(list->depth, 1 + item.depth());
  if (list->depth > limits::template_value_nesting)
    return over_limit("lists and maps inside each other more than {} deep", limits::template_value_nesting);
  list->items = std::move(items);
  return Value(std::shared_ptr<const List>(std::move(list)), author);
}

Result<Value> make_map(Budget& budget, Map map, Author author) {
  TRY(budget.make(map.size() * (sizeof(Map::Entry) + 16) + sizeof(Map)));
  if (map.depth() > limits::template_value_nesting)
    return over_limit("lists and maps inside each other more than {} deep", limits::template_value_nesting);
  return Value(std::make_shared<const Map>(std::move(map)), author);
}

Result<Value> make_text(Budget& budget, std::string bytes, Author author) {
  TRY(budget.make(bytes.size()));
  return Value(Text(std::move(bytes), author));
}

bool is_hashable(const Value& value) {
  if (value.map()) return false;
  const List* list = value.list();
  if (!list) return true;
  if (list->form != List::Form::tuple) return false;
  // A tuple in a map's key is small in honest templates; nested ones could be walked for ever.
  return list->items.size() <= 64 && std::none_of(list->items.begin(), list->items.end(),
                                                  [](const Value& item) { return item.list() || item.map(); });
}

Result<std::vector<Value>> items_of(Budget& budget, const Value& value) {
  if (value.is_undefined()) return std::vector<Value>();
  if (const List* list = value.list()) {
    TRY(budget.make(list->items.size() * sizeof(Value)));
    return list->items;
  }
  if (const Map* map = value.map()) {
    TRY(budget.make(map->size() * sizeof(Value)));
    std::vector<Value> keys;
    keys.reserve(map->size());
    for (const auto& entry : map->entries()) keys.push_back(entry.first);
    return keys;
  }
  if (const Text* text = value.text()) {
    TRY(budget.make(text->characters() * (sizeof(Value) + 64)));
    std::vector<Value> characters;
    characters.reserve(text->characters());
    for (size_t at = 0, next; at < text->size(); at = next) {
      next = next_character(text->bytes(), at);
      characters.emplace_back(text->slice(at, next).as_markup(false));
    }
    return characters;
  }
  if (auto* generator = static_cast<Generator*>(value.object(Object::Kind::generator))) {
    std::vector<Value> rest(generator->items.begin() + static_cast<ptrdiff_t>(generator->next), generator->items.end());
    TRY(budget.make(rest.size() * sizeof(Value)));
    generator->next = generator->items.size();
    return rest;
  }
  return type_error("'{}' object is not iterable", value.type());
}

}  // namespace freehold::jinja
