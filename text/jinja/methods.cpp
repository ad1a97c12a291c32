// Methods of texts, lists, maps and numbers: those of Python's types that do not change the value.
#include <algorithm>
#include <cmath>

#include "text/jinja/filters.h"
#include "text/jinja/format.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/print.h"
#include "text/jinja/text_tools.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

// --- texts ------------------------------------------------------------------------------------------------------

std::optional<Value> unless_none(const std::optional<Value>& value) {
  return value && !value->is_none() ? value : std::nullopt;
}

template <Casing casing>
Result<Value> in_case(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a method of case", call, {}));
  TRY_ASSIGN(const Text made, cased(machine.budget, *self.text(), casing));
  return Value(made);
}

template <Side side>
Result<Value> strip(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("strip", call, {""}));
  std::optional<Text> characters;
  if (const auto given = unless_none(bound[0])) {
    TRY_ASSIGN(characters, text_argument("strip", *given));
  }
  TRY(machine.budget.make(self.text()->size()));
  return Value(stripped(*self.text(), side, characters));
}

Result<Value> list_of(Machine& machine, const std::vector<Text>& parts, Author author,
                      List::Form form = List::Form::list) {
  std::vector<Value> values(parts.begin(), parts.end());
  return make_list(machine.budget, std::move(values), author, form);
}

template <Side side>
Result<Value> split_text(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("split", call, {"sep", "maxsplit"}));
  std::optional<Text> separator;
  if (const auto given = unless_none(bound[0])) {
    TRY_ASSIGN(separator, text_argument("split", *given));
  }
  TRY_ASSIGN(const int64_t count, integer_argument("split", bound[1], -1));
  TRY_ASSIGN(const auto parts, split(machine.budget, *self.text(), separator, count, side));
  return list_of(machine, parts, self.author());
}

Result<Value> splitlines(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("splitlines", call, {"keepends"}));
  TRY_ASSIGN(const auto lines, split_lines(machine.budget, *self.text(), flag_argument(bound[0], false)));
  return list_of(machine, lines, self.author());
}

template <Side side>
Result<Value> partition(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("partition", call, {""}, 1));
  TRY_ASSIGN(const Text separator, text_argument("partition", *bound[0]));
  if (separator.empty()) return type_error("empty separator");
  const Text& text = *self.text();
  TRY(machine.budget.make(text.size()));
  const size_t at = side == Side::left ? text.bytes().find(separator.bytes()) : text.bytes().rfind(separator.bytes());
  std::vector<Text> parts = {text, Text(), Text()};
  if (at != std::string_view::npos)
    parts = {text.slice(0, at), separator, text.slice(at + separator.size(), text.size())};
  else if (side == Side::right)
    std::swap(parts[0], parts[2]);
  for (Text& part : parts) part = part.as_markup(text.markup());
  return list_of(machine, parts, self.author(), List::Form::tuple);
}

// Python's [start, end) of a text, in bytes; nullopt: an empty range that holds nothing, not even "".
Result<std::optional<std::pair<size_t, size_t>>> range_of(const Text& text, const std::optional<Value>& start,
                                                          const std::optional<Value>& end) {
  const auto size = static_cast<int64_t>(text.characters());
  const auto place = [size](int64_t at) { return at < 0 ? std::max<int64_t>(at + size, 0) : at; };
  TRY_ASSIGN(const int64_t first, integer_argument("start", unless_none(start), 0));
  TRY_ASSIGN(const int64_t last, integer_argument("end", unless_none(end), size));
  const int64_t from = place(std::max(first, -size - 1)), to = std::min(place(std::max(last, -size - 1)), size);
  if (from > to) return std::optional<std::pair<size_t, size_t>>();
  return std::optional(std::pair(text.offset_of(static_cast<size_t>(from)), text.offset_of(static_cast<size_t>(to))));
}

enum class Missing { minus_one, error };
template <Side side, Missing missing>
Result<Value> find(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("find", call, {"sub", "start", "end"}, 1));
  TRY_ASSIGN(const Text part, text_argument("find", *bound[0]));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  TRY_ASSIGN(const auto range, range_of(text, bound[1], bound[2]));
  size_t at = std::string_view::npos;
  if (range) {
    const std::string_view within = text.bytes().substr(range->first, range->second - range->first);
    at = side == Side::left ? within.find(part.bytes()) : within.rfind(part.bytes());
    if (at != within.npos) at += range->first;
  }
  if (at != std::string_view::npos) return Value(static_cast<int64_t>(text.character_of(at)));
  if (missing == Missing::error) return type_error("substring not found");
  return Value(int64_t{-1});
}

Result<Value> count_in_text(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("count", call, {"sub", "start", "end"}, 1));
  TRY_ASSIGN(const Text part, text_argument("count", *bound[0]));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  TRY_ASSIGN(const auto range, range_of(text, bound[1], bound[2]));
  if (!range) return Value(int64_t{0});
  const std::string_view within = text.bytes().substr(range->first, range->second - range->first);
  if (part.empty()) return Value(static_cast<int64_t>(count_characters(within) + 1));
  int64_t count = 0;
  for (size_t at = 0; (at = within.find(part.bytes(), at)) != within.npos; at += part.size()) ++count;
  return Value(count);
}

template <Side side>
Result<Value> has_end(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("startswith or endswith", call, {"", "start", "end"}, 1));
  const Text& text = *self.text();
  TRY_ASSIGN(const auto range, range_of(text, bound[1], bound[2]));
  const List* tuple = bound[0]->list();
  std::vector<Value> candidates = {*bound[0]};
  if (tuple && tuple->form == List::Form::tuple) candidates = tuple->items;
  TRY(machine.budget.read(candidates.size() + text.size()));
  for (const Value& candidate : candidates) {
    TRY_ASSIGN(const Text part, text_argument("startswith or endswith", candidate));
    if (!range) continue;
    const std::string_view within = text.bytes().substr(range->first, range->second - range->first);
    if (side == Side::left ? within.starts_with(part.bytes()) : within.ends_with(part.bytes())) return Value(true);
  }
  return Value(false);
}

Result<Value> replace(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("replace", call, {"old", "new", "count"}, 2));
  TRY_ASSIGN(const Text old, text_argument("replace", *bound[0]));
  TRY_ASSIGN(const Text replacement, text_argument("replace", *bound[1]));
  TRY_ASSIGN(const int64_t count, integer_argument("replace", bound[2], -1));
  TRY_ASSIGN(const Text made, replaced(machine.budget, *self.text(), old, replacement, count));
  return Value(made);
}

template <Side side>
Result<Value> remove_end(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("removeprefix or removesuffix", call, {""}, 1));
  TRY_ASSIGN(const Text part, text_argument("removeprefix or removesuffix", *bound[0]));
  const Text& text = *self.text();
  TRY(machine.budget.make(text.size()));
  if (part.empty()) return self;
  if (side == Side::left && text.bytes().starts_with(part.bytes())) return Value(text.slice(part.size(), text.size()));
  if (side == Side::right && text.bytes().ends_with(part.bytes()))
    return Value(text.slice(0, text.size() - part.size()));
  return self;
}

Result<Value> join(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("join", call, {""}, 1));
  TRY_ASSIGN(const auto items, items_of(machine.budget, *bound[0]));
  std::vector<Text> parts;
  for (const Value& item : items) {
    TRY_ASSIGN(parts.emplace_back(), text_argument("join", item));
    if (self.text()->markup()) {
      TRY_ASSIGN(parts.back(), escape_html(machine.budget, parts.back()));
    }
  }
  TRY_ASSIGN(const Text made, joined(machine.budget, parts, *self.text()));
  return Value(made.as_markup(self.text()->markup()));
}

Result<Value> format(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Text made, format_braces(machine, *self.text(), call));
  return Value(made);
}
Result<Value> format_map(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("format_map", call, {"mapping"}, 1));
  if (!bound[0]->map()) return type_error("format_map: expected a mapping, found '{}'", bound[0]->type());
  TRY(machine.budget.make(bound[0]->map()->size() * sizeof(Map::Entry)));
  Call named;
  for (const auto& [key, value] : bound[0]->map()->entries())
    if (key.text()) named.named.emplace_back(*key.text(), value);
  TRY_ASSIGN(const Text made, format_braces(machine, *self.text(), named));
  return Value(made);
}

enum class Fill { left, right, center, zero };  // where the filling goes
template <Fill where>
Result<Value> fill(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("a method of width", call, {"width", "fillchar"}, 1));
  if (!bound[0]->integer()) return type_error("a width must be an integer, not '{}'", bound[0]->type());
  const Text& text = *self.text();
  Text filling(where == Fill::zero ? "0" : " ", Author::the_template);
  if (bound[1]) {
    TRY_ASSIGN(filling, text_argument("a filling", *bound[1]));
    if (filling.characters() != 1) return type_error("The fill character must be exactly one character long");
  }
  const int64_t width = *bound[0]->integer(), length = static_cast<int64_t>(text.characters());
  if (width <= length) return self;
  const int64_t space = width - length;
  if (space > static_cast<int64_t>(limits::template_value_bytes))
    return over_limit("a text of more than {} bytes", limits::template_value_bytes);
  const int64_t before = where == Fill::right ? 0 : where == Fill::center ? space / 2 + (space & width & 1) : space;
  TRY(machine.budget.make(static_cast<uint64_t>(space)));
  TextBuilder out(machine.budget);
  const bool sign_first = where == Fill::zero && (text.bytes().starts_with('-') || text.bytes().starts_with('+'));
  if (sign_first) out.add(text, 0, 1);
  for (int64_t i = 0; i < before; ++i) out.add(filling);
  out.add(text, sign_first ? 1 : 0, text.size());
  for (int64_t i = before; i < space; ++i) out.add(filling);
  TRY_ASSIGN(const Text made, out.finish());
  return Value(made.as_markup(text.markup()));
}

Result<Value> expand_tabs(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("expandtabs", call, {"tabsize"}));
  TRY_ASSIGN(const int64_t size, integer_argument("expandtabs", bound[0], 8));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  if (size > 1024) return over_limit("tabs wider than 1024 characters");
  TextBuilder out(machine.budget);
  int64_t column = 0;
  for (size_t at = 0, next; at < text.size() && !out.full(); at = next) {
    next = next_character(text.bytes(), at);
    const char c = text.bytes()[at];
    if (c == '\t') {
      const int64_t count = size > 0 ? size - column % size : 0;
      out.add(std::string(static_cast<size_t>(count), ' '), text.author_at(at));
      column += count;
    } else {
      out.add(text, at, next);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  TRY_ASSIGN(const Text made, out.finish());
  return Value(made);
}

// Every character is of the kind, and there is one.
template <bool (*kind)(char32_t), bool empty_holds = false>
Result<Value> all_are(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a method of kind", call, {}));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  for (size_t at = 0; at < text.size(); at = next_character(text.bytes(), at))
    if (!kind(character_at(text.bytes(), at))) return Value(false);
  return Value(!text.empty() || empty_holds);
}
bool is_ascii(char32_t c) { return c < 0x80; }

template <bool (*wanted)(char32_t), bool (*other)(char32_t)>
Result<Value> all_in_case(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a method of case", call, {}));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  bool any = false;
  for (size_t at = 0; at < text.size(); at = next_character(text.bytes(), at)) {
    const char32_t c = character_at(text.bytes(), at);
    if (other(c) || is_title(c)) return Value(false);
    any |= wanted(c);
  }
  return Value(any);
}

Result<Value> is_title_text(Machine& machine, const Value& self, Call& call) {
  TRY(bind("istitle", call, {}));
  const Text& text = *self.text();
  TRY(machine.budget.read(text.size()));
  bool any = false, in_word = false;
  for (size_t at = 0; at < text.size(); at = next_character(text.bytes(), at)) {
    const char32_t c = character_at(text.bytes(), at);
    if ((is_upper(c) || is_title(c)) && in_word) return Value(false);
    if (is_lower(c) && !in_word) return Value(false);
    in_word = is_cased(c);
    any |= in_word;
  }
  return Value(any);
}

Result<Value> is_identifier(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Value words, (all_are<is_word>(machine, self, call)));
  return Value(words.truth() && !is_numeric(character_at(self.text()->bytes(), 0)));
}

constexpr Method text_methods[] = {
    {"upper", in_case<Casing::upper>},
    {"lower", in_case<Casing::lower>},
    {"casefold", in_case<Casing::lower>},
    {"title", in_case<Casing::title>},
    {"capitalize", in_case<Casing::capitalize>},
    {"swapcase", in_case<Casing::swap>},
    {"strip", strip<Side::both>},
    {"lstrip", strip<Side::left>},
    {"rstrip", strip<Side::right>},
    {"split", split_text<Side::left>},
    {"rsplit", split_text<Side::right>},
    {"splitlines", splitlines},
    {"partition", partition<Side::left>},
    {"rpartition", partition<Side::right>},
    {"find", find<Side::left, Missing::minus_one>},
    {"rfind", find<Side::right, Missing::minus_one>},
    {"index", find<Side::left, Missing::error>},
    {"rindex", find<Side::right, Missing::error>},
    {"count", count_in_text},
    {"startswith", has_end<Side::left>},
    {"endswith", has_end<Side::right>},
    {"replace", replace},
    {"removeprefix", remove_end<Side::left>},
    {"removesuffix", remove_end<Side::right>},
    {"join", join},
    {"format", format},
    {"format_map", format_map},
    {"ljust", fill<Fill::right>},
    {"rjust", fill<Fill::left>},
    {"center", fill<Fill::center>},
    {"zfill", fill<Fill::zero>},
    {"expandtabs", expand_tabs},
    {"isalpha", all_are<is_alphabetic>},
    {"isalnum", all_are<is_alphanumeric>},
    {"isdigit", all_are<is_digit>},
    {"isdecimal", all_are<is_decimal>},
    {"isnumeric", all_are<is_numeric>},
    {"isspace", all_are<is_space>},
    {"isprintable", all_are<is_printable, true>},
    {"isascii", all_are<is_ascii, true>},
    {"islower", all_in_case<is_lower, is_upper>},
    {"isupper", all_in_case<is_upper, is_lower>},
    {"istitle", is_title_text},
    {"isidentifier", is_identifier},
};

// --- lists and maps ---------------------------------------------------------------------------------------------

Result<Value> copy(Machine&, const Value& self, Call& call) {
  TRY(bind("copy", call, {}));
  return self;
}

Result<Value> count_in_list(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("count", call, {""}, 1));
  int64_t count = 0;
  for (const Value& item : self.list()->items) {
    TRY_ASSIGN(const bool same, equal(machine.budget, item, *bound[0]));
    count += same;
  }
  return Value(count);
}

Result<Value> index_in_list(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("index", call, {"", "start", "stop"}, 1));
  const auto& items = self.list()->items;
  const auto size = static_cast<int64_t>(items.size());
  TRY_ASSIGN(int64_t start, integer_argument("index", bound[1], 0));
  TRY_ASSIGN(int64_t stop, integer_argument("index", bound[2], size));
  const auto place = [size](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max(at, -size) + size : at, 0, size);
  };
  start = place(start);
  stop = place(stop);
  for (int64_t i = start; i < stop; ++i) {
    TRY_ASSIGN(const bool same, equal(machine.budget, items[static_cast<size_t>(i)], *bound[0]));
    if (same) return Value(i);
  }
  return type_error("the value is not in the list");
}

Result<Value> get(Machine&, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("get", call, {"", "default"}, 1));
  if (!is_hashable(*bound[0])) return type_error("unhashable type: '{}'", bound[0]->type());
  const Value* found = self.map()->find(*bound[0]);
  return found ? *found : bound[1].value_or(Value());
}

template <List::Form form>
Result<Value> view(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a method of maps", call, {}));
  std::vector<Value> items;
  TRY(machine.budget.make(self.map()->size() * sizeof(Value)));
  for (const auto& [key, value] : self.map()->entries()) {
    if (form == List::Form::items) {
      TRY_ASSIGN(items.emplace_back(), make_list(machine.budget, {key, value}, self.author(), List::Form::tuple));
    } else {
      items.push_back(form == List::Form::keys ? key : value);
    }
  }
  return make_list(machine.budget, std::move(items), self.author(), form);
}

constexpr Method list_methods[] = {{"count", count_in_list}, {"index", index_in_list}, {"copy", copy}};
constexpr Method tuple_methods[] = {{"count", count_in_list}, {"index", index_in_list}};
constexpr Method map_methods[] = {
    {"get", get},
    {"keys", view<List::Form::keys>},
    {"values", view<List::Form::values>},
    {"items", view<List::Form::items>},
    {"copy", copy},
};

Result<Value> is_integral(Machine&, const Value& self, Call& call) {
  TRY(bind("is_integer", call, {}));
  const double value = *self.as<double>();
  return Value(std::isfinite(value) && std::floor(value) == value);
}
constexpr Method float_methods[] = {{"is_integer", is_integral}};

std::span<const Method> methods_of(const Value& self) {
  if (self.text()) return text_methods;
  if (self.map()) return map_methods;
  if (self.as<double>()) return float_methods;
  if (const List* list = self.list()) {
    if (list->form == List::Form::list) return list_methods;
    if (list->form == List::Form::tuple || list->form == List::Form::range) return tuple_methods;
  }
  return {};
}

constexpr std::string_view hidden_of_texts[] = {"encode", "maketrans", "translate"};
constexpr std::string_view hidden_of_lists[] = {"append", "clear",  "extend",  "insert",
                                                "pop",    "remove", "reverse", "sort"};
constexpr std::string_view hidden_of_maps[] = {"clear", "fromkeys", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view hidden_of_numbers[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes",
    "fromhex",          "hex",       "imag",       "numerator", "real",        "to_bytes"};
constexpr std::string_view hidden_of_all[] = {
    "__class__",   "__delattr__", "__dir__",           "__doc__",         "__eq__",
    "__format__",  "__ge__",      "__getattribute__",  "__getstate__",    "__gt__",
    "__hash__",    "__init__",    "__init_subclass__", "__le__",          "__lt__",
    "__ne__",      "__new__",     "__reduce__",        "__reduce_ex__",   "__repr__",
    "__setattr__", "__sizeof__",  "__str__",           "__subclasshook__"};
constexpr std::string_view hidden_of_containers[] = {
    "__contains__",   "__getitem__", "__iter__", "__len__",     "__add__",          "__mul__",      "__rmul__",
    "__getnewargs__", "__mod__",     "__rmod__", "__delitem__", "__setitem__",      "__reversed__", "__iadd__",
    "__imul__",       "__or__",      "__ror__",  "__ior__",     "__class_getitem__"};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const Method* find_method(const Value& self, std::string_view name) {
  if (const auto* object = self.as<Object*>()) return object_method(**object, name);
  for (const Method& method : methods_of(self))
    if (method.name == name) return &method;
  return nullptr;
}

bool is_hidden_attribute(const Value& self, std::string_view name) {
  if (name.starts_with("__")) {
    if (is_among(hidden_of_all, name)) return true;
    return (self.text() || self.list() || self.map()) && is_among(hidden_of_containers, name);
  }
  if (self.text()) return is_among(hidden_of_texts, name);
  if (self.map()) return is_among(hidden_of_maps, name);
  if (const List* list = self.list()) return list->form == List::Form::list && is_among(hidden_of_lists, name);
  return self.is_number() && is_among(hidden_of_numbers, name);
}

}  // namespace freehold::jinja
