// Records of the formats with blocks of 32 inputs. Scales stand first as vectors over rows, then mins, then the line of
// fifth bits, then four nibble lines (eight byte lines for Q8_0, stored as w ^ 0x80: unsigned, as the dot product
// wants).
#include "tensor/records.h"

namespace freehold {
namespace {

// What precedes the nibbles in a source block of the nibble formats, and where it goes.
template <int scale_bytes, int mins, int fifth>
struct Nibbles {
  static constexpr int source_bytes = scale_bytes + 2 * mins + 4 * fifth + 16;
  static constexpr int mins_at = group_rows * scale_bytes, bits_at = mins_at + group_rows * 2 * mins;
  static constexpr int lines_at = bits_at + 64 * fifth, record_bytes = lines_at + 4 * 64;

  static void put(const std::byte* source, int64_t blocks, std::byte* record, int lane) {
    for (int64_t b = 0; b < blocks; ++b, source += source_bytes, record += record_bytes) {
      std::memcpy(record + scale_bytes * lane, source, scale_bytes);
      if constexpr (mins) std::memcpy(record + mins_at + 2 * lane, source + scale_bytes, 2);
      uint32_t quad[8];
      quads::from_halves(source + source_bytes - 16, quad);
      if constexpr (fifth) {
        const uint32_t high = quads::load(source + scale_bytes + 2 * mins);
        for (int q = 0; q < 8; ++q) quad[q] |= quads::spread(high >> 4 * q) << 4;
        quads::put_bits(quad, record + bits_at, lane);
      }
      quads::put_nibbles(quad, 4, record + lines_at, lane);
    }
  }
  static void take(const std::byte* record, int lane, int64_t blocks, std::byte* source) {
    for (int64_t b = 0; b < blocks; ++b, source += source_bytes, record += record_bytes) {
      std::memcpy(source, record + scale_bytes * lane, scale_bytes);
      if constexpr (mins) std::memcpy(source + scale_bytes, record + mins_at + 2 * lane, 2);
      uint32_t quad[8];
      quads::take_nibbles(record + lines_at, 4, lane, quad);
      if constexpr (fifth) {
        quads::take_bits(record + bits_at, lane, quad);
        uint32_t high = 0;
        for (int q = 0; q < 8; ++q) high |= quads::gather(quad[q] >> 4) << 4 * q;
        quads::store(source + scale_bytes + 2 * mins, high);
      }
      quads::to_halves(quad, source + source_bytes - 16);
    }
  }
  static constexpr RecordCodec codec(Format format) { return {format, 32, source_bytes, record_bytes, put, take}; }
};

constexpr int q8_record = 2 * group_rows + 8 * 64;

void put_q8(const std::byte* source, int64_t blocks, std::byte* record, int lane) {
  for (int64_t b = 0; b < blocks; ++b, source += 34, record += q8_record) {
    std::memcpy(record + 2 * lane, source, 2);
    for (int q = 0; q < 8; ++q)
      quads::store(record + 32 + 64 * q + 4 * lane, quads::load(source + 2 + 4 * q) ^ 0x80808080u);
  }
}
void take_q8(const std::byte* record, int lane, int64_t blocks, std::byte* source) {
  for (int64_t b = 0; b < blocks; ++b, source += 34, record += q8_record) {
    std::memcpy(source, record + 2 * lane, 2);
    for (int q = 0; q < 8; ++q)
      quads::store(source + 2 + 4 * q, quads::load(record + 32 + 64 * q + 4 * lane) ^ 0x80808080u);
  }
}

}  // namespace

const RecordCodec small_records[7] = {
    Nibbles<2, 0, 0>::codec(Format::q4_0),
    Nibbles<2, 1, 0>::codec(Format::q4_1),
    Nibbles<2, 0, 1>::codec(Format::q5_0),
    Nibbles<2, 1, 1>::codec(Format::q5_1),
    {Format::q8_0, 32, 34, q8_record, put_q8, take_q8},
    Nibbles<2, 0, 0>::codec(Format::iq4_nl),
    Nibbles<1, 0, 0>::codec(Format::mxfp4),
};

}  // namespace freehold
