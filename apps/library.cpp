// freehold library: what concerns a library as a whole. forget: a paper taken out for good. eval: a file of questions
// answered, and scored where the file says what is right.
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/libraries.h"
#include "apps/report.h"
#include "library/answer.h"
#include "library/forget.h"

namespace freehold {
namespace {

struct Options {
  std::string questions, library, answers, paper;
  bool json = false, no_model = false;
};

Json as_json(const papers::Evaluation& result, double seconds) {
  Json kinds = Json::object();
  for (const auto& [kind, s] : result.kinds)
    kinds[kind] = {{"asked", s.asked},
                   {"right", s.right},
                   {"refused", s.refused},
                   {"invented", s.invented},
                   {"citation_precision", s.cited_all > 0 ? s.cited_right / s.cited_all : 1.0},
                   {"citation_recall", s.expected_rows > 0 ? s.cited_right / s.expected_rows : 1.0}};
  return {{"kinds", kinds}, {"seconds", seconds}, {"wrong", result.wrong}};
}

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, papers::built_in_domain());
  TRY_ASSIGN(const std::string questions, read_file(options.questions, 64u << 20));
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::read));
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(const papers::Vocabulary vocabulary, papers::load_vocabulary(store.database(), domain));
  TRY_ASSIGN(const papers::Evaluation result, papers::evaluate(store.database(), vocabulary, domain, questions,
                                                               Path(options.questions).filename().string()));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  TRY(replace_file(options.answers, result.answers, 0600));
  if (options.json) {
    print_json(as_json(result, seconds));
    return Done{};
  }
  if (!result.has_expected) {
    print(fmt::format("answered in {:.2f} s\n", seconds));
    return Done{};
  }
  print(fmt::format("{:<14} {:>6} {:>6} {:>8} {:>9} {:>10} {:>8}\n", "kind", "asked", "right", "refused", "invented",
                    "precision", "recall"));
  papers::Score all;
  const auto row = [](const std::string& kind, const papers::Score& s) {
    print(fmt::format("{:<14} {:>6} {:>6} {:>8} {:>9} {:>10} {:>8}\n", kind, s.asked, s.right, s.refused, s.invented,
                      s.cited_all > 0 ? fmt::format("{:.3f}", s.cited_right / s.cited_all) : "",
                      s.expected_rows > 0 ? fmt::format("{:.3f}", s.cited_right / s.expected_rows) : ""));
  };
  for (const auto& [kind, s] : result.kinds) {
    row(kind, s);
    all.asked += s.asked, all.right += s.right, all.refused += s.refused, all.invented += s.invented;
    all.cited_right += s.cited_right, all.cited_all += s.cited_all, all.expected_rows += s.expected_rows;
  }
  row("all", all);
  print(fmt::format("{:.2f} s\n", seconds));
  for (const std::string& wrong : result.wrong) print(fit_for_terminal(wrong) + "\n");
  return Done{};
}

Result<Done> forget(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, papers::built_in_domain());
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

Command library_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("library", "a library as a whole: eval, forget");
  app->require_subcommand(1);
  app->footer(R"(
examples:
  freehold library eval questions.jsonl --library plant --answers answers.jsonl
  freehold library forget "notes/shift 12.txt" --library plant)");
  CLI::App* eval = app->add_subcommand("eval", "answer a file of questions; score it where it holds what is right");
  eval->footer(R"(
Questions are JSON lines {"id", "question"}, with "kind", "value", "status" and "citations" where known; answers are JSON
lines {"id", "answer", "value", "status", "citations"}. Planning is by rules; no model is used.

examples:
  freehold library eval questions.jsonl --library plant --answers answers.jsonl --no-model)");
  auto options = std::make_shared<Options>();
  eval->add_option("questions", options->questions, "the file of questions")->required();
  add_library_option(*eval, options->library);
  eval->add_option("--answers", options->answers, "where the answers go")->required()->type_name("FILE");
  eval->add_flag("--no-model", options->no_model, "rules only, as always in this build");
  eval->add_flag("--json", options->json, "as one JSON object");
  CLI::App* gone = app->add_subcommand("forget", "take a paper out for good, and show that nothing of it is left");
  gone->footer(R"(
Removes the paper's rows and every record, term and name that only it supported, writes the library's file anew, and
looks in its bytes for texts that only this paper held. ingest does not read such a paper again without --again. Models
that were tuned while it was in the library, and copies of the library, are not reached.

examples:
  freehold library forget "notes/shift 12.txt" --library plant)");
  gone->add_option("paper", options->paper, "its path below the folder, as ingest and citations name it")->required();
  add_library_option(*gone, options->library);
  gone->add_flag("--json", options->json, "as one JSON object");
  return {app, [options, gone] { return gone->parsed() ? forget(*options) : run(*options); }};
}

}  // namespace freehold
