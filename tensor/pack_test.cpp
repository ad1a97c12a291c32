// Packing is lossless, and both layouts decode to the same numbers.
#include "tensor/pack.h"

#include <gtest/gtest.h>

#include "tensor/records.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

using namespace testing;

constexpr Format packed_formats[] = {Format::f32,  Format::f16,    Format::bf16,   Format::q4_0, Format::q4_1,
                                     Format::q5_0, Format::q5_1,   Format::q8_0,   Format::q4_k, Format::q5_k,
                                     Format::q6_k, Format::iq4_nl, Format::iq4_xs, Format::mxfp4};

std::vector<std::byte> random_bytes(size_t n, Random& random) {
  std::vector<std::byte> bytes(n);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
  return bytes;
}

TEST(Pack, TheCodecsKnowTheFormatsBlocks) {
  for (const FormatInfo& stored : all_formats()) {
    const RecordCodec* codec = record_codec(stored.format);
    if (!codec) continue;
    EXPECT_EQ(codec->inputs, stored.block) << stored.name;
    EXPECT_EQ(codec->source_bytes, stored.block_bytes) << stored.name;
    EXPECT_EQ(codec->record_bytes, 16 * stored.block_bytes) << stored.name;  // not one byte larger
  }
}

TEST(Pack, UnpacksToTheSameBytes) {  // any bits, also scales that are NaN
  Random random(1);
  for (const Format format : packed_formats)
    for (const int64_t rows : {1, 15, 16, 17, 33})
      for (const int64_t blocks : {1, 2, 3, 5}) {
        const FormatInfo& stored = info(format);
        const int64_t cols = blocks * stored.block;
        const auto source = random_bytes(static_cast<size_t>(rows * blocks * stored.block_bytes), random);
        const Weight weight{"w", rows, cols, format, Layout::source, source, {}};
        std::vector<std::byte> to(packed_bytes(format, rows, cols));
        Pool pool(2);
        pack(weight, to.data(), pool);
        Weight packed = weight;
        packed.layout = Layout::r16k4;
        packed.bytes = to;
        EXPECT_EQ(unpack(packed), source) << stored.name << " " << rows << " x " << cols;
      }
}

TEST(Pack, BothLayoutsDecodeToTheSameNumbers) {
  Random random(2);
  for (const Format format : packed_formats) {
    const int64_t rows = 19, cols = info(format).block == 1 ? 2101 : 2304;  // more than one buffer of decode_part
    const auto owned = random_weight(format, rows, cols, Layout::r16k4, random);
    std::vector<float> a(static_cast<size_t>(rows * cols)), b(a.size());
    owned->as_source.decode_rows(0, rows, a.data());
    owned->weight.decode_rows(0, rows, b.data());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * 4), 0) << info(format).name;
    for (const int64_t first : {0, 1, 3}) {
      const int64_t at = first * info(format).block, count = cols - at;
      owned->weight.decode_part(7, at, count, b.data());
      EXPECT_EQ(std::memcmp(a.data() + 7 * cols + at, b.data(), static_cast<size_t>(count) * 4), 0)
          << info(format).name << " from " << at;
    }
  }
}

TEST(Pack, TileScalesMultiply) {
  Random random(3);
  const int64_t rows = 130, cols = 200;
  const auto bytes = random_blocks(Format::f8_e4m3, rows * cols, random);
  const float scales[4] = {1, 2, 4, 8};
  const uint8_t powers[4] = {127, 128, 129, 130};
  Weight weight{"w", rows, cols, Format::f8_e4m3, Layout::source, bytes, {}};
  std::vector<float> bare(static_cast<size_t>(cols)), a(bare), b(bare);
  for (const int64_t row : {0, 127, 128, 129}) {
    weight.scales = {};
    weight.decode_rows(row, 1, bare.data());
    weight.scales = std::as_bytes(std::span(scales));
    weight.decode_rows(row, 1, a.data());
    weight.scales = std::as_bytes(std::span(powers));
    weight.decode_rows(row, 1, b.data());
    for (size_t i = 0; i < bare.size(); ++i) {
      EXPECT_EQ(a[i], bare[i] * scales[row / 128 * 2 + (i >= 128)]);
      EXPECT_EQ(b[i], a[i]);
    }
  }
}

}  // namespace
}  // namespace freehold
