#include "text/fill.h"

namespace freehold {
namespace {

struct Names {
  std::string_view before, after, middle, repo, file, padding;
};
constexpr Names families[] = {
    // Qwen
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>", "<|fim_pad|>"},
    // DeepSeek
    {"<\uff5cfim\u2581begin\uff5c>", "<\uff5cfim\u2581hole\uff5c>", "<\uff5cfim\u2581end\uff5c>", "", "", ""},
    // StarCoder 2, Granite
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>", "<fim_pad>"},
};
// Models that know no separator of files still see where one ends.
constexpr std::string_view plain_separator = "\n\n--- file ---\n\n";

}  // namespace

std::optional<FillTokens> find_fill_tokens(const Tokenizer& tokenizer) {
  for (const Names& names : families) {
    const auto before = tokenizer.id_of(names.before), after = tokenizer.id_of(names.after),
               middle = tokenizer.id_of(names.middle);
    if (!before || !after || !middle) continue;
    FillTokens fill{*before, *after, *middle};
    if (names.file.empty()) return fill;
    fill.repo = tokenizer.id_of(names.repo), fill.file = tokenizer.id_of(names.file);
    for (const auto& end : {fill.repo, fill.file, tokenizer.id_of(names.padding)})
      if (end) fill.ends.push_back(*end);
    return fill;
  }
  return std::nullopt;
}

std::vector<Token> fill_prompt(const Tokenizer& tokenizer, const FillTokens& fill, std::string_view prefix,
                               std::string_view suffix, std::span<const OtherFile> others) {
  std::vector<Token> tokens;
  const auto add = [&](std::string_view text) {
    const std::vector<Token> more = tokenizer.encode(text, Specials::as_text);
    tokens.insert(tokens.end(), more.begin(), more.end());
  };
  if (tokenizer.adds_bos() && tokenizer.bos()) tokens.push_back(*tokenizer.bos());
  if (!others.empty() && fill.file && fill.repo) {
    tokens.push_back(*fill.repo);
    add("repository\n");
  }
  for (const OtherFile& other : others) {
    if (fill.file) tokens.push_back(*fill.file);
    add((fill.file ? other.name + "\n" : std::string(plain_separator)) + other.text);
  }
  if (!others.empty() && fill.file) {
    tokens.push_back(*fill.file);
    add("this file\n");
  }
  tokens.push_back(fill.before);
  add(prefix);
  tokens.push_back(fill.after);
  add(suffix);
  tokens.push_back(fill.middle);
  return tokens;
}

}  // namespace freehold
