// Filters on texts. What is no text is printed first, as Jinja's soft_str does.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/text_tools.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

template <Casing casing>
Result<Value> in_case(Machine& machine, const Value& self, Call& call) {
  TRY(bind("a filter of case", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const Text made, cased(machine.budget, text, casing));
  return Value(made);
}

Result<Value> title(Machine& machine, const Value& self, Call& call) {
  TRY(bind("title", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const Text made, title_filtered(machine.budget, text));
  return Value(made);
}

Result<Value> trim(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("trim", call, {"chars"}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  std::optional<Text> characters;
  if (bound[0] && !bound[0]->is_none()) {
    TRY_ASSIGN(characters, text_argument("trim", *bound[0]));
  }
  TRY(machine.budget.make(text.size()));
  return Value(stripped(text, Side::both, characters));
}

Result<Value> replace(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("replace", call, {"old", "new", "count"}, 2));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const Text old, to_text(machine.budget, *bound[0]));
  TRY_ASSIGN(const Text replacement, to_text(machine.budget, *bound[1]));
  TRY_ASSIGN(const int64_t count, integer_argument("replace", bound[2], -1));
  TRY_ASSIGN(const Text made, replaced(machine.budget, text.as_markup(false), old, replacement, count));
  return Value(made);
}

Result<Value> indent(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("indent", call, {"width", "first", "blank"}));
  if (const auto* undefined = self.as<Undefined>()) return undefined_use(*undefined);
  if (!self.text()) return type_error("indent of '{}'", self.type());
  Budget& budget = machine.budget;
  Text indention;
  if (bound[0] && bound[0]->text()) {
    indention = *bound[0]->text();
  } else {
    TRY_ASSIGN(const int64_t width, integer_argument("indent", bound[0], 4));
    TRY_ASSIGN(indention, repeated_blank(budget, width));
  }
  const bool first = flag_argument(bound[1], false), blank = flag_argument(bound[2], false);
  TextBuilder with_end(machine.budget);  // splitlines drops one last newline
  with_end.add(*self.text());
  with_end.add("\n", Author::the_template);
  TRY_ASSIGN(const Text whole, with_end.finish());
  TRY_ASSIGN(const auto lines, split_lines(budget, whole, false));
  TextBuilder out(machine.budget);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i) out.add("\n", Author::the_template);
    if (i == 0 ? first : blank || !lines[i].empty()) out.add(indention);
    out.add(lines[i]);
  }
  TRY_ASSIGN(const Text made, out.finish());
  return Value(made.as_markup(self.text()->markup()));
}

Result<Value> string(Machine& machine, const Value& self, Call& call) {
  TRY(bind("string", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  return Value(text);
}

Result<Value> escape(Machine& machine, const Value& self, Call& call) {
  TRY(bind("escape", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const Text made, escape_html(machine.budget, text));
  return Value(made);
}
Result<Value> force_escape(Machine& machine, const Value& self, Call& call) {
  TRY(bind("forceescape", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const Text made, escape_html(machine.budget, text.as_markup(false)));
  return Value(made);
}
Result<Value> safe(Machine& machine, const Value& self, Call& call) {
  TRY(bind("safe", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  return Value(text.as_markup(true));
}

Result<Value> tojson(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("tojson", call, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ascii = flag_argument(bound[0], false);
  style.sort_keys = flag_argument(bound[3], false);
  if (bound[1] && !bound[1]->is_none()) {
    if (const Text* text = bound[1]->text()) {
      style.indent = *text;
    } else {
      TRY_ASSIGN(const int64_t width, integer_argument("tojson", bound[1], 0));
      TRY_ASSIGN(style.indent, repeated_blank(machine.budget, width));
    }
  }
  style.between_items = Text(style.indent ? "," : ", ", Author::the_template);
  style.between_key_and_value = Text(": ", Author::the_template);
  if (bound[2] && !bound[2]->is_none()) {
    const List* pair = bound[2]->list();
    if (!pair || pair->items.size() != 2) return type_error("tojson: separators must be two texts");
    TRY_ASSIGN(style.between_items, text_argument("tojson", pair->items[0]));
    TRY_ASSIGN(style.between_key_and_value, text_argument("tojson", pair->items[1]));
  }
  TextBuilder out(machine.budget);
  TRY(print_json(machine.budget, self, style, out));
  TRY_ASSIGN(const Text text, out.finish());
  return Value(text);
}

Result<Value> format(Machine& machine, const Value& self, Call& call) {
  if (!call.positional.empty() && !call.named.empty())
    return type_error("format: arguments by position or by name, not both");
  TRY_ASSIGN(const Text pattern, to_text(machine.budget, self));
  Value values;
  if (!call.named.empty()) {
    Map map;
    for (auto& [name, value] : call.named) map.set(Value(name), std::move(value));
    TRY_ASSIGN(values, make_map(machine.budget, std::move(map), Author::the_template));
  } else {
    TRY_ASSIGN(values, make_list(machine.budget, std::move(call.positional), Author::the_template, List::Form::tuple));
  }
  TRY_ASSIGN(const Text made, format_percent(machine, pattern, values));
  return Value(made);
}

Result<Value> truncate(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("truncate", call, {"length", "killwords", "end", "leeway"}));
  TRY_ASSIGN(const int64_t length, integer_argument("truncate", bound[0], 255));
  TRY_ASSIGN(const int64_t leeway,
             integer_argument("truncate", bound[3] && bound[3]->is_none() ? std::nullopt : bound[3], 5));
  Text end("...", Author::the_template);
  if (bound[2]) {
    TRY_ASSIGN(end, text_argument("truncate", *bound[2]));
  }
  const auto end_length = static_cast<int64_t>(end.characters());
  if (length < end_length || leeway < 0)
    return type_error("truncate: expected length >= {} and leeway >= 0", end_length);
  if (self.is_undefined()) return self;
  if (!self.text()) {  // Jinja only asks for the length at first
    const List* list = self.list();
    const Map* map = self.map();
    if (!list && !map) return type_error("object of type '{}' has no len()", self.type());
    if (static_cast<int64_t>(list ? list->items.size() : map->size()) - length <= leeway) return self;
    return type_error("truncate of '{}'", self.type());
  }
  const Text& text = *self.text();
  if (static_cast<int64_t>(text.characters()) - length <= leeway) return self;
  TRY(machine.budget.make(text.size()));
  Text cut = text.slice(0, text.offset_of(static_cast<size_t>(length - end_length)));
  if (!flag_argument(bound[1], false)) cut = cut.slice(0, std::min(cut.bytes().rfind(' '), cut.size()));
  TRY_ASSIGN(const Text made, joined(machine.budget, {cut, end}, Text()));
  return Value(made);
}

Result<Value> center(Machine& machine, const Value& self, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("center", call, {"width"}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY_ASSIGN(const int64_t width, integer_argument("center", bound[0], 80));
  const int64_t space = std::max<int64_t>(width - static_cast<int64_t>(text.characters()), 0);
  const int64_t left = space / 2 + (space & width & 1);
  TRY_ASSIGN(const Text before, repeated_blank(machine.budget, left));
  TRY_ASSIGN(const Text after, repeated_blank(machine.budget, space - left));
  TRY_ASSIGN(const Text made, joined(machine.budget, {before, text, after}, Text()));
  return Value(made);
}

Result<Value> wordcount(Machine& machine, const Value& self, Call& call) {
  TRY(bind("wordcount", call, {}));
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY(machine.budget.read(text.size()));
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size(); at = next_character(text.bytes(), at)) {
    const bool word = is_word(character_at(text.bytes(), at));
    count += word && !inside;
    inside = word;
  }
  return Value(count);
}

Result<Value> urlencode(Machine& machine, const Value& self, Call& call) {
  TRY(bind("urlencode", call, {}));
  if (self.list() || self.map()) return not_done("urlencode of '{}'", self.type());
  TRY_ASSIGN(const Text text, to_text(machine.budget, self));
  TRY(machine.budget.read(text.size()));
  TextBuilder out(machine.budget);
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text.bytes()[at];
    const bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                       std::string_view("_.-~/").find(c) != std::string_view::npos;
    out.add(plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c)), text.author_at(at));
  }
  TRY_ASSIGN(const Text made, out.finish());
  return Value(made);
}

constexpr Filter table[] = {
    {"upper", in_case<Casing::upper>},
    {"lower", in_case<Casing::lower>},
    {"capitalize", in_case<Casing::capitalize>},
    {"title", title},
    {"trim", trim},
    {"replace", replace},
    {"indent", indent},
    {"string", string},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"safe", safe},
    {"tojson", tojson},
    {"format", format},
    {"truncate", truncate},
    {"center", center},
    {"wordcount", wordcount},
    {"urlencode", urlencode},
};

}  // namespace

std::span<const Filter> text_filters() { return table; }

}  // namespace freehold::jinja
