#include "text/jinja/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/operations.h"
#include "text/jinja/unicode.h"
#include "text/json_text.h"

namespace freehold::jinja {
namespace {

std::string print_integer(const Value& value) {
  if (const auto* large = value.as<LargeInteger>()) return std::to_string(large->value);
  return std::to_string(*value.integer());
}

// Adds [first, end) of `text` with some characters replaced: replace(c) gives the replacement, or nothing.
template <class F>
void add_replacing(const Text& text, TextBuilder& out, F&& replace) {
  const std::string_view bytes = text.bytes();
  size_t plain = 0;
  for (size_t at = 0, next; at < bytes.size(); at = next) {
    next = next_character(bytes, at);
    const std::string replacement = replace(character_at(bytes, at));
    if (replacement.empty()) continue;
    out.add(text, plain, at);
    out.add(replacement, text.author_at(at));
    plain = next;
  }
  out.add(text, plain, bytes.size());
}

void print_quoted(const Text& text, TextBuilder& out) {
  const std::string_view bytes = text.bytes();
  const char quote = bytes.find('\'') != bytes.npos && bytes.find('"') == bytes.npos ? '"' : '\'';
  const Author author = text.author();
  out.add(std::string_view(&quote, 1), author);
  add_replacing(text, out, [quote](char32_t c) -> std::string {
    if (c == static_cast<char32_t>(quote) || c == '\\') return {'\\', static_cast<char>(c)};
    if (c == '\n') return "\\n";
    if (c == '\r') return "\\r";
    if (c == '\t') return "\\t";
    if (is_printable(c)) return {};
    if (c < 0x100) return fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    return c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(c))
                       : fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
  });
  out.add(std::string_view(&quote, 1), author);
}

struct Brackets {
  std::string_view open, close;
};
Brackets brackets_of(List::Form form) {
  switch (form) {
    case List::Form::tuple:
      return {"(", ")"};
    case List::Form::keys:
      return {"dict_keys([", "])"};
    case List::Form::values:
      return {"dict_values([", "])"};
    case List::Form::items:
      return {"dict_items([", "])"};
    default:
      return {"[", "]"};
  }
}

Result<Done> print_list(Budget& budget, const Value& value, const List& list, TextBuilder& out) {
  const Author author = value.author();
  if (list.form == List::Form::range) {
    const bool plain = list.step == 1;
    out.add(plain ? fmt::format("range({}, {})", list.start, list.stop)
                  : fmt::format("range({}, {}, {})", list.start, list.stop, list.step),
            author);
    return Done{};
  }
  const Brackets brackets = brackets_of(list.form);
  out.add(brackets.open, author);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i) out.add(", ", author);
    TRY(print_representation(budget, list.items[i], out));
  }
  if (list.form == List::Form::tuple && list.items.size() == 1) out.add(",", author);
  out.add(brackets.close, author);
  return Done{};
}

Result<Done> print_map(Budget& budget, const Map& map, Author author, TextBuilder& out) {
  out.add("{", author);
  bool first = true;
  for (const auto& [key, entry] : map.entries()) {
    if (!first) out.add(", ", author);
    first = false;
    TRY(print_representation(budget, key, out));
    out.add(": ", author);
    TRY(print_representation(budget, entry, out));
  }
  out.add("}", author);
  return Done{};
}

void print_json_string(const Text& text, Author author, bool ascii, TextBuilder& out) {
  out.add("\"", author);
  add_replacing(text, out, [ascii](char32_t c) -> std::string {
    if (std::string escape = json_escape(c); !escape.empty()) return escape;
    const auto code = static_cast<uint32_t>(c);
    if (ascii && code > 0x7e && code < 0x10000) return fmt::format("\\u{:04x}", code);
    if (ascii && code >= 0x10000)
      return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
    return {};
  });
  out.add("\"", author);
}

class JsonPrinter {
 public:
  JsonPrinter(Budget& budget, const JsonStyle& style, TextBuilder& out) : budget_(budget), style_(style), out_(out) {}

  Result<Done> print(const Value& value, int level) {
    TRY(budget_.step());
    if (out_.full()) return out_.why_full();
    const Author author = value.author();
    if (value.is_none()) {
      out_.add("null", author);
    } else if (const auto* truth = value.as<bool>()) {
      out_.add(*truth ? "true" : "false", author);
    } else if (value.integer() || value.as<LargeInteger>()) {
      out_.add(print_integer(value), author);
    } else if (const auto* real = value.as<double>()) {
      out_.add(print_json_float(*real), author);
    } else if (const Text* text = value.text()) {
      TRY(budget_.read(text->size()));
      print_json_string(*text, author, style_.ascii, out_);
    } else if (const List* list = value.list();
               list && (list->form == List::Form::list || list->form == List::Form::tuple)) {
      return print_list(*list, author, level);
    } else if (const Map* map = value.map()) {
      return print_map(*map, author, level);
    } else {
      return type_error("Object of type {} is not JSON serializable", value.type());
    }
    return Done{};
  }

 private:
  void new_line(int level, Author author) {
    if (!style_.indent) return;
    out_.add("\n", author);
    for (int i = 0; i < level; ++i) out_.add(*style_.indent);
  }
  Result<Done> print_list(const List& list, Author author, int level) {
    if (list.items.empty()) return out_.add("[]", author), Done{};
    out_.add("[", author);
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i) out_.add(style_.between_items.bytes(), author);
      new_line(level + 1, author);
      TRY(print(list.items[i], level + 1));
    }
    new_line(level, author);
    out_.add("]", author);
    return Done{};
  }
  Result<Done> print_map(const Map& map, Author author, int level) {
    if (map.size() == 0) return out_.add("{}", author), Done{};
    std::vector<const Map::Entry*> entries;
    for (const auto& entry : map.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::vector<Value> keys;
      for (const auto* entry : entries) keys.push_back(entry->first);
      TRY_ASSIGN(const auto sorted, order_of(budget_, keys, false));
      for (size_t i = 0; i < sorted.size(); ++i) entries[i] = &map.entries()[sorted[i]];
    }
    out_.add("{", author);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i) out_.add(style_.between_items.bytes(), author);
      new_line(level + 1, author);
      TRY(print_key(entries[i]->first, author));
      out_.add(style_.between_key_and_value.bytes(), author);
      TRY(print(entries[i]->second, level + 1));
    }
    new_line(level, author);
    out_.add("}", author);
    return Done{};
  }
  Result<Done> print_key(const Value& key, Author author) {
    if (const Text* text = key.text()) {
      print_json_string(*text, either(author, text->author()), style_.ascii, out_);
      return Done{};
    }
    if (key.list() || key.as<Object*>() || key.is_undefined())
      return type_error("keys must be str, int, float, bool or None, not {}", key.type());
    out_.add("\"", author);
    TRY(print(key, 0));
    out_.add("\"", author);
    return Done{};
  }

  Budget& budget_;
  const JsonStyle& style_;
  TextBuilder& out_;
};

}  // namespace

std::string print_json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return print_float(value);
}

std::string print_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string_view scientific(buffer, static_cast<size_t>(end - buffer));
  std::string sign;
  if (scientific.starts_with('-')) {
    sign = "-";
    scientific.remove_prefix(1);
  }
  const size_t mark = scientific.find('e');
  const int exponent = std::atoi(std::string(scientific.substr(mark + 1)).c_str());
  std::string digits(scientific.substr(0, mark));
  std::erase(digits, '.');
  const int count = static_cast<int>(digits.size());
  const auto places = static_cast<size_t>(std::abs(exponent));
  const std::string_view all = digits;
  if (exponent < -4 || exponent >= 16)
    return fmt::format("{}{}{}{}e{}{:02d}", sign, all.substr(0, 1), count > 1 ? "." : "", all.substr(1),
                       exponent < 0 ? '-' : '+', places);
  if (exponent < 0) return fmt::format("{}0.{}{}", sign, std::string(places - 1, '0'), all);
  if (count <= exponent + 1) return fmt::format("{}{}{}.0", sign, all, std::string(places + 1 - all.size(), '0'));
  return fmt::format("{}{}.{}", sign, all.substr(0, places + 1), all.substr(places + 1));
}

Result<Done> print_representation(Budget& budget, const Value& value, TextBuilder& out) {
  TRY(budget.step());
  if (out.full()) return out.why_full();
  const Author author = value.author();
  if (const Text* text = value.text()) {
    TRY(budget.read(text->size()));
    if (text->markup()) out.add("Markup(", author);
    print_quoted(*text, out);
    if (text->markup()) out.add(")", author);
  } else if (value.is_none()) {
    out.add("None", author);
  } else if (const auto* truth = value.as<bool>()) {
    out.add(*truth ? "True" : "False", author);
  } else if (value.integer() || value.as<LargeInteger>()) {
    out.add(print_integer(value), author);
  } else if (const auto* real = value.as<double>()) {
    out.add(print_float(*real), author);
  } else if (const List* list = value.list()) {
    return print_list(budget, value, *list, out);
  } else if (const Map* map = value.map()) {
    return print_map(budget, *map, author, out);
  } else if (value.is_undefined()) {
    out.add("Undefined", author);
  } else {
    // Python shows an address here, and of a namespace its members; neither is worth a walk through cycles.
    out.add(fmt::format("<{}>", value.type()), author);
  }
  return Done{};
}

Result<Text> to_text(Budget& budget, const Value& value) {
  if (const Text* text = value.text()) return *text;
  if (value.is_undefined()) return Text();
  TextBuilder out(budget);
  TRY(print_representation(budget, value, out));
  return out.finish();
}

Result<Done> print_json(Budget& budget, const Value& value, const JsonStyle& style, TextBuilder& out) {
  return JsonPrinter(budget, style, out).print(value, 0);
}

Result<Text> escape_html(Budget& budget, const Text& text) {
  if (text.markup()) return text;
  TRY(budget.read(text.size()));
  TextBuilder out(budget);
  add_replacing(text, out, [](char32_t c) -> std::string {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '\'':
        return "&#39;";
      case '"':
        return "&#34;";
      default:
        return {};
    }
  });
  TRY_ASSIGN(const Text escaped, out.finish());
  return escaped.as_markup(true);
}

}  // namespace freehold::jinja
