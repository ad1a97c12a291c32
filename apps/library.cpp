// freehold library: what concerns a library as a whole, a file for each of its commands. Here: forget, a paper taken
// out for good.
#include <nlohmann/json.hpp>

#include "apps/libraries.h"
#include "apps/library_commands.h"
#include "apps/report.h"
#include "library/forget.h"

namespace freehold {
namespace {

struct Options {
  std::string library, paper;
  bool json = false;
};

Result<Done> forget(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(const Path path, path_of_library(options.library));
  if (std::error_code error; !std::filesystem::is_regular_file(path, error))
    return io_error("{}: no such library", options.library);
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::write));
  TRY_ASSIGN(const papers::Forgotten done, papers::forget_paper(store, path, domain, options.paper));
  Json counts = Json::object();
  for (const auto& [type, count] : done.counts) counts[type] = {{"before", count.first}, {"after", count.second}};
  if (options.json) {
    print_json({{"rows", done.rows}, {"searched", done.searched}, {"found", done.left.size()}, {"records", counts}});
  } else {
    print(fit_for_terminal(fmt::format("{}: {} rows forgotten\n", options.paper, done.rows)));
    for (const auto& [type, count] : done.counts)
      if (count.first != count.second)
        print(fit_for_terminal(fmt::format("{}: {} records before, {} now\n", type, count.first, count.second)));
    print(fmt::format("{} texts that only this paper held were looked for in the library's bytes: {} found\n",
                      done.searched, done.left.size()));
  }
  if (!done.left.empty())
    return failure(Fault::integrity, fmt::format("{}: {} texts of the paper are still in the library", options.library,
                                                 done.left.size()));
  return Done{};
}

}  // namespace

Command library_forget(CLI::App& library) {
  CLI::App* gone = library.add_subcommand("forget", "take a paper out for good, and show that nothing of it is left");
  gone->footer(R"(
Removes the paper's rows and every record, term and name that only it supported, writes the library's file anew, and
looks in its bytes for texts that only this paper held. ingest does not read such a paper again without --again. Models
that were tuned while it was in the library, and copies of the library, are not reached.

examples:
  freehold library forget "notes/shift 12.txt" --library plant)");
  auto options = std::make_shared<Options>();
  gone->add_option("paper", options->paper, "its path below the folder, as ingest and citations name it")->required();
  add_library_option(*gone, options->library);
  gone->add_flag("--json", options->json, "as one JSON object");
  return {gone, [options] { return forget(*options); }};
}

Command library_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("library", "a library as a whole: eval, forget, review, schema, make-training");
  app->require_subcommand(1);
  app->footer(R"(
examples:
  freehold library eval questions.jsonl --library plant --answers answers.jsonl
  freehold library forget "notes/shift 12.txt" --library plant
  freehold library review --library plant
  freehold library schema --library plant
  freehold library make-training --library plant --to training)");
  const std::vector<Command> commands = {library_eval(*app), library_forget(*app), library_review(*app),
                                         library_schema(*app), library_training(*app)};
  return {app, [commands]() -> Result<Done> {
            for (const Command& command : commands)
              if (command.app->parsed()) return command.run();
            return Done{};
          }};
}

}  // namespace freehold
