// Sixteen lanes as one 512-bit register (AVX-512 F, BW, DQ, VL, VNNI).
#pragma once

#include <immintrin.h>

#include <cstdint>

#define INLINE inline __attribute__((always_inline))

// Loops over arrays of F and I: unrolled, so that the arrays live in registers.
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); ++i)

namespace freehold {
namespace {

struct F {
  __m512 v;
};
struct I {
  __m512i v;
};

constexpr int few_columns = 8, tile_groups = 2, tile_columns = 6;
constexpr bool raised_dots = true, byte_dots = true, wide_is_signed = false;

INLINE I load_line(const void* from) { return {_mm512_loadu_si512(from)}; }
INLINE void store_line(void* to, I v) { _mm512_storeu_si512(to, v.v); }
INLINE I zero_words() { return {_mm512_setzero_si512()}; }
INLINE I all_words(int value) { return {_mm512_set1_epi32(value)}; }
INLINE I broadcast_word(const void* from) {
  int word;
  __builtin_memcpy(&word, from, 4);
  return {_mm512_set1_epi32(word)};
}
INLINE I and_word(I v, uint32_t mask) { return {_mm512_and_si512(v.v, _mm512_set1_epi32(static_cast<int>(mask)))}; }
INLINE I or_bits(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
INLINE I plus(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
INLINE I minus(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
INLINE I shift_left(I v, int n) { return {_mm512_slli_epi32(v.v, static_cast<unsigned>(n))}; }
INLINE I shift_right(I v, int n) { return {_mm512_srli_epi32(v.v, static_cast<unsigned>(n))}; }
INLINE I look_up(const uint8_t* table, I codes) {
  const __m512i t = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm512_shuffle_epi8(t, codes.v)};
}

INLINE I dot_bytes(I sum, I codes, I x) { return {_mm512_dpbusd_epi32(sum.v, codes.v, x.v)}; }
INLINE I dot_wide(I sum, I codes, I x) { return {_mm512_dpbusd_epi32(sum.v, codes.v, x.v)}; }
INLINE I dot_pairs(I sum, I a, I b) { return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)}; }
INLINE I max_words(I a, I b) { return {_mm512_max_epi32(a.v, b.v)}; }
INLINE int32_t largest_word(I v) { return _mm512_reduce_max_epi32(v.v); }
INLINE int32_t sum_of_words(I v) { return _mm512_reduce_add_epi32(v.v); }
INLINE void store_bytes(void* to, I v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(v.v)); }

INLINE F load_floats(const float* from) { return {_mm512_loadu_ps(from)}; }
INLINE void store_floats(float* to, F v) { _mm512_storeu_ps(to, v.v); }
INLINE F zero_floats() { return {_mm512_setzero_ps()}; }
INLINE F broadcast_float(const float* from) { return {_mm512_set1_ps(*from)}; }
INLINE F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
INLINE F negate(F v) { return {_mm512_xor_ps(v.v, _mm512_set1_ps(-0.0f))}; }
INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
INLINE F to_float(I v) { return {_mm512_cvtepi32_ps(v.v)}; }
INLINE I round_to_words(F v) { return {_mm512_cvtps_epi32(v.v)}; }
INLINE F as_floats(I v) { return {_mm512_castsi512_ps(v.v)}; }
INLINE I as_words(F v) { return {_mm512_castps_si512(v.v)}; }
INLINE F load_halves(const uint8_t* from) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
}
INLINE F floats_of_low_halves(I v) { return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(v.v))}; }
INLINE __m128i sixteen(const uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
INLINE F half_power_of_two(const uint8_t* from) {  // 2^(e - 128): a shifted exponent, or a subnormal for e of 0 and 1
  const __m512i e = _mm512_cvtepu8_epi32(sixteen(from));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i small = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __m512i bits = _mm512_mask_mov_epi32(normal, _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2)), small);
  const __m512i nan = _mm512_set1_epi32(0x7fc00000);
  return {_mm512_castsi512_ps(_mm512_mask_mov_epi32(bits, _mm512_cmpeq_epi32_mask(e, _mm512_set1_epi32(255)), nan))};
}
INLINE F float_of_unsigned(const uint8_t* from) { return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(sixteen(from)))}; }
INLINE F float_of_signed(const uint8_t* from) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(sixteen(from)))}; }

// Four rows' blocks of four at a time: 16 x 4 numbers become four lines.
void transpose(const float* rows, int64_t stride, int64_t count, float* lines) {
  int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    __m512 quad[4];  // rows i, 4 + i, 8 + i, 12 + i, four numbers each
    for (int i = 0; i < 4; ++i) {
      __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(rows + i * stride + k));
      v = _mm512_insertf32x4(v, _mm_loadu_ps(rows + (4 + i) * stride + k), 1);
      v = _mm512_insertf32x4(v, _mm_loadu_ps(rows + (8 + i) * stride + k), 2);
      quad[i] = _mm512_insertf32x4(v, _mm_loadu_ps(rows + (12 + i) * stride + k), 3);
    }
    const __m512 a = _mm512_unpacklo_ps(quad[0], quad[1]), b = _mm512_unpackhi_ps(quad[0], quad[1]);
    const __m512 c = _mm512_unpacklo_ps(quad[2], quad[3]), d = _mm512_unpackhi_ps(quad[2], quad[3]);
    _mm512_storeu_ps(lines + 16 * k, _mm512_shuffle_ps(a, c, 0x44));
    _mm512_storeu_ps(lines + 16 * k + 16, _mm512_shuffle_ps(a, c, 0xee));
    _mm512_storeu_ps(lines + 16 * k + 32, _mm512_shuffle_ps(b, d, 0x44));
    _mm512_storeu_ps(lines + 16 * k + 48, _mm512_shuffle_ps(b, d, 0xee));
  }
  for (; k < count; ++k)
    for (int lane = 0; lane < 16; ++lane) lines[16 * k + lane] = rows[lane * stride + k];
}

}  // namespace
}  // namespace freehold
