// Decoding rows of a stored matrix to floats. From R16K4 the lane's blocks are put back into source order first, so
// both layouts go through the one decoder of the format and give the same numbers.
#include "tensor/weight.h"

#include <algorithm>

#include "base/check.h"
#include "base/numbers.h"
#include "tensor/pack.h"
#include "tensor/records.h"
#include "tensor/split_fp4.h"

namespace freehold {
namespace {

// FP8 checkpoints keep one scale for each tile of 128 x 128, as F32 or E8M0 (docs/formats.md); edge tiles are partial.
constexpr int64_t scale_tile = 128;

void multiply_tile_scales(const Weight& weight, int64_t row, int64_t first, int64_t count, float* to) {
  const int64_t tiles = (weight.cols + scale_tile - 1) / scale_tile;
  const int64_t all = (weight.rows + scale_tile - 1) / scale_tile * tiles;
  const auto bytes = static_cast<int64_t>(weight.scales.size());
  CHECK(bytes == all || bytes == 4 * all, "{}: {} scale bytes for {} tiles", weight.name, bytes, all);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t tile = row / scale_tile * tiles + (first + i) / scale_tile;
    float scale;
    if (bytes == all)
      scale = float_of_e8m0(static_cast<uint8_t>(weight.scales[static_cast<size_t>(tile)]));
    else
      std::memcpy(&scale, weight.scales.data() + 4 * tile, 4);
    to[i] *= scale;
  }
}

// Blocks of one row of FP4 whose scales stand apart, joined some at a time.
void decode_split_fp4(const Weight& weight, int64_t row, int64_t first, int64_t blocks, float* to) {
  constexpr int64_t most = 64;
  std::byte joined[most * 17];
  const int64_t at = row * (weight.cols / 32) + first;
  for (int64_t b = 0; b < blocks; b += most) {
    const int64_t now = std::min(most, blocks - b);
    join_fp4(weight.bytes.data() + 16 * (at + b), weight.scales.data() + at + b, now, joined);
    info(Format::mxfp4).decode(joined, now * 32, to + b * 32);
  }
}

}  // namespace

void Weight::decode_part(int64_t row, int64_t first, int64_t count, float* to) const {
  const FormatInfo& stored = info(format);
  CHECK(stored.decode && row >= 0 && row < rows && first >= 0 && count >= 0 && first + count <= cols &&
            first % stored.block == 0 && count % stored.block == 0,
        "{}: row {} of {}, inputs {}+{} of {}", name, row, rows, first, count, cols);
  const int64_t before = first / stored.block, blocks = count / stored.block;
  if (is_split_fp4(*this)) return decode_split_fp4(*this, row, before, blocks, to);
  if (layout == Layout::source) {
    stored.decode(bytes.data() + (row * (cols / stored.block) + before) * stored.block_bytes, count, to);
  } else {
    const RecordCodec& codec = *record_codec(format);
    const std::byte* group = bytes.data() + row / group_rows * packed_group_bytes(format, cols);
    std::byte source[4096];
    const int64_t most = static_cast<int64_t>(sizeof source) / codec.source_bytes / 2 * 2;  // even: 16-bit pairs
    for (int64_t b = 0; b < blocks; b += most) {
      const int64_t now = std::min(most, blocks - b);
      // Within a 16-bit line the block's half matters, so an odd first block is read with its neighbour's line.
      const int64_t odd = codec.inputs == 1 && codec.record_bytes == 32 ? (before + b) % 2 : 0;
      std::byte* out = source;
      if (odd) {
        std::byte pair[4];
        codec.take(group + (before + b - 1) * codec.record_bytes, static_cast<int>(row % group_rows), 2, pair);
        std::memcpy(out, pair + 2, 2);
        out += 2;
      }
      codec.take(group + (before + b + odd) * codec.record_bytes, static_cast<int>(row % group_rows), now - odd, out);
      stored.decode(source, now * stored.block, to + b * stored.block);
    }
  }
  if (!scales.empty()) multiply_tile_scales(*this, row, first, count, to);
}

void Weight::decode_rows(int64_t first, int64_t count, float* to) const {
  for (int64_t i = 0; i < count; ++i) decode_part(first + i, 0, cols, to + i * cols);
}

}  // namespace freehold
