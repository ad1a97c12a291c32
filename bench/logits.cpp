// bench_logits: our logits for given tokens, to be compared with another engine's (bench/rival/kl.py).
//
//   bench_logits MODEL REFERENCE.safetensors OUT.safetensors [--exact] [--cpu NAME] [--threads N] [--limit N]
//
// The token ids are those of REFERENCE ("ids", i32 [T]: a file of golden/real, or one that this or rival-logits wrote).
// The text is one sequence, computed in chunks of 512. OUT holds
//   ids     i32 [T]
//   logits  f32 [T,V]   raw, before any softmax
// --exact: float arithmetic and an F32 cache; otherwise the mode that serves.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

#include "bench/loaded.h"
#include "files/safetensors.h"

namespace freehold::bench {
namespace {

constexpr int chunk = 512;

template <class T>
void write_values(std::ofstream& out, std::span<const T> values) {
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
}

Result<std::vector<Token>> read_ids(const Path& path, int limit) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  TRY_ASSIGN(const std::vector<StoredTensor> tensors, read_safetensors_header(file.bytes(), file.name()));
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [](const StoredTensor& t) { return t.name == "ids"; });
  if (found == tensors.end() || found->format != Format::i32 || found->bytes.empty())
    return inconsistent("{}: no tensor 'ids' of 32-bit integers", file.name());
  std::vector<Token> ids(found->bytes.size() / sizeof(Token));
  std::memcpy(ids.data(), found->bytes.data(), ids.size() * sizeof(Token));
  if (limit > 0 && static_cast<size_t>(limit) < ids.size()) ids.resize(static_cast<size_t>(limit));
  return ids;
}

int run(int argc, char** argv) {
  std::vector<Path> paths;
  NumericMode mode;
  const Kernels* kernels = &best_kernels();
  int threads = 0, limit = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--exact") {
      mode = NumericMode::exact();
    } else if (option == "--cpu" && i + 1 < argc) {
      kernels = or_exit(kernels_named(argv[++i]));
    } else if (option == "--threads" && i + 1 < argc) {
      threads = std::atoi(argv[++i]);
    } else if (option == "--limit" && i + 1 < argc) {
      limit = std::atoi(argv[++i]);
    } else {
      paths.emplace_back(option);
    }
  }
  if (paths.size() != 3 || threads < 0 || limit < 0) {
    fmt::print(stderr, "usage: bench_logits MODEL REFERENCE OUT [--exact] [--cpu NAME] [--threads N] [--limit N]\n");
    return exit_code(Fault::usage);
  }
  const std::vector<Token> ids = or_exit(read_ids(paths[1], limit));
  Loaded loaded(paths[0], mode, *kernels, threads);
  const ModelFacts& facts = loaded.model->facts();
  const auto count = static_cast<int>(ids.size());
  if (count > facts.context) or_exit<Done>(usage_error("{} tokens, the model was made for {}", count, facts.context));

  const uint64_t id_bytes = 4 * ids.size(), logit_bytes = id_bytes * static_cast<uint64_t>(facts.vocabulary);
  std::string head = fmt::format(
      R"({{"ids":{{"dtype":"I32","shape":[{}],"data_offsets":[0,{}]}},"logits":{{"dtype":"F32","shape":[{},{}],"data_offsets":[{},{}]}}}})",
      count, id_bytes, count, facts.vocabulary, id_bytes, id_bytes + logit_bytes);
  head.resize((head.size() + 7) / 8 * 8, ' ');
  const uint64_t head_bytes = head.size();
  std::ofstream out(paths[2], std::ios::binary);
  write_values<uint64_t>(out, {&head_bytes, 1});
  write_values<char>(out, head);
  write_values<Token>(out, ids);

  const std::unique_ptr<KvCache> cache = loaded.model->make_cache(count);
  for (int first = 0; first < count; first += chunk) {
    loaded.engine.arena().reset();
    Batch batch;
    batch.sequences.push_back({.tokens = std::span(ids).subspan(static_cast<size_t>(first),
                                                                static_cast<size_t>(std::min(chunk, count - first))),
                               .start = first,
                               .cache = cache.get(),
                               .logits = Batch::Sequence::Logits::all});
    Context context{*kernels, loaded.pool, loaded.engine.arena(), mode.arithmetic};
    Pass pass(context, batch, facts.layers);
    write_values(out, loaded.model->forward(pass).all());
  }
  if (!out.flush()) or_exit<Done>(io_error("{}: not written", paths[2].string()));
  fmt::print("{}: {} tokens, {}, {} kernels\n", paths[2].filename().string(), count, text_of(mode), kernels->name);
  return 0;
}

}  // namespace
}  // namespace freehold::bench

int main(int argc, char** argv) { return freehold::bench::run(argc, argv); }
