#include "text/jinja/text_tools.h"

#include <algorithm>

#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

bool is_line_end(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// Greek sigma is written differently at the end of a word.
bool is_final_sigma(std::string_view text, size_t at) {
  const auto ignorable = [](char32_t c) { return c == '\'' || c == '.' || c == ':' || c == 0xad || c == 0x2019; };
  size_t before = at;
  while (before > 0) {
    before = previous_character(text, before);
    const char32_t c = character_at(text, before);
    if (ignorable(c)) continue;
    if (!is_cased(c)) return false;
    for (size_t after = next_character(text, at); after < text.size(); after = next_character(text, after)) {
      const char32_t next = character_at(text, after);
      if (!ignorable(next)) return !is_cased(next);
    }
    return true;
  }
  return false;
}

std::string lower_at(std::string_view text, size_t at) {
  const char32_t c = character_at(text, at);
  return c == 0x3a3 && is_final_sigma(text, at) ? "\xcf\x82" : with_case(c, Case::lower);
}

}  // namespace

Text stripped(const Text& text, Side side, const std::optional<Text>& characters) {
  const std::string_view bytes = text.bytes();
  const auto goes = [&](size_t at) {
    if (!characters) return is_space(character_at(bytes, at));
    return characters->bytes().find(bytes.substr(at, next_character(bytes, at) - at)) != std::string_view::npos;
  };
  size_t first = 0, end = bytes.size();
  if (side != Side::right)
    while (first < end && goes(first)) first = next_character(bytes, first);
  if (side != Side::left)
    while (end > first && goes(previous_character(bytes, end))) end = previous_character(bytes, end);
  return text.slice(first, end);
}

Result<Text> replaced(Budget& budget, const Text& text, const Text& old, const Text& replacement, int64_t count) {
  TRY(budget.read(text.size()));
  const std::string_view bytes = text.bytes();
  TextBuilder out(budget);
  size_t at = 0;
  if (old.empty()) {  // before each character and at the end
    while (count != 0 && !out.full()) {
      out.add(replacement);
      if (count > 0) --count;
      if (at == bytes.size()) break;
      const size_t next = next_character(bytes, at);
      out.add(text, at, next);
      at = next;
    }
  } else {
    while (count != 0 && !out.full()) {
      const size_t found = bytes.find(old.bytes(), at);
      if (found == bytes.npos) break;
      out.add(text, at, found);
      out.add(replacement);
      at = found + old.size();
      if (count > 0) --count;
    }
    if (at == 0) return text;
  }
  out.add(text, at, bytes.size());
  TRY_ASSIGN(const Text made, out.finish());
  return made.as_markup(text.markup());
}

Result<Text> joined(Budget& budget, const std::vector<Text>& parts, const Text& separator) {
  TextBuilder out(budget);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) out.add(separator);
    out.add(parts[i]);
  }
  return out.finish();
}

Result<std::vector<Text>> split(Budget& budget, const Text& text, const std::optional<Text>& separator, int64_t count,
                                Side from) {
  TRY(budget.make(text.size()));
  const std::string_view bytes = text.bytes();
  std::vector<std::pair<size_t, size_t>> parts;
  constexpr size_t part_bytes = sizeof(Value) + 64;
  bool paid = true;
  const auto add = [&](size_t first, size_t end) {
    paid = paid && budget.hold(part_bytes).has_value();
    if (paid) parts.emplace_back(first, end);
    return paid;
  };
  const bool all = count < 0;
  if (separator) {
    if (separator->empty()) return type_error("empty separator");
    if (from == Side::left) {
      size_t at = 0;
      for (size_t found; (all || count-- > 0) && (found = bytes.find(separator->bytes(), at)) != bytes.npos;) {
        if (!add(at, found)) break;
        at = found + separator->size();
      }
      add(at, bytes.size());
    } else {
      size_t end = bytes.size();
      while ((all || count-- > 0) && end >= separator->size()) {
        const size_t found = bytes.rfind(separator->bytes(), end - separator->size());
        if (found == bytes.npos) break;
        if (!add(found + separator->size(), end)) break;
        end = found;
      }
      add(0, end);
    }
  } else if (from == Side::left) {
    for (size_t at = skip_spaces(bytes, 0); at < bytes.size();) {
      size_t end = at;
      if (!all && count-- == 0) {
        add(at, trim_spaces(bytes, at, bytes.size()));
        break;
      }
      while (end < bytes.size() && !is_space(character_at(bytes, end))) end = next_character(bytes, end);
      if (!add(at, end)) break;
      at = skip_spaces(bytes, end);
    }
  } else {
    for (size_t end = trim_spaces(bytes, 0, bytes.size()); end > 0;) {
      if (!all && count-- == 0) {
        add(skip_spaces(bytes, 0), end);
        break;
      }
      size_t at = end;
      while (at > 0 && !is_space(character_at(bytes, previous_character(bytes, at))))
        at = previous_character(bytes, at);
      if (!add(at, end)) break;
      end = trim_spaces(bytes, 0, at);
    }
  }
  if (from == Side::right) std::reverse(parts.begin(), parts.end());
  if (!paid) return over_limit("the template makes more values than a rendering may");
  TRY(budget.read(parts.size() * part_bytes));
  std::vector<Text> texts;
  texts.reserve(parts.size());
  for (const auto& [first, end] : parts) texts.push_back(text.slice(first, end));
  return texts;
}

Result<std::vector<Text>> split_lines(Budget& budget, const Text& text, bool keep_ends) {
  TRY(budget.make(text.size()));
  const std::string_view bytes = text.bytes();
  std::vector<Text> lines;
  for (size_t at = 0; at < bytes.size();) {
    size_t end = at;
    while (end < bytes.size() && !is_line_end(character_at(bytes, end))) end = next_character(bytes, end);
    size_t next = end;
    if (end < bytes.size()) next = bytes.substr(end).starts_with("\r\n") ? end + 2 : next_character(bytes, end);
    TRY(budget.make(sizeof(Value) + 64));
    lines.push_back(text.slice(at, keep_ends ? next : end));
    at = next;
  }
  return lines;
}

Result<Text> cased(Budget& budget, const Text& text, Casing casing) {
  TRY(budget.read(text.size()));
  const std::string_view bytes = text.bytes();
  TextBuilder out(budget);
  bool in_word = false;
  for (size_t at = 0, next; at < bytes.size(); at = next) {
    next = next_character(bytes, at);
    const char32_t c = character_at(bytes, at);
    std::string changed;
    switch (casing) {
      case Casing::upper:
        changed = with_case(c, Case::upper);
        break;
      case Casing::lower:
        changed = lower_at(bytes, at);
        break;
      case Casing::capitalize:
        changed = at == 0 ? with_case(c, Case::title) : lower_at(bytes, at);
        break;
      case Casing::title:
        changed = in_word ? lower_at(bytes, at) : with_case(c, Case::title);
        break;
      case Casing::swap:
        changed = is_upper(c)   ? lower_at(bytes, at)
                  : is_lower(c) ? with_case(c, Case::upper)
                                : std::string(bytes.substr(at, next - at));
        break;
    }
    in_word = is_cased(c);
    out.add(changed, text.author_at(at));
  }
  TRY_ASSIGN(const Text made, out.finish());
  return made.as_markup(text.markup());
}

Result<Text> title_filtered(Budget& budget, const Text& text) {
  TRY(budget.read(text.size()));
  const std::string_view bytes = text.bytes();
  TextBuilder out(budget);
  bool first = true;
  for (size_t at = 0; at < bytes.size(); at = next_character(bytes, at)) {
    const char32_t c = character_at(bytes, at);
    const bool is_break = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    out.add(first ? with_case(c, Case::upper) : lower_at(bytes, at), text.author_at(at));
    first = is_break;
  }
  TRY_ASSIGN(const Text made, out.finish());
  return made.as_markup(text.markup());
}

Result<Text> repeated_blank(Budget& budget, int64_t count) {
  const auto blanks = static_cast<uint64_t>(std::max<int64_t>(count, 0));
  TRY(budget.make(blanks));
  return Text(std::string(blanks, ' '), Author::the_template);
}

}  // namespace freehold::jinja
