// A fuzz target is a file fuzz/NAME.cpp that defines fuzz_one, seeds in fuzz/corpus/NAME/, if useful a dictionary
// fuzz/NAME.dict, and a line in fuzz/CMakeLists.txt. Preset `fuzz` links it with libFuzzer; every other build links it
// with replay.cpp, which runs the corpus once in the plain tests. An input that once broke something stays in the
// corpus under the name regression-WHAT.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string_view>

// Must return for every input: no crash, no sanitizer report, no leak, within a second and 2 GiB.
void fuzz_one(std::span<const std::byte> input);

namespace freehold::fuzz {

inline std::string_view text_of(std::span<const std::byte> input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// What must hold for every input. Not CHECK, which ends without a report.
inline void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace freehold::fuzz
