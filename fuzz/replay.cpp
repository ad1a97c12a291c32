// Runs a fuzz target over every file of the folders given, once. Fails on an empty folder and on an input that takes
// long. Each input is copied to a block of exactly its size, so that the address sanitizer sees a read beyond it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/file.h"
#include "fuzz/fuzz.h"

namespace {

constexpr double most_seconds = 20;  // a second, and room for sanitizers on a busy machine

bool replay(const freehold::Path& path) {
  const auto text = freehold::read_file(path, 64u << 20);
  if (!text) {
    std::fprintf(stderr, "%s\n", text.error().what.c_str());
    return false;
  }
  const auto copy = std::make_unique<std::byte[]>(text->size());
  if (!text->empty()) std::memcpy(copy.get(), text->data(), text->size());
  const auto start = std::chrono::steady_clock::now();
  fuzz_one({copy.get(), text->size()});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  if (taken.count() < most_seconds) return true;
  std::fprintf(stderr, "%s: took %.1f s\n", path.c_str(), taken.count());
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<freehold::Path> inputs;
  for (int i = 1; i < count; ++i) {
    const freehold::Path path = arguments[i];
    if (!std::filesystem::is_directory(path)) {
      inputs.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) inputs.push_back(entry.path());
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "usage: %s FOLDER_OR_FILE...: no inputs\n", arguments[0]);
    return 2;
  }
  std::sort(inputs.begin(), inputs.end());
  bool good = true;
  for (const auto& input : inputs) {
    std::fprintf(stderr, "%s\n", input.c_str());  // the last line names the input that broke it
    good = replay(input) && good;
  }
  std::printf("%zu inputs\n", inputs.size());
  return good ? 0 : 1;
}
