// freehold usage: what the ledger of the servers says was used, and whether the ledger is whole.
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/models.h"
#include "apps/report.h"
#include "serve/usage_report.h"

namespace freehold {
namespace {

struct Options {
  std::string by = "department", month, from, to, format = "table", file;
  bool verify = false, json = false;
};

Result<Done> verify(const Path& path, bool json) {
  TRY_ASSIGN(const LedgerHead head, read_ledger(path, [](const std::string&, const LedgerEntry&) {}));
  if (json)
    print_json({{"lines", head.lines}, {"cut_bytes", head.cut_bytes}, {"head", head.hash}});
  else
    print(fmt::format("{} lines, each whole and following from the one before\nhead {}\n", head.lines, head.hash));
  if (head.cut_bytes > 0)
    return failure(
        Fault::integrity,
        fmt::format("{}: line {}: has no end after {} bytes; a power cut does that, and the next line that a "
                    "server writes tells of it",
                    path.filename().string(), head.lines + 1, head.cut_bytes));
  return Done{};
}

Result<Done> run(Options& options) {
  TRY_ASSIGN(Path path, ledger_file());
  if (!options.file.empty()) path = options.file;
  if (std::error_code error; !std::filesystem::exists(path, error))
    return io_error("{}: there is no ledger; a server makes it", printable(path.filename().native()));
  if (options.verify) return verify(path, options.json);
  UsageRange range;
  if (!options.month.empty()) {
    if (!options.from.empty() || !options.to.empty()) return usage_error("--month: not together with --from or --to");
    TRY_ASSIGN(range, usage_month(options.month));
  } else {
    TRY_ASSIGN(range, usage_range(options.from, options.to));
  }
  const UsageGroup group = *usage_group_of(options.by);
  UsageRows rows;
  TRY(read_ledger(path, [&](const std::string& day, const LedgerEntry& e) {
    if ((!range.from.empty() && day < range.from) || (!range.to.empty() && day > range.to)) return;
    rows[group == UsageGroup::department ? e.department : group == UsageGroup::key ? e.key_id : e.model].add(e);
  }));
  if (options.json || options.format == "json")
    print_json({{"group_by", options.by}, {"data", usage_json(rows)}});
  else if (options.format == "csv")
    print(usage_csv(rows, options.by));
  else
    print(fit_for_terminal(usage_table(rows, options.by)));
  return Done{};
}

}  // namespace

Command usage_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("usage", "what servers here were used for, by the ledger; is it whole?");
  app->footer(R"(
The ledger, $FREEHOLD_HOME/usage.jsonl, holds counts, times and costs of each request, and nothing of what was asked.
--verify finds a changed byte, and a line taken out, put in or moved. That lines are missing at the end shows only in the
head, if you noted it elsewhere.

examples:
  freehold usage --by department --month 2026-11
  freehold usage --by key --from 2026-11-01 --to 2026-11-07 --format csv
  freehold usage --verify)");
  auto options = std::make_shared<Options>();
  app->add_option("--by", options->by, "a row for each department, key or model")
      ->check(CLI::IsMember({"department", "key", "model"}))
      ->type_name("WHAT")
      ->capture_default_str();
  app->add_option("--month", options->month, "of this month only (UTC)")->type_name("YYYY-MM");
  app->add_option("--from", options->from, "from this day on")->type_name("YYYY-MM-DD");
  app->add_option("--to", options->to, "to the end of this day")->type_name("YYYY-MM-DD");
  app->add_option("--format", options->format, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  app->add_option("--file", options->file, "another ledger than that of $FREEHOLD_HOME")->type_name("FILE");
  app->add_flag("--verify", options->verify, "check every line; exit 6 if one does not fit");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
