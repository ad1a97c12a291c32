// freehold library review: what of the records a person should look at; and what he decides of it.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "apps/libraries.h"
#include "apps/library_commands.h"
#include "apps/report.h"
#include "library/review.h"

namespace freehold {
namespace {

struct Options {
  std::string library, accept, correct, value, who;
  bool decided = false, json = false;
};

Result<Done> decide(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::write));
  const char* user = std::getenv("USER");
  const std::string who = !options.who.empty() ? options.who : user && *user ? user : "owner";
  const bool corrects = !options.correct.empty();
  TRY(papers::decide(store, domain, corrects ? options.correct : options.accept,
                     corrects ? std::optional(options.value) : std::nullopt, who, papers::today()));
  print(fmt::format("{} on {} by {}\n", corrects ? "corrected" : "accepted", papers::today(), fit_for_terminal(who)));
  return Done{};
}

Result<Done> list_decided(const Options& options) {
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::read));
  TRY_ASSIGN(const auto list, papers::decisions(store.database()));
  Json all = Json::array();
  for (const papers::Decided& one : list) {
    all.push_back(papers::json_of(one));
    if (options.json) continue;
    const std::string what = one.value.empty() ? "accepted as " + one.was : one.was + " corrected to " + one.value;
    print(fit_for_terminal(
        fmt::format("{}  {}  {} {} {}: {}\n", one.day, one.who, one.type, one.record, one.field, what)));
  }
  if (options.json) print_json(all);
  return Done{};
}

Result<Done> run(const Options& options) {
  if (!options.accept.empty() || !options.correct.empty()) return decide(options);
  if (options.decided) return list_decided(options);
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::read));
  TRY_ASSIGN(const auto list, papers::review_list(store.database()));
  Json all = Json::array();
  for (const papers::ReviewItem& item : list) {
    all.push_back(papers::json_of(item));
    if (options.json) continue;
    const std::string what = item.field.empty()
                                 ? fmt::format("{}: {}", item.used, item.other)
                                 : fmt::format("{} {} {}: {}, not {}", item.type, item.record, item.field, item.used,
                                               item.other.empty() ? "nothing" : item.other);
    print(
        fit_for_terminal(fmt::format("{}  {}\n          {}; {}#{}\n", item.id, what, item.why, item.file, item.place)));
  }
  if (options.json)
    print_json(all);
  else
    print(fmt::format("{} to look at\n", list.size()));
  return Done{};
}

}  // namespace

Command library_review(CLI::App& library) {
  CLI::App* app = library.add_subcommand("review", "what a person should look at, and what he decides");
  app->footer(R"(
Lists values on which papers disagree, with the one that is used, and lines of text that name a thing and a day but
tell nothing known of it, so that they are not counted. A decision stays in the library with its day and who took it,
and leaves the list; a corrected value counts before what all papers say, at once and after every ingest. A later
decision counts before an earlier one; none is ever removed, but with a paper that is forgotten.

examples:
  freehold library review --library plant
  freehold library review --library plant --accept 1f0c22ab
  freehold library review --library plant --correct 1f0c22ab --value "belt edge" --by "M. Weber"
  freehold library review --library plant --decided)");
  auto options = std::make_shared<Options>();
  add_library_option(*app, options->library);
  CLI::Option* accept = app->add_option("--accept", options->accept, "what is used is right")->type_name("ID");
  CLI::Option* correct = app->add_option("--correct", options->correct, "it is not: --value is")->type_name("ID");
  CLI::Option* value = app->add_option("--value", options->value, "the right value")->type_name("TEXT");
  correct->excludes(accept)->needs(value);
  value->needs(correct);
  app->add_option("--by", options->who, "who decides; default: the user's name")->type_name("NAME");
  app->add_flag("--decided", options->decided, "list the decisions instead");
  app->add_flag("--json", options->json, "as a JSON list");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
