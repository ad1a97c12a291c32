// The index of a sharded folder.
#include "base/file.h"
#include "files/safetensors.h"
#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto index = read_safetensors_index(fuzz::text_of(input), "index.json");
  if (!index) {
    fuzz::expect(is_clean_utf8(index.error().what));
    return;
  }
  for (const auto& entry : index->entries) fuzz::expect(entry.shard < index->shards.size());
  for (const auto& shard : index->shards) fuzz::expect(is_plain_name(shard));
}
