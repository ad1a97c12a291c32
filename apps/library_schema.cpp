// freehold library schema: what ingest made of the papers, as a file that the owner may change; and the changed file
// given back.
#include "apps/libraries.h"
#include "apps/library_commands.h"
#include "apps/report.h"
#include "base/limits.h"
#include "library/schema.h"

namespace freehold {
namespace {

struct Options {
  std::string library, set;
};

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const Path library, path_of_library(options.library));
  const Path schema = library.parent_path() / (options.library + ".schema.json");
  if (!options.set.empty()) {
    TRY_ASSIGN(const std::string text, read_file(options.set, limits::json_bytes));
    TRY_ASSIGN(const papers::Domain checked, papers::read_domain(text, Path(options.set).filename().string()));
    TRY(replace_file(schema, text, 0600));
    print(fmt::format("{} types and {} fields declared; the next ingest makes the records by them\n",
                      checked.types.size(), checked.fields.size()));
    return Done{};
  }
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::read));
  TRY_ASSIGN(const std::string text, papers::schema_of(store.database(), domain));
  print(text);
  return Done{};
}

}  // namespace

Command library_schema(CLI::App& library) {
  CLI::App* app = library.add_subcommand("schema", "record types and fields as a file; or such a file declared");
  app->footer(R"(
Prints the library's record types and fields with the headers and words that mean them, in the form of a domain file
(docs/papers.md). --set takes the file back, changed: what it declares counts before what would be inferred, from the
next ingest on.

examples:
  freehold library schema --library plant > plant.json
  freehold library schema --library plant --set plant.json && freehold ingest papers/ --library plant)");
  auto options = std::make_shared<Options>();
  add_library_option(*app, options->library);
  app->add_option("--set", options->set, "the file that declares it")->type_name("FILE");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
