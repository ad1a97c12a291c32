// freehold tokenize: a text as the model's tokens, or a file of golden cases checked.
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/report.h"
#include "text/tokenizer_cases.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  std::string text, cases, key;
  bool specials = false, ids_only = false, json = false;
};

Result<std::string> text_or_input(const Options& options, bool text_given) {
  if (text_given) return options.text;
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, n);
    if (text.size() > limits::json_bytes)
      return out_of_resources("standard input: more than {} bytes of text", limits::json_bytes);
  }
  if (std::ferror(stdin)) return io_error("standard input: cannot be read");
  return text;
}

Result<Done> check_cases(const Options& options, const Tokenizer& tokenizer) {
  std::ifstream file(options.cases, std::ios::binary);
  const std::string name = Path(options.cases).filename().string();
  if (!file) return io_error("{}: cannot be opened", name);
  TRY_ASSIGN(const CaseReport report, check_tokenizer_cases(tokenizer, options.key, file, name));
  if (options.json)
    print_json({{"cases", report.cases}, {"failed", report.failed}, {"failures", report.failures}});
  else {
    for (const std::string& line : report.failures) print(fit_for_terminal(line) + "\n");
    print(fmt::format("{} cases, {} failed\n", report.cases, report.failed));
  }
  if (report.failed > 0)
    return failure(Fault::check_failed, fmt::format("{}: {} of {} cases differ", name, report.failed, report.cases));
  return Done{};
}

Result<Done> run(const Options& options, bool text_given) {
  TRY_ASSIGN(const Path path, find_model(options.model.model));
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open_header(path));
  TRY_ASSIGN(const Tokenizer tokenizer, load_tokenizer(checkpoint));
  if (!options.cases.empty()) return check_cases(options, tokenizer);

  TRY_ASSIGN(const std::string text, text_or_input(options, text_given));
  const std::vector<Token> tokens = tokenizer.encode(text, options.specials ? Specials::parse : Specials::as_text);
  if (options.json) {
    Json pieces = Json::array();
    for (const Token token : tokens) pieces.push_back(std::string(tokenizer.bytes_of(token)));
    print_json({{"tokens", tokens}, {"pieces", pieces}, {"count", tokens.size()}, {"kind", tokenizer.kind()}});
    return Done{};
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (options.ids_only)
      print(fmt::format("{}{}", i ? " " : "", tokens[i]));
    else
      print(fmt::format("{:>8}  {}{}\n", tokens[i], "\"" + printable(tokenizer.bytes_of(tokens[i]), 400) + "\"",
                        tokenizer.is_special(tokens[i]) ? "  special" : ""));
  }
  if (options.ids_only)
    print("\n");
  else
    print(dim_if_terminal(fmt::format("{} tokens for {} bytes; {}\n", tokens.size(), text.size(), tokenizer.kind())));
  return Done{};
}

}  // namespace

Command tokenize_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("tokenize", "show a text as the model's tokens");
  app->footer(R"(
Without TEXT, standard input is read. Special tokens in the text are text, unless --specials.

examples:
  freehold tokenize smollm2-135m-instruct "The quiet harbour"
  freehold tokenize model.gguf --ids < story.txt
  freehold tokenize model.gguf --cases cases.jsonl --key smollm2   exit 1 if one differs)");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  CLI::Option* text = app->add_option("text", options->text, "the text")->type_name("TEXT");
  CLI::Option* cases = app->add_option("--cases", options->cases, "check golden cases, one JSON object a line")
                           ->type_name("FILE")
                           ->excludes(text);
  app->add_option("--key", options->key, "the tokenizer's name in the cases' \"ids\"")->type_name("NAME")->needs(cases);
  app->add_flag("--specials", options->specials, "special tokens written out in the text become tokens");
  app->add_flag("--ids", options->ids_only, "only the ids, on one line");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options, text] { return run(*options, text->count() > 0); }};
}

}  // namespace freehold
