// Sixteen lanes as two 256-bit registers (AVX2, FMA, F16C). Without AVX-VNNI a dot of bytes is vpmaddubsw + vpmaddwd:
// exact while two products fit int16, that is for codes up to 128; wide codes are multiplied as |w| by x with w's sign.
#pragma once

#include <immintrin.h>

#include <cstdint>

#define INLINE inline __attribute__((always_inline))

// Loops over arrays of F and I: unrolled, so that the arrays live in registers.
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); ++i)

namespace freehold {
namespace {

struct F {
  __m256 a, b;
};
struct I {
  __m256i a, b;
};

constexpr int few_columns = 4, tile_groups = 1, tile_columns = 4;
constexpr bool raised_dots = false;

INLINE I load_line(const void* from) {
  const __m256i* at = static_cast<const __m256i*>(from);
  return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}
INLINE void store_line(void* to, I v) {
  __m256i* at = static_cast<__m256i*>(to);
  _mm256_storeu_si256(at, v.a);
  _mm256_storeu_si256(at + 1, v.b);
}
INLINE I zero_words() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
INLINE I all_words(int value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
INLINE I broadcast_word(const void* from) {
  int word;
  __builtin_memcpy(&word, from, 4);
  const __m256i v = _mm256_set1_epi32(word);
  return {v, v};
}
INLINE I and_word(I v, uint32_t mask) {
  const __m256i m = _mm256_set1_epi32(static_cast<int>(mask));
  return {_mm256_and_si256(v.a, m), _mm256_and_si256(v.b, m)};
}
INLINE I or_bits(I x, I y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
INLINE I plus(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
INLINE I minus(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
INLINE I shift_left(I v, int n) { return {_mm256_slli_epi32(v.a, n), _mm256_slli_epi32(v.b, n)}; }
INLINE I shift_right(I v, int n) { return {_mm256_srli_epi32(v.a, n), _mm256_srli_epi32(v.b, n)}; }
INLINE I look_up(const uint8_t* table, I codes) {
  const __m256i t = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm256_shuffle_epi8(t, codes.a), _mm256_shuffle_epi8(t, codes.b)};
}

#ifdef __AVXVNNI__
INLINE I dot_bytes(I sum, I codes, I x) {
  return {_mm256_dpbusd_avx_epi32(sum.a, codes.a, x.a), _mm256_dpbusd_avx_epi32(sum.b, codes.b, x.b)};
}
INLINE I dot_wide(I sum, I codes, I x) { return dot_bytes(sum, codes, x); }
INLINE I dot_pairs(I sum, I x, I y) {
  return {_mm256_dpwssd_avx_epi32(sum.a, x.a, y.a), _mm256_dpwssd_avx_epi32(sum.b, x.b, y.b)};
}
constexpr bool byte_dots = true, wide_is_signed = false;
#else
INLINE __m256i dot_half(__m256i sum, __m256i codes, __m256i x) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1)));
}
INLINE I dot_bytes(I sum, I codes, I x) { return {dot_half(sum.a, codes.a, x.a), dot_half(sum.b, codes.b, x.b)}; }
INLINE __m256i wide_half(__m256i sum, __m256i codes, __m256i x) {
  const __m256i w = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
  return dot_half(sum, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));  // |w| <= 128, |x| <= 127: at most 32512
}
INLINE I dot_wide(I sum, I codes, I x) { return {wide_half(sum.a, codes.a, x.a), wide_half(sum.b, codes.b, x.b)}; }
INLINE I dot_pairs(I sum, I x, I y) {
  return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(x.a, y.a)), _mm256_add_epi32(sum.b, _mm256_madd_epi16(x.b, y.b))};
}
constexpr bool byte_dots = false, wide_is_signed = true;
#endif
INLINE I max_words(I x, I y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
INLINE int32_t largest_word(I v) {
  const __m256i m = _mm256_max_epi32(v.a, v.b);
  __m128i n = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  n = _mm_max_epi32(n, _mm_shuffle_epi32(n, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(n, _mm_shuffle_epi32(n, 0xb1)));
}
INLINE int32_t sum_of_words(I v) {
  const __m256i m = _mm256_add_epi32(v.a, v.b);
  __m128i n = _mm_add_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  n = _mm_add_epi32(n, _mm_shuffle_epi32(n, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(n, _mm_shuffle_epi32(n, 0xb1)));
}
// 16 words to 16 int16 in order.
INLINE __m256i pack_words(I v) { return _mm256_permute4x64_epi64(_mm256_packs_epi32(v.a, v.b), 0xd8); }
INLINE void store_bytes(void* to, I v) {
  const __m256i words = pack_words(v);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

INLINE F load_floats(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
INLINE void store_floats(float* to, F v) {
  _mm256_storeu_ps(to, v.a);
  _mm256_storeu_ps(to + 8, v.b);
}
INLINE F zero_floats() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
INLINE F broadcast_float(const float* from) {
  const __m256 v = _mm256_broadcast_ss(from);
  return {v, v};
}
INLINE F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
INLINE F negate(F v) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(v.a, sign), _mm256_xor_ps(v.b, sign)};
}
INLINE F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
INLINE F to_float(I v) { return {_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)}; }
INLINE I round_to_words(F v) { return {_mm256_cvtps_epi32(v.a), _mm256_cvtps_epi32(v.b)}; }
INLINE F as_floats(I v) { return {_mm256_castsi256_ps(v.a), _mm256_castsi256_ps(v.b)}; }
INLINE I as_words(F v) { return {_mm256_castps_si256(v.a), _mm256_castps_si256(v.b)}; }
INLINE F load_halves(const uint8_t* from) {
  const __m128i* at = reinterpret_cast<const __m128i*>(from);
  return {_mm256_cvtph_ps(_mm_loadu_si128(at)), _mm256_cvtph_ps(_mm_loadu_si128(at + 1))};
}
INLINE F floats_of_low_halves(I v) {
  const I low = and_word(v, 0xffffu);
  const __m256i halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(low.a, low.b), 0xd8);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)), _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
}
INLINE __m128i eight(const uint8_t* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }
INLINE __m256 half_power(const uint8_t* from) {  // 2^(e - 128): a shifted exponent, or a subnormal for e of 0 and 1
  const __m256i e = _mm256_cvtepu8_epi32(eight(from));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i bits = _mm256_blendv_epi8(normal, small, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e));
  const __m256i is_nan = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(255));
  return _mm256_castsi256_ps(_mm256_blendv_epi8(bits, _mm256_set1_epi32(0x7fc00000), is_nan));
}
INLINE F half_power_of_two(const uint8_t* from) { return {half_power(from), half_power(from + 8)}; }
INLINE F float_of_unsigned(const uint8_t* from) {
  return to_float({_mm256_cvtepu8_epi32(eight(from)), _mm256_cvtepu8_epi32(eight(from + 8))});
}
INLINE F float_of_signed(const uint8_t* from) {
  return to_float({_mm256_cvtepi8_epi32(eight(from)), _mm256_cvtepi8_epi32(eight(from + 8))});
}

// Four numbers of eight rows at a time become half of four lines.
INLINE void transpose_half(const float* rows, int64_t stride, float* lines) {
  __m256 quad[4];  // rows i and 4 + i
  for (int i = 0; i < 4; ++i)
    quad[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows + i * stride)),
                                   _mm_loadu_ps(rows + (4 + i) * stride), 1);
  const __m256 a = _mm256_unpacklo_ps(quad[0], quad[1]), b = _mm256_unpackhi_ps(quad[0], quad[1]);
  const __m256 c = _mm256_unpacklo_ps(quad[2], quad[3]), d = _mm256_unpackhi_ps(quad[2], quad[3]);
  _mm256_storeu_ps(lines, _mm256_shuffle_ps(a, c, 0x44));
  _mm256_storeu_ps(lines + 16, _mm256_shuffle_ps(a, c, 0xee));
  _mm256_storeu_ps(lines + 32, _mm256_shuffle_ps(b, d, 0x44));
  _mm256_storeu_ps(lines + 48, _mm256_shuffle_ps(b, d, 0xee));
}
void transpose(const float* rows, int64_t stride, int64_t count, float* lines) {
  int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    transpose_half(rows + k, stride, lines + 16 * k);
    transpose_half(rows + 8 * stride + k, stride, lines + 16 * k + 8);
  }
  for (; k < count; ++k)
    for (int lane = 0; lane < 16; ++lane) lines[16 * k + lane] = rows[lane * stride + k];
}

}  // namespace
}  // namespace freehold
