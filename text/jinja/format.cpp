#include "text/jinja/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

constexpr int64_t widest = 1 << 20, most_digits = 1000;

struct Spec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =, or none
  char sign = '-';    // + - or blank
  bool alternate = false, zero = false;
  int64_t width = 0, precision = -1;
  char grouping = '\0', type = '\0';
};

Result<Done> check(const Spec& spec) {
  if (spec.width > widest || spec.precision > widest) return over_limit("a format wider than {} characters", widest);
  return Done{};
}

// Reads digits at `at`; stays small enough not to overflow.
int64_t read_number(std::string_view text, size_t& at) {
  int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    value = std::min(value * 10 + (text[at] - '0'), widest + 1);
  return value;
}

Result<Text> padded(Budget& budget, const Text& text, const Spec& spec, char default_align, size_t sign_bytes = 0) {
  const auto length = static_cast<int64_t>(text.characters());
  if (length >= spec.width) return text;
  const int64_t space = spec.width - length;
  const char align = spec.align ? spec.align : default_align;
  TextBuilder out(budget);
  const auto fill = [&](int64_t count) {
    for (int64_t i = 0; i < count; ++i) out.add(spec.fill, Author::the_template);
  };
  if (align == '=') {
    out.add(text, 0, sign_bytes);
    fill(space);
    out.add(text, sign_bytes, text.size());
    return out.finish();
  }
  const int64_t before = align == '>' ? space : align == '^' ? space / 2 : 0;
  fill(before);
  out.add(text);
  fill(space - before);
  return out.finish();
}

std::string grouped(std::string digits, char mark, size_t every) {
  const size_t end = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  for (size_t at = end; at > every; at -= every) digits.insert(at - every, 1, mark);
  return digits;
}

std::string float_digits(double value, char type, int64_t precision, bool alternate) {
  const std::string pattern = std::string("%") + (alternate ? "#" : "") + ".*" + type;
  const int digits = static_cast<int>(std::min(precision < 0 ? int64_t{6} : precision, most_digits));
  std::string out(static_cast<size_t>(digits) + 400, '\0');
  out.resize(static_cast<size_t>(std::snprintf(out.data(), out.size(), pattern.c_str(), digits, value)));
  return out;
}

// A magnitude with its sign and padding.
Result<Text> signed_number(Budget& budget, bool is_negative, std::string digits, const Spec& spec, Author author) {
  std::string sign = is_negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  if (spec.grouping) {
    const bool binary = spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b';
    digits = grouped(std::move(digits), spec.grouping, binary ? 4 : 3);
  }
  if (spec.alternate && (spec.type == 'x' || spec.type == 'o' || spec.type == 'b' || spec.type == 'X'))
    sign += {'0', spec.type};
  const size_t sign_bytes = sign.size();
  return padded(budget, Text(sign + digits, author), spec, '>', sign_bytes);
}

Result<Text> format_integer(Budget& budget, int64_t value, const Spec& spec, Author author) {
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits;
  switch (spec.type) {
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      break;
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      break;
    default:
      digits = fmt::format("{}", magnitude);
  }
  return signed_number(budget, value < 0, std::move(digits), spec, author);
}

Result<Text> format_float(Budget& budget, double value, Spec spec, Author author) {
  if (spec.precision > most_digits) return over_limit("a number with more than {} digits", most_digits);
  const bool is_negative = std::signbit(value) && !std::isnan(value);
  const double magnitude = std::fabs(value);
  std::string digits;
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
    if (spec.zero && spec.align == '=') spec.fill = " ";
  } else if (spec.type == '%') {
    digits = float_digits(magnitude * 100, 'f', spec.precision, spec.alternate) + "%";
  } else if (spec.type == '\0' && spec.precision < 0) {
    digits = print_float(magnitude);
  } else if (spec.type == '\0') {
    digits = float_digits(magnitude, 'g', std::max<int64_t>(spec.precision, 1), false);
    if (digits.find_first_of(".e") == digits.npos) digits += ".0";
  } else {
    digits = float_digits(magnitude, spec.type == 'n' ? 'g' : spec.type, spec.precision, spec.alternate);
  }
  return signed_number(budget, is_negative, std::move(digits), spec, author);
}

bool is_float_type(char type) { return std::string_view("eEfFgGn%").find(type) != std::string_view::npos; }
bool is_integer_type(char type) { return std::string_view("bdoxXn").find(type) != std::string_view::npos; }

// [[fill]align][sign][#][0][width][,][.precision][type]
Result<Spec> read_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto is_align = [&](size_t i) {
    return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos;
  };
  if (!text.empty() && is_align(next_character(text, 0))) {
    const size_t fill_end = next_character(text, 0);
    spec.fill = text.substr(0, fill_end);
    spec.align = text[fill_end];
    at = fill_end + 1;
  } else if (is_align(0)) {
    spec.align = text[at++];
  }
  const auto skip = [&](char c) { return at < text.size() && text[at] == c ? ++at, true : false; };
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
  spec.alternate = skip('#');
  if (skip('0')) {
    spec.zero = true;
    if (!spec.align) {
      spec.align = '=';
      spec.fill = "0";
    }
  }
  spec.width = read_number(text, at);
  if (skip(','))
    spec.grouping = ',';
  else if (skip('_'))
    spec.grouping = '_';
  if (skip('.')) {
    const size_t digits = at;
    spec.precision = read_number(text, at);
    if (at == digits) return type_error("a format without its precision: '{}'", printable(text, 40));
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) return type_error("invalid format '{}'", printable(text, 40));
  TRY(check(spec));
  return spec;
}

Result<Text> format_value(Machine& machine, const Value& value, std::string_view spec_text) {
  Budget& budget = machine.budget;
  if (spec_text.empty()) return to_text(budget, value);
  TRY_ASSIGN(Spec spec, read_spec(spec_text));
  const Failure unknown = type_error("unknown format '{}' for '{}'", printable(spec_text, 40), value.type());
  if (const Text* text = value.text()) {
    if ((spec.type && spec.type != 's') || spec.align == '=' || spec.sign != '-' || spec.grouping) {
      if (!spec.zero || (spec.type && spec.type != 's')) return unknown;
    }
    if (spec.align == '=') spec.align = '<';  // '05' for a text
    Text cut = *text;
    if (spec.precision >= 0) cut = text->slice(0, text->offset_of(static_cast<size_t>(spec.precision)));
    return padded(budget, cut, spec, '<');
  }
  const Author author = value.author();
  if (const auto* real = value.as<double>()) {
    if (spec.type && !is_float_type(spec.type)) return unknown;
    return format_float(budget, *real, spec, author);
  }
  if (const auto integer = value.integer()) {
    if (spec.type == 'c') {
      if (*integer < 0 || *integer > 0x10ffff || !is_scalar(static_cast<char32_t>(*integer)))
        return range_error("no character has the number {}", *integer);
      std::string character;
      append_utf8(character, static_cast<char32_t>(*integer));
      return padded(budget, Text(std::move(character), author), spec, '<');
    }
    if (spec.type && spec.type != 'n' && is_float_type(spec.type))
      return format_float(budget, static_cast<double>(*integer), spec, author);
    if ((spec.type && !is_integer_type(spec.type)) || spec.precision >= 0) return unknown;
    return format_integer(budget, *integer, spec, author);
  }
  return type_error("unsupported format for '{}'", value.type());
}

Result<Text> representation(Budget& budget, const Value& value) {
  TextBuilder out(budget);
  TRY(print_representation(budget, value, out));
  return out.finish();
}

// One %-conversion of `value`.
Result<Text> convert(Machine& machine, const Value& value, Spec spec) {
  Budget& budget = machine.budget;
  if (spec.align != '<') {
    spec.align = '>';
    if (spec.zero) {
      spec.align = '=';
      spec.fill = "0";
    }
  }
  switch (spec.type) {
    case 's':
    case 'r':
    case 'a': {
      Text text;
      if (spec.type == 's') {
        TRY_ASSIGN(text, to_text(budget, value));
      } else {
        TRY_ASSIGN(text, representation(budget, value));
      }
      if (spec.precision >= 0) text = text.slice(0, text.offset_of(static_cast<size_t>(spec.precision)));
      if (spec.align == '=') spec.align = '>', spec.fill = " ";
      return padded(budget, text, spec, '>');
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      const bool is_decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
      if (const auto* undefined = value.as<Undefined>(); undefined && is_decimal) return undefined_use(*undefined);
      std::optional<int64_t> integer = value.integer();
      const auto* real = value.as<double>();
      if (!integer && real && is_decimal) {
        if (!(std::fabs(*real) < 0x1p63))
          return range_error("{} as an integer has more than 64 bits", print_float(*real));
        integer = static_cast<int64_t>(*real);
      }
      if (!integer) return type_error("%{} format: a number is required, not {}", spec.type, value.type());
      if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
      if (spec.precision > 0) return not_done("a precision with %{}", spec.type);
      return format_integer(budget, *integer, spec, value.author());
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      if (const auto* undefined = value.as<Undefined>()) return undefined_use(*undefined);
      const auto number = value.number();
      if (!number) return type_error("must be real number, not {}", value.type());
      return format_float(budget, *number, spec, value.author());
    }
    case 'c': {
      if (const Text* text = value.text(); text && text->characters() == 1) return padded(budget, *text, spec, '>');
      const auto integer = value.integer();
      if (!integer) return type_error("%c requires int or char");
      if (*integer < 0 || *integer > 0x10ffff || !is_scalar(static_cast<char32_t>(*integer)))
        return range_error("no character has the number {}", *integer);
      std::string character;
      append_utf8(character, static_cast<char32_t>(*integer));
      return padded(budget, Text(std::move(character), value.author()), spec, '>');
    }
    default:
      return type_error("unsupported format character '{}'", printable(std::string_view(&spec.type, 1)));
  }
}

}  // namespace

Result<Text> format_percent(Machine& machine, const Text& pattern, const Value& values) {
  const std::string_view text = pattern.bytes();
  const List* tuple = values.list();
  if (tuple && tuple->form != List::Form::tuple) tuple = nullptr;
  size_t used = 0;
  const auto next_value = [&]() -> Result<Value> {
    const size_t count = tuple ? tuple->items.size() : 1;
    if (used >= count) return type_error("not enough arguments for format string");
    ++used;
    return tuple ? tuple->items[used - 1] : values;
  };
  TextBuilder out(machine.budget);
  size_t at = 0;
  while (at < text.size()) {
    TRY(machine.budget.step());
    const size_t mark = std::min(text.find('%', at), text.size());
    out.add(pattern, at, mark);
    if (mark == text.size()) break;
    at = mark + 1;
    Spec spec;
    std::optional<Value> value;
    if (at < text.size() && text[at] == '(') {
      const size_t end = text.find(')', at);
      if (end == text.npos) return type_error("incomplete format key");
      const Map* map = values.map();
      if (!map) return type_error("format requires a mapping");
      const Value* found = map->find(text.substr(at + 1, end - at - 1));
      if (!found) return type_error("no value for '{}'", printable(text.substr(at + 1, end - at - 1), 40));
      value = *found;
      at = end + 1;
    }
    for (; at < text.size(); ++at) {
      if (text[at] == '-')
        spec.align = '<';
      else if (text[at] == '+')
        spec.sign = '+';
      else if (text[at] == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (text[at] == '#')
        spec.alternate = true;
      else if (text[at] == '0')
        spec.zero = true;
      else
        break;
    }
    const auto number = [&]() -> Result<int64_t> {
      if (at == text.size() || text[at] != '*') return read_number(text, at);
      ++at;
      TRY_ASSIGN(const Value given, next_value());
      if (!given.integer()) return type_error("* wants int");
      return std::clamp<int64_t>(*given.integer(), -widest - 1, widest + 1);
    };
    TRY_ASSIGN(spec.width, number());
    if (spec.width < 0) spec.align = '<', spec.width = -spec.width;
    if (at < text.size() && text[at] == '.') {
      ++at;
      TRY_ASSIGN(spec.precision, number());
      spec.precision = std::max<int64_t>(spec.precision, 0);
    }
    TRY(check(spec));
    while (at < text.size() && (text[at] == 'l' || text[at] == 'h' || text[at] == 'L')) ++at;
    if (at == text.size()) return type_error("incomplete format");
    spec.type = text[at++];
    if (spec.type == '%') {
      out.add("%", pattern.author_at(at - 1));
      continue;
    }
    if (!value) {
      TRY_ASSIGN(value, next_value());
    }
    TRY_ASSIGN(Text made, convert(machine, *value, spec));
    if (pattern.markup()) {
      TRY_ASSIGN(made, escape_html(machine.budget, made));
    }
    out.add(made);
  }
  if (!values.map() && used < (tuple ? tuple->items.size() : 1)) {
    const List* list = values.list();
    const bool is_sequence = list && (list->form == List::Form::list || list->form == List::Form::range);
    const bool may_be_left =
        is_sequence || values.is_undefined();  // Python lets sequences that are no tuples pass unused
    if (!may_be_left) return type_error("not all arguments converted during string formatting");
  }
  TRY_ASSIGN(const Text made, out.finish());
  return made.as_markup(pattern.markup());
}

namespace {

class BraceFormatter {
 public:
  BraceFormatter(Machine& machine, const Call& call) : machine_(machine), call_(call) {}

  Result<Done> format(const Text& pattern, TextBuilder& out, int depth) {
    if (depth > 2) return type_error("Max string recursion exceeded");
    const std::string_view text = pattern.bytes();
    size_t at = 0;
    while (at < text.size()) {
      TRY(machine_.budget.step());
      const size_t mark = std::min(text.find_first_of("{}", at), text.size());
      out.add(pattern, at, mark);
      if (mark == text.size()) break;
      if (mark + 1 < text.size() && text[mark + 1] == text[mark]) {
        out.add(pattern, mark, mark + 1);
        at = mark + 2;
        continue;
      }
      if (text[mark] == '}') return type_error("Single '}}' encountered in format string");
      size_t end = mark + 1;
      for (int open = 1; end < text.size(); ++end) {
        if (text[end] == '{') ++open;
        if (text[end] == '}' && --open == 0) break;
      }
      if (end >= text.size()) return type_error("expected '}}' before end of string");
      TRY(field(pattern.slice(mark + 1, end), out, depth));
      at = end + 1;
    }
    return Done{};
  }

 private:
  // name[!conversion][:spec]
  Result<Done> field(const Text& field, TextBuilder& out, int depth) {
    const std::string_view text = field.bytes();
    size_t name_end = 0;
    for (int open = 0; name_end < text.size(); ++name_end) {
      if (text[name_end] == '[') ++open;
      if (text[name_end] == ']') --open;
      if (open <= 0 && (text[name_end] == '!' || text[name_end] == ':')) break;
    }
    TRY_ASSIGN(Value value, look_up(field.slice(0, name_end)));
    size_t at = name_end;
    if (at < text.size() && text[at] == '!') {
      const char conversion = at + 1 < text.size() ? text[at + 1] : '\0';
      if (conversion != 's' && conversion != 'r' && conversion != 'a')
        return type_error("unknown conversion in format string");
      if (conversion == 's') {
        TRY_ASSIGN(const Text made, to_text(machine_.budget, value));
        value = Value(made);
      } else {
        TRY_ASSIGN(const Text made, representation(machine_.budget, value));
        value = Value(made);
      }
      at += 2;
    }
    Text spec;
    if (at < text.size()) {
      if (text[at] != ':') return type_error("expected ':' after conversion specifier");
      TextBuilder inner(machine_.budget);
      TRY(format(field.slice(at + 1, text.size()), inner, depth + 1));
      TRY_ASSIGN(spec, inner.finish());
    }
    TRY_ASSIGN(const Text made, format_value(machine_, value, spec.bytes()));
    out.add(made);
    return Done{};
  }

  // first(.name | [key])*
  Result<Value> look_up(const Text& path) {
    const std::string_view text = path.bytes();
    size_t at = std::min(text.find_first_of(".["), text.size());
    const std::string_view first = text.substr(0, at);
    Value value;
    if (first.empty() || (first.find_first_not_of("0123456789") == first.npos)) {
      size_t zero = 0;
      const int64_t index = first.empty() ? next_++ : read_number(first, zero);
      if (first.empty() ? is_numbered_ : next_ > 0)
        return type_error("cannot mix '{{}}' and '{{0}}' in a format string");
      is_numbered_ |= !first.empty();
      if (index >= static_cast<int64_t>(call_.positional.size()))
        return range_error("no argument {} for the format string", index);
      value = call_.positional[static_cast<size_t>(index)];
    } else {
      const auto named = std::find_if(call_.named.begin(), call_.named.end(),
                                      [&](const auto& entry) { return entry.first.bytes() == first; });
      if (named == call_.named.end()) return type_error("no argument '{}' for the format string", printable(first, 40));
      value = named->second;
    }
    while (at < text.size()) {
      if (text[at] == '.') {
        const size_t end = std::min(text.find_first_of(".[", at + 1), text.size());
        TRY_ASSIGN(value, attribute_of(machine_, value, path.slice(at + 1, end)));
        at = end;
      } else if (text[at] == '[') {
        const size_t end = text.find(']', at);
        if (end == text.npos) return type_error("missing ']' in format string");
        const std::string_view key = text.substr(at + 1, end - at - 1);
        size_t zero = 0;
        const bool is_index = !key.empty() && key.find_first_not_of("0123456789") == key.npos;
        TRY_ASSIGN(value,
                   item_of(machine_, value, is_index ? Value(read_number(key, zero)) : Value(path.slice(at + 1, end))));
        at = end + 1;
      } else {
        return type_error("only '.' or '[' may follow ']' in a format field");
      }
    }
    return value;
  }

  Machine& machine_;
  const Call& call_;
  int64_t next_ = 0;
  bool is_numbered_ = false;
};

}  // namespace

Result<Text> format_braces(Machine& machine, const Text& pattern, const Call& call) {
  TextBuilder out(machine.budget);
  TRY(BraceFormatter(machine, call).format(pattern, out, 0));
  TRY_ASSIGN(const Text made, out.finish());
  return made.as_markup(pattern.markup());
}

}  // namespace freehold::jinja
