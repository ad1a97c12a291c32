// Every format against the reference of the ggml project (tools/make_format_golden.py), bit for bit.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "tensor/format.h"

namespace freehold {
namespace {

uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, decodes_to_the_same_bits) {
  const std::string name = GetParam();
  const auto file = MappedFile::open("tests/golden/formats/" + name + ".bin");
  ASSERT_TRUE(file) << file.error().what;
  const FormatInfo* row = nullptr;
  for (const FormatInfo& each : all_formats())
    if (each.name == name) row = &each;
  ASSERT_NE(row, nullptr);

  const auto block = static_cast<size_t>(row->block), block_bytes = static_cast<size_t>(row->block_bytes);
  const size_t each_bytes = block_bytes + block * sizeof(float);
  ASSERT_EQ(file->bytes().size() % each_bytes, 0u);
  const size_t blocks = file->bytes().size() / each_bytes, elements = blocks * block;
  ASSERT_GE(blocks, 12u);
  std::vector<float> expected(elements), found(elements + 1, 12345.0f);
  std::memcpy(expected.data(), file->bytes().data() + blocks * block_bytes, elements * sizeof(float));
  row->decode(file->bytes().data(), static_cast<int64_t>(elements), found.data());
  for (size_t i = 0; i < elements; ++i) {
    ASSERT_EQ(bits(found[i]), bits(expected[i])) << "element " << i << ": " << found[i] << ", expected " << expected[i];
  }
  EXPECT_EQ(found[elements], 12345.0f);  // nothing beyond

  // Block by block gives the same as all at once.
  std::vector<float> one(block);
  for (size_t b = 0; b < blocks; ++b) {
    row->decode(file->bytes().data() + b * block_bytes, row->block, one.data());
    ASSERT_EQ(std::memcmp(one.data(), found.data() + b * block, block * sizeof(float)), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden,
                         testing::Values("F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K",
                                         "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"),
                         [](const auto& i) { return std::string(i.param); });

TEST(Formats, mxfp4_scale_255_is_nan) {
  std::vector<std::byte> block(17, std::byte{0x11});
  block[0] = std::byte{255};
  float out[32];
  info(Format::mxfp4).decode(block.data(), 32, out);
  for (float x : out) EXPECT_TRUE(std::isnan(x));
}

TEST(Formats, every_gguf_type_is_read_or_refused_with_a_reason) {
  const std::set<uint32_t> read = {0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 24, 25, 26, 27, 28, 30, 34, 35, 39};
  for (uint32_t id = 0; id < 500; ++id) {
    EXPECT_EQ(format_of_gguf(id).has_value(), read.contains(id)) << id;
    EXPECT_EQ(why_gguf_type_is_refused(id).empty(), read.contains(id)) << id;
    EXPECT_TRUE(id > 42 || !gguf_type_name(id).empty()) << id;
  }
  EXPECT_FALSE(format_of_gguf(UINT32_MAX));
  EXPECT_EQ(gguf_type_name(12), "Q4_K");
  EXPECT_EQ(gguf_type_name(139), "IQ4_K");
  EXPECT_EQ(why_gguf_type_is_refused(31), "was removed from GGUF");
}

TEST(Formats, blocks_are_those_of_the_format_page) {
  const auto expect = [](Format f, int block, int bytes) {
    EXPECT_EQ(info(f).block, block) << info(f).name;
    EXPECT_EQ(info(f).block_bytes, bytes) << info(f).name;
  };
  expect(Format::f32, 1, 4);
  expect(Format::q4_0, 32, 18);
  expect(Format::q4_k, 256, 144);
  expect(Format::iq4_xs, 256, 136);
  for (const FormatInfo& row : all_formats()) EXPECT_EQ(info(row.format).name, row.name);
}

TEST(Formats, stored_bytes_refuses_remainders_and_overflow) {
  EXPECT_EQ(stored_bytes(Format::q4_0, 64), 36u);
  EXPECT_EQ(stored_bytes(Format::q4_0, 0), 0u);
  EXPECT_FALSE(stored_bytes(Format::q4_0, 33));
  EXPECT_FALSE(stored_bytes(Format::f64, 1ull << 62));
  EXPECT_TRUE(stored_bytes(Format::u8, UINT64_MAX));
}

TEST(Formats, safetensors_dtypes) {
  EXPECT_EQ(format_of_safetensors("BF16"), Format::bf16);
  EXPECT_EQ(format_of_safetensors("F8_E4M3"), Format::f8_e4m3);
  EXPECT_EQ(format_of_safetensors("F8_E8M0"), Format::f8_e8m0);
  EXPECT_EQ(format_of_safetensors("U16"), Format::u16);
  EXPECT_EQ(format_of_safetensors("BOOL"), Format::boolean);
  for (const char* other : {"F4", "C64", "Q4_0", "bf16", "", "F8_E4M3FN"})
    EXPECT_FALSE(format_of_safetensors(other)) << other;
}

}  // namespace
}  // namespace freehold
