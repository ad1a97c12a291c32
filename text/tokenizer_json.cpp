// Hugging Face's tokenizer.json: normalizer, pre_tokenizer, model (BPE or WordPiece) and added_tokens; with the begin
// and end tokens of tokenizer_config.json. Its post_processor counts only as far as it says whether a begin token is
// added.
#include <algorithm>

#include "base/limits.h"
#include "text/json_fields.h"
#include "text/tokenizer_build.h"

namespace freehold {
namespace {

Result<Token> token_id(const Json& json, std::string_view where) {
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<uint64_t>() >= limits::vocabulary) ||
      json.get<int64_t>() < 0)
    return malformed("{}: token id {}; expected a number from 0 to {}", where, printable(json.dump(-1, ' ', true)),
                     limits::vocabulary - 1);
  return static_cast<Token>(json.get<int64_t>());
}

// The texts by id as they are found. Ids leave no holes, so none reaches the count of all entries.
class Places {
 public:
  Places(size_t entries, TokenizerParts& parts) : parts_(parts) {
    parts_.texts.resize(entries);
    parts_.kinds.resize(entries, TokenKind::unused);
    filled_.resize(entries, false);
  }
  // With `again`, the same text may stand there already: added tokens may be in the vocabulary too.
  Result<Done> put(Token id, std::string_view text, TokenKind kind, bool again, std::string_view where) {
    const auto i = static_cast<size_t>(id);
    if (i >= filled_.size())
      return inconsistent("{}: token id {}, but there are {} tokens, numbered from 0 without a hole", where, id,
                          filled_.size());
    if (filled_[i] && (!again || parts_.texts[i] != text))
      return inconsistent("{}: token id {} is '{}' and '{}'", where, id, printable(parts_.texts[i]), printable(text));
    filled_[i] = true;
    parts_.texts[i] = text;
    parts_.kinds[i] = text.empty() ? TokenKind::unused : kind;
    return Done{};
  }
  Result<Done> finish() {
    const auto hole = std::find(filled_.begin(), filled_.end(), false) - filled_.begin();
    const auto after = std::find(filled_.begin() + hole, filled_.end(), true);
    if (after != filled_.end())
      return inconsistent("{}: no token has id {}, but one has {}", parts_.file, hole, after - filled_.begin());
    parts_.texts.resize(static_cast<size_t>(hole));
    parts_.kinds.resize(static_cast<size_t>(hole));
    return Done{};
  }

 private:
  TokenizerParts& parts_;
  std::vector<bool> filled_;
};

Result<Done> read_vocabulary(const Json& vocabulary, Places& places, std::string_view where) {
  for (const auto& [text, id] : vocabulary.items()) {
    TRY_ASSIGN(const Token token, token_id(id, where));
    TRY(places.put(token, text, TokenKind::normal, false, where));
  }
  return Done{};
}

Result<Done> read_added(const Json& list, TokenizerParts& parts, Places& places, std::string_view where) {
  for (const Json& json : list) {
    if (!json.is_object()) return malformed("{}: expected objects, found a {}", where, json.type_name());
    const Json* id = json_member(json, "id");
    const Json* content = json_member(json, "content");
    if (!id || !content || !content->is_string())
      return malformed("{}: an entry without a number 'id' or a string 'content'", where);
    AddedToken token;
    TRY_ASSIGN(token.id, token_id(*id, where));
    token.text = content->get<std::string>();
    if (token.text.empty()) return malformed("{}: token {} is empty", where, token.id);
    TRY_ASSIGN(token.special, json_flag(json, "special", false, where));
    TRY_ASSIGN(token.normalized, json_flag(json, "normalized", !token.special, where));
    TRY_ASSIGN(token.single_word, json_flag(json, "single_word", false, where));
    TRY_ASSIGN(token.left_strip, json_flag(json, "lstrip", false, where));
    TRY_ASSIGN(token.right_strip, json_flag(json, "rstrip", false, where));
    TRY(places.put(token.id, content->get_ref<const std::string&>(),
                   token.special ? TokenKind::control : TokenKind::marked, true, where));
    parts.added.push_back(std::move(token));
  }
  return Done{};
}

Result<Done> read_tokens(const Json& root, const Json& model, TokenizerParts& parts) {
  const Json* vocabulary = json_member(model, "vocab");
  const Json* added = json_member(root, "added_tokens");
  if (!vocabulary || !vocabulary->is_object())
    return malformed("{}: model: 'vocab' is missing or no object", parts.file);
  if (added && !added->is_array())
    return malformed("{}: 'added_tokens' is a {}; expected a list", parts.file, added->type_name());
  Places places(vocabulary->size() + (added ? added->size() : 0), parts);
  TRY(read_vocabulary(*vocabulary, places, fmt::format("{}: model: vocab", parts.file)));
  if (added) TRY(read_added(*added, parts, places, fmt::format("{}: added_tokens", parts.file)));
  return places.finish();
}

Result<Done> read_merges(const Json& model, TokenizerParts& parts) {
  const std::string where = fmt::format("{}: model: merges", parts.file);
  const Json* list = json_member(model, "merges");
  if (!list || !list->is_array()) return malformed("{}: missing, or no list", where);
  parts.merges.reserve(list->size());
  for (const Json& json : *list) {
    if (json.is_string()) {
      const std::string_view merge = json.get_ref<const std::string&>();
      const size_t blank = merge.find(' ');
      if (blank == merge.npos || merge.find(' ', blank + 1) != merge.npos)
        return malformed("{}: '{}'; expected two tokens with one space between", where, printable(merge));
      parts.merges.emplace_back(merge.substr(0, blank), merge.substr(blank + 1));
    } else if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string()) {
      parts.merges.emplace_back(json[0].get_ref<const std::string&>(), json[1].get_ref<const std::string&>());
    } else {
      return malformed("{}: an entry is neither a string nor a pair of strings", where);
    }
  }
  return Done{};
}

// What a BPE model may ask for beyond merges; we do none of it.
Result<Done> refuse_extras(const Json& model, std::string_view where) {
  TRY_ASSIGN(const bool fallback, json_flag(model, "byte_fallback", false, where));
  if (fallback) return unsupported("{}: byte_fallback (SentencePiece's BPE)", where);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    TRY_ASSIGN(const std::string text, json_text_or(model, key, "", where));
    if (!text.empty()) return unsupported("{}: {} '{}'", where, key, printable(text));
  }
  if (const Json* dropout = json_member(model, "dropout"); dropout && !(dropout->is_number() && *dropout == 0))
    return unsupported("{}: dropout", where);
  return Done{};
}

// The id of a token of tokenizer_config.json, which names it by text, plainly or inside an object.
Result<std::optional<int64_t>> named_token(const Json& config, const char* key, const TokenizerParts& parts) {
  const Json* member = json_member(config, key);
  if (member && member->is_object()) member = json_member(*member, "content");
  if (!member) return std::nullopt;
  const std::string where = fmt::format("{}: tokenizer_config.json", parts.file);
  if (!member->is_string()) return wrong_type(*member, key, "a token", where);
  const std::string_view text = member->get_ref<const std::string&>();
  for (const AddedToken& token : parts.added)
    if (token.text == text) return token.id;
  const auto found = std::find(parts.texts.begin(), parts.texts.end(), text);
  if (found == parts.texts.end() || text.empty())
    return inconsistent("{}: {} '{}' is not in the vocabulary", where, key, printable(text));
  return found - parts.texts.begin();
}

// Numbers from config.json: one or a list.
Result<std::vector<int64_t>> numbered_tokens(const Json& config, const char* key, const TokenizerParts& parts) {
  std::vector<int64_t> ids;
  const Json* member = json_member(config, key);
  if (!member) return ids;
  const Json one = member->is_array() ? *member : Json::array({*member});
  for (const Json& id : one) {
    TRY_ASSIGN(const Token token, token_id(id, fmt::format("{}: {}", parts.file, key)));
    if (static_cast<size_t>(token) < parts.texts.size()) ids.push_back(token);  // a model may have more rows
  }
  return ids;
}

// The special token that a TemplateProcessing puts in front of a text, or null.
const Json* first_of_template(const Json* processor, int depth = 0) {
  if (!processor || !processor->is_object() || depth > 8) return nullptr;
  if (const Json* list = json_member(*processor, "processors"); list && list->is_array())
    for (const Json& inner : *list)
      if (const Json* found = first_of_template(&inner, depth + 1)) return found;
  const Json* single = json_member(*processor, "single");
  if (!single || !single->is_array() || single->empty() || !(*single)[0].is_object()) return nullptr;
  const Json* special = json_member((*single)[0], "SpecialToken");
  return special && special->is_object() ? json_member(*special, "id") : nullptr;
}

Result<Done> read_roles(const Json& root, const Json& config, TokenizerParts& parts) {
  TRY_ASSIGN(parts.bos, named_token(config, "bos_token", parts));
  TRY_ASSIGN(const auto eos, named_token(config, "eos_token", parts));
  if (eos) parts.ends.push_back(*eos);
  TRY_ASSIGN(const auto begin_ids, numbered_tokens(config, "bos_token_id", parts));
  TRY_ASSIGN(const auto end_ids, numbered_tokens(config, "eos_token_id", parts));
  if (!parts.bos && !begin_ids.empty()) parts.bos = begin_ids[0];
  parts.ends.insert(parts.ends.end(), end_ids.begin(), end_ids.end());

  bool by_template = false;
  if (const Json* first = first_of_template(json_member(root, "post_processor")); first && first->is_string()) {
    const std::string_view text = first->get_ref<const std::string&>();
    if (!parts.bos)
      for (const AddedToken& token : parts.added)
        if (token.text == text) parts.bos = token.id;
    by_template = parts.bos && parts.texts[static_cast<size_t>(*parts.bos)] == text;
  }
  TRY_ASSIGN(parts.adds_bos, json_flag(config, "add_bos_token", by_template, parts.file));
  parts.adds_bos = parts.adds_bos && parts.bos;
  return Done{};
}

}  // namespace

Result<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json, std::string_view config_json,
                                       std::string_view name) {
  TokenizerParts parts;
  parts.file = fmt::format("{}: tokenizer.json", printable(name));
  TRY_ASSIGN(const Json root, parse_json(tokenizer_json, parts.file));
  Json config = Json::object();
  if (!config_json.empty()) {
    TRY_ASSIGN(config, parse_json(config_json, fmt::format("{}: tokenizer_config.json", printable(name))));
  }
  if (!root.is_object() || !config.is_object())
    return malformed("{}: expected an object, in tokenizer_config.json too", parts.file);
  const Json* model = json_member(root, "model");
  if (!model || !model->is_object()) return malformed("{}: 'model' is missing or no object", parts.file);

  const std::string where = fmt::format("{}: model", parts.file);
  TRY_ASSIGN(const std::string type, json_text_or(*model, "type", "BPE", where));  // older files do not say
  if (type == "Unigram") return unsupported("{}: Unigram (SentencePiece); BPE and WordPiece are supported", where);
  if (type != "BPE" && type != "WordPiece")
    return unsupported("{}: '{}'; BPE and WordPiece are supported", where, printable(type));
  TRY(read_tokens(root, *model, parts));
  TRY_ASSIGN(parts.normalizer, Normalizer::from_json(root.value("normalizer", Json()), parts.file));
  TRY_ASSIGN(parts.pre_tokenizer, PreTokenizer::from_json(root.value("pre_tokenizer", Json()), parts.file));
  TRY(read_roles(root, config, parts));

  if (type == "WordPiece") {
    WordPieceOptions options;
    TRY_ASSIGN(options.prefix, json_text_or(*model, "continuing_subword_prefix", "##", where));
    TRY_ASSIGN(options.unknown, json_text_or(*model, "unk_token", "[UNK]", where));
    if (const Json* most = json_member(*model, "max_input_chars_per_word")) {
      if (!most->is_number_unsigned() || most->get<uint64_t>() > limits::token_bytes)
        return malformed("{}: max_input_chars_per_word is {}; expected at most {}", where, printable(most->dump()),
                         limits::token_bytes);
      options.most_characters = most->get<size_t>();
    }
    return build_wordpiece(std::move(parts), options);
  }
  TRY(refuse_extras(*model, where));
  TRY_ASSIGN(parts.ignore_merges, json_flag(*model, "ignore_merges", false, where));
  TRY(read_merges(*model, parts));
  return build_byte_bpe(std::move(parts));
}

}  // namespace freehold
