// The text side of a checkpoint: which metadata and side files a tokenizer and a chat template are read from.
//   GGUF:    tokenizer.ggml.*, tokenizer.chat_template
//   folder:  tokenizer.json, or else vocab.txt (WordPiece), tokenizer_config.json (begin and end tokens, template),
//   config.json (their ids, where the
//            former is silent), chat_template.jinja
#include "model/model.h"
#include "model/text_side.h"

namespace freehold {
namespace {

// A member of the metadata: nullptr when absent, an error when it is of another type than asked for.
template <class T>
Result<const T*> member(const Checkpoint& checkpoint, const char* key, std::string_view type) {
  const auto found = checkpoint.config().find(key);
  if (found == checkpoint.config().end()) return nullptr;
  const T* value = found->get_ptr<const T*>();
  if (!value) return malformed("{}: key '{}' is a {}; expected a {}", checkpoint.name(), key, found->type_name(), type);
  return value;
}

Result<std::string_view> text_member(const Checkpoint& checkpoint, const char* key) {
  TRY_ASSIGN(const auto* value, member<Json::string_t>(checkpoint, key, "string"));
  return value ? std::string_view(*value) : std::string_view();
}

Result<std::optional<int64_t>> id_member(const Checkpoint& checkpoint, const char* key) {
  const auto found = checkpoint.config().find(key);
  if (found == checkpoint.config().end()) return std::nullopt;
  if (!found->is_number_integer() || (found->is_number_unsigned() && found->get<uint64_t>() > INT32_MAX))
    return malformed("{}: key '{}' is {}; expected a token id", checkpoint.name(), key, printable(found->dump()));
  return found->get<int64_t>();
}

Result<Tokenizer> tokenizer_of_gguf(const Checkpoint& checkpoint) {
  GgufVocabulary vocabulary;
  vocabulary.file = checkpoint.name();
  TRY_ASSIGN(vocabulary.model, text_member(checkpoint, "tokenizer.ggml.model"));
  TRY_ASSIGN(vocabulary.pre, text_member(checkpoint, "tokenizer.ggml.pre"));
  if (vocabulary.model.empty())
    return malformed("{}: key 'tokenizer.ggml.model' is missing; the file holds no tokenizer", checkpoint.name());
  vocabulary.tokens = checkpoint.strings("tokenizer.ggml.tokens");
  vocabulary.merges = checkpoint.strings("tokenizer.ggml.merges");
  vocabulary.types = checkpoint.integers("tokenizer.ggml.token_type");
  TRY_ASSIGN(vocabulary.bos, id_member(checkpoint, "tokenizer.ggml.bos_token_id"));
  TRY_ASSIGN(vocabulary.eos, id_member(checkpoint, "tokenizer.ggml.eos_token_id"));
  TRY_ASSIGN(vocabulary.eot, id_member(checkpoint, "tokenizer.ggml.eot_token_id"));
  TRY_ASSIGN(vocabulary.unknown, id_member(checkpoint, "tokenizer.ggml.unknown_token_id"));
  TRY_ASSIGN(vocabulary.padding, id_member(checkpoint, "tokenizer.ggml.padding_token_id"));
  TRY_ASSIGN(const auto* add_bos, member<bool>(checkpoint, "tokenizer.ggml.add_bos_token", "boolean"));
  if (add_bos) vocabulary.add_bos = *add_bos;
  return Tokenizer::from_gguf(vocabulary);
}

Result<std::string> side_file_or_empty(const Checkpoint& checkpoint, std::string_view name) {
  if (!checkpoint.has_side_file(name)) return std::string();
  return checkpoint.side_file(name);
}

Result<Json> tokenizer_config(const Checkpoint& checkpoint) {
  TRY_ASSIGN(const std::string text, side_file_or_empty(checkpoint, "tokenizer_config.json"));
  if (text.empty()) return Json::object();
  TRY_ASSIGN(Json config, parse_json(text, fmt::format("{}: tokenizer_config.json", checkpoint.name())));
  if (!config.is_object())
    return malformed("{}: tokenizer_config.json: expected an object, found a {}", checkpoint.name(),
                     config.type_name());
  return config;
}

Result<Tokenizer> tokenizer_of_folder(const Checkpoint& checkpoint) {
  TRY_ASSIGN(Json config, tokenizer_config(checkpoint));
  if (!checkpoint.has_side_file("tokenizer.json")) {
    if (!checkpoint.has_side_file("vocab.txt"))
      return unsupported(
          "{}: holds neither tokenizer.json nor vocab.txt; other kinds of tokenizer file are not supported",
          checkpoint.name());
    TRY_ASSIGN(const std::string vocabulary, checkpoint.side_file("vocab.txt"));
    return Tokenizer::from_vocabulary(vocabulary, config.dump(), checkpoint.name());
  }
  TRY_ASSIGN(const std::string tokenizer, checkpoint.side_file("tokenizer.json"));
  for (const char* key : {"bos_token_id", "eos_token_id"})
    if (const auto id = checkpoint.config().find(key); id != checkpoint.config().end() && !config.contains(key))
      config[key] = *id;
  return Tokenizer::from_json(tokenizer, config.dump(), checkpoint.name());
}

// A template, or a list of them by name of which "default" counts.
Result<std::string> template_of_config(const Json& config, std::string_view file) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array())
    for (const Json& entry : *found)
      if (entry.is_object() && entry.value("name", Json()) == "default" && entry.value("template", Json()).is_string())
        return entry["template"].get<std::string>();
  return malformed("{}: tokenizer_config.json: 'chat_template' is neither a string nor a list with one named 'default'",
                   file);
}

}  // namespace

Result<Tokenizer> load_tokenizer(const Checkpoint& checkpoint) {
  return checkpoint.source() == Checkpoint::Source::gguf ? tokenizer_of_gguf(checkpoint)
                                                         : tokenizer_of_folder(checkpoint);
}

Result<std::string> chat_template_source(const Checkpoint& checkpoint) {
  if (checkpoint.source() == Checkpoint::Source::gguf) {
    TRY_ASSIGN(const std::string_view source, text_member(checkpoint, "tokenizer.chat_template"));
    return std::string(source);
  }
  if (checkpoint.has_side_file("chat_template.jinja")) return checkpoint.side_file("chat_template.jinja");
  TRY_ASSIGN(const Json config, tokenizer_config(checkpoint));
  return template_of_config(config, checkpoint.name());
}

Result<std::optional<FillTokens>> fill_tokens_for(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  std::optional<FillTokens> fill = find_fill_tokens(tokenizer);
  if (checkpoint.source() != Checkpoint::Source::gguf) return fill;
  std::vector<Token> stated;
  for (const char* key :
       {"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.fim_mid_token_id"}) {
    TRY_ASSIGN(const auto id, id_member(checkpoint, key));
    if (!id) return fill;
    if (*id < 0 || *id >= tokenizer.size())
      return malformed("{}: key '{}' is {}; the vocabulary has {} tokens", checkpoint.name(), key, *id,
                       tokenizer.size());
    stated.push_back(static_cast<Token>(*id));
  }
  if (!fill) fill.emplace();
  fill->before = stated[0], fill->after = stated[1], fill->middle = stated[2];
  return fill;
}

Result<std::optional<PromptFormat>> prompt_format_for(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  TRY_ASSIGN(const std::string source, chat_template_source(checkpoint));
  if (!source.empty()) {
    TRY_ASSIGN(ChatTemplate parsed, ChatTemplate::parse(source, checkpoint.name()));
    return PromptFormat(std::move(parsed));
  }
  const bool gguf = checkpoint.source() == Checkpoint::Source::gguf;
  TRY_ASSIGN(const std::string_view architecture,
             text_member(checkpoint, gguf ? "general.architecture" : "model_type"));
  const std::string name = checkpoint.name();
  return deepseek_format(
      {architecture, name, [&](std::string_view token) { return tokenizer.id_of(token).has_value(); }});
}

}  // namespace freehold
