// The packed records as the kernels read them, written once over the lanes of a set (its lanes.h). Included by
// linear_body.h only. Offsets are those of docs/formats.md and tensor/records_*.cpp.
//
// A record holds 1 or 8 blocks of 32 inputs; a block is one run with a scale, or two runs of 16 with a scale each
// (Q6_K). head() reads scales and mins, then come lines, two quads of unsigned codes at a time. What a code stands for:
// code - 2^shift where shift is not zero; `wide` codes use all 8 bits, which instruction sets without VNNI multiply
// differently.
#pragma once

namespace freehold {
namespace {

// A float whose bits count: those of this one, quant_raised, plus an integer of less than 2^22 are the float so much
// larger. Dots that begin at its bits need not be converted.
constexpr float raised = 12582912.0f;  // 1.5 * 2^23

// Of each byte: the bits that `from` upwards hold, moved to `to` upwards, where `mask` (of a byte) lets them be.
INLINE I moved(I line, int from, int to, uint32_t mask) {
  const I at = to > from ? shift_left(line, to - from) : to < from ? shift_right(line, from - to) : line;
  return and_word(at, mask * 0x01010101u);
}

// Codes of 4 bits, moved up by `lift`: those of a quad in the low nibbles, of the next in the high ones.
INLINE void nibbles(const uint8_t* lines, int p, int lift, I& even, I& odd) {
  const I line = load_line(lines + 64 * p);
  even = moved(line, 0, lift, 0x0fu << lift);
  odd = moved(line, 4, lift, 0x0fu << lift);
}
// The same with a fifth bit, bit q of the bytes of `bits` for quad q.
INLINE void nibbles_with_fifth(const uint8_t* bits, const uint8_t* lines, int p, int lift, I& even, I& odd) {
  nibbles(lines, p, lift, even, odd);
  const I fifth = load_line(bits);
  even = or_bits(even, moved(fifth, 2 * p, 4 + lift, 0x10u << lift));
  odd = or_bits(odd, moved(fifth, 2 * p + 1, 4 + lift, 0x10u << lift));
}

template <int code_shift, bool wide_codes, bool has_mins, int record_blocks, int block_runs, int code_room>
struct Kind {
  static constexpr int shift = code_shift;
  static constexpr bool wide = wide_codes, mins = has_mins;
  static constexpr int blocks = record_blocks, runs = block_runs;  // blocks of a record, runs of a block
  static constexpr int inputs = 32 * blocks, quads = 8 / runs;     // of a record; of a run
  // How far codes can be moved up in their bytes, and how far lines() moves them.
  static constexpr int room = code_room, lift = byte_dots ? room : 0;
};

template <class R>
INLINE I dot(I sum, I codes, I x) {
  if constexpr (R::wide)
    return dot_wide(sum, codes, x);
  else
    return dot_bytes(sum, codes, x);
}

// ---- records of one block ------------------------------------------------------------------------------------------

struct Head {
  F d, min;
};

// Two bytes of d, for formats with mins two of min, for each of 16 rows.
template <int shift, bool wide = false, bool mins = false>
struct Small : Kind<shift, wide, mins, 1, 1, 0> {
  using Head = freehold::Head;
  static INLINE void head(const uint8_t* r, Head& h) {
    h.d = load_halves(r);
    if constexpr (mins) h.min = load_halves(r + 32);
  }
  static INLINE F scale_of_codes(const Head& h, int) { return h.d; }
  static INLINE F min(const Head& h, int) { return h.min; }
};
using SmallMins = Small<0, false, true>;

struct Q4_0 : Small<3> {
  static constexpr int bytes = 288;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) { nibbles(r + 32, p, 0, even, odd); }
};
struct Q4_1 : SmallMins {
  static constexpr int bytes = 320;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) { nibbles(r + 64, p, 0, even, odd); }
};
struct Q5_0 : Small<4> {
  static constexpr int bytes = 352;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    nibbles_with_fifth(r + 32, r + 96, p, 0, even, odd);
  }
};
struct Q5_1 : SmallMins {
  static constexpr int bytes = 384;
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    nibbles_with_fifth(r + 64, r + 128, p, 0, even, odd);
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
    nibbles(r + 32, p, 0, even, odd);
    even = look_up(iq4_values, even);
    odd = look_up(iq4_values, odd);
  }
};
struct Mxfp4 : Small<4> {
  static constexpr int bytes = 272;
  static INLINE void head(const uint8_t* r, Head& h) { h.d = half_power_of_two(r); }
  static INLINE void lines(const uint8_t* r, int, int p, I& even, I& odd) {
    nibbles(r + 16, p, 0, even, odd);
    even = look_up(mxfp4_values, even);
    odd = look_up(mxfp4_values, odd);
  }
};

// ---- records of eight blocks ---------------------------------------------------------------------------------------

// What a record's head becomes before its blocks are read.
struct SuperHead {
  F low;                             // -raised times all scales, and the factor of the mins
  F min;                             // factor of the mins
  alignas(64) float scales[16][16];  // of runs, for codes that have been moved up by all their room
  alignas(64) uint8_t mins[4][64];   // two blocks' in words of 16 bits, in the order of quant_sum_place
};

template <int code_shift, bool wide, bool has_mins, int block_runs, int code_room>
struct Super : Kind<code_shift, wide, has_mins, 8, block_runs, code_room> {
  using Head = SuperHead;
  static constexpr float unlifted = 1.0f / (1 << code_room);  // a power of two: scales stay exact
  // Scales of all runs from their integers, and with the mins' factor what the chain begins with.
  template <class Integer>
  static INLINE void set_scales(F d, const Integer& integer, SuperHead& h) {
    const float factor = -raised;
    const F minus_raised = broadcast_float(&factor), down = mul(d, broadcast_float(&unlifted));
    F low = zero_floats();
    for (int s = 0; s < 8 * block_runs; ++s) {
      const F scale = mul(down, integer(s));
      store_floats(h.scales[s], scale);
      low = fma(minus_raised, scale, low);
    }
    h.low = has_mins ? fma(minus_raised, h.min, low) : low;
  }
  // The scale of codes as lines() gives them.
  static INLINE F scale_of_codes(const SuperHead& h, int s) {
    constexpr float up = 1 << (code_room - Super::lift);
    return mul(load_floats(h.scales[s]), broadcast_float(&up));
  }
  static INLINE F min(const SuperHead& h, int s) {
    const I pair = load_line(h.mins[s / 4 * 2 + s % 2]);
    return mul(h.min, to_float(and_word(shift_right(pair, s % 4 / 2 * 16), 0xffffu)));
  }
};

template <int fifth>
struct K : Super<0, false, true, 1, 4 - fifth> {
  static constexpr int sub_bytes = 256 + 64 * fifth, bytes = 256 + 8 * sub_bytes;
  static INLINE void head(const uint8_t* r, SuperHead& h) {
    h.min = negate(load_halves(r + 32));
    const I scales = load_line(r + 64), mins = load_line(r + 128), upper = load_line(r + 192);
    alignas(64) uint8_t bytes_of_scales[128];  // [block][16 rows]
    store_line(bytes_of_scales, or_bits(moved(scales, 0, 0, 0x0f), moved(upper, 0, 4, 0x30)));
    store_line(bytes_of_scales + 64, or_bits(moved(scales, 4, 0, 0x0f), moved(upper, 2, 4, 0x30)));
    const I first = or_bits(moved(mins, 0, 0, 0x0f), moved(upper, 4, 4, 0x30));   // [16 rows][blocks 0..3]
    const I second = or_bits(moved(mins, 4, 0, 0x0f), moved(upper, 6, 4, 0x30));  // and 4..7
    store_line(h.mins[0], and_word(first, 0x00ff00ffu));
    store_line(h.mins[1], and_word(shift_right(first, 8), 0x00ff00ffu));
    store_line(h.mins[2], and_word(second, 0x00ff00ffu));
    store_line(h.mins[3], and_word(shift_right(second, 8), 0x00ff00ffu));
    K::set_scales(
        load_halves(r), [&](int s) { return float_of_unsigned(bytes_of_scales + 16 * s); }, h);
  }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    const uint8_t* sub = r + 256 + s * sub_bytes;
    if constexpr (fifth)
      nibbles_with_fifth(sub, sub + 64, p, K::lift, even, odd);
    else
      nibbles(sub, p, K::lift, even, odd);
  }
};
using Q4_K = K<0>;
using Q5_K = K<1>;

struct Q6_K : Super<5, false, false, 2, 2> {
  static constexpr int bytes = 3360;
  static INLINE void head(const uint8_t* r, SuperHead& h) {
    set_scales(
        load_halves(r + 3328), [&](int s) { return float_of_signed(r + 16 * s); }, h);
  }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    const uint8_t* sub = r + 256 + 192 * s;
    nibbles(sub + 64, p, lift, even, odd);
    const I upper = load_line(sub);
    even = or_bits(even, moved(upper, 4 * p, 4 + lift, 0x30u << lift));
    odd = or_bits(odd, moved(upper, 4 * p + 2, 4 + lift, 0x30u << lift));
  }
};

struct Iq4Xs : Super<7, true, false, 1, 0> {
  static constexpr int bytes = 2176;
  static INLINE void head(const uint8_t* r, SuperHead& h) {
    alignas(64) uint8_t scales[128];  // [block][16 rows]
    for (int s = 0; s < 8; ++s)
      for (int lane = 0; lane < 16; ++lane) {
        const int lower = r[32 + 16 * (s % 4) + lane] >> 4 * (s / 4) & 15;
        const int upper = r[96 + 16 * (s % 2) + lane] >> 2 * (s / 2) & 3;
        scales[16 * s + lane] = static_cast<uint8_t>((lower | upper << 4) - 32);
      }
    set_scales(
        load_halves(r), [&](int s) { return float_of_signed(scales + 16 * s); }, h);
  }
  static INLINE void lines(const uint8_t* r, int s, int p, I& even, I& odd) {
    nibbles(r + 128 + 256 * s, p, 0, even, odd);
    even = look_up(iq4_values, even);
    odd = look_up(iq4_values, odd);
  }
};

}  // namespace
}  // namespace freehold
