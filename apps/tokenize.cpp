// freehold tokenize: a text as the model's tokens, or a file of golden cases checked.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

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

// The tokenizers that the cases know, from the first of them.
Result<std::vector<std::string>> keys_of(const std::string& cases, const std::string& name) {
  TRY_ASSIGN(const Json first, parse_json(std::string_view(cases).substr(0, cases.find('\n')), name));
  if (!first.is_object() || !first.contains("ids") || !first["ids"].is_object() || first["ids"].empty())
    return malformed("{}: line 1: expected an object \"ids\" with a list for each tokenizer", name);
  std::vector<std::string> keys;
  for (const auto& [key, ids] : first["ids"].items()) keys.push_back(key);
  return keys;
}

Result<Done> check_cases(const Options& options, const Tokenizer& tokenizer) {
  const std::string name = Path(options.cases).filename().string();
  TRY_ASSIGN(const std::string cases, read_file(options.cases, limits::json_bytes));
  std::vector<std::string> keys{options.key};
  if (options.key.empty()) {
    TRY_ASSIGN(keys, keys_of(cases, name));
  }
  CaseReport report;  // of the key that fits best
  std::string key;
  for (const std::string& candidate : keys) {
    std::istringstream stream(cases);
    TRY_ASSIGN(CaseReport found, check_tokenizer_cases(tokenizer, candidate, stream, name));
    if (key.empty() || found.failed < report.failed) report = std::move(found), key = candidate;
  }
  if (options.json)
    print_json({{"key", key}, {"cases", report.cases}, {"failed", report.failed}, {"failures", report.failures}});
  else {
    for (const std::string& line : report.failures) print(fit_for_terminal(line) + "\n");
    print(fmt::format("{} cases as '{}', {} failed\n", report.cases, printable(key), report.failed));
  }
  if (report.failed > 0)
    return failure(Fault::check_failed, fmt::format("{}: {} of {} cases differ", name, report.failed, report.cases));
  return Done{};
}

// The tokenizer of a model, or of a tokenizer.json on its own (with the tokenizer_config.json beside it, if any).
Result<Tokenizer> open_tokenizer(const Path& path) {
  if (path.extension() != ".json") {
    TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open_header(path));
    return load_tokenizer(checkpoint);
  }
  TRY_ASSIGN(const std::string json, read_file(path, limits::json_bytes));
  const Path beside = path.parent_path() / "tokenizer_config.json";
  std::string config;
  if (std::error_code error; std::filesystem::exists(beside, error)) {
    TRY_ASSIGN(config, read_file(beside, limits::json_bytes));
  }
  return Tokenizer::from_json(json, config, path.filename().string());
}

Result<Done> run(const Options& options, bool text_given) {
  TRY_ASSIGN(const Path path, find_model(options.model.model));
  TRY_ASSIGN(const Tokenizer tokenizer, open_tokenizer(path));
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
  freehold tokenize model.gguf --cases cases.jsonl    exit 1 if one differs
  freehold tokenize tokenizer.json "The quiet harbour")");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  CLI::Option* text = app->add_option("text", options->text, "the text")->type_name("TEXT");
  CLI::Option* cases = app->add_option("--cases", options->cases, "check golden cases, one JSON object a line")
                           ->type_name("FILE")
                           ->excludes(text);
  app->add_option("--key", options->key, "the tokenizer's name in the cases' \"ids\"; else the one that fits best")
      ->type_name("NAME")
      ->needs(cases);
  app->add_flag("--specials", options->specials, "special tokens written out in the text become tokens");
  app->add_flag("--ids", options->ids_only, "only the ids, on one line");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options, text] { return run(*options, text->count() > 0); }};
}

}  // namespace freehold
