// The records of R16K4 (docs/formats.md): how one source block of one row goes into lane `lane` of a record of 16 rows,
// and back. A record's lines are 64 bytes: 16 lanes of four consecutive inputs, so a lane's part of a line is one
// 32-bit word, a "quad". Both directions move bits only; nothing is rounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/format.h"

namespace freehold {

inline constexpr int group_rows = 16;

struct RecordCodec {
  Format format;
  int inputs;        // of one source block and one record
  int source_bytes;  // of one source block
  int record_bytes;  // of 16 rows
  // `blocks` consecutive blocks of one row into as many records (cleared before).
  void (*put)(const std::byte* source, int64_t blocks, std::byte* records, int lane);
  void (*take)(const std::byte* records, int lane, int64_t blocks, std::byte* source);
};

const RecordCodec* record_codec(Format);  // null: the format has no packed form

extern const RecordCodec float_records[3], small_records[7], large_records[4];  // by file: records_{float,32,256}.cpp

namespace quads {  // bit work on words of four codes

inline uint32_t load(const std::byte* from) {
  uint32_t word;
  std::memcpy(&word, from, 4);
  return word;
}
inline void store(std::byte* to, uint32_t word) { std::memcpy(to, &word, 4); }

inline constexpr uint32_t low = 0x0f0f0f0fu, ones = 0x01010101u, threes = 0x03030303u;

// Low four bits of 2n quads <-> the lane's words of n nibble lines: quad 2p low, quad 2p+1 high.
inline void put_nibbles(const uint32_t* quad, int lines, std::byte* line, int lane) {
  for (int p = 0; p < lines; ++p) store(line + 64 * p + 4 * lane, (quad[2 * p] & low) | (quad[2 * p + 1] & low) << 4);
}
inline void take_nibbles(const std::byte* line, int lines, int lane, uint32_t* quad) {
  for (int p = 0; p < lines; ++p) {
    const uint32_t word = load(line + 64 * p + 4 * lane);
    quad[2 * p] = word & low;
    quad[2 * p + 1] = word >> 4 & low;
  }
}
// Bit 4 of eight quads <-> one bit line: bit q of byte j is that of input 4q + j.
inline void put_bits(const uint32_t* quad, std::byte* line, int lane) {
  uint32_t word = 0;
  for (int q = 0; q < 8; ++q) word |= (quad[q] >> 4 & ones) << q;
  store(line + 4 * lane, word);
}
inline void take_bits(const std::byte* line, int lane, uint32_t* quad) {
  const uint32_t word = load(line + 4 * lane);
  for (int q = 0; q < 8; ++q) quad[q] |= (word >> q & ones) << 4;
}
// Bits 4 and 5 of four quads <-> one two-bit line: bits 2q, 2q+1 of byte j are those of input 4q + j.
inline void put_pairs(const uint32_t* quad, std::byte* line, int lane) {
  uint32_t word = 0;
  for (int q = 0; q < 4; ++q) word |= (quad[q] >> 4 & threes) << 2 * q;
  store(line + 4 * lane, word);
}
inline void take_pairs(const std::byte* line, int lane, uint32_t* quad) {
  const uint32_t word = load(line + 4 * lane);
  for (int q = 0; q < 4; ++q) quad[q] |= (word >> 2 * q & threes) << 4;
}

// The common source order of 32 four-bit codes in 16 bytes: low nibbles are inputs 0..15, high ones 16..31.
inline void from_halves(const std::byte* source, uint32_t* quad) {
  for (int i = 0; i < 4; ++i) {
    const uint32_t word = load(source + 4 * i);
    quad[i] = word & low;
    quad[4 + i] = word >> 4 & low;
  }
}
inline void to_halves(const uint32_t* quad, std::byte* source) {
  for (int i = 0; i < 4; ++i) store(source + 4 * i, (quad[i] & low) | (quad[4 + i] & low) << 4);
}

// Four bits <-> bit 0 of four bytes.
inline uint32_t spread(uint32_t bits) { return ((bits & 15u) * 0x00204081u) & ones; }
inline uint32_t gather(uint32_t bytes) { return ((bytes & ones) * 0x01020408u) >> 24 & 15u; }

}  // namespace quads
}  // namespace freehold
