// BERT's vocab.txt, as folders without a tokenizer.json have it: a token a line, numbered from 0. How text is split and
// lowered is BERT's own; tokenizer_config.json may switch parts of it off.
#include <algorithm>

#include "base/limits.h"
#include "text/json_fields.h"
#include "text/tokenizer_build.h"

namespace freehold {
namespace {

Result<std::vector<std::string_view>> lines_of(std::string_view text, std::string_view file) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    if (lines.size() >= static_cast<size_t>(limits::vocabulary))
      return out_of_resources("{}: more than {} tokens", file, limits::vocabulary);
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

Result<Tokenizer> Tokenizer::from_vocabulary(std::string_view vocab_txt, std::string_view config_json,
                                             std::string_view name) {
  TokenizerParts parts;
  parts.file = fmt::format("{}: vocab.txt", printable(name));
  TRY_ASSIGN(parts.texts, lines_of(vocab_txt, parts.file));
  parts.kinds.assign(parts.texts.size(), TokenKind::normal);

  const std::string where = fmt::format("{}: tokenizer_config.json", printable(name));
  Json config = Json::object();
  if (!config_json.empty()) {
    TRY_ASSIGN(config, parse_json(config_json, where));
  }
  if (!config.is_object()) return malformed("{}: expected an object, found a {}", where, config.type_name());
  WordPieceOptions options;
  TRY_ASSIGN(options.unknown, json_text_or(config, "unk_token", "[UNK]", where));
  // What a text must not be able to write.
  for (const auto& [key, usual] : {std::pair("cls_token", "[CLS]"),
                                   {"sep_token", "[SEP]"},
                                   {"pad_token", "[PAD]"},
                                   {"mask_token", "[MASK]"},
                                   {"unk_token", "[UNK]"}}) {
    TRY_ASSIGN(const std::string text, json_text_or(config, key, usual, where));
    const auto found = std::find(parts.texts.begin(), parts.texts.end(), text);
    if (found == parts.texts.end()) continue;
    const auto id = found - parts.texts.begin();
    parts.kinds[static_cast<size_t>(id)] = TokenKind::control;
    parts.added.push_back({.id = static_cast<Token>(id), .text = text, .special = true});
  }
  Normalizer::BertOptions how;
  TRY_ASSIGN(how.lowercase, json_flag(config, "do_lower_case", true, where));
  TRY_ASSIGN(how.strip_accents, json_flag(config, "strip_accents", how.lowercase, where));
  TRY_ASSIGN(how.chinese_characters, json_flag(config, "tokenize_chinese_chars", true, where));
  parts.normalizer = Normalizer::bert(how);
  parts.pre_tokenizer = PreTokenizer::bert();
  return build_wordpiece(std::move(parts), options);
}

}  // namespace freehold
