// The memory promise: a header of H bytes is read in at most 64 MiB + 4 H, whatever it claims. Counts what this
// program allocates, by its own operator new.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/json.h"
#include "base/limits.h"
#include "files/gguf.h"
#include "files/safetensors.h"
#include "files/testing/safetensors_writer.h"

namespace {

std::atomic<size_t> live{0}, peak{0};

void* allocate(size_t size) {
  void* block = std::malloc(size);
  if (!block) std::abort();
  const size_t now = live += malloc_usable_size(block);
  size_t seen = peak;
  while (now > seen && !peak.compare_exchange_weak(seen, now)) {
  }
  return block;
}

void release(void* block) {
  if (block) live -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(size_t size) { return allocate(size); }
void* operator new[](size_t size) { return allocate(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }
void operator delete[](void* block, size_t) noexcept { release(block); }

namespace freehold {
namespace {

using testing::GgufType;
using testing::GgufWriter;
using testing::raw;
using testing::safetensors_of;

constexpr size_t slack = 16u << 20;  // the promise leaves 64 MiB; these inputs are small enough to show the 4 H

// Bytes that `work` needed at its peak.
template <class Work>
size_t peak_of(Work work) {
  const size_t before = live;
  peak = before;
  work();
  return peak - before;
}

void expect_modest(const std::string& file, size_t header_bytes, std::string_view what, bool accepted = true) {
  const auto bytes = std::as_bytes(std::span(file));
  const size_t needed = peak_of([&] {
    const bool good = file.starts_with("GGUF") ? read_gguf_header(bytes, "t", Cut::refuse).has_value()
                                               : read_safetensors_header(bytes, "t").has_value();
    EXPECT_EQ(good, accepted) << what;
  });
  EXPECT_LE(needed, slack + 4 * header_bytes) << what << ": " << needed << " for " << header_bytes;
  ::testing::Test::RecordProperty(std::string(what), fmt::format("{} for {}", needed, header_bytes));
}
void expect_modest(const GgufWriter& writer, std::string_view what) {
  expect_modest(writer.bytes(), writer.header().size(), what);
}

TEST(Memory, counts_allocations) {
  EXPECT_GE(peak_of([] { std::string(1 << 20, 'x'); }), size_t{1} << 20);
}

TEST(Memory, gguf_strings) {
  GgufWriter empty, short_ones;
  const std::string count = raw(GgufType::string) + raw<uint64_t>(1'500'000);
  empty.raw_key("k", GgufType::array, count + std::string(8 * 1'500'000, '\0'));
  expect_modest(empty, "empty strings");
  GgufWriter lists;
  for (int i = 0; i < 65'000; ++i) lists.strings(fmt::format("{:x}", i), {});
  expect_modest(lists, "empty lists");
}

TEST(Memory, gguf_numbers) {
  GgufWriter lists;
  for (int i = 0; i < 60'000; ++i) lists.numbers<uint8_t>(fmt::format("{:x}", i), {1, 2, 3, 4});
  expect_modest(lists, "short lists");
  GgufWriter large;
  for (int i = 0; i < 4; ++i) large.numbers(fmt::format("{:x}", i), std::vector<float>(1'000'000, 1));
  expect_modest(large, "long lists");
  GgufWriter bytes;
  for (int i = 0; i < 64; ++i) bytes.numbers(fmt::format("{:x}", i), std::vector<uint8_t>(4096, 1));
  expect_modest(bytes, "lists of bytes");
  GgufWriter keys;
  for (int i = 0; i < 65'536; ++i) keys.key(fmt::format("{:x}", i), uint8_t{1});
  expect_modest(keys, "keys");
}

TEST(Memory, gguf_tensors) {
  GgufWriter writer;
  for (uint64_t i = 0; i < 150'000; ++i) writer.raw_tensor(fmt::format("{:x}", i), {1}, 24, 32 * i);
  writer.raw_data(std::string(32 * 150'000, 'x'));
  expect_modest(writer, "tensors");
}

TEST(Memory, safetensors_entries) {
  std::string header = "{";
  for (int i = 0; i < 150'000; ++i)
    header += fmt::format(R"({}"{:x}":{{"dtype":"U8","shape":[],"data_offsets":[{},{}]}})", i ? "," : "", i, i, i + 1);
  header += "}";
  expect_modest(safetensors_of(header, std::string(150'000, 'x')), header.size(), "entries");
}

TEST(Memory, safetensors_metadata) {
  std::string header = R"({"__metadata__":{)";
  for (int i = 0; i < 500'000; ++i) header += fmt::format(R"({}"{:x}":"")", i ? "," : "", i);
  header += "}}";
  expect_modest(safetensors_of(header, ""), header.size(), "metadata", false);
}

TEST(Memory, index) {
  std::string json = R"({"weight_map":{)";
  for (int i = 0; i < 400'000; ++i) json += fmt::format(R"({}"{:x}":"m")", i ? "," : "", i);
  json += "}}";
  const size_t needed = peak_of([&] { EXPECT_TRUE(read_safetensors_index(json, "i")); });
  EXPECT_LE(needed, slack + 4 * json.size()) << needed << " for " << json.size();
}

TEST(Memory, configuration) {
  std::string json = "[0";
  while (json.size() + 3 < limits::config_json_bytes) json += ",0";
  json += "]";
  const size_t needed = peak_of([&] { EXPECT_TRUE(parse_json(json, "config.json")); });
  EXPECT_LE(needed, 64u << 20) << needed << " for " << json.size();
  std::string nested = "[[]";
  while (nested.size() + 4 < limits::config_json_bytes) nested += ",[]";
  nested += "]";
  const size_t more = peak_of([&] { EXPECT_TRUE(parse_json(nested, "config.json")); });
  EXPECT_LE(more, 64u << 20) << more << " for " << nested.size();
}

}  // namespace
}  // namespace freehold
