// How texts become vectors, as the files of a model state it.
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "model/text_side.h"

namespace freehold {
namespace {

Result<Json> side_json(const Checkpoint& checkpoint, const std::string& file) {
  TRY_ASSIGN(const std::string text, checkpoint.side_file(file));
  return parse_json(text, fmt::format("{}: {}", checkpoint.name(), file), {.bytes = limits::config_json_bytes});
}

// ---- sentence-transformers -----------------------------------------------------------------------------------------

// "sentence_transformers.models.Pooling", and longer in newer versions: the last word.
Result<std::string> kind_of(const Json& module, std::string_view where) {
  const auto type = module.is_object() ? module.find("type") : module.end();
  if (!module.is_object() || type == module.end() || !type->is_string())
    return malformed("{}: a module without a string 'type'", where);
  const auto text = type->get<std::string>();
  return text.substr(text.rfind('.') + 1);
}

Result<Pooling> pooling_named(std::string_view name, std::string_view where) {
  if (name == "mean" || name == "pooling_mode_mean_tokens") return Pooling::mean;
  if (name == "cls" || name == "pooling_mode_cls_token") return Pooling::first;
  if (name == "lasttoken" || name == "pooling_mode_lasttoken") return Pooling::last;
  return unsupported("{}: pooling '{}' is not computed; mean, cls and lasttoken are", where, printable(name));
}

// One of the switches pooling_mode_* is on, or "pooling_mode" names it.
Result<Pooling> read_pooling(const Json& config, const std::string& where) {
  if (!config.is_object()) return malformed("{}: expected an object, found a {}", where, config.type_name());
  std::optional<std::string> found;
  for (const auto& [key, value] : config.items()) {
    const bool named = key == "pooling_mode" && value.is_string();
    if (!named && !(key.starts_with("pooling_mode_") && value == Json(true))) continue;
    if (found) return unsupported("{}: '{}' and '{}' together are not computed", where, *found, printable(key));
    found = named ? value.get<std::string>() : key;
  }
  if (!found) return malformed("{}: no 'pooling_mode' is on; expected one", where);
  return pooling_named(*found, where);
}

Result<Done> read_modules(const Checkpoint& checkpoint, VectorForm& form) {
  if (!checkpoint.has_side_file("modules.json")) return Done{};
  const std::string where = fmt::format("{}: modules.json", checkpoint.name());
  TRY_ASSIGN(const Json modules, side_json(checkpoint, "modules.json"));
  if (!modules.is_array()) return malformed("{}: expected a list, found a {}", where, modules.type_name());
  for (size_t i = 0; i < modules.size(); ++i) {
    TRY_ASSIGN(const std::string kind, kind_of(modules[i], where));
    if (kind != (i == 0 ? "Transformer" : i == 1 ? "Pooling" : "Normalize"))
      return unsupported("{}: module {} is '{}'; computed are a Transformer, its Pooling and Normalize", where, i,
                         printable(kind));
    if (i != 1) continue;  // vectors are of length 1 in any case
    const auto path = modules[i].find("path");
    if (path == modules[i].end() || !path->is_string() || !is_plain_name(path->get_ref<const std::string&>()))
      return malformed("{}: the Pooling's 'path' is missing or no name of a folder", where);
    const std::string file = path->get<std::string>() + "/config.json";
    TRY_ASSIGN(const Json config, side_json(checkpoint, file));
    TRY_ASSIGN(form.pooling, read_pooling(config, fmt::format("{}: {}", checkpoint.name(), file)));
  }
  return Done{};
}

Result<Done> read_sentence_config(const Checkpoint& checkpoint, const Tokenizer& tokenizer, VectorForm& form) {
  constexpr const char* file = "sentence_bert_config.json";
  if (!checkpoint.has_side_file(file)) return Done{};
  TRY_ASSIGN(const Json config, side_json(checkpoint, file));
  const std::string where = fmt::format("{}: {}", checkpoint.name(), file);
  if (!config.is_object()) return malformed("{}: expected an object, found a {}", where, config.type_name());
  if (const auto most = config.find("max_seq_length"); most != config.end() && !most->is_null()) {
    if (!most->is_number_unsigned() || most->get<uint64_t>() < 3 ||
        most->get<uint64_t>() > static_cast<uint64_t>(limits::context))
      return malformed("{}: max_seq_length is {}; expected 3 to {}", where, printable(most->dump(), 40),
                       limits::context);
    form.most_tokens = most->get<int>();
  }
  const auto lower = config.find("do_lower_case");
  if (lower != config.end() && *lower == Json(true) &&
      tokenizer.encode("A", Specials::as_text) != tokenizer.encode("a", Specials::as_text))
    return unsupported("{}: do_lower_case, and the tokenizer keeps case; that is not done here", where);
  return Done{};
}

// ---- encoders ------------------------------------------------------------------------------------------------------

Result<Token> mark(const Checkpoint& checkpoint, const Tokenizer& tokenizer, std::string_view text) {
  if (const auto id = tokenizer.id_of(text)) return *id;
  return malformed("{}: the vocabulary has no '{}', which stands around texts for encoders", checkpoint.name(), text);
}

Result<VectorForm> encoder_form(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  VectorForm form;
  TRY_ASSIGN(form.begin, mark(checkpoint, tokenizer, "[CLS]"));
  TRY_ASSIGN(form.end, mark(checkpoint, tokenizer, "[SEP]"));
  if (checkpoint.source() == Checkpoint::Source::folder) {
    TRY(read_modules(checkpoint, form));
    TRY(read_sentence_config(checkpoint, tokenizer, form));
    return form;
  }
  const auto stated = checkpoint.config().find("bert.pooling_type");
  if (stated == checkpoint.config().end() || *stated == Json(0) || *stated == Json(1)) return form;  // unstated, mean
  if (*stated != Json(2))
    return unsupported("{}: bert.pooling_type {} is not computed; 1 (mean) and 2 (cls) are", checkpoint.name(),
                       printable(stated->dump(), 40));
  form.pooling = Pooling::first;
  return form;
}

Result<std::string> text_of(const Checkpoint& checkpoint, const char* key) {
  const auto found = checkpoint.config().find(key);
  if (found == checkpoint.config().end()) return std::string();
  if (!found->is_string())
    return malformed("{}: key '{}' is a {}; expected a string", checkpoint.name(), key, found->type_name());
  return found->get<std::string>();
}

}  // namespace

std::vector<Token> VectorForm::around(std::vector<Token> text) const {
  if (begin && (text.empty() || text.front() != *begin)) text.insert(text.begin(), *begin);
  if (end) text.push_back(*end);
  return text;
}

Result<std::optional<VectorForm>> vector_form_for(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  const bool gguf = checkpoint.source() == Checkpoint::Source::gguf;
  TRY_ASSIGN(const std::string architecture, text_of(checkpoint, gguf ? "general.architecture" : "model_type"));
  if (architecture == "bert") {
    TRY_ASSIGN(const VectorForm form, encoder_form(checkpoint, tokenizer));
    return form;
  }
  VectorForm form;
  if (tokenizer.adds_bos()) form.begin = tokenizer.bos();
  if (!gguf) return form;
  const auto ends = checkpoint.config().find("tokenizer.ggml.add_eos_token");
  if (ends != checkpoint.config().end() && !ends->is_boolean())
    return malformed("{}: key 'tokenizer.ggml.add_eos_token' is a {}; expected a boolean", checkpoint.name(),
                     ends->type_name());
  if (ends != checkpoint.config().end() && *ends == Json(true) && !tokenizer.ends().empty())
    form.end = tokenizer.ends().front();
  const auto found = checkpoint.config().find(architecture + ".pooling_type");
  if (found == checkpoint.config().end() || *found == Json(0) || *found == Json(1)) return form;  // unstated, mean
  if (*found != Json(3)) return std::nullopt;
  form.pooling = Pooling::last;
  return form;
}

}  // namespace freehold
