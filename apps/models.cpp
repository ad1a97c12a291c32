#include "apps/models.h"

#include <cstdio>
#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>

#include "apps/report.h"
#include "base/checksum.h"

namespace freehold {

void add_model_argument(CLI::App& app, ModelOptions& options) {
  app.add_option("model", options.model, "a .gguf file, a folder with config.json, or the name of a pulled model")
      ->required()
      ->type_name("MODEL");
}

void add_model_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--threads", options.threads, "worker threads; default: one for each CPU allowed")->type_name("N");
  app.add_option("--cpu", options.cpu, "kernels to use: plain, avx2, avx_vnni, avx512; default: the best here")
      ->type_name("SET");
  app.add_option("--kv", options.kv, "numbers in the cache of keys and values: f16, q8 (half of it), f32; default: f16")
      ->type_name("TYPE");
  app.add_option("--memory", options.memory,
                 "for weights, as 6G or 900M; experts beyond it are read from the packed file as needed")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  app.add_flag("--exact", options.exact, "weights decoded to float, float cache: slower, for comparing");
  const std::map<std::string, MlaForm> forms{{"absorbed", MlaForm::absorbed}, {"expanded", MlaForm::expanded}};
  app.add_option("--mla", options.mla,
                 "latent attention of prompts: absorbed (default) or expanded (long ones sooner, a next turn later)")
      ->transform(CLI::CheckedTransformer(forms).description(""))
      ->type_name("FORM");
}

void add_drafts_options(CLI::App& app, bool& drafts, ModelOptions& options) {
  app.add_option_function<std::string>(
         "--drafts", [&drafts](const std::string& word) { drafts = word == "on"; },
         "guess tokens that stood before in the text: the same answer, sooner where it repeats; default: on")
      ->type_name("on|off")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--mtp", options.predict,
               "guess by the model's own layer for the token after next as well, where it has one (DeepSeek)");
}

Result<Path> home_folder() {
  const char* home = std::getenv("FREEHOLD_HOME");
  if (home && *home) return Path(home);
  home = std::getenv("HOME");
  if (home && *home) return Path(home) / ".local/share/freehold";
  return usage_error("neither FREEHOLD_HOME nor HOME is set, so there is no place for models");
}

Result<Path> models_folder() {
  TRY_ASSIGN(const Path home, home_folder());
  return home / "models";
}

Result<Path> packed_path(const Path& model) {
  TRY_ASSIGN(const Path home, home_folder());
  std::error_code error;
  const Path place = std::filesystem::canonical(model, error);
  if (error) return io_error("{}: {}", printable(model.native(), 200), error.message());
  const std::string& full = place.native();
  const auto sum = static_cast<uint32_t>(checksum64(std::as_bytes(std::span<const char>(full))));
  return home / "packed" / fmt::format("{}-{:08x}.fhpack", place.stem().native(), sum);
}

Result<Path> keys_file() {
  TRY_ASSIGN(const Path home, home_folder());
  return home / "keys.json";
}

Result<Path> ledger_file() {
  TRY_ASSIGN(const Path home, home_folder());
  return home / "usage.jsonl";
}

Result<Done> make_folder(const Path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return io_error("{}: cannot be made: {}", printable(path.filename().native()), error.message());
  return Done{};
}

Result<Path> find_model(const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::exists(name, ignored)) return Path(name);
  if (!is_plain_name(name) || name.ends_with(".gguf")) return io_error("{}: no such file or folder", printable(name));
  TRY_ASSIGN(const Path folder, models_folder());
  for (const Path& path : {folder / (name + ".gguf"), folder / name})
    if (std::filesystem::exists(path, ignored)) return path;
  return io_error("{}: no such file, and no model of that name has been pulled; try: freehold pull {}", name, name);
}

Result<std::unique_ptr<Pool>> make_pool(int threads) {
  constexpr int most = 1024;
  if (threads < 0 || threads > most)
    return usage_error("--threads: expected 1 to {}, or 0 for all CPUs allowed, found {}", most, threads);
  return std::make_unique<Pool>(threads);
}

Result<const Kernels*> choose_kernels(const std::string& name) {
  if (name.empty()) return &best_kernels();
  return kernels_named(name);
}

namespace {

// The model's packed file, if there is one and it fits.
std::shared_ptr<const PackedFile> find_packed(const Path& model, const Checkpoint& checkpoint) {
  const Result<Path> path = packed_path(model);
  std::error_code ignored;
  if (!path || !std::filesystem::exists(*path, ignored)) return nullptr;
  Result<PackedFile> file = PackedFile::open(*path);
  if (!file) {
    report_note(fmt::format("{}; packing in memory instead; freehold pack makes a new one", file.error().what));
    return nullptr;
  }
  if (file->source() != checkpoint.identity()) {
    report_note(
        fmt::format("{}: is stale, {} has changed since; packing in memory instead; freehold pack makes a new one",
                    file->name(), checkpoint.name()));
    return nullptr;
  }
  return std::make_shared<const PackedFile>(std::move(*file));
}

void say_what_it_costs(const WeightStoreCounts& c, const ModelFacts& facts) {
  const double visited = facts.experts > 0 ? static_cast<double>(c.all_bytes) * facts.experts_used / facts.experts : 0;
  std::string text = fmt::format(
      "{} of {} of experts stay in memory, the others are read as they are needed: the same "
      "tokens, slower",
      text_of_bytes(c.most_bytes), text_of_bytes(c.all_bytes));
  if (c.bytes_per_second > 0)
    text += fmt::format("; a token visits {}, {:.0f} ms to read if none is there",
                        text_of_bytes(static_cast<uint64_t>(visited)), 1e3 * visited / c.bytes_per_second);
  if (!c.direct) text += "; this file system reads through the system's cache, whose pages are dropped behind it";
  report_note(text);
}

Result<std::unique_ptr<Model>> load_model_packed(const Path& path, const Checkpoint& checkpoint, LoadOptions& how,
                                                 Pool& pool) {
  how.packed = find_packed(path, checkpoint);
  if (!how.packed) return load_model(checkpoint, how, pool);
  Result<std::unique_ptr<Model>> model = load_model(checkpoint, how, pool);
  if (model) return model;
  if (how.memory > 0) return model;  // without the file there may not be room
  const std::string why = model.error().what;
  how.packed = nullptr;
  model = load_model(checkpoint, how, pool);
  if (model) report_note(fmt::format("{}; packed in memory instead; freehold pack makes a new file", why));
  return model;
}

}  // namespace

Json as_json(const WeightStoreCounts& c) {
  return {{"asked", c.asked},
          {"reads", c.reads},
          {"found", c.found()},
          {"read_bytes", c.read_bytes},
          {"wait_seconds", c.wait_seconds},
          {"held_bytes", c.held_bytes},
          {"most_bytes", c.most_bytes},
          {"all_bytes", c.all_bytes},
          {"bytes_per_second", c.bytes_per_second},
          {"direct", c.direct}};
}

Result<LoadedModel> load(const ModelOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(std::unique_ptr<Pool> pool, make_pool(options.threads));
  TRY_ASSIGN(const Kernels* kernels, choose_kernels(options.cpu));
  TRY_ASSIGN(const Path path, find_model(options.model));
  TRY_ASSIGN(Checkpoint checkpoint, Checkpoint::open(path, Links::model_cache));
  // Beside the weights: it keeps one CPU busy for a while.
  auto reading = std::async(std::launch::async, [&checkpoint] { return load_tokenizer(checkpoint); });
  ProgressLine line("loading " + checkpoint.name());
  LoadOptions how;
  if (options.exact) how.mode = NumericMode::exact();
  how.mode.mla = options.mla;
  how.predict = options.predict;
  if (!options.kv.empty()) {
    TRY_ASSIGN(how.mode.kv, kv_type_named(options.kv));
  }
  how.progress = [&](double fraction) { line.at(fraction); };
  how.memory = options.memory;
  Result<std::unique_ptr<Model>> loaded = load_model_packed(path, checkpoint, how, *pool);
  TRY_ASSIGN(Tokenizer tokenizer, reading.get());
  TRY_ASSIGN(std::unique_ptr<Model> model, std::move(loaded));
  line.clear();
  if (model->facts().encoder && !options.encoders)
    return unsupported("{}: is an encoder: it makes vectors of texts and writes none; freehold serve is for it",
                       checkpoint.name());
  if (const WeightStore* store = model->store()) say_what_it_costs(store->counts(), model->facts());
  if (tokenizer.size() > model->facts().vocabulary)
    return inconsistent("{}: the tokenizer has {} tokens, the model {}", checkpoint.name(), tokenizer.size(),
                        model->facts().vocabulary);
  auto engine = std::make_unique<Engine>(*model, *kernels, *pool);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return LoadedModel{checkpoint.name(), std::move(checkpoint), std::move(pool), std::move(model),
                     std::move(engine), std::move(tokenizer),  seconds,         how.packed != nullptr};
}

}  // namespace freehold
