// A folder in Hugging Face's layout: config.json beside model.safetensors, or beside the shards that
// model.safetensors.index.json names. The index must tell of every tensor, and nothing but the truth.
#include <algorithm>

#include "base/limits.h"
#include "files/checkpoint_impl.h"
#include "files/safetensors.h"

namespace freehold {
namespace {

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Every tensor of shard `number` must be in the index as of that shard. Counts those that are.
Result<uint64_t> match_index(const SafetensorsIndex& index, uint32_t number, std::span<const StoredTensor> tensors) {
  for (const StoredTensor& tensor : tensors) {
    const auto entry = std::lower_bound(index.entries.begin(), index.entries.end(), tensor.name,
                                        [](const auto& e, const std::string& name) { return e.tensor < name; });
    if (entry == index.entries.end() || entry->tensor != tensor.name)
      return inconsistent("{}: holds tensor '{}', which {} does not name", index.shards[number], tensor.name,
                          index_name);
    if (entry->shard != number)
      return inconsistent("{}: holds tensor '{}', which {} places in {}", index.shards[number], tensor.name, index_name,
                          index.shards[entry->shard]);
  }
  return tensors.size();
}

Result<Done> read_shards(Checkpoint::Impl& impl) {
  TRY_ASSIGN(const MappedFile index_file, impl.folder->map(index_name));
  TRY_ASSIGN(const SafetensorsIndex index, read_safetensors_index(text_of(index_file), index_name));
  impl.tensors.reserve(index.entries.size());
  for (uint32_t i = 0; i < index.shards.size(); ++i) {
    TRY_ASSIGN(MappedFile file, impl.folder->map(index.shards[i]));
    TRY_ASSIGN(std::vector<StoredTensor> tensors, read_safetensors_header(file.bytes(), index.shards[i]));
    TRY(match_index(index, i, tensors));
    std::move(tensors.begin(), tensors.end(), std::back_inserter(impl.tensors));
    impl.files.push_back(std::move(file));
  }
  if (impl.tensors.size() == index.entries.size()) return Done{};
  // Each tensor found is in the index once, so some entry of the index was not found: name the first.
  std::vector<std::string_view> names;
  names.reserve(impl.tensors.size());
  for (const StoredTensor& tensor : impl.tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  for (const auto& entry : index.entries)
    if (!std::binary_search(names.begin(), names.end(), std::string_view(entry.tensor)))
      return inconsistent("{}: names tensor '{}' in {}, which does not hold it", index_name, entry.tensor,
                          index.shards[entry.shard]);
  return Done{};
}

Result<Json> parse_config(std::string_view text, const std::string& name) {
  TRY_ASSIGN(Json config, parse_json(text, name, {.bytes = limits::config_json_bytes}));
  if (!config.is_object()) return malformed("{}: expected an object", name);
  return config;
}

Failure no_weights(const Folder& folder) {
  for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.ckpt"})
    if (folder.has(pickle))
      return unsupported("{}: has weights as pickles only ({}), which can run code; expected {}",
                         printable(folder.path().filename().native()), pickle, single_name);
  return malformed("{}: has neither {} nor {}", printable(folder.path().filename().native()), single_name, index_name);
}

}  // namespace

Result<std::shared_ptr<Checkpoint::Impl>> open_model_folder(const Path& path, Links links) {
  auto impl = std::make_shared<Checkpoint::Impl>();
  impl->source = Checkpoint::Source::folder;
  impl->place = path;
  const Path plain = path.lexically_normal();
  impl->name = (plain.has_filename() ? plain : plain.parent_path()).filename().native();
  TRY_ASSIGN(impl->folder, Folder::open(path, links));

  TRY_ASSIGN(const std::string config, impl->folder->read("config.json", limits::config_json_bytes));
  TRY_ASSIGN(impl->config, parse_config(config, "config.json"));

  const bool single = impl->folder->has(single_name), sharded = impl->folder->has(index_name);
  if (single && sharded)
    return inconsistent("{}: has both {} and {}; readers would differ in which they take", printable(impl->name),
                        single_name, index_name);
  if (sharded) {
    TRY(read_shards(*impl));
  } else if (single) {
    TRY_ASSIGN(MappedFile file, impl->folder->map(single_name));
    TRY_ASSIGN(impl->tensors, read_safetensors_header(file.bytes(), single_name));
    impl->files.push_back(std::move(file));
  } else {
    return no_weights(*impl->folder);
  }
  return impl;
}

Result<std::shared_ptr<Checkpoint::Impl>> open_config_file(const Path& path) {
  auto impl = std::make_shared<Checkpoint::Impl>();
  impl->source = Checkpoint::Source::folder;
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  impl->name = printable(file.name());
  TRY_ASSIGN(impl->config, parse_config(text_of(file), impl->name));
  if (!file.intact()) return io_error("{}: was changed while it was read", impl->name);
  return impl;
}

}  // namespace freehold
