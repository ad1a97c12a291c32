#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/limits.h"
#include "text/utf8.h"

namespace freehold {
namespace {

constexpr uint32_t parentheses = 64;
constexpr uint32_t heap_kib = 20'000;
// Each place of the text gets these for nothing; more steps and a longer view of the text ahead (a greedy run over all
// of it is one step) are taken from a budget that grows with the text.
constexpr uint64_t first_steps = 256, first_bytes = 1'024, budget_per_byte = 64;

const pcre2_code* code_of(const std::shared_ptr<const void>& code) {
  return static_cast<const pcre2_code*>(code.get());
}

struct Free {
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};

// Tries to match at one place, with more and more steps while the budget lasts.
class Matcher {
 public:
  Matcher(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        budget_(budget_per_byte * text.size()) {
    CHECK(data_ && context_, "no memory for a regular expression");
    pcre2_set_heap_limit(context_.get(), heap_kib);
  }
  // The end of the match that begins at `at`, or npos.
  size_t end_at(size_t at) {
    uint64_t steps = first_steps, bytes = first_bytes;
    while (true) {
      const size_t seen = text_.size() - at <= bytes ? text_.size() : boundary(at + bytes);
      const uint32_t options = PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK | (seen < text_.size() ? PCRE2_PARTIAL_HARD : 0);
      pcre2_set_match_limit(context_.get(), static_cast<uint32_t>(steps));
      const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), seen, at, options, data_.get(),
                                    context_.get());
      if (found >= 0) return std::max<size_t>(at, pcre2_get_ovector_pointer(data_.get())[1]);
      uint64_t* short_one = found == PCRE2_ERROR_PARTIAL ? &bytes : found == PCRE2_ERROR_MATCHLIMIT ? &steps : nullptr;
      if (!short_one || steps > limits::regex_match_steps) return text_.npos;
      *short_one *= 8;
      if (*short_one > budget_) return text_.npos;
      budget_ -= *short_one;
    }
  }

 private:
  // The place, or the character's beginning before it.
  size_t boundary(size_t at) const {
    while ((static_cast<unsigned char>(text_[at]) & 0xc0) == 0x80) --at;
    return at;
  }

  const pcre2_code* code_;
  std::string_view text_;
  std::unique_ptr<pcre2_match_data, Free> data_;
  std::unique_ptr<pcre2_match_context, Free> context_;
  uint64_t budget_;
};

}  // namespace

Result<Regex> Regex::compile(std::string_view expression, std::string_view where) {
  if (expression.size() > limits::regex_bytes)
    return out_of_resources("{}: the regular expression has {} bytes; at most {} are allowed", where, expression.size(),
                            limits::regex_bytes);
  // Oniguruma reads && inside brackets as an intersection, PCRE2 as two characters.
  if (expression.find("&&") != expression.npos)
    return unsupported("{}: '&&' in the regular expression '{}'", where, printable(expression));
  const std::unique_ptr<pcre2_compile_context, Free> context(pcre2_compile_context_create(nullptr));
  CHECK(context, "no memory for a regular expression");
  pcre2_set_parens_nest_limit(context.get(), parentheses);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  // No start optimization: its scans are no steps, so the budget would not bound them.
  constexpr uint32_t options =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_START_OPTIMIZE;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), options, &error,
                                   &offset, context.get());
  if (!code) {
    unsigned char message[128] = {};
    pcre2_get_error_message(error, message, sizeof message);
    return unsupported("{}: regular expression '{}': {} at character {}", where, printable(expression),
                       reinterpret_cast<const char*>(message), offset);
  }
  Regex regex;
  regex.code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); });
  return regex;
}

Result<Regex> Regex::literal(std::string_view text, std::string_view where) {
  std::string expression;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || std::isalnum(byte);
    if (!plain) expression += '\\';
    expression += c;
  }
  return compile(expression, where);
}

void Regex::each_match(std::string_view text, const std::function<void(size_t begin, size_t end)>& found) const {
  Matcher matcher(code_of(code_), text);
  for (size_t at = 0; at <= text.size();) {
    const size_t end = matcher.end_at(at);
    if (end != text.npos) found(at, end);
    if (end != text.npos && end > at)
      at = end;
    else if (at < text.size())
      at += static_cast<size_t>(character_at(text, at).bytes);
    else
      break;
  }
}

}  // namespace freehold
