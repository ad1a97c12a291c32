// freehold library eval: a file of questions answered, and scored where the file says what is right; on request also
// with records made without one of the steps, to see what each is worth.
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "apps/libraries.h"
#include "apps/library_commands.h"
#include "apps/local_writer.h"
#include "apps/report.h"
#include "library/answer.h"
#include "library/passages.h"
#include "library/view.h"

namespace freehold {
namespace {

constexpr size_t most_cited = 20'000;

struct Options {
  ModelOptions model;
  std::string questions, library, answers, events;
  std::optional<std::string> labels;
  bool json = false, no_model = false, ablate = false, passages = false;
};

// One way of making the records, and what came of it.
struct Run {
  std::string name;
  papers::Evaluation result;
  std::optional<papers::Agreement> events;
  double seconds = 0;
};

double share(double part, double whole) { return whole > 0 ? part / whole : 1.0; }

papers::Score total_of(const papers::Evaluation& result) {
  papers::Score all;
  for (const auto& [kind, s] : result.kinds) {
    all.asked += s.asked, all.right += s.right, all.refused += s.refused, all.invented += s.invented;
    all.by_model += s.by_model;
    all.cited_right += s.cited_right, all.cited_all += s.cited_all, all.expected_rows += s.expected_rows;
  }
  return all;
}

Json as_json(const Run& run) {
  Json kinds = Json::object();
  for (const auto& [kind, s] : run.result.kinds)
    kinds[kind] = {{"asked", s.asked},
                   {"right", s.right},
                   {"refused", s.refused},
                   {"invented", s.invented},
                   {"citation_precision", share(s.cited_right, s.cited_all)},
                   {"citation_recall", share(s.cited_right, s.expected_rows)}};
  Json json = {{"kinds", kinds}, {"seconds", run.seconds}, {"wrong", run.result.wrong}};
  json["by_model"] = total_of(run.result).by_model;
  if (run.events)
    json["records"] = {
        {"found", run.events->records},
        {"expected", run.events->expected},
        {"precision", share(static_cast<double>(run.events->both), static_cast<double>(run.events->records))},
        {"recall", share(static_cast<double>(run.events->both), static_cast<double>(run.events->expected))}};
  return json;
}

void print_kinds(const Run& run) {
  print(fmt::format("{:<14} {:>6} {:>6} {:>8} {:>9} {:>10} {:>8}\n", "kind", "asked", "right", "refused", "invented",
                    "precision", "recall"));
  const auto row = [](const std::string& kind, const papers::Score& s) {
    print(fmt::format("{:<14} {:>6} {:>6} {:>8} {:>9} {:>10} {:>8}\n", kind, s.asked, s.right, s.refused, s.invented,
                      s.cited_all > 0 ? fmt::format("{:.3f}", s.cited_right / s.cited_all) : "",
                      s.expected_rows > 0 ? fmt::format("{:.3f}", s.cited_right / s.expected_rows) : ""));
  };
  for (const auto& [kind, s] : run.result.kinds) row(kind, s);
  row("all", total_of(run.result));
  print(fmt::format("{:.2f} s\n", run.seconds));
}

void print_runs(const std::vector<Run>& runs) {
  print(fmt::format("\n{:<18} {:>6} {:>6} {:>8} {:>9} {:>8} {:>9} {:>10} {:>8}\n", "", "asked", "right", "refused",
                    "invented", "seconds", "records", "precision", "recall"));
  for (const Run& run : runs) {
    const papers::Score all = total_of(run.result);
    print(fmt::format("{:<18} {:>6} {:>6} {:>8} {:>9} {:>8.2f}", run.name, all.asked, all.right, all.refused,
                      all.invented, run.seconds));
    if (run.events)
      print(fmt::format(" {:>9} {:>10.4f} {:>8.4f}", run.events->records,
                        share(static_cast<double>(run.events->both), static_cast<double>(run.events->records)),
                        share(static_cast<double>(run.events->both), static_cast<double>(run.events->expected))));
    print("\n");
  }
}

Result<Run> run_with(papers::Database& database, const papers::Domain& domain, const Options& options,
                     const std::string& questions, const std::string& name, const papers::Writer& model = {}) {
  Run run;
  run.name = name;
  if (!options.events.empty()) {  // first: questions restrict what is read
    TRY_ASSIGN(const std::string truth, read_file(options.events, 256u << 20));
    TRY_ASSIGN(run.events, papers::compare_records(database, truth, Path(options.events).filename().string()));
  }
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(const papers::Vocabulary vocabulary, papers::load_vocabulary(database, domain));
  TRY_ASSIGN(run.result,
             papers::evaluate(questions, Path(options.questions).filename().string(), [&](std::string_view question) {
               return papers::answer_question(database, vocabulary, domain, question, most_cited, model);
             }));
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

// What others do: the model answers from the passages that share most words with the question.
Result<Run> run_on_passages(const Options& options, const papers::Domain& domain, const std::string& questions,
                            const papers::Writer& model) {
  Run run;
  run.name = "passages and model";
  TRY_ASSIGN(papers::Store store, open_to_ask(options.library, options.labels, domain));
  TRY_ASSIGN(const papers::Passages passages, papers::Passages::load(store.database()));
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(run.result,
             papers::evaluate(questions, Path(options.questions).filename().string(), [&](std::string_view question) {
               return papers::answer_from_passages(passages, question, model);
             }));
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

// Beside the library, in a file that is taken away again.
Result<Run> run_without(const Options& options, const papers::Domain& domain, const std::string& questions,
                        const papers::Steps& steps, const std::string& name) {
  TRY_ASSIGN(papers::Store whole, open_library(options.library, papers::Database::Mode::read));
  TRY_ASSIGN(const Path library, path_of_library(options.library));
  const Path path = library.parent_path() / fmt::format(".{}.without.{}", options.library, ::getpid());
  const auto gone = [&] {
    for (const char* ending : {"", "-wal", "-shm"}) {
      std::error_code error;
      std::filesystem::remove(path.string() + ending, error);
    }
  };
  gone();
  auto copy = papers::copy_with(whole.database(), path, domain, steps);
  auto run = copy ? run_with(copy->database(), domain, options, questions, name) : Result<Run>(Failure(copy.error()));
  gone();
  return run;
}

// What is left out, one at a time.
const std::pair<const char*, papers::Steps> ways[] = {
    {"no merge", {false, true, true}}, {"no lexicon", {true, false, true}}, {"no corrections", {true, true, false}}};

Result<Done> run(const Options& options) {
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(const std::string questions, read_file(options.questions, 64u << 20));
  const auto run_whole = [&](const std::string& name, const papers::Writer& model) -> Result<Run> {
    TRY_ASSIGN(papers::Store store, open_to_ask(options.library, options.labels, domain));
    return run_with(store.database(), domain, options, questions, name, model);
  };
  std::vector<Run> runs;
  TRY_ASSIGN(Run rules, run_whole("rules only", {}));
  runs.push_back(std::move(rules));
  if (!options.model.model.empty()) {
    TRY_ASSIGN(const auto model, LocalWriter::load(options.model));
    TRY_ASSIGN(Run read, run_whole("rules and model", model->writer()));
    runs.insert(runs.begin(), std::move(read));
    if (options.passages) {
      TRY_ASSIGN(Run found, run_on_passages(options, domain, questions, model->writer()));
      runs.push_back(std::move(found));
    }
  }
  TRY(replace_file(options.answers, runs[0].result.answers, 0600));
  if (options.ablate)
    for (const auto& [name, steps] : ways) {
      TRY_ASSIGN(Run one, run_without(options, domain, questions, steps, name));
      runs.push_back(std::move(one));
    }
  if (options.json) {
    Json json = as_json(runs[0]);
    for (size_t i = 1; i < runs.size(); ++i) json["beside"][runs[i].name] = as_json(runs[i]);
    print_json(json);
    return Done{};
  }
  if (!runs[0].result.has_expected) {
    print(fmt::format("answered in {:.2f} s\n", runs[0].seconds));
    return Done{};
  }
  print_kinds(runs[0]);
  if (runs.size() > 1 || !options.events.empty()) print_runs(runs);
  for (const std::string& wrong : runs[0].result.wrong) print(fit_for_terminal(wrong) + "\n");
  return Done{};
}

}  // namespace

Command library_eval(CLI::App& library) {
  CLI::App* eval = library.add_subcommand("eval", "answer a file of questions; score it where it holds what is right");
  eval->footer(R"(
Questions are JSON lines {"id", "question"}, with "kind", "value", "status" and "citations" where known; answers are JSON
lines {"id", "answer", "value", "status", "citations"}. What the rules cannot read is refused, or read by --model. --events compares the
records with the truth, JSON lines {"type", and fields}; --ablate also shows what is right when records are made without
merging what is told twice, without learned terms, without correction notices; --passages, what the model alone answers
from the ten passages that share most words with a question.

examples:
  freehold library eval questions.jsonl --library plant --answers answers.jsonl --no-model
  freehold library eval questions.jsonl --library plant --answers answers.jsonl --events events.jsonl --ablate
  freehold library eval questions.jsonl --library plant --answers answers.jsonl --model qwen2.5-coder-1.5b-instruct --passages)");
  auto options = std::make_shared<Options>();
  eval->add_option("questions", options->questions, "the file of questions")->required();
  add_library_option(*eval, options->library);
  eval->add_option("--answers", options->answers, "where the answers go")->required()->type_name("FILE");
  eval->add_option("--events", options->events, "what the records should be")->type_name("FILE");
  add_labels_option(*eval, options->labels);
  add_reader_option(*eval, options->model);
  eval->add_flag("--ablate", options->ablate, "also with records made without one of the steps");
  eval->add_flag("--passages", options->passages, "also what --model answers from passages alone, as others do it")
      ->needs("--model");
  eval->add_flag("--no-model", options->no_model, "rules only, as without --model")->excludes("--model");
  eval->add_flag("--json", options->json, "as one JSON object");
  return {eval, [options] { return run(*options); }};
}

}  // namespace freehold
