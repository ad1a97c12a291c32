// No kernel takes more instructions than it did: counts over small shapes, the same on every machine however busy it is,
// against the table instructions.json. A count that grew by more than 3 % fails; one that fell by more is told, so that
// the table can follow.
//
//   instructions_test TABLE COMPILER [--write]
//
// A child runs the kernels of a set, each between two signals; its parent steps it from one to the other and counts.
// So every set can be counted that this machine runs. Counts are of one compiler's code: with another than the table's,
// or where a program may not trace its child, the test is skipped (status 77). --write makes the table anew; sets that
// this machine lacks stay as they were.
#include <fmt/format.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/instructions/counted_kernels.h"

namespace freehold {
namespace {

using nlohmann::json;

constexpr double most_growth = 0.03;
constexpr int skipped = 77, begins = SIGUSR1, ends = SIGUSR2;

// Runs the child until it stops, and returns the signal that stopped it; 0 when it has ended.
int next_stop(pid_t child, bool step) {
  if (ptrace(step ? PTRACE_SINGLESTEP : PTRACE_CONT, child, nullptr, nullptr) != 0) return 0;
  int status;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 0;
  return WSTOPSIG(status);
}

// Instructions of each piece of work, a constant few of the signals included; nothing if a child cannot be traced.
std::optional<std::vector<int64_t>> counts_of(const std::vector<testing::CountedKernel>& list) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    for (const auto& kernel : list) {
      raise(begins);
      kernel.run();
      raise(ends);
    }
    _exit(0);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return std::nullopt;
  std::vector<int64_t> counts;
  int signal = WSTOPSIG(status);
  while (signal == begins) {
    int64_t steps = 0;
    while ((signal = next_stop(child, true)) == SIGTRAP) ++steps;
    if (signal != ends) break;
    counts.push_back(steps);
    signal = next_stop(child, false);
  }
  if (signal != 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  if (counts.size() != list.size())
    fmt::print("{}: stopped by signal {}\n", list[std::min(counts.size(), list.size() - 1)].name, signal);
  return counts;
}

// How many of a set's counts outgrew the table's, or are not in it.
int compare(std::string_view set, const std::vector<testing::CountedKernel>& list, const std::vector<int64_t>& counts,
            const json& table) {
  int faults = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& name = list[i].name;
    const auto found = table.find(name);
    if (found == table.end()) {
      fmt::print("FAIL {}, {}: not in the table; see --write\n", set, name);
      ++faults;
      continue;
    }
    const auto expected = found->get<int64_t>();
    const double change = static_cast<double>(counts[i]) / static_cast<double>(expected) - 1;
    if (std::abs(change) <= most_growth) continue;
    fmt::print("{} {}, {}: {} instructions, {} in the table ({:+.1f} %)\n", change > 0 ? "FAIL" : "less", set, name,
               counts[i], expected, 100 * change);
    faults += change > 0;
  }
  return faults;
}

int run(const char* path, const std::string& compiler, bool write) {
  json table = json::object();
  if (std::ifstream file(path); file) table = json::parse(file);
  if (write) table["compiler"] = compiler;
  if (table.value("compiler", "") != compiler) {
    fmt::print("SKIPPED: the table is of {}, this is {}: counts would differ anyway\n", table.value("compiler", "nothing"),
               compiler);
    return skipped;
  }
  int faults = 0;
  size_t counted = 0;
  for (const Kernels* set : runnable_kernels()) {
    if (set->name == "plain") continue;  // for reading and for tests: nobody waits for it
    const auto list = testing::counted_kernels(*set);
    const auto counts = counts_of(list);
    if (!counts) {
      fmt::print("SKIPPED: this system does not let a program trace its child\n");
      return skipped;
    }
    if (counts->size() != list.size()) return 1;
    counted += counts->size();
    json& known = table[std::string(set->name)];
    if (write) {
      known = json::object();
      for (size_t i = 0; i < list.size(); ++i) known[list[i].name] = (*counts)[i];
    } else {
      faults += compare(set->name, list, *counts, known);
    }
  }
  if (write) std::ofstream(path) << table.dump(1) << '\n';
  fmt::print("{} counts, {} failed\n", counted, faults);
  return faults > 0;
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) {
  const bool write = count == 4 && std::strcmp(arguments[3], "--write") == 0;
  if (count != 3 && !write) return fmt::print(stderr, "usage: instructions_test TABLE COMPILER [--write]\n"), 2;
  return freehold::run(arguments[1], arguments[2], write);
}
