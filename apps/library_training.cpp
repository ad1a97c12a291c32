// freehold library make-training: examples to tune a model on, from a library's own records.
#include <nlohmann/json.hpp>

#include "apps/libraries.h"
#include "apps/library_commands.h"
#include "apps/report.h"
#include "library/training.h"

namespace freehold {
namespace {

struct Options {
  std::string library, folder;
  size_t most = 2000;
  bool json = false;
};

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::read));
  TRY_ASSIGN(const papers::Vocabulary vocabulary, papers::load_vocabulary(store.database(), domain));
  TRY_ASSIGN(const papers::Training made, papers::make_training(store.database(), vocabulary, domain, options.most));
  const Path folder = options.folder;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return io_error("{}: {}", folder.filename().string(), error.message());
  TRY(replace_file(folder / "train.jsonl", made.train, 0600));
  TRY(replace_file(folder / "held_out.jsonl", made.held_out, 0600));
  Json counts = Json::object();
  for (const auto& [kind, count] : made.counts) {
    counts[kind] = {{"train", count.first}, {"held_out", count.second}};
    if (!options.json) print(fmt::format("{:<8} {:>6} to train on, {:>5} held out\n", kind, count.first, count.second));
  }
  if (options.json) print_json(counts);
  return Done{};
}

}  // namespace

Command library_training(CLI::App& library) {
  CLI::App* app = library.add_subcommand("make-training", "examples to tune a model on, from the library's records");
  app->footer(R"(
Writes train.jsonl and held_out.jsonl: questions with their plans, lines of text with the records they tell, answers with
the rows they were counted from. A fourth of the questions has no answer in the papers. What is held out is so by the
things and lines named, by the last year and by one form of question, never by line alone. The examples hold texts of
the papers: keep them as you keep those.

examples:
  freehold library make-training --library plant --to training)");
  auto options = std::make_shared<Options>();
  add_library_option(*app, options->library);
  app->add_option("--to", options->folder, "the folder that they go to")->required()->type_name("FOLDER");
  app->add_option("--questions", options->most, "at most so many questions are asked")->capture_default_str();
  app->add_flag("--json", options->json, "the counts as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
