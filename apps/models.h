// Where models are found and how a command opens one: the options that all commands over a model share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "files/checkpoint.h"
#include "run/engine.h"
#include "text/tokenizer.h"

namespace freehold {

struct ModelOptions {
  std::string model;
  int threads = 0;  // 0: one for each CPU this process may use
  int context = 0;  // 0: the command's default
  std::string cpu;  // "": the best set of kernels
  std::string kv;   // "": f16, or f32 with exact
  bool exact = false;
  MlaForm mla = MlaForm::absorbed;
  bool predict = false;  // load the layer that predicts the token after next
  bool encoders = false;  // the command has a use for a model that makes vectors and writes no text
  uint64_t memory = 0;   // for weights, in bytes; 0: as much as they take
};
void add_model_argument(CLI::App& app, ModelOptions& options);
void add_model_options(CLI::App& app, ModelOptions& options);
void add_drafts_options(CLI::App& app, bool& drafts, ModelOptions& options);  // drafts: on by default

// $FREEHOLD_HOME, or ~/.local/share/freehold: what the program keeps.
Result<Path> home_folder();
Result<Path> models_folder();  // models in it
// Where the packed file of a model belongs: packed in it, named after the model's file and its place.
Result<Path> packed_path(const Path& model);
Result<Path> keys_file();    // keys.json in it
Result<Path> ledger_file();  // usage.jsonl in it
Result<Done> make_folder(const Path& path);
// A path, or the name of a model in models_folder(): NAME.gguf, or a folder NAME.
Result<Path> find_model(const std::string& name);

// A model ready to run. Members in order of dependence.
struct LoadedModel {
  std::string name;  // of the file or folder
  Checkpoint checkpoint;
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Model> model;
  std::unique_ptr<Engine> engine;
  Tokenizer tokenizer;
  double seconds = 0;       // it took to load
  bool was_packed = false;  // the weights came from a packed file
};
// With a progress line on standard error if it takes long. A packed file is used where there is one; if it is stale or
// damaged, a line on standard error says so, and the weights are packed anew, in memory.
Result<LoadedModel> load(const ModelOptions& options);

Json as_json(const WeightStoreCounts&);

// --threads and --cpu, checked.
Result<std::unique_ptr<Pool>> make_pool(int threads);
Result<const Kernels*> choose_kernels(const std::string& name);

}  // namespace freehold
