// Jinja 3.1 reads a template with regular expressions; what follows from them, and is easily missed:
// - a sign behind `{%`, `{{` or `{#` belongs to the tag, so `{{+1}}` is 1; `+` before an end is one only with `%}`,
// `#}`;
// - `-` strips all blanks (Unicode's) on its side, `{%` and `{#` without a sign those before it on its line, and `%}`
//   and `#}` without a sign the newline behind them; `{{ }}` strips nothing of itself;
// - an end of a tag is no end while a bracket is open, nor inside of a string;
// - a number behind a dot is an index (x.0.1), never a float.
#include "text/jinja/lexer.h"

#include <charconv>
#include <cstdlib>

#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
char opener_of(char closer) { return closer == ')' ? '(' : closer == ']' ? '[' : '{'; }

int digit_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

// Python's escapes. False: one that Python refuses, or a surrogate.
bool unescape(std::string_view raw, std::string& out) {
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    if (++i == raw.size()) return false;
    const char c = raw[i];
    const auto number = [&](size_t first, size_t digits, int base) -> long {  // exactly `digits` digits
      if (raw.size() - first < digits) return -1;
      long value = 0;
      for (size_t k = 0; k < digits; ++k) {
        const int digit = digit_value(raw[first + k]);
        if (digit >= base) return -1;
        value = value * base + digit;
      }
      return value;
    };
    static constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t known = letters.find(c); known != letters.npos) {
      out += meanings[known];
    } else if (c == '\n') {
      // a line continued
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const long value = number(i + 1, digits, 16);
      if (value < 0 || !is_scalar(static_cast<char32_t>(value))) return false;
      append_utf8(out, static_cast<char32_t>(value));
      i += digits;
    } else if (c >= '0' && c <= '7') {
      size_t digits = 1;
      while (digits < 3 && i + digits < raw.size() && raw[i + digits] >= '0' && raw[i + digits] <= '7') ++digits;
      append_utf8(out, static_cast<char32_t>(number(i, digits, 8)));
      i += digits - 1;
    } else if (c == 'N') {
      return false;  // \N{NAME}: needs the table of names
    } else {
      out += '\\';
      out += c;
    }
  }
  return true;
}

}  // namespace

std::string normalized_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

Result<Token> Lexer::next() {
  for (;;) {
    if (!ready_.empty()) {
      Token token = std::move(ready_.front());
      ready_.pop_front();
      return token;
    }
    if (in_ != In::data) return in_tag();
    if (at_ == source_.size()) return token(Token::Kind::end, 0);
    TRY_ASSIGN(Token data, in_data());
    if (data.kind != Token::Kind::data || !data.text.empty()) return data;
  }
}

void Lexer::move_to(size_t at) {
  for (; at_ < at; ++at_) line_ += source_[at_] == '\n';
}

Token Lexer::token(Token::Kind kind, size_t length) {
  Token token;
  token.kind = kind;
  token.line = line_;
  token.text = source_.substr(at_, length);
  move_to(at_ + length);
  return token;
}

std::string_view Lexer::strip_before_tag(std::string_view text, char sign, bool is_variable) const {
  if (sign == '-') return text.substr(0, trim_spaces(text, 0, text.size()));
  if (sign == '+' || is_variable) return text;
  const size_t newline = text.rfind('\n');
  if (newline == text.npos && !line_starting_) return text;
  const size_t line = newline == text.npos ? 0 : newline + 1;
  return skip_spaces(text, line) == text.size() ? text.substr(0, line) : text;
}

// Text up to the next tag; leaves the tag's begin, and all of a comment or raw block, in ready_.
Result<Token> Lexer::in_data() {
  size_t tag = at_;
  for (;; ++tag) {
    tag = source_.find('{', tag);
    if (tag == source_.npos || tag + 1 == source_.size()) return token(Token::Kind::data, source_.size() - at_);
    const char c = source_[tag + 1];
    if (c == '%' || c == '{' || c == '#') break;
  }
  const char kind = source_[tag + 1];
  const char next = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
  const char sign = next == '-' || next == '+' ? next : '\0';
  const size_t behind = tag + 2 + (sign ? 1 : 0);

  Token data;
  data.kind = Token::Kind::data;
  data.line = line_;
  data.text = strip_before_tag(source_.substr(at_, tag - at_), sign, kind == '{');
  move_to(tag);
  size_t raw;
  if (kind == '#') {
    const size_t end = source_.find("#}", behind);
    if (end == source_.npos) return syntax_error("a comment without its end '#}}'");
    const char end_sign = end > behind ? source_[end - 1] : '\0';
    move_to(end_sign == '-' ? skip_spaces(source_, end + 2) : end_sign == '+' ? end + 2 : skip_newline(end + 2));
    line_starting_ = source_[at_ - 1] == '\n';
  } else if (kind == '%' && raw_begin(behind, raw)) {
    move_to(raw);
    line_starting_ = source_[at_ - 1] == '\n';
    TRY(raw_block(raw));
  } else {
    in_ = kind == '%' ? In::block : In::variable;
    ready_.push_back(token(kind == '%' ? Token::Kind::block_begin : Token::Kind::variable_begin, behind - tag));
    line_starting_ = false;
  }
  return data;
}

bool Lexer::raw_begin(size_t at, size_t& behind) const {
  at = skip_spaces(source_, at);
  if (!source_.substr(at).starts_with("raw")) return false;
  at = skip_spaces(source_, at + 3);
  const std::string_view rest = source_.substr(at);
  if (rest.starts_with("-%}"))
    behind = skip_spaces(source_, at + 3);
  else if (rest.starts_with("%}"))
    behind = at + 2;
  else
    return false;
  return true;
}

Result<Done> Lexer::raw_block(size_t begin) {
  for (size_t tag = begin; (tag = source_.find("{%", tag)) != source_.npos; tag += 2) {
    size_t at = tag + 2;
    const char sign = at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
    at = skip_spaces(source_, at + (sign ? 1 : 0));
    if (!source_.substr(at).starts_with("endraw")) continue;
    at = skip_spaces(source_, at + 6);
    const std::string_view rest = source_.substr(at);
    if (!rest.starts_with("-%}") && !rest.starts_with("+%}") && !rest.starts_with("%}")) continue;
    Token data;
    data.kind = Token::Kind::data;
    data.line = line_;
    data.text = strip_before_tag(source_.substr(begin, tag - begin), sign, false);
    if (!data.text.empty()) ready_.push_back(std::move(data));
    move_to(rest[0] == '-' ? skip_spaces(source_, at + 3) : rest[0] == '+' ? at + 3 : skip_newline(at + 2));
    line_starting_ = source_[at_ - 1] == '\n';
    return Done{};
  }
  return syntax_error("'raw' without its 'endraw'");
}

Result<Token> Lexer::in_tag() {
  for (;;) {
    if (brackets_.empty()) {
      const std::string_view end = in_ == In::block ? "%}" : "}}";
      const char sign = at_ < source_.size() ? source_[at_] : '\0';
      const bool signed_end =
          (sign == '-' || (sign == '+' && in_ == In::block)) && source_.substr(at_ + 1).starts_with(end);
      if (signed_end || at(end)) {
        Token token = this->token(in_ == In::block ? Token::Kind::block_end : Token::Kind::variable_end,
                                  end.size() + (signed_end ? 1 : 0));
        if (signed_end && sign == '-')
          move_to(skip_spaces(source_, at_));
        else if (!signed_end && in_ == In::block)
          move_to(skip_newline(at_));
        line_starting_ = source_[at_ - 1] == '\n';
        in_ = In::data;
        return token;
      }
    }
    if (at_ == source_.size()) return token(Token::Kind::end, 0);
    if (!is_space(character_at(source_, at_))) break;
    move_to(next_character(source_, at_));
  }
  const char c = source_[at_];
  if (is_ascii_digit(c)) return number_token();
  if (c == '\'' || c == '"') return string_token();
  if (is_word(character_at(source_, at_))) {
    size_t end = at_;
    while (end < source_.size() && is_word(character_at(source_, end))) end = next_character(source_, end);
    return token(Token::Kind::name, end - at_);
  }
  for (const std::string_view two : {"//", "**", "==", "!=", ">=", "<="})
    if (at(two)) return token(Token::Kind::symbol, 2);
  if (c == '(' || c == '[' || c == '{') brackets_.push_back(c);
  if (c == ')' || c == ']' || c == '}') {
    if (brackets_.empty()) return syntax_error("'{}' closes nothing", c);
    if (brackets_.back() != opener_of(c)) return syntax_error("'{}' closes '{}'", c, brackets_.back());
    brackets_.pop_back();
  }
  if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos)
    return syntax_error("unexpected character '{}'", source_.substr(at_, next_character(source_, at_) - at_));
  return token(Token::Kind::symbol, 1);
}

Result<Token> Lexer::string_token() {
  const char quote = source_[at_];
  size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) return syntax_error("a string without its end");
  const std::string_view raw = source_.substr(at_ + 1, end - at_ - 1);
  Token string = token(Token::Kind::string, end + 1 - at_);
  if (!unescape(raw, string.string)) return syntax_error("an escape in the string {} that is none", printable(raw, 40));
  return string;
}

Result<Token> Lexer::number_token() {
  const auto digits_from = [&](size_t at) {  // (\d+_)*\d+
    while (at < source_.size() && (is_ascii_digit(source_[at]) ||
                                   (source_[at] == '_' && at + 1 < source_.size() && is_ascii_digit(source_[at + 1]))))
      ++at;
    return at;
  };
  const auto digit_at = [&](size_t at) { return at < source_.size() && is_ascii_digit(source_[at]); };
  const auto plain = [&](size_t end) {
    std::string text(source_.substr(at_, end - at_));
    std::erase(text, '_');
    return text;
  };

  size_t end = digits_from(at_);
  if (at_ == 0 || source_[at_ - 1] != '.') {
    size_t real = end;
    if (real < source_.size() && source_[real] == '.' && digit_at(real + 1)) real = digits_from(real + 1);
    if (real < source_.size() && (source_[real] | 0x20) == 'e') {
      const bool sign = real + 1 < source_.size() && (source_[real + 1] == '+' || source_[real + 1] == '-');
      if (digit_at(real + 1 + (sign ? 1 : 0))) real = digits_from(real + 1 + (sign ? 1 : 0));
    }
    if (real > end) {
      const double value = std::strtod(plain(real).c_str(), nullptr);
      Token number = token(Token::Kind::real, real - at_);
      number.real = value;
      return number;
    }
  }

  int base = 10;
  size_t first = at_;
  if (source_[at_] == '0' && at_ + 1 < source_.size()) {
    const char mark = static_cast<char>(source_[at_ + 1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    size_t at = at_ + 2, stop = at;
    while (marked) {
      const size_t digit = at < source_.size() && source_[at] == '_' ? at + 1 : at;
      if (digit >= source_.size() || digit_value(source_[digit]) >= marked) break;
      stop = at = digit + 1;
    }
    if (stop > at_ + 2) {
      base = marked;
      first = at_ + 2;
      end = stop;
    } else {  // 0 may repeat; 012 is 0 and then 12
      end = at_;
      while (end < source_.size() &&
             (source_[end] == '0' || (source_[end] == '_' && end + 1 < source_.size() && source_[end + 1] == '0')))
        ++end;
    }
  }
  std::string digits(source_.substr(first, end - first));
  std::erase(digits, '_');
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ec != std::errc()) return syntax_error("the number {} has more than 64 bits", printable(digits, 40));
  Token number = token(Token::Kind::integer, end - at_);
  number.integer = value;
  return number;
}

}  // namespace freehold::jinja
