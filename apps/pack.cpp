// freehold pack: the weights of a model as they lie in memory, in a file of their own. From then on every start of that
// model maps the file instead of packing. As large as the model; kept in the home folder until it is removed.
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/report.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  bool remove = false, json = false;
};

Result<Done> remove_packed(const Path& path, bool json) {
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (error) return io_error("{}: there is no packed file of this model", path.filename().native());
  if (!std::filesystem::remove(path, error)) return io_error("{}: {}", path.filename().native(), error.message());
  if (json)
    print_json({{"removed", path.native()}, {"bytes", bytes}});
  else
    print(fmt::format("removed {}, {}\n", path.native(), text_of_bytes(bytes)));
  return Done{};
}

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const Path model, find_model(options.model.model));
  TRY_ASSIGN(const Path path, packed_path(model));
  if (options.remove) return remove_packed(path, options.json);
  TRY_ASSIGN(const std::unique_ptr<Pool> pool, make_pool(options.model.threads));
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(model, Links::model_cache));
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return io_error("{}: {}", path.parent_path().native(), error.message());

  const auto start = std::chrono::steady_clock::now();
  ProgressLine line("packing " + checkpoint.name());
  const auto progress = [&](double fraction) {
    line.at(fraction);
    return !interrupt::requested();
  };
  TRY(pack_to_file(checkpoint, path, options.model.predict, progress, *pool));
  line.clear();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  TRY_ASSIGN(const PackedFile file, PackedFile::open(path));
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (options.json)
    print_json({{"model", checkpoint.name()},
                {"file", path.native()},
                {"bytes", bytes},
                {"matrices", file.matrices().size()},
                {"seconds", seconds}});
  else
    print(fmt::format(
        "{}: {} matrices, {}, in {:.1f} s\nfreehold uses it from now on; freehold pack {} --remove takes it away\n",
        path.native(), text_of_count(file.matrices().size()), text_of_bytes(bytes), seconds, options.model.model));
  return Done{};
}

}  // namespace

Command pack_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("pack", "keep a model's packed weights in a file: later starts are faster");
  app->footer(R"(
The file is as large as the model and holds the same numbers. It is used by every command until the model changes;
then a line says that it is stale, and `freehold pack` makes a new one.

examples:
  freehold pack qwen2.5-coder-1.5b-instruct
  freehold pack qwen2.5-coder-1.5b-instruct --remove)");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  app->add_option("--threads", options->model.threads, "worker threads; default: one for each CPU allowed")
      ->type_name("N");
  app->add_flag("--mtp", options->model.predict, "with the model's layer for the token after next, where it has one");
  app->add_flag("--remove", options->remove, "remove the packed file instead");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
