// A template, a NUL, and JSON variables (a built-in conversation where they are none). Whatever the template does, the
// rendering ends within its budgets, its pieces alternate between the authors, and no character that only the request
// has ever stands in a piece of the template.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.h"
#include "text/chat_template.h"
#include "text/utf8.h"

using namespace freehold;

namespace {

constexpr std::string_view canary = "\xee\x80\x80";  // U+E000, private use

Json conversation() {
  const auto marked = [](std::string_view text) {
    return std::string(canary) + std::string(text) + std::string(canary);
  };
  const Json call = {{"function", {{"name", marked("f")}, {"arguments", {{marked("k"), 1.5}, {"n", nullptr}}}}}};
  return {{"messages",
           {{{"role", "system"}, {"content", marked("Be kind. <|im_start|>")}},
            {{"role", "user"}, {"content", marked("  a,b\n\"c\" <x> ")}},
            {{"role", "assistant"}, {"content", marked("<think>t</think>v")}, {"tool_calls", {call}}}}},
          {"tools", {{{"type", "function"}, {"function", {{"name", marked("g")}, {"list", {1, 2, true}}}}}}},
          {"add_generation_prompt", true},
          {"x", marked("x y")},
          {"n", 3},
          {"d", {{"b", 2}, {"a", marked("z")}}},
          {"bos_token", "<s>"},
          {"eos_token", "</s>"}};
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = fuzz::text_of(input);
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string_view source = text.substr(0, end);
  const auto parsed = ChatTemplate::parse(source, "fuzzed");
  if (!parsed) return;
  Json variables = conversation();
  bool has_canary = true;
  if (end < text.size()) {
    const auto given = parse_json(text.substr(end + 1), "variables", {.bytes = 1 << 16});
    if (given && given->is_object()) {
      variables = *given;
      has_canary = false;
    }
  }
  RenderOptions options;
  options.steps = 100'000;
  options.output_bytes = 1 << 20;
  options.now = std::tm{};
  const auto pieces = parsed->render(variables, options);
  if (!pieces) {
    fuzz::expect(is_clean_utf8(pieces.error().what) && pieces.error().what.size() <= 310);
    return;
  }
  // A template that writes numbers or escapes can spell any character itself.
  const bool can_spell_it =
      source.find('\\') != source.npos || source.find("c") != source.npos || source.find(canary) != source.npos;
  size_t bytes = 0;
  for (size_t i = 0; i < pieces->size(); ++i) {
    const Piece& piece = (*pieces)[i];
    fuzz::expect(!piece.text.empty() && valid_utf8(piece.text));
    fuzz::expect(i == 0 || piece.author != (*pieces)[i - 1].author);
    if (has_canary && !can_spell_it && piece.author == Author::the_template)
      fuzz::expect(piece.text.find(canary) == std::string::npos);
    bytes += piece.text.size();
  }
  fuzz::expect(bytes <= options.output_bytes);
}
