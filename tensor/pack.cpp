#include "tensor/pack.h"

#include <algorithm>

#include "base/check.h"
#include "base/checksum.h"
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

bool packs(Format format, int64_t cols) {
  const RecordCodec* codec = record_codec(format);
  return codec && cols % codec->inputs == 0;
}

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

int64_t piece_bytes(Format format, Layout layout, int64_t cols) {
  constexpr int64_t about = 4 << 20;
  if (layout == Layout::source) return about;
  const int64_t group = packed_group_bytes(format, cols);
  return std::max<int64_t>(1, about / group) * group;
}

void pack_piece(const Weight& source, int64_t piece, std::byte* to, const Let& let_go) {
  const RecordCodec* codec = record_codec(source.format);
  CHECK(codec && source.layout == Layout::source, "packing {}", source.name);
  const int64_t group_bytes = packed_group_bytes(source.format, source.cols);
  const int64_t groups = (source.rows + group_rows - 1) / group_rows;
  const int64_t step = piece_bytes(source.format, Layout::r16k4, source.cols) / group_bytes;
  const int64_t first = piece * step, last = std::min(groups, first + step);
  const int64_t blocks = source.cols / codec->inputs, row_bytes = blocks * codec->source_bytes;
  const bool split = is_split_fp4(source);
  const auto stored = static_cast<int64_t>(source.bytes.size() + (split ? source.scales.size() : 0));
  CHECK(stored == source.rows * row_bytes, "{}: {} bytes, {} rows of {}", source.name, stored, source.rows, row_bytes);
  const int64_t code_bytes = split ? blocks * 16 : row_bytes;  // of a row in `bytes`
  std::vector<std::byte> joined(split ? static_cast<size_t>(row_bytes) : 0);
  const int64_t end_row = std::min(source.rows, last * group_rows);
  for (int64_t row = first * group_rows; row < end_row; ++row) {
    const std::byte* from = source.bytes.data() + row * code_bytes;
    if (split) {
      join_fp4(from, source.scales.data() + row * blocks, blocks, joined.data());
      from = joined.data();
    }
    codec->put(from, blocks, to + (row / group_rows - first) * group_bytes, static_cast<int>(row % group_rows));
  }
  if (let_go)
    let_go(source.bytes.subspan(static_cast<size_t>(first * group_rows * code_bytes),
                                static_cast<size_t>((end_row - first * group_rows) * code_bytes)));
}

void pack(const Weight& source, std::byte* to, Pool& pool, const Let& let_go) {
  const int64_t step = piece_bytes(source.format, Layout::r16k4, source.cols);
  const auto all = static_cast<int64_t>(packed_bytes(source.format, source.rows, source.cols));
  pool.run(static_cast<int>((all + step - 1) / step),
           [&](int piece, int) { pack_piece(source, piece, to + piece * step, let_go); });
}

void append_pieces(size_t weight, uint64_t bytes, int64_t piece_bytes, std::vector<PackPiece>& pieces) {
  const auto step = static_cast<uint64_t>(piece_bytes);
  for (uint64_t at = 0; at < bytes; at += step)
    pieces.push_back({weight, static_cast<int64_t>(at / step), at, std::min(step, bytes - at)});
}

uint64_t fold_checksums(std::span<const uint64_t> pieces) { return checksum64(std::as_bytes(pieces)); }

namespace {

uint64_t checksum_of_piece(std::span<const std::byte> bytes, size_t step, size_t piece) {
  return checksum64(bytes.subspan(piece * step, std::min(step, bytes.size() - piece * step)));
}

}  // namespace

uint64_t checksum_of_pieces(std::span<const std::byte> bytes, int64_t piece_bytes) {
  const auto step = static_cast<size_t>(piece_bytes);
  std::vector<uint64_t> sums((bytes.size() + step - 1) / step);
  for (size_t piece = 0; piece < sums.size(); ++piece) sums[piece] = checksum_of_piece(bytes, step, piece);
  return fold_checksums(sums);
}

uint64_t checksum_of(const Weight& weight, Pool& pool) {
  const auto step = static_cast<size_t>(piece_bytes(weight.format, weight.layout, weight.cols));
  std::vector<uint64_t> sums((weight.bytes.size() + step - 1) / step);
  pool.run(static_cast<int>(sums.size()), [&](int piece, int) {
    sums[static_cast<size_t>(piece)] = checksum_of_piece(weight.bytes, step, static_cast<size_t>(piece));
  });
  return fold_checksums(sums);
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
