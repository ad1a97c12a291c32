// freehold keys: who may ask a server. Keys are made, listed and revoked here; a server that runs sees the change at
// the next request.
#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/report.h"
#include "base/file_lock.h"
#include "serve/keys.h"

namespace freehold {
namespace {

struct Options {
  Key key;
  std::vector<std::string> scopes{"inference"};
  std::string name, money = "0";
  Budget budget;
  bool json = false;
};

Result<KeyFile> read_keys(const Path& path) {
  if (std::error_code error; !std::filesystem::exists(path, error)) return KeyFile{};
  return KeyFile::read(path);
}

// One change at a time: reads the file, changes it, writes it.
Result<Done> change(const std::function<Result<Done>(KeyFile&)>& work) {
  TRY_ASSIGN(const Path path, keys_file());
  TRY(make_folder(path.parent_path()));
  TRY_ASSIGN(const FileLock lock, FileLock::wait(path.parent_path() / "keys.lock"));
  TRY_ASSIGN(KeyFile file, read_keys(path));
  TRY(work(file));
  return file.write(path);
}

Result<Done> check_words(const char* option, const std::vector<std::string>& words) {
  if (words.size() > limits::key_list) return usage_error("{}: more than {} names", option, limits::key_list);
  for (const std::string& word : words)
    if (!is_key_word(word))
      return usage_error("{}: '{}'; expected 1 to 64 bytes of text without commas", option, printable(word));
  return Done{};
}

Result<Done> add(Options& options) {
  TRY(check_words("name", {options.key.name}));
  if (!options.key.department.empty()) TRY(check_words("--department", {options.key.department}));
  TRY(check_words("--models", options.key.models));
  TRY(check_words("--labels", options.key.labels));
  options.key.scopes = 0;
  for (const std::string& word : options.scopes) {
    const auto scope = scope_of(word);
    if (!scope) return usage_error("--scopes: '{}'; expected inference, metrics, admin or papers", printable(word));
    options.key.scopes |= *scope;
  }
  std::string secret;
  TRY(change([&](KeyFile& file) -> Result<Done> {
    if (file.keys.size() >= limits::keys)
      return out_of_resources("keys: there are {} already, revoked ones counted", file.keys.size());
    for (const Key& key : file.keys)
      if (key.revoked == 0 && key.name == options.key.name)
        return usage_error("name: there is a valid key '{}' already", printable(key.name));
    do {
      secret = make_secret(options.key);
    } while (std::any_of(file.keys.begin(), file.keys.end(), [&](const Key& k) { return k.id == options.key.id; }));
    file.keys.push_back(options.key);
    return Done{};
  }));
  if (options.json) {
    print_json({{"id", options.key.id}, {"name", options.key.name}, {"key", secret}});
    return Done{};
  }
  print(fmt::format("{}  {}\n\n  {}\n\nThis is shown once: only what it can be checked with is kept.\n", options.key.id,
                    options.key.name, secret));
  return Done{};
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ",")); }

Result<Done> list(const Options& options) {
  TRY_ASSIGN(const Path path, keys_file());
  TRY_ASSIGN(const KeyFile file, read_keys(path));
  Json rows = Json::array();
  for (const Key& key : file.keys) rows.push_back(shown_key(key));
  if (options.json) return print_json({{"keys", std::move(rows)}}), Done{};
  if (file.keys.empty()) {
    print("no keys: whoever reaches a server here may ask it\n");
    return Done{};
  }
  print(fmt::format("{:<10}  {:<20}  {:<14}  {:<18}  {:<20}  {}\n", "id", "name", "department", "scopes", "models",
                    "state"));
  for (const Key& key : file.keys)
    print(fit_for_terminal(fmt::format("{:<10}  {:<20}  {:<14}  {:<18}  {:<20}  {}\n", key.id, key.name, key.department,
                                       joined(scope_names(key.scopes)), key.models.empty() ? "all" : joined(key.models),
                                       key.revoked ? "revoked" : "valid")));
  return Done{};
}

Result<Done> revoke(const Options& options) {
  std::string id;
  TRY(change([&](KeyFile& file) -> Result<Done> {
    for (Key& key : file.keys)
      if (key.revoked == 0 && (key.id == options.name || key.name == options.name)) {
        key.revoked = std::time(nullptr);
        id = key.id;
        return Done{};
      }
    return usage_error("'{}': no valid key of that id or name; see freehold keys list", printable(options.name));
  }));
  if (options.json)
    print_json({{"id", id}, {"revoked", true}});
  else
    print(fmt::format("{} is revoked: servers that run refuse it from the next request on\n", id));
  return Done{};
}

Result<Done> set_budget(Options& options) {
  Budget& budget = options.budget;
  TRY(check_words("department", {budget.department}));
  const auto money = read_money(options.money);
  if (!money || money->billionths < 0)
    return usage_error("--money: expected an amount such as 12.50, found '{}'", printable(options.money));
  budget.money = *money;
  const bool none = budget.tokens == 0 && budget.joules == 0 && budget.money == Money{};
  TRY(change([&](KeyFile& file) -> Result<Done> {
    std::erase_if(file.budgets, [&](const Budget& b) { return b.department == budget.department; });
    if (none) return Done{};
    if (file.budgets.size() >= limits::keys) return out_of_resources("budgets: there are {} already", limits::keys);
    file.budgets.push_back(budget);
    return Done{};
  }));
  if (options.json) {
    print_json({{"department", budget.department},
                {"tokens", budget.tokens},
                {"joules", budget.joules},
                {"money", text_of(budget.money)}});
    return Done{};
  }
  print(fit_for_terminal(none ? fmt::format("{}: no budget\n", budget.department)
                              : fmt::format("{}: each month {} tokens, {} joules, {} of the tariff's currency (0: no "
                                            "bound)\n",
                                            budget.department, budget.tokens, budget.joules, text_of(budget.money))));
  return Done{};
}

}  // namespace

Command keys_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("keys", "who may ask a server: add, list, revoke; budgets");
  app->require_subcommand(1);
  app->footer(R"(
Once there is a key, every request needs a valid one; only /health and the files of the page are open. Keys are kept as
salted hashes in $FREEHOLD_HOME/keys.json, which must stay there: delete it, and start the servers again, to go back to
asking without keys.

examples:
  freehold keys add "front desk" --department reception
  freehold keys add ci --models qwen2.5-coder-0.5b-instruct --requests-per-minute 30
  freehold keys revoke "front desk"
  freehold keys budget reception --tokens 2000000)");
  auto options = std::make_shared<Options>();
  CLI::App* adding = app->add_subcommand("add", "make a key; it is shown once");
  adding->footer("\nexample:\n  freehold keys add \"front desk\" --department reception --scopes inference,papers");
  adding->add_option("name", options->key.name, "what you call it; another than that of any valid key")->required();
  adding->add_option("--department", options->key.department, "whose use it counts as")->type_name("NAME");
  adding->add_option("--scopes", options->scopes, "what it is for: inference, metrics, admin, papers")
      ->delimiter(',')
      ->capture_default_str()
      ->type_name("LIST");
  adding->add_option("--models", options->key.models, "models it may use, by name; default: all")
      ->delimiter(',')
      ->type_name("LIST");
  adding->add_option("--labels", options->key.labels, "labels of papers it may see")->delimiter(',')->type_name("LIST");
  const CLI::Range counts(int64_t{0}, int64_t{1} << 40);
  adding->add_option("--requests-per-minute", options->key.requests_per_minute, "0: no limit")
      ->check(counts)
      ->type_name("N");
  adding->add_option("--tokens-per-minute", options->key.tokens_per_minute, "of prompts and answers; 0: no limit")
      ->check(counts)
      ->type_name("N");
  CLI::App* listing = app->add_subcommand("list", "all keys, without what would let anybody in");
  CLI::App* revoking = app->add_subcommand("revoke", "a key is refused from now on");
  revoking->add_option("key", options->name, "its id or its name")->required();
  CLI::App* budgeting = app->add_subcommand("budget", "what a department may use in a month; all 0: no bound");
  budgeting->footer("\nexample:\n  freehold keys budget reception --tokens 2000000");
  budgeting->add_option("department", options->budget.department, "as in keys add --department")->required();
  budgeting->add_option("--tokens", options->budget.tokens, "of prompts and answers")->check(counts)->type_name("N");
  budgeting->add_option("--joules", options->budget.joules, "where the machine's counters can be read")
      ->check(counts)
      ->type_name("N");
  budgeting->add_option("--money", options->money, "in the currency of tariff.json")->type_name("AMOUNT");
  for (CLI::App* each : {adding, listing, revoking, budgeting})
    each->add_flag("--json", options->json, "as one JSON object");
  return {app, [options, adding, listing, budgeting] {
            return adding->parsed()      ? add(*options)
                   : listing->parsed()   ? list(*options)
                   : budgeting->parsed() ? set_budget(*options)
                                         : revoke(*options);
          }};
}

}  // namespace freehold
