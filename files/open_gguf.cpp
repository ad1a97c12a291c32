// A GGUF file with its shards. Shards are named NAME-0000i-of-0000n.gguf and hold split.no (from 0), split.count and
// split.tensors.count; the first holds the metadata. All of these must agree.
#include <algorithm>

#include "base/limits.h"
#include "files/checkpoint_impl.h"

namespace freehold {
namespace {

struct ShardName {
  std::string stem;  // before "-00001-of-00002.gguf"
  uint64_t number = 1, count = 1;
};

// nullopt when the name is not that of a shard.
std::optional<ShardName> parse_shard_name(std::string_view name) {
  constexpr std::string_view form = "-00000-of-00000.gguf";
  if (name.size() < form.size()) return std::nullopt;
  const std::string_view tail = name.substr(name.size() - form.size());
  uint64_t numbers[2] = {0, 0};
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '0') {
      if (tail[i] != form[i]) return std::nullopt;
    } else {
      if (tail[i] < '0' || tail[i] > '9') return std::nullopt;
      uint64_t& number = numbers[i > 6];
      number = number * 10 + static_cast<uint64_t>(tail[i] - '0');
    }
  }
  return ShardName{std::string(name.substr(0, name.size() - form.size())), numbers[0], numbers[1]};
}

std::string shard_file(const ShardName& shard, uint64_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", shard.stem, number, shard.count);
}

// A whole number of the metadata that is not negative; `otherwise` when the key is absent.
Result<uint64_t> count_of(const GgufHeader& header, const char* key, uint64_t otherwise, std::string_view file) {
  const auto found = header.config.find(key);
  if (found == header.config.end()) return otherwise;
  if (found->is_number_unsigned()) return found->get<uint64_t>();
  if (found->is_number_integer() && found->get<int64_t>() >= 0) return found->get<uint64_t>();
  return malformed("{}: key '{}' is {}; expected a whole number, not negative", file, key,
                   printable(found->dump(-1, ' ', true)));
}

void append(std::vector<StoredTensor>& to, std::vector<StoredTensor>&& from) {
  if (to.empty()) {
    to = std::move(from);
    return;
  }
  to.reserve(to.size() + from.size());
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

Result<Done> open_other_shards(Checkpoint::Impl& impl, const GgufHeader& first, uint64_t count, const Path& path,
                               Links links) {
  const auto shard = parse_shard_name(impl.name);
  if (!shard || shard->count != count)
    return inconsistent("{}: split.count is {}, but its name does not end in -00001-of-{:05}.gguf",
                        printable(impl.name), count, count);
  TRY_ASSIGN(const Folder folder, Folder::open(path.has_parent_path() ? path.parent_path() : Path("."), links));
  TRY_ASSIGN(const uint64_t tensors_claimed, count_of(first, "split.tensors.count", UINT64_MAX, printable(impl.name)));
  for (uint64_t i = 1; i < count; ++i) {
    const std::string name = shard_file(*shard, i + 1);
    TRY_ASSIGN(MappedFile file, folder.map(name));
    TRY_ASSIGN(GgufHeader header, read_gguf_header(file.bytes(), name, Cut::refuse));
    const std::string shown = printable(name);
    TRY_ASSIGN(const uint64_t number, count_of(header, "split.no", UINT64_MAX, shown));
    TRY_ASSIGN(const uint64_t its_count, count_of(header, "split.count", UINT64_MAX, shown));
    TRY_ASSIGN(const uint64_t its_tensors, count_of(header, "split.tensors.count", tensors_claimed, shown));
    if (number != i || its_count != count || its_tensors != tensors_claimed)
      return inconsistent("{}: split.no, split.count or split.tensors.count is not what the first shard says", shown);
    append(impl.tensors, std::move(header.tensors));
    if (impl.tensors.size() > limits::gguf_tensors)
      return malformed("{}: more than {} tensors in all shards", shown, limits::gguf_tensors);
    impl.files.push_back(std::move(file));
  }
  if (tensors_claimed != UINT64_MAX && impl.tensors.size() != tensors_claimed)
    return inconsistent("{}: split.tensors.count is {}, the shards hold {}", printable(impl.name), tensors_claimed,
                        impl.tensors.size());
  return Done{};
}

}  // namespace

Result<std::shared_ptr<Checkpoint::Impl>> open_gguf(const Path& path, Links links, Cut cut) {
  auto impl = std::make_shared<Checkpoint::Impl>();
  impl->source = Checkpoint::Source::gguf;
  TRY_ASSIGN(MappedFile file, MappedFile::open(path));
  impl->name = file.name();
  impl->place = path.parent_path();
  TRY_ASSIGN(GgufHeader header, read_gguf_header(file.bytes(), impl->name, cut));
  impl->files.push_back(std::move(file));
  impl->tensors = std::move(header.tensors);

  if (cut == Cut::refuse) {
    const std::string shown = printable(impl->name);
    TRY_ASSIGN(const uint64_t count, count_of(header, "split.count", 1, shown));
    TRY_ASSIGN(const uint64_t number, count_of(header, "split.no", 0, shown));
    const auto shard = parse_shard_name(impl->name);
    if (number != 0)
      return usage_error("{}: is shard {} of {}; open the first, which ends in -00001-of-{:05}.gguf", shown, number + 1,
                         count, count);
    if (count < 1 || count > limits::gguf_shards)
      return malformed("{}: split.count is {}; expected 1 to {}", shown, count, limits::gguf_shards);
    if (count == 1 && shard && shard->count > 1)
      return inconsistent("{}: is named as one of {} shards, but has no split.count", shown, shard->count);
    if (count > 1) TRY(open_other_shards(*impl, header, count, path, links));
  }
  impl->config = std::move(header.config);
  impl->strings = std::move(header.strings);
  impl->floats = std::move(header.floats);
  impl->integers = std::move(header.integers);
  return impl;
}

}  // namespace freehold
