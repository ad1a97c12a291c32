// A wheel as freehold-net gets it: whatever the archive says, no more than the expected bytes are written.
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "apps/net/packages.h"
#include "fuzz/fuzz.h"

using namespace freehold;

namespace {

constexpr uint64_t expected = 100'000;

struct WorkFolder {
  WorkFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freehold_fuzz_XXXXXX").string();
    fuzz::expect(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~WorkFolder() { std::filesystem::remove_all(path); }
  Path path;
};

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  static const WorkFolder work;
  static auto part = PartFile::open(work.path / "model.gguf", expected);
  static const std::atomic<bool> cancelled = false;
  fuzz::expect(part.has_value());
  std::ofstream(work.path / "fuzz.whl", std::ios::binary) << fuzz::text_of(input);
  Progress progress("fuzz", expected, 0, false);
  fuzz::expect(part->to_last_part().has_value());
  const auto done = append_member(work.path / "fuzz.whl", "m/data.bin", *part, progress, cancelled);
  fuzz::expect(part->size() <= expected);
  if (done) fuzz::expect(part->size() > 0);
}
