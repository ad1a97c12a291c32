// The packed records as the kernels read them, written once over the lanes of a set (its lanes.h). Included by
// linear_body.h only. Offsets are those of docs/formats.md and tensor/records_*.cpp.
//
// A record holds 1 or 8 blocks of 32 inputs; a block is one run with a scale, or two runs of 16 with a scale each
// (Q6_K). head() reads what the record's blocks share, then come lines (two quads of unsigned codes at a time), scales
// and mins. What a code stands for: code - 2^shift where shift is not zero; `wide` codes use all 8 bits, which
// instruction sets without VNNI multiply differently.
#pragma once

namespace freehold {
namespace {

INLINE I nibble_low(I line) { return and_word(line, 0x0f0f0f0fu); }
INLINE I nibble_high(I line) { return and_word(shift_right(line, 4), 0x0f0f0f0fu); }

// Bit q of each byte moved to bit 4.
INLINE I fifth_bit(I line, int q) {
  return and_word(q < 4 ? shift_left(line, 4 - q) : shift_right(line, q - 4), 0x10101010u);
}
// Bits 2q and 2q+1 of each byte moved to bits 4 and 5.
INLINE I upper_bits(I line, int q) {
  return and_word(q < 2 ? shift_left(line, 4 - 2 * q) : shift_right(line, 2 * q - 4), 0x30303030u);
}

INLINE void plain_nibbles(const uint8_t* lines, int p, I& even, I& odd) {
  const I line = load_line(lines + 64 * p);
  even = nibble_low(line);
  odd = nibble_high(line);
}
INLINE void nibbles_with_fifth(const uint8_t* bits, const uint8_t* lines, int p, I& even, I& odd) {
  plain_nibbles(lines, p, even, odd);
  const I fifth = load_line(bits);
  even = or_bits(even, fifth_bit(fifth, 2 * p));
  odd = or_bits(odd, fifth_bit(fifth, 2 * p + 1));
}

// What a record's head becomes before its blocks are read.
struct Head {
  F d, min;                         // of all blocks, factors of their scales and mins
  alignas(64) uint8_t scales[128];  // a byte for each block and row, [block][16]; K and IQ4_XS
  alignas(64) uint8_t mins[128];    // the same; K
};

template <int code_shift, bool wide_codes = false, bool has_mins = false, int record_blocks = 1, int block_runs = 1>
struct Kind {
  static constexpr int shift = code_shift;
  static constexpr bool wide = wide_codes, mins = has_mins;
  static constexpr int blocks = record_blocks, runs = block_runs;  // blocks of a record, runs of a block
  static constexpr int inputs = 32 * blocks, quads = 8 / runs;     // of a record; of a run
};

// ---- records of one block ------------------------------------------------------------------------------------------

// Two bytes of d, for formats with mins two of min, for each of 16 rows.
template <int shift, bool wide = false, bool mins = false>
struct Small : Kind<shift, wide, mins> {
  static INLINE void head(const uint8_t* r, Head& h) {
    h.d = load_halves(r);
    if constexpr (mins) h.min = load_halves(r + 32);
  }
  static INLINE F scale(const uint8_t*, const Head& h, int) { return h.d; }
  static INLINE F min(const Head& h, int) { return h.min; }
};
using SmallMins = Small<0, false, true>;

struct Q4_0 : Small<3> {
  static constexpr int bytes = 288;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) { plain_nibbles(r + 32, p, even, odd); }
};
struct Q4_1 : SmallMins {
  static constexpr int bytes = 320;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) { plain_nibbles(r + 64, p, even, odd); }
};
struct Q5_0 : Small<4> {
  static constexpr int bytes = 352;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    nibbles_with_fifth(r + 32, r + 96, p, even, odd);
  }
};
struct Q5_1 : SmallMins {
  static constexpr int bytes = 384;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    nibbles_with_fifth(r + 64, r + 128, p, even, odd);
  }
};
struct Q8_0 : Small<7, true> {
  static constexpr int bytes = 544;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    even = load_line(r + 32 + 128 * p);
    odd = load_line(r + 32 + 128 * p + 64);
  }
};

// IQ4_NL's 16 values plus 128; MXFP4's (E2M1) doubled plus 16, so that its scale is halved.
alignas(16) constexpr uint8_t iq4_values[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                129, 141, 153, 166, 181, 197, 217, 241};
alignas(16) constexpr uint8_t mxfp4_values[16] = {16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

struct Iq4Nl : Small<7, true> {
  static constexpr int bytes = 288;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    plain_nibbles(r + 32, p, even, odd);
    even = look_up(iq4_values, even);
    odd = look_up(iq4_values, odd);
  }
};
struct Mxfp4 : Small<4> {
  static constexpr int bytes = 272;
  static INLINE void head(const uint8_t* r, Head& h) { h.d = half_power_of_two(r); }
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    plain_nibbles(r + 16, p, even, odd);
    even = look_up(mxfp4_values, even);
    odd = look_up(mxfp4_values, odd);
  }
};

// ---- records of eight blocks ---------------------------------------------------------------------------------------

template <int fifth>
struct K : Kind<0, false, true, 8> {
  static constexpr int sub_bytes = 256 + 64 * fifth, bytes = 256 + 8 * sub_bytes;
  static INLINE void head(const uint8_t* r, Head& h) {
    h.d = load_halves(r);
    h.min = negate(load_halves(r + 32));
    const I scales = load_line(r + 64), mins = load_line(r + 128), upper = load_line(r + 192);
    store_line(h.scales, or_bits(nibble_low(scales), upper_bits(upper, 0)));
    store_line(h.scales + 64, or_bits(nibble_high(scales), upper_bits(upper, 1)));
    const I first = or_bits(nibble_low(mins), upper_bits(upper, 2));    // [16 rows][blocks 0..3]
    const I second = or_bits(nibble_high(mins), upper_bits(upper, 3));  // and 4..7
    EACH(i, 4) {
      store_bytes(h.mins + 16 * i, and_word(shift_right(first, 8 * i), 0xffu));
      store_bytes(h.mins + 64 + 16 * i, and_word(shift_right(second, 8 * i), 0xffu));
    }
  }
  static INLINE F scale(const uint8_t*, const Head& h, int s) { return mul(h.d, float_of_unsigned(h.scales + 16 * s)); }
  static INLINE F min(const Head& h, int s) { return mul(h.min, float_of_unsigned(h.mins + 16 * s)); }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    const uint8_t* sub = r + 256 + s * sub_bytes;
    if constexpr (fifth)
      nibbles_with_fifth(sub, sub + 64, p, even, odd);
    else
      plain_nibbles(sub, p, even, odd);
  }
};
using Q4_K = K<0>;
using Q5_K = K<1>;

struct Q6_K : Kind<5, false, false, 8, 2> {
  static constexpr int bytes = 3360;
  static INLINE void head(const uint8_t* r, Head& h) { h.d = load_halves(r + 3328); }
  static INLINE F scale(const uint8_t* r, const Head& h, int s) { return mul(h.d, float_of_signed(r + 16 * s)); }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    const uint8_t* sub = r + 256 + 192 * s;
    plain_nibbles(sub + 64, p, even, odd);
    const I upper = load_line(sub);
    even = or_bits(even, upper_bits(upper, 2 * p));
    odd = or_bits(odd, upper_bits(upper, 2 * p + 1));
  }
};

struct Iq4Xs : Kind<7, true, false, 8> {
  static constexpr int bytes = 2176;
  static INLINE void head(const uint8_t* r, Head& h) {
    h.d = load_halves(r);
    for (int s = 0; s < 8; ++s)
      for (int lane = 0; lane < 16; ++lane) {
        const int lower = r[32 + 16 * (s % 4) + lane] >> 4 * (s / 4) & 15;
        const int upper = r[96 + 16 * (s % 2) + lane] >> 2 * (s / 2) & 3;
        h.scales[16 * s + lane] = static_cast<uint8_t>((lower | upper << 4) - 32);
      }
  }
  static INLINE F scale(const uint8_t*, const Head& h, int s) { return mul(h.d, float_of_signed(h.scales + 16 * s)); }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    plain_nibbles(r + 128 + 256 * s, p, even, odd);
    even = look_up(iq4_values, even);
    odd = look_up(iq4_values, odd);
  }
};

}  // namespace
}  // namespace freehold
