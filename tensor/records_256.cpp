// Records of the formats with blocks of 256 inputs (K-quants and IQ4_XS). Scales of sub-blocks keep their 6 bits, but
// are transposed so that one load gives a sub-block's scales of 16 rows. docs/formats.md has the offsets.
#include "tensor/records.h"

namespace freehold {
namespace {

using quads::load;
using quads::low;
using quads::ones;
using quads::store;
using quads::threes;

uint8_t byte_of(const std::byte* from) { return static_cast<uint8_t>(*from); }
void or_byte(std::byte* to, int value) { *to |= static_cast<std::byte>(value); }

// Q4_K and Q5_K: 16 d, 16 dmin (f16); 64 bytes of low scale nibbles [s % 4][16 rows] (s below 4 low, others high);
// 64 bytes of low min nibbles [16 rows][s % 4]; 64 bytes of the upper two bits: scales s < 4 in bits 0-1, s >= 4 in 2-3
// (scale order), mins s < 4 in bits 4-5, s >= 4 in 6-7 (min order); then for each sub-block of 32 a line of fifth bits
// (Q5_K) and four nibble lines.
constexpr int k_scales_at = 64, k_mins_at = 128, k_upper_at = 192, k_lines_at = 256;

void put_scales(const std::byte* packed, std::byte* record, int lane) {  // 12 bytes of source
  for (int s = 0; s < 4; ++s) {
    const int a = byte_of(packed + s), b = byte_of(packed + 4 + s), c = byte_of(packed + 8 + s);
    const int scale[2] = {a & 63, (c & 15) | (a >> 6) << 4}, min[2] = {b & 63, c >> 4 | (b >> 6) << 4};
    or_byte(record + k_scales_at + 16 * s + lane, (scale[0] & 15) | (scale[1] & 15) << 4);
    or_byte(record + k_mins_at + 4 * lane + s, (min[0] & 15) | (min[1] & 15) << 4);
    or_byte(record + k_upper_at + 16 * s + lane, scale[0] >> 4 | (scale[1] >> 4) << 2);
    or_byte(record + k_upper_at + 4 * lane + s, (min[0] >> 4) << 4 | (min[1] >> 4) << 6);
  }
}
void take_scales(const std::byte* record, int lane, std::byte* packed) {
  for (int s = 0; s < 4; ++s) {
    const int ls = byte_of(record + k_scales_at + 16 * s + lane), us = byte_of(record + k_upper_at + 16 * s + lane);
    const int lm = byte_of(record + k_mins_at + 4 * lane + s), um = byte_of(record + k_upper_at + 4 * lane + s);
    const int scale[2] = {(ls & 15) | (us & 3) << 4, ls >> 4 | (us >> 2 & 3) << 4};
    const int min[2] = {(lm & 15) | (um >> 4 & 3) << 4, lm >> 4 | (um >> 6) << 4};
    packed[s] = static_cast<std::byte>(scale[0] | (scale[1] >> 4) << 6);
    packed[4 + s] = static_cast<std::byte>(min[0] | (min[1] >> 4) << 6);
    packed[8 + s] = static_cast<std::byte>((scale[1] & 15) | (min[1] & 15) << 4);
  }
}

template <int fifth>
struct K {
  static constexpr int source_bytes = 16 + 32 * fifth + 128, sub_bytes = 64 * fifth + 4 * 64;
  static constexpr int record_bytes = k_lines_at + 8 * sub_bytes;

  static void put(const std::byte* source, int64_t blocks, std::byte* record, int lane) {
    for (int64_t b = 0; b < blocks; ++b, source += source_bytes, record += record_bytes) {
      std::memcpy(record + 2 * lane, source, 2);
      std::memcpy(record + 32 + 2 * lane, source + 2, 2);
      put_scales(source + 4, record, lane);
      for (int s = 0; s < 8; ++s) {  // sub-blocks 2c and 2c+1 are the low and high nibbles of the same 32 bytes
        uint32_t quad[8];
        for (int q = 0; q < 8; ++q) {
          quad[q] = load(source + source_bytes - 128 + 32 * (s / 2) + 4 * q) >> 4 * (s % 2) & low;
          if constexpr (fifth) quad[q] |= (load(source + 16 + 4 * q) >> s & ones) << 4;
        }
        std::byte* sub = record + k_lines_at + s * sub_bytes;
        if constexpr (fifth) quads::put_bits(quad, sub, lane);
        quads::put_nibbles(quad, 4, sub + 64 * fifth, lane);
      }
    }
  }
  static void take(const std::byte* record, int lane, int64_t blocks, std::byte* source) {
    for (int64_t b = 0; b < blocks; ++b, source += source_bytes, record += record_bytes) {
      std::memcpy(source, record + 2 * lane, 2);
      std::memcpy(source + 2, record + 32 + 2 * lane, 2);
      take_scales(record, lane, source + 4);
      uint32_t high[8] = {};
      uint32_t quad[16];
      for (int s = 0; s < 8; ++s) {
        uint32_t* q8 = quad + 8 * (s % 2);
        const std::byte* sub = record + k_lines_at + s * sub_bytes;
        quads::take_nibbles(sub + 64 * fifth, 4, lane, q8);
        if constexpr (fifth) {
          quads::take_bits(sub, lane, q8);
          for (int q = 0; q < 8; ++q) high[q] |= (q8[q] >> 4 & ones) << s;
        }
        if (s % 2 == 1)
          for (int q = 0; q < 8; ++q)
            store(source + source_bytes - 128 + 32 * (s / 2) + 4 * q, (quad[q] & low) | (quad[8 + q] & low) << 4);
      }
      if constexpr (fifth)
        for (int q = 0; q < 8; ++q) store(source + 16 + 4 * q, high[q]);
    }
  }
};

// Q6_K: 16 x 16 int8 scales [sub-block][row]; for each sub-block of 16 inputs a line of upper two bits and two nibble
// lines; 16 d (f16) last. Source: 128 bytes of low nibbles, 64 of upper bits, 16 scales, d; within each half of 128
// inputs the four runs of 32 share bytes: nibbles low, low, high, high of bytes 0-31, 32-63; upper bits 0, 2, 4, 6.
constexpr int q6_source = 210, q6_record = 256 + 16 * 192 + 32;

void put_q6(const std::byte* source, int64_t blocks, std::byte* record, int lane) {
  for (int64_t b = 0; b < blocks; ++b, source += q6_source, record += q6_record) {
    for (int s = 0; s < 16; ++s) record[16 * s + lane] = source[192 + s];
    std::memcpy(record + q6_record - 32 + 2 * lane, source + 208, 2);
    for (int s = 0; s < 16; ++s) {
      const int half = s / 8, run = s % 8 / 2, at = 16 * (s % 2);  // within the half, the run and the run's bytes
      uint32_t quad[4];
      for (int q = 0; q < 4; ++q) {
        const uint32_t nibbles = load(source + 64 * half + 32 * (run % 2) + at + 4 * q) >> 4 * (run / 2) & low;
        quad[q] = nibbles | (load(source + 128 + 32 * half + at + 4 * q) >> 2 * run & threes) << 4;
      }
      quads::put_pairs(quad, record + 256 + 192 * s, lane);
      quads::put_nibbles(quad, 2, record + 256 + 192 * s + 64, lane);
    }
  }
}
void take_q6(const std::byte* record, int lane, int64_t blocks, std::byte* source) {
  for (int64_t b = 0; b < blocks; ++b, source += q6_source, record += q6_record) {
    std::memset(source, 0, 192);
    for (int s = 0; s < 16; ++s) source[192 + s] = record[16 * s + lane];
    std::memcpy(source + 208, record + q6_record - 32 + 2 * lane, 2);
    for (int s = 0; s < 16; ++s) {
      const int half = s / 8, run = s % 8 / 2, at = 16 * (s % 2);
      uint32_t quad[4];
      quads::take_nibbles(record + 256 + 192 * s + 64, 2, lane, quad);
      quads::take_pairs(record + 256 + 192 * s, lane, quad);
      for (int q = 0; q < 4; ++q) {
        std::byte* nibbles = source + 64 * half + 32 * (run % 2) + at + 4 * q;
        std::byte* upper = source + 128 + 32 * half + at + 4 * q;
        store(nibbles, load(nibbles) | (quad[q] & low) << 4 * (run / 2));
        store(upper, load(upper) | (quad[q] >> 4 & threes) << 2 * run);
      }
    }
  }
}

// IQ4_XS: 16 d (f16); 64 bytes of low scale nibbles as in Q4_K; 32 bytes of upper bits [s % 2][16 rows], bits
// 2 (s / 2), 2 (s / 2) + 1; then 8 x 4 nibble lines. Source: d, u16 upper scale bits, 4 bytes of low ones, nibbles.
constexpr int xs_source = 136, xs_record = 128 + 32 * 64;

void put_xs(const std::byte* source, int64_t blocks, std::byte* record, int lane) {
  for (int64_t b = 0; b < blocks; ++b, source += xs_source, record += xs_record) {
    std::memcpy(record + 2 * lane, source, 2);
    const int upper = byte_of(source + 2) | byte_of(source + 3) << 8;
    for (int s = 0; s < 8; ++s) {
      const int lower = byte_of(source + 4 + s / 2) >> 4 * (s % 2) & 15;
      or_byte(record + 32 + 16 * (s % 4) + lane, lower << 4 * (s / 4));
      or_byte(record + 96 + 16 * (s % 2) + lane, (upper >> 2 * s & 3) << 2 * (s / 2));
      uint32_t quad[8];
      quads::from_halves(source + 8 + 16 * s, quad);
      quads::put_nibbles(quad, 4, record + 128 + 256 * s, lane);
    }
  }
}
void take_xs(const std::byte* record, int lane, int64_t blocks, std::byte* source) {
  for (int64_t b = 0; b < blocks; ++b, source += xs_source, record += xs_record) {
    std::memset(source, 0, 8);
    std::memcpy(source, record + 2 * lane, 2);
    int upper = 0;
    for (int s = 0; s < 8; ++s) {
      or_byte(source + 4 + s / 2, (byte_of(record + 32 + 16 * (s % 4) + lane) >> 4 * (s / 4) & 15) << 4 * (s % 2));
      upper |= (byte_of(record + 96 + 16 * (s % 2) + lane) >> 2 * (s / 2) & 3) << 2 * s;
      uint32_t quad[8];
      quads::take_nibbles(record + 128 + 256 * s, 4, lane, quad);
      quads::to_halves(quad, source + 8 + 16 * s);
    }
    source[2] = static_cast<std::byte>(upper & 255);
    source[3] = static_cast<std::byte>(upper >> 8);
  }
}

}  // namespace

const RecordCodec large_records[4] = {
    {Format::q4_k, 256, K<0>::source_bytes, K<0>::record_bytes, K<0>::put, K<0>::take},
    {Format::q5_k, 256, K<1>::source_bytes, K<1>::record_bytes, K<1>::put, K<1>::take},
    {Format::q6_k, 256, q6_source, q6_record, put_q6, take_q6},
    {Format::iq4_xs, 256, xs_source, xs_record, put_xs, take_xs},
};

}  // namespace freehold
