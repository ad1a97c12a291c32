// freehold ingest: a folder of papers into a library, and what came of each file.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/command.h"
#include "apps/libraries.h"
#include "apps/report.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "library/records.h"

namespace freehold {
namespace {

struct Options {
  std::string folder, library;
  bool json = false, every = false, again = false, watch = false;
};

Json as_json(const papers::IngestReport& report, const papers::Tally& tally, double seconds) {
  Json files = Json::array();
  for (const papers::FileReport& file : report.files) {
    Json one = {{"file", file.path},
                {"status", !file.fault.empty() ? "not read"
                           : file.unchanged    ? "unchanged"
                                               : "read"},
                {"tables", file.tables},
                {"rows", file.rows},
                {"passages", file.passages}};
    if (!file.read_as.empty()) one["read_as"] = file.read_as;
    if (!file.fault.empty()) one["fault"] = file.fault, one["tried"] = !file.unchanged;
    if (!file.notes.empty()) one["notes"] = file.notes;
    files.push_back(one);
  }
  return {{"files", files},
          {"removed", report.removed},
          {"seconds", seconds},
          {"records",
           {{"merged_by_key", tally.merged_by_key},
            {"merged_softly", tally.merged_softly},
            {"from_text", tally.from_text},
            {"corrections", tally.corrections},
            {"lines_open", tally.lines_open}}}};
}

void print_for_people(const papers::IngestReport& report, const papers::Tally& tally, const Options& options,
                      double seconds) {
  uint64_t read = 0, unchanged = 0, failed = 0, left = 0, rows = 0;
  for (const papers::FileReport& file : report.files) {
    unchanged += file.unchanged && file.fault.empty(), failed += !file.fault.empty(), rows += file.rows;
    read += file.fault.empty() && !file.unchanged, left += !file.fault.empty() && file.unchanged;
    const bool shown = options.every || !file.fault.empty() || !file.notes.empty();
    if (!shown) continue;
    const std::string what = !file.fault.empty() ? "not read: " + file.fault
                             : file.unchanged    ? "unchanged"
                                                 : fmt::format("{}: {} tables, {} rows, {} passages", file.read_as,
                                                                 file.tables, file.rows, file.passages);
    print(fit_for_terminal(fmt::format("{}  {}\n", file.path, what)));
    for (const std::string& note : file.notes) print(fit_for_terminal(fmt::format("    {}\n", note)));
  }
  if (left > 0)
    print(fmt::format("{} of these could not be read before and are as they were: not tried again (--again does)\n", left));
  print(fmt::format("{} files read, {} unchanged, {} not read, {} gone; {} rows in {:.1f} s\n", read, unchanged, failed,
                    report.removed, text_of_count(rows), seconds));
  print(
      fmt::format("{} records told twice and merged by their key, {} by day, place and part; {} from lines of text ({} "
                  "such lines stay open); {} corrected by a notice\n",
                  tally.merged_by_key, tally.merged_softly, tally.from_text, tally.lines_open, tally.corrections));
}

Result<Done> read_once(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(const papers::Domain domain, domain_of_library(options.library));
  TRY_ASSIGN(papers::Store store, open_library(options.library, papers::Database::Mode::write));
  if (options.again) TRY(store.allow_again());
  papers::IngestReport report;
  {
    ProgressLine line("reading " + options.folder);
    TRY_ASSIGN(report, store.add_folder(options.folder, domain,
                                        [&](double done) { return line.at(done), !interrupt::requested(); }));
  }
  TRY_ASSIGN(const papers::Tally tally, papers::build_records(store, domain));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json)
    print_json(as_json(report, tally, seconds));
  else
    print_for_people(report, tally, options, seconds);
  return Done{};
}

// Path, size and time of every file below the folder: different when something came, went or changed.
std::string state_of(const Path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    const auto time = std::filesystem::last_write_time(it->path(), gone).time_since_epoch().count();
    files.push_back(fmt::format("{} {} {}", it->path().string(), size, time));
    if (files.size() >= limits::library_files) break;
  }
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& file : files) all += file + "\n";
  return sha256_of(all);
}

bool waited() {  // a second; false when the user wants to stop
  for (int i = 0; i < 10 && !interrupt::requested(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return !interrupt::requested();
}

// Reads again when the folder has changed and then stood still for a second.
Result<Done> run(const Options& options) {
  std::string seen = options.watch ? state_of(options.folder) : "";
  TRY(read_once(options));
  while (options.watch && waited()) {
    const std::string before = state_of(options.folder);
    if (before == seen || !waited()) continue;
    if (state_of(options.folder) != before) continue;
    seen = before;
    TRY(read_once(options));
  }
  return Done{};
}

}  // namespace

Command ingest_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("ingest", "read a folder of papers into a library");
  app->footer(R"(
Reads txt, md, csv, tsv, xlsx, docx, pptx, html, eml, json, jsonl, xml, svg and dxf; pdf and pictures through pdftotext
and tesseract where they are installed. Files that did not change are skipped; those that
are gone from the folder leave the library. What could not be read is listed with its reason.

examples:
  freehold ingest papers/ --library plant
  freehold ingest papers/ --library plant --every
  freehold ingest papers/ --library plant --watch
  freehold ask "How many failures did BC-07 have in 2021?" --library plant)");
  auto options = std::make_shared<Options>();
  app->add_option("folder", options->folder, "the folder")->required();
  add_library_option(*app, options->library);
  app->add_flag("--every", options->every, "list every file, not only those with something to say");
  app->add_flag("--again", options->again, "also what `library forget` took out, and what could not be read before");
  app->add_flag("--watch", options->watch, "stay, and read again whenever the folder changes, until interrupted");
  app->add_flag("--json", options->json, "as one JSON object");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold
