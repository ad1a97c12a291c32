#include "text/tokenizer_normalize.h"

#include "base/limits.h"
#include "text/json_fields.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace freehold {
namespace {

constexpr int deepest = 8;

// The text with each character replaced by what `put(result, code)` appends.
template <class Put>
std::string each_character(std::string_view text, Put&& put) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    at += static_cast<size_t>(c.bytes);
    put(result, c.code);
  }
  return result;
}

std::string lowercase(std::string_view text) {
  return each_character(text, [](std::string& result, char32_t c) {
    if (c == 0x130)
      result += "i\u0307";  // the one character whose lower case is two
    else
      append_utf8(result, simple_lowercase(c));
  });
}

std::string without_marks(std::string_view text) {
  return each_character(text, [](std::string& result, char32_t c) {
    if (!(classes_of(c) & mark)) append_utf8(result, c);
  });
}

std::string without_nonspacing_marks(std::string_view text) {
  return each_character(text, [](std::string& result, char32_t c) {
    if (!nonspacing_mark(c)) append_utf8(result, c);
  });
}

// Control, format and private characters go, white space becomes a space.
std::string cleaned(std::string_view text) {
  return each_character(text, [](std::string& result, char32_t c) {
    if (c == '\t' || c == '\n' || c == '\r')
      result += ' ';
    else if (c == replacement_character || control_character(c))
      return;
    else if (classes_of(c) & space)
      result += ' ';
    else
      append_utf8(result, c);
  });
}

bool chinese(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}
std::string with_spaced_chinese(std::string_view text) {
  return each_character(text, [](std::string& result, char32_t c) {
    if (chinese(c)) result += ' ';
    append_utf8(result, c);
    if (chinese(c)) result += ' ';
  });
}

std::string replaced(std::string_view text, const Regex& regex, std::string_view content) {
  std::string result;
  size_t done = 0;
  regex.each_match(text, [&](size_t begin, size_t end) {
    result += text.substr(done, begin - done);
    result += content;
    done = end;
  });
  result += text.substr(done);
  return result;
}

}  // namespace

Normalizer Normalizer::bert(BertOptions options) {
  Normalizer result;
  if (options.clean_text) result.steps_.push_back(cleaned);
  if (options.chinese_characters) result.steps_.push_back(with_spaced_chinese);
  if (options.strip_accents) {
    result.steps_.push_back([](std::string_view text) { return normal_form(text, NormalForm::nfd); });
    result.steps_.push_back(without_nonspacing_marks);
  }
  if (options.lowercase) result.steps_.push_back(lowercase);
  return result;
}

Result<Normalizer> Normalizer::from_json(const Json& json, std::string_view file) {
  Normalizer result;
  if (!json.is_null()) TRY(result.add(json, fmt::format("{}: normalizer", file), 0));
  return result;
}

Result<Done> Normalizer::add(const Json& json, const std::string& where, int depth) {
  if (depth > deepest || steps_.size() >= limits::tokenizer_steps)
    return out_of_resources("{}: more than {} normalizers, or more than {} deep", where, limits::tokenizer_steps,
                            deepest);
  TRY_ASSIGN(const std::string type, json_type(json, where));
  const std::string here = fmt::format("{}: {}", where, printable(type));
  if (type == "Sequence") {
    const Json* list = json_member(json, "normalizers");
    if (!list || !list->is_array()) return malformed("{}: 'normalizers' is missing or no list", here);
    for (const Json& inner : *list) TRY(add(inner, where, depth + 1));
    return Done{};
  }
  for (const auto& [name, form] : {std::pair("NFC", NormalForm::nfc),
                                   {"NFD", NormalForm::nfd},
                                   {"NFKC", NormalForm::nfkc},
                                   {"NFKD", NormalForm::nfkd}}) {
    if (type != name) continue;
    composes_ = composes_ || form == NormalForm::nfc;
    steps_.push_back([f = form](std::string_view text) { return normal_form(text, f); });
    return Done{};
  }
  if (type == "Lowercase") {
    steps_.push_back(lowercase);
  } else if (type == "StripAccents") {
    steps_.push_back(without_marks);
  } else if (type == "BertNormalizer") {
    BertOptions options;
    TRY_ASSIGN(options.clean_text, json_flag(json, "clean_text", true, here));
    TRY_ASSIGN(options.chinese_characters, json_flag(json, "handle_chinese_chars", true, here));
    TRY_ASSIGN(options.lowercase, json_flag(json, "lowercase", true, here));
    TRY_ASSIGN(options.strip_accents, json_flag(json, "strip_accents", options.lowercase, here));
    for (Step& step : bert(options).steps_) steps_.push_back(std::move(step));
  } else if (type == "Prepend") {
    TRY_ASSIGN(std::string prefix, json_text(json, "prepend", here));
    steps_.push_back(
        [prefix](std::string_view text) { return text.empty() ? std::string() : prefix + std::string(text); });
  } else if (type == "Replace") {
    TRY_ASSIGN(std::string content, json_text(json, "content", here));
    const Json* pattern = json_member(json, "pattern");
    if (!pattern || !pattern->is_object()) return malformed("{}: 'pattern' is missing or no object", here);
    const bool literal = json_member(*pattern, "String") != nullptr;
    TRY_ASSIGN(const std::string expression, json_text(*pattern, literal ? "String" : "Regex", here));
    TRY_ASSIGN(Regex regex, literal ? Regex::literal(expression, here) : Regex::compile(expression, here));
    steps_.push_back([regex, content](std::string_view text) { return replaced(text, regex, content); });
  } else {
    return unsupported("{}: normalizer '{}' is not known", where, printable(type));
  }
  return Done{};
}

std::string Normalizer::apply(std::string_view text) const {
  std::string result(text);
  for (const Step& step : steps_) result = step(result);
  return result;
}

}  // namespace freehold
