// freehold inspect: what is inside a model file, from its header alone: nothing is loaded. Works on files that are cut
// off inside their tensor data and on architectures that cannot be run yet.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/plan.h"
#include "apps/report.h"
#include "apps/sha256.h"
#include "tensor/pack.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  bool tensors = false, sha256 = false, json = false, plan = false;
};

// What a tensor is for, told from its name in either naming.
enum Part { embedding, attention, feed_forward, experts, norms, head, other, part_count };
constexpr std::array<const char*, part_count> part_names = {"embedding", "attention", "feed-forward", "experts",
                                                            "norms",     "head",      "other"};
Part part_of(std::string_view name) {
  const auto has = [&](std::string_view text) { return name.find(text) != std::string_view::npos; };
  if (has("norm")) return norms;
  if (has("token_embd") || has("embed_tokens") || has("embeddings")) return embedding;
  if (has("_exps") || has(".experts.") || has("_shexp") || has("ffn_gate_inp") || has("exp_probs")) return experts;
  if (has("attn") || has("attention")) return attention;
  if (has("ffn") || has("mlp")) return feed_forward;
  if (name.starts_with("output") || has("lm_head")) return head;
  return other;
}

struct Count {
  uint64_t tensors = 0, parameters = 0, bytes = 0;
  void add(uint64_t n, uint64_t b) { ++tensors, parameters += n, bytes += b; }
};

// Configuration by its meaning: the GGUF key ("{arch}.block_count") or the released one ("num_hidden_layers").
class Settings {
 public:
  explicit Settings(const Checkpoint& checkpoint)
      : config_(checkpoint.config()), gguf_(checkpoint.source() == Checkpoint::Source::gguf) {
    architecture = text(gguf_ ? "general.architecture" : "model_type");
  }
  std::string text(const std::string& key) const {
    const auto found = config_.find(key);
    return found != config_.end() && found->is_string() ? found->get<std::string>() : "";
  }
  std::optional<int64_t> number(const char* gguf, const char* released) const {
    const auto found = config_.find(gguf_ ? architecture + "." + gguf : std::string(released));
    if (found == config_.end() || !found->is_number_integer()) return std::nullopt;
    const auto value = found->get<int64_t>();
    return value >= 0 && value < (int64_t{1} << 31) ? std::optional(value) : std::nullopt;
  }
  std::string architecture;

 private:
  const Json& config_;
  bool gguf_;
};

std::string licence_of(const Settings& settings) {
  for (const char* key : {"general.license", "general.license.name", "license"})
    if (const std::string text = settings.text(key); !text.empty()) return text;
  return "not stated in the file";
}

std::string family_of(std::string_view source) {
  constexpr std::pair<std::string_view, std::string_view> marks[] = {
      {"<|im_start|>", "ChatML"},      {"<|start_header_id|>", "Llama 3"}, {"<｜User｜>", "DeepSeek"},
      {"[INST]", "Mistral"},           {"<start_of_turn>", "Gemma"},       {"### Instruction", "Alpaca"},
      {"<|start_of_role|>", "Granite"}};
  for (const auto& [mark, family] : marks)
    if (source.find(mark) != std::string_view::npos) return std::string(family);
  return "of its own";
}

// Bytes of keys and values of one position in 16-bit numbers; nullopt when the file does not say.
std::optional<uint64_t> cache_bytes(const Settings& s) {
  const auto layers = s.number("block_count", "num_hidden_layers");
  const auto hidden = s.number("embedding_length", "hidden_size");
  const auto heads = s.number("attention.head_count", "num_attention_heads");
  if (!layers || !hidden || !heads || *heads == 0) return std::nullopt;
  if (const auto latent = s.number("attention.kv_lora_rank", "kv_lora_rank"))
    if (const auto rotated = s.number("rope.dimension_count", "qk_rope_head_dim"))
      return static_cast<uint64_t>(*layers * (*latent + *rotated) * 2);
  const auto kv_heads = s.number("attention.head_count_kv", "num_key_value_heads").value_or(*heads);
  const auto key = s.number("attention.key_length", "head_dim").value_or(*hidden / *heads);
  const auto value = s.number("attention.value_length", "head_dim").value_or(key);
  return static_cast<uint64_t>(*layers * kv_heads * (key + value) * 2);
}

struct FormatRow {
  Count count;
  uint64_t memory = 0;  // as held for running
  std::string path;
};

struct Inspection {
  std::string note;  // why the file is not whole; empty when it is
  std::array<Count, part_count> parts{};
  std::map<std::string, FormatRow> formats;
  Count all;
  uint64_t memory = 0;
  int whole = 0;
};

Inspection examine(const Checkpoint& checkpoint, std::string note) {
  Inspection found;
  found.note = std::move(note);
  const bool tied = !std::any_of(checkpoint.tensors().begin(), checkpoint.tensors().end(),
                                 [](const StoredTensor& t) { return part_of(t.name) == head; });
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    const auto elements = static_cast<uint64_t>(tensor.shape.elements());
    const uint64_t bytes = stored_bytes(tensor.format, elements).value_or(0);
    found.whole += !tensor.bytes.empty();
    const Part part = part_of(tensor.name);
    found.parts[part].add(elements, bytes);
    found.all.add(elements, bytes);
    const bool matrix = tensor.shape.rank() >= 2;
    const bool looked_up = part == embedding && !tied;
    const bool packed = matrix && !looked_up && packs(tensor.format);
    const int64_t columns = matrix ? tensor.shape[tensor.shape.rank() - 1] : 1;
    const uint64_t memory = packed   ? packed_bytes(tensor.format, tensor.shape.elements() / columns, columns)
                            : matrix ? bytes
                                     : elements * sizeof(float);
    const char* path = !matrix     ? "read as float"
                       : looked_up ? "rows looked up as stored"
                       : packed    ? "packed, 16 rows by 4"
                                   : "decoded as stored";
    FormatRow& row = found.formats[std::string(info(tensor.format).name) + "\t" + path];
    row.count.add(elements, bytes);
    row.memory += memory;
    row.path = path;
    found.memory += memory;
  }
  return found;
}

std::string shape_text(const Shape& shape) { return shape.text(); }

struct TextSide {
  std::string tokenizer, family, first_line;
  std::optional<int> vocabulary;
};

TextSide examine_text(const Checkpoint& checkpoint) {
  TextSide side;
  const auto tokenizer = load_tokenizer(checkpoint);
  if (tokenizer) {
    side.tokenizer = tokenizer->kind();
    side.vocabulary = tokenizer->size();
  } else {
    side.tokenizer = "not usable: " + tokenizer.error().what;
  }
  if (const auto source = chat_template_source(checkpoint); !source) {
    side.family = "not usable: " + source.error().what;
  } else if (source->empty()) {
    side.family = "none";
    if (!tokenizer) return side;
    const auto format = prompt_format_for(checkpoint, *tokenizer);
    if (format && *format) side.family += fmt::format("; {} is built in", (*format)->name());
  } else {
    side.family = family_of(*source);
    const size_t start = std::min(source->find_first_not_of(" \r\n\t"), source->size());
    side.first_line = printable(source->substr(start, source->find('\n', start) - start), 100);
  }
  return side;
}

void print_tensors(const Checkpoint& checkpoint) {
  print("\n");
  for (const StoredTensor& t : checkpoint.tensors())
    print(fmt::format("{:<48} {:<18} {:<8} {:>12}{}\n", printable(t.name), shape_text(t.shape), info(t.format).name,
                      text_of_bytes(stored_bytes(t.format, static_cast<uint64_t>(t.shape.elements())).value_or(0)),
                      t.bytes.empty() ? "  not whole" : ""));
}

void print_for_people(const Checkpoint& checkpoint, const Settings& s, const Inspection& found, const TextSide& text,
                      const std::string& digest) {
  const auto row = [](std::string_view name, const std::string& value) {
    print(fmt::format("{:<14}{}\n", name, fit_for_terminal(value)));
  };
  const auto number = [&](const char* gguf, const char* released) {
    const auto n = s.number(gguf, released);
    return n ? std::to_string(*n) : std::string("?");
  };
  const std::string title = s.text("general.name");
  row("model", checkpoint.name() + (title.empty() ? "" : "  (" + printable(title) + ")"));
  if (!found.note.empty())
    row("not whole", fmt::format("{} of {} tensors are here; {}", found.whole, found.all.tensors, found.note));
  row("file", fmt::format("{}, {}", checkpoint.source() == Checkpoint::Source::gguf ? "GGUF" : "Hugging Face folder",
                          text_of_bytes(checkpoint.file_bytes())));
  if (!digest.empty()) row("SHA-256", digest);
  row("architecture",
      fmt::format("{}: {} layers, width {}, {} heads over {} key heads, feed-forward {}", printable(s.architecture),
                  number("block_count", "num_hidden_layers"), number("embedding_length", "hidden_size"),
                  number("attention.head_count", "num_attention_heads"),
                  number("attention.head_count_kv", "num_key_value_heads"),
                  number("feed_forward_length", "intermediate_size")));
  const auto context = s.number("context_length", "max_position_embeddings");
  row("context", context ? text_of_count(static_cast<uint64_t>(*context)) + " positions" : "not stated");
  row("tokenizer",
      text.tokenizer +
          (text.vocabulary ? fmt::format(", {} tokens", text_of_count(static_cast<uint64_t>(*text.vocabulary))) : ""));
  row("template", text.family + (text.first_line.empty() ? "" : ":  " + text.first_line));
  row("licence", printable(licence_of(s)));

  print(fmt::format("\n{:<14}{:>12} {:>9} {:>14}\n", "part", "parameters", "tensors", "bytes"));
  const auto count_row = [](std::string_view name, const Count& c) {
    print(fmt::format("{:<14}{:>12} {:>9} {:>14}\n", name, text_of_large(c.parameters), c.tensors,
                      text_of_bytes(c.bytes)));
  };
  for (int part = 0; part < part_count; ++part)
    if (found.parts[static_cast<size_t>(part)].tensors > 0)
      count_row(part_names[static_cast<size_t>(part)], found.parts[static_cast<size_t>(part)]);
  if (found.parts[head].tensors == 0 && found.parts[embedding].tensors > 0)
    print(fmt::format("{:<14}{:>12}\n", "head", "= embedding"));
  count_row("all", found.all);

  print(fmt::format("\n{:<14}{:>12} {:>9} {:>14}   {}\n", "format", "bytes", "tensors", "in memory", "path"));
  for (const auto& [key, f] : found.formats)
    print(fmt::format("{:<14}{:>12} {:>9} {:>14}   {}\n", key.substr(0, key.find('\t')), text_of_bytes(f.count.bytes),
                      f.count.tensors, text_of_bytes(f.memory), f.path));

  print(fmt::format("\n{:<14}{:>12}\n", "memory", ""));
  print(fmt::format("{:<14}{:>12}\n", "  weights", text_of_bytes(found.memory)));
  const auto cache = cache_bytes(s);
  if (!cache) return;
  print(fmt::format("{:<14}{:>12}   per 1,000 positions, 16-bit\n", "  cache", text_of_bytes(*cache * 1000)));
  if (context)
    print(fmt::format("{:<14}{:>12}   at {} positions\n", "  together",
                      text_of_bytes(found.memory + *cache * static_cast<uint64_t>(*context)),
                      text_of_count(static_cast<uint64_t>(*context))));
}

Json as_json(const Checkpoint& checkpoint, const Settings& s, const Inspection& found, const TextSide& text,
             const std::string& digest, bool tensors) {
  const auto counts = [](const Count& c) {
    return Json{{"tensors", c.tensors}, {"parameters", c.parameters}, {"bytes", c.bytes}};
  };
  const auto number = [&](const char* gguf, const char* released) {
    const auto n = s.number(gguf, released);
    return n ? Json(*n) : Json(nullptr);
  };
  Json parts = Json::object(), formats = Json::array();
  for (size_t part = 0; part < part_count; ++part)
    if (found.parts[part].tensors > 0) parts[part_names[part]] = counts(found.parts[part]);
  for (const auto& [key, f] : found.formats)
    formats.push_back({{"format", key.substr(0, key.find('\t'))},
                       {"bytes", f.count.bytes},
                       {"tensors", f.count.tensors},
                       {"memory", f.memory},
                       {"path", f.path}});
  const auto cache = cache_bytes(s);
  Json json = {{"model", checkpoint.name()},
               {"source", checkpoint.source() == Checkpoint::Source::gguf ? "gguf" : "folder"},
               {"file_bytes", checkpoint.file_bytes()},
               {"whole", found.note.empty()},
               {"architecture", s.architecture},
               {"layers", number("block_count", "num_hidden_layers")},
               {"hidden", number("embedding_length", "hidden_size")},
               {"heads", number("attention.head_count", "num_attention_heads")},
               {"kv_heads", number("attention.head_count_kv", "num_key_value_heads")},
               {"ffn", number("feed_forward_length", "intermediate_size")},
               {"context", number("context_length", "max_position_embeddings")},
               {"vocabulary", text.vocabulary ? Json(*text.vocabulary) : Json(nullptr)},
               {"tokenizer", text.tokenizer},
               {"template", {{"family", text.family}, {"first_line", text.first_line}}},
               {"licence", licence_of(s)},
               {"all", counts(found.all)},
               {"parts", parts},
               {"formats", formats},
               {"memory", {{"weights", found.memory}, {"cache_per_position", cache ? Json(*cache) : Json(nullptr)}}}};
  if (!digest.empty()) json["sha256"] = digest;
  if (tensors) {
    Json list = Json::array();
    for (const StoredTensor& t : checkpoint.tensors()) {
      Json shape = Json::array();
      for (int i = 0; i < t.shape.rank(); ++i) shape.push_back(t.shape[i]);
      list.push_back(
          {{"name", t.name}, {"shape", shape}, {"format", info(t.format).name}, {"whole", !t.bytes.empty()}});
    }
    json["tensors"] = list;
  }
  return json;
}

Result<Done> run(const Options& options) {
  if (options.plan) {
    if (options.tensors || options.sha256) return usage_error("--plan: goes with --json and --threads only");
    return print_plan(options.model, options.json);
  }
  TRY_ASSIGN(const Path path, find_model(options.model.model));
  auto opened = Checkpoint::open(path, Links::model_cache);
  std::string note;
  if (!opened) {  // perhaps only its end is missing
    auto header = Checkpoint::open_header(path);
    if (!header) return Failure(opened.error());
    note = opened.error().what;
    opened = std::move(header);
  }
  std::string digest;
  if (options.sha256) {
    if (opened->source() != Checkpoint::Source::gguf)
      return usage_error("--sha256: {} is a folder; expected a file", opened->name());
    TRY_ASSIGN(digest, sha256_of_file(path));
  }
  const Settings settings(*opened);
  const Inspection found = examine(*opened, note);
  const TextSide text = examine_text(*opened);
  if (options.json) {
    print_json(as_json(*opened, settings, found, text, digest, options.tensors));
    return Done{};
  }
  print_for_people(*opened, settings, found, text, digest);
  if (options.tensors) print_tensors(*opened);
  return Done{};
}

}  // namespace

Command inspect_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("inspect", "what is inside a model: tensors, formats, template, memory");
  app->footer(R"(
Reads the header only; also of files that are cut off, and of architectures that cannot be run yet.

examples:
  freehold inspect smollm2-135m-instruct
  freehold inspect model.gguf --tensors
  freehold inspect --plan models/configs/deepseek-v3.json
  freehold inspect model.gguf --json --sha256)");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  app->add_flag("--tensors", options->tensors, "list every tensor");
  app->add_flag("--sha256", options->sha256, "read the whole file for its SHA-256");
  app->add_flag("--plan", options->plan, "what it would take to run: of a model, or of a config.json alone");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
