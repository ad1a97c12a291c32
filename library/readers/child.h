// What a child process of a reader may still do, and how its output is taken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::papers {

enum class Seal : uint8_t {
  compute,
  program,  // may also open files and run threads, but no network, no exec after the first
  launch,   // may also start programs and end them
};
bool seal_this_process(Seal seal);  // false: the kernel refused
void limit_this_process(uint64_t memory_bytes, uint64_t seconds);

// Everything that `from` gives until it is closed; the child is killed when it takes longer or says more.
struct ChildOutput {
  std::string bytes;
  int status = 0;  // as waitpid gives it
  bool too_long = false, too_much = false;
};
ChildOutput output_of(int child, int from, uint64_t seconds, uint64_t most_bytes);

// Runs a program with `input` as its standard input (a seekable file in memory) and gives what it prints.
bool is_installed(std::string_view program);
Result<std::string> printed_by(std::string_view program, const std::vector<std::string>& words, std::string_view input,
                               std::string_view name);

}  // namespace freehold::papers
