// freehold ask: a question to a library, the answer with what it was counted from.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/libraries.h"
#include "apps/local_writer.h"
#include "apps/report.h"
#include "base/limits.h"
#include "library/answer.h"
#include "library/export_rows.h"
#include "library/words.h"

namespace freehold {
namespace {

struct Options {
  std::string question, library, export_to;
  std::optional<std::string> labels;
  ModelOptions model;
  bool json = false, why = false;
};

void print_table(const papers::Answer& answer) {
  if (answer.table.size() < 2) return;
  size_t wide = 0, right = 0;
  double most = 0;
  for (const auto& row : answer.table) wide = std::max(wide, row[0].size()), right = std::max(right, row[1].size());
  for (const double bar : answer.bars) most = std::max(most, bar);
  for (size_t i = 0; i < answer.table.size(); ++i) {
    std::string line =
        fmt::format("  {:<{}}  {:>{}}", answer.table[i][0], std::min<size_t>(wide, 40), answer.table[i][1], right);
    if (i > 0 && i - 1 < answer.bars.size() && most > 0) {
      line += "  ";
      for (int n = static_cast<int>(answer.bars[i - 1] / most * 30 + 0.5); n > 0; --n) line += "\xe2\x96\x88";
    }
    print(fit_for_terminal(line) + "\n");
  }
}

void print_sources(const papers::Answer& answer, bool all) {
  std::vector<std::pair<std::string, std::vector<const papers::Citation*>>> files;
  for (const papers::Citation& c : answer.citations) {
    auto found = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.first == c.file; });
    if (found == files.end()) found = files.insert(files.end(), {c.file, {}});
    found->second.push_back(&c);
  }
  if (files.empty()) return;
  print(fmt::format("\nsources: {} rows in {} files\n", answer.cited, files.size()));
  for (size_t i = 0; i < files.size(); ++i) {
    if (!all && i == 8) {
      print(fmt::format("  and {} more files; --why lists them\n", files.size() - i));
      break;
    }
    std::string places;
    size_t n = 0;
    for (const papers::Citation* c : files[i].second) {
      if (!all && n == 6) break;
      places += (n++ ? ", " : "") + c->place;
    }
    if (n < files[i].second.size()) places += fmt::format(" and {} more", files[i].second.size() - n);
    print(fit_for_terminal(fmt::format("  {}#{}\n", files[i].first, places)));
    if (all)
      for (const papers::Citation* c : files[i].second)
        print(fit_for_terminal(fmt::format("      {}: {}\n", c->place, papers::shortened(c->quote, 300))));
  }
}

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(papers::Store store, open_to_ask(options.library, options.labels, domain));
  TRY_ASSIGN(const papers::Vocabulary vocabulary, papers::load_vocabulary(store.database(), domain));
  std::unique_ptr<LocalWriter> model;  // loaded when the rules cannot read the question
  const papers::Writer writer = [&](const papers::Writing& writing) -> Result<std::string> {
    if (!model) {
      TRY_ASSIGN(model, LocalWriter::load(options.model));
    }
    return model->writer()(writing);
  };
  TRY_ASSIGN(const papers::Answer answer,
             papers::answer_question(store.database(), vocabulary, domain, options.question,
                                     !options.export_to.empty()    ? limits::table_rows
                                     : options.json || options.why ? 2000
                                                                   : 200,
                                     options.model.model.empty() ? papers::Writer() : writer));
  if (options.export_to.ends_with(".xlsx")) {
    TRY_ASSIGN(const std::string workbook, papers::rows_as_workbook(answer));
    TRY(replace_file(options.export_to, workbook, 0600));
  } else if (!options.export_to.empty()) {
    TRY(replace_file(options.export_to, papers::rows_as_csv(answer), 0600));
  }
  if (options.json) {
    print_json(papers::json_of(answer));
    return Done{};
  }
  print(fit_for_terminal(answer.text) + "\n");
  if (options.labels) print("of the papers that these labels let see\n");
  print_table(answer);
  for (size_t i = 0; i < answer.reading.size(); ++i)
    print(fit_for_terminal((i == 0 ? "\nread as: " : "         ") + answer.reading[i]) + "\n");
  for (const std::string& one : answer.suggestions) print(fit_for_terminal("did you mean: " + one) + "\n");
  for (const std::string& note : answer.notes) print(fit_for_terminal("note: " + note) + "\n");
  if (options.why) {
    print("\nplan: " + fit_for_terminal(answer.plan.dump()) + "\n");
    print("SQL:  " + fit_for_terminal(answer.sql) + "\n");
  }
  print_sources(answer, options.why);
  return Done{};
}

}  // namespace

Command ask_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("ask", "a question to a library, answered with its evidence");
  app->footer(R"(
Numbers and rankings are counted from records by SQL, never guessed; the rows they were counted from are cited. What the
papers do not hold is said.

A question that the rules cannot read is read by --model, if given: it chooses among names that exist, its reading is
checked and counted as any other, and the answer says that a model read it.

examples:
  freehold ask "What is the most common point of failure for the Model X conveyor belt installed after 2018?" --library plant
  freehold ask "How many hours of downtime did BC-07 have in 2021?" --library plant --why
  freehold ask "Wich machiens lost a belt egde in 2021?" --library plant --model qwen2.5-coder-1.5b-instruct)");
  auto options = std::make_shared<Options>();
  app->add_option("question", options->question, "the question")->required();
  add_library_option(*app, options->library);
  add_labels_option(*app, options->labels);
  add_reader_option(*app, options->model);
  app->add_flag("--why", options->why, "also the plan, the SQL and every row");
  app->add_option("--export", options->export_to,
                  "write the rows it was counted from, as a workbook if it ends in .xlsx, else as CSV")
      ->type_name("FILE");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
