// For tests and benches: random stored matrices. Codes and small scales are random bits; the float scales of a block
// are random, modest and of both signs, so that every number decodes to something finite.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/numbers.h"
#include "base/pool.h"
#include "base/random.h"
#include "tensor/arena.h"
#include "tensor/format.h"
#include "tensor/pack.h"
#include "tensor/weight.h"

namespace freehold::testing {

struct ScalePlaces {
  int d, min;
};  // offsets of the f16 scales in a block; -1: none

inline ScalePlaces scale_places(Format format) {
  switch (format) {
    case Format::q4_1:
    case Format::q5_1:
    case Format::q4_k:
    case Format::q5_k:
      return {0, 2};
    case Format::q2_k:
      return {80, 82};
    case Format::q3_k:
      return {108, -1};
    case Format::q6_k:
      return {208, -1};
    case Format::tq1_0:
      return {52, -1};
    case Format::tq2_0:
      return {64, -1};
    default:
      return {0, -1};
  }
}

inline constexpr double largest_scale = 0.02;  // of d and min in a block

// The largest |min| that a decoded number may have had subtracted or added.
inline double largest_min(Format format) {
  switch (format) {
    case Format::q4_1:
    case Format::q5_1:
      return largest_scale;
    case Format::q4_k:
    case Format::q5_k:
      return largest_scale * 63;
    default:
      return 0;
  }
}

inline std::vector<std::byte> random_blocks(Format format, int64_t elements, Random& random) {
  const FormatInfo& stored = info(format);
  const int64_t blocks = elements / stored.block;
  std::vector<std::byte> bytes(static_cast<size_t>(blocks * stored.block_bytes));
  const auto put16 = [&](size_t at, uint16_t bits) { std::memcpy(bytes.data() + at, &bits, 2); };
  if (stored.block == 1) {
    for (int64_t i = 0; i < blocks; ++i) {
      const float value = random.normal();
      const auto at = static_cast<size_t>(i);
      if (format == Format::f32)
        std::memcpy(bytes.data() + 4 * at, &value, 4);
      else if (format == Format::f16)
        put16(2 * at, f16_of_float(value));
      else if (format == Format::bf16)
        put16(2 * at, bf16_of_float(value));
      else
        bytes[at] = static_cast<std::byte>(random.below(0x70) | random.below(2) << 7);  // FP8, finite
    }
    return bytes;
  }
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
  const ScalePlaces places = scale_places(format);
  const auto scale = [&] { return f16_of_float(static_cast<float>((2 * random.uniform() - 1) * largest_scale)); };
  for (int64_t b = 0; b < blocks; ++b) {
    const auto at = static_cast<size_t>(b * stored.block_bytes);
    if (format == Format::mxfp4) {
      bytes[at] = static_cast<std::byte>(117 + random.below(8));
      continue;
    }
    put16(at + static_cast<size_t>(places.d), scale());
    if (places.min >= 0) put16(at + static_cast<size_t>(places.min), scale());
  }
  return bytes;
}

struct OwnedWeight {
  std::vector<std::byte> source;
  Arena memory{64};
  Weight weight;  // in the layout asked for
  Weight as_source;
};

inline std::unique_ptr<OwnedWeight> random_weight(Format format, int64_t rows, int64_t cols, Layout layout,
                                                  Random& random) {
  auto owned = std::make_unique<OwnedWeight>();
  owned->source = random_blocks(format, rows * cols, random);
  owned->as_source = Weight{"random", rows, cols, format, Layout::source, owned->source, {}};
  owned->weight = owned->as_source;
  if (layout == Layout::r16k4) {
    const size_t size = packed_bytes(format, rows, cols);
    auto* to = static_cast<std::byte*>(owned->memory.bytes(size));
    std::memset(to, 0, size);
    Pool pool(1);
    pack(owned->as_source, to, pool);
    owned->weight.layout = layout;
    owned->weight.bytes = {to, size};
  }
  return owned;
}

}  // namespace freehold::testing
