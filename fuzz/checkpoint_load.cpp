// A checkpoint of several files. The input is a list of files: a byte that chooses a name, u16 length, contents. What
// opens is read whole, as a model would.
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "files/checkpoint.h"
#include "fuzz/fuzz.h"

using namespace freehold;

namespace {

constexpr std::array<const char*, 8> names = {
    "config.json",   "model.safetensors",     "model.safetensors.index.json", "a.safetensors",
    "b.safetensors", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf",        "m.gguf"};

// One folder for all inputs, removed at the end.
struct WorkFolder {
  WorkFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freehold_fuzz_XXXXXX").string();
    fuzz::expect(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~WorkFolder() { std::filesystem::remove_all(path); }
  Path path;
};

const Path& folder() {
  static const WorkFolder work;
  return work.path;
}

void read_all(const Checkpoint& checkpoint) {
  std::vector<float> row;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    fuzz::expect(checkpoint.find(tensor.name) == &tensor);
    for (const auto& weight : {checkpoint.weight(tensor.name), checkpoint.stacked_weight(tensor.name)}) {
      if (!weight) continue;
      const FormatInfo& format = info(weight->format);
      row.resize(static_cast<size_t>(weight->cols));
      const uint64_t row_bytes = *stored_bytes(weight->format, static_cast<uint64_t>(weight->cols));
      fuzz::expect(row_bytes * static_cast<uint64_t>(weight->rows) == weight->bytes.size());
      const auto last = weight->bytes.last(static_cast<size_t>(row_bytes));
      format.decode(last.data(), weight->cols, row.data());
    }
  }
  (void)checkpoint.config().dump();
  (void)checkpoint.side_file("config.json");
  checkpoint.drop({});
  fuzz::expect(checkpoint.check_intact().has_value());
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  std::vector<const char*> written;
  while (input.size() >= 3) {
    const char* name = names[std::to_integer<size_t>(input[0]) % names.size()];
    uint16_t length;
    std::memcpy(&length, input.data() + 1, sizeof length);
    input = input.subspan(3);
    const auto contents = input.first(std::min<size_t>(length, input.size()));
    input = input.subspan(contents.size());
    std::ofstream(folder() / name, std::ios::binary) << fuzz::text_of(contents);
    written.push_back(name);
  }
  if (const auto checkpoint = Checkpoint::open(folder())) read_all(*checkpoint);
  for (const char* name : {"m-00001-of-00002.gguf", "m.gguf"}) {
    if (const auto checkpoint = Checkpoint::open(folder() / name)) read_all(*checkpoint);
    if (const auto checkpoint = Checkpoint::open_header(folder() / name)) read_all(*checkpoint);
  }
  for (const char* name : written) std::filesystem::remove(folder() / name);
}
