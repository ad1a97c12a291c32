#include "tensor/pack.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "tensor/records.h"
#include "tensor/split_fp4.h"

namespace freehold {

const RecordCodec* record_codec(Format format) {
  for (const auto& family : {std::span<const RecordCodec>(float_records), std::span<const RecordCodec>(small_records),
                             std::span<const RecordCodec>(large_records)})
    for (const RecordCodec& codec : family)
      if (codec.format == format) return &codec;
  return nullptr;
}

bool packs(Format format) { return record_codec(format) != nullptr; }

int64_t packed_group_bytes(Format format, int64_t cols) {
  const RecordCodec* codec = record_codec(format);
  CHECK(codec && cols % codec->inputs == 0, "{} columns in blocks of {}", cols, codec ? codec->inputs : 0);
  const int64_t bytes = cols / codec->inputs * codec->record_bytes;
  return codec->inputs == 1 ? (bytes + 63) / 64 * 64
                            : bytes;  // an odd number of 16-bit columns: half a line stays zero
}

uint64_t packed_bytes(Format format, int64_t rows, int64_t cols) {
  const int64_t groups = (rows + group_rows - 1) / group_rows;
  return static_cast<uint64_t>(groups) * static_cast<uint64_t>(packed_group_bytes(format, cols));
}

void pack(const Weight& source, std::byte* to, Pool& pool) {
  const RecordCodec* codec = record_codec(source.format);
  CHECK(codec && source.layout == Layout::source, "packing {}", source.name);
  const int64_t group_bytes = packed_group_bytes(source.format, source.cols);
  const int64_t groups = (source.rows + group_rows - 1) / group_rows;
  const int64_t blocks = source.cols / codec->inputs, row_bytes = blocks * codec->source_bytes;
  const bool split = is_split_fp4(source);
  const auto stored = static_cast<int64_t>(source.bytes.size() + (split ? source.scales.size() : 0));
  CHECK(stored == source.rows * row_bytes, "{}: {} bytes, {} rows of {}", source.name, stored, source.rows, row_bytes);
  const int64_t step = std::max<int64_t>(1, (4 << 20) / group_bytes);  // about 4 MiB a chunk
  pool.run(static_cast<int>((groups + step - 1) / step), [&](int chunk, int) {
    const int64_t last = std::min(groups, (chunk + 1) * step);
    for (int64_t g = chunk * step; g < last; ++g) {
      std::byte* group = to + g * group_bytes;
      std::memset(group, 0, static_cast<size_t>(group_bytes));
      const int lanes = static_cast<int>(std::min<int64_t>(group_rows, source.rows - g * group_rows));
      std::vector<std::byte> joined(split ? static_cast<size_t>(row_bytes) : 0);
      for (int lane = 0; lane < lanes; ++lane) {
        const int64_t row = g * group_rows + lane;
        const std::byte* from = source.bytes.data() + row * row_bytes;
        if (split) {
          join_fp4(source.bytes.data() + row * blocks * 16, source.scales.data() + row * blocks, blocks, joined.data());
          from = joined.data();
        }
        codec->put(from, blocks, group, lane);
      }
    }
  });
}

std::vector<std::byte> unpack(const Weight& packed) {
  const RecordCodec* codec = record_codec(packed.format);
  CHECK(codec && packed.layout == Layout::r16k4, "unpacking {}", packed.name);
  const int64_t group_bytes = packed_group_bytes(packed.format, packed.cols);
  const int64_t blocks = packed.cols / codec->inputs, row_bytes = blocks * codec->source_bytes;
  std::vector<std::byte> out(static_cast<size_t>(packed.rows * row_bytes));
  for (int64_t row = 0; row < packed.rows; ++row)
    codec->take(packed.bytes.data() + row / group_rows * group_bytes, static_cast<int>(row % group_rows), blocks,
                out.data() + row * row_bytes);
  return out;
}

}  // namespace freehold
