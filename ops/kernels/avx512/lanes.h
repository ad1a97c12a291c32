// Lanes: 16 floats in one AVX-512 register (plain/lanes.h says what each operation means).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace freehold::avx512 {

#define FREEHOLD_INLINE inline __attribute__((always_inline))

struct Words;

struct Lanes {
  using Words = avx512::Words;
  __m512 v;

  static constexpr int columns = 6;
  static constexpr int groups = 4;

  static FREEHOLD_INLINE __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static FREEHOLD_INLINE Lanes all(float x) { return {_mm512_set1_ps(x)}; }
  static FREEHOLD_INLINE Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static FREEHOLD_INLINE Lanes load(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static FREEHOLD_INLINE Lanes load(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  static FREEHOLD_INLINE Lanes load(const uint16_t* p, int n) {
    return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p))};
  }
  FREEHOLD_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  FREEHOLD_INLINE void store(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  FREEHOLD_INLINE void store(uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  FREEHOLD_INLINE void store(uint16_t* p, int n) const {
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  FREEHOLD_INLINE void store_rounded(int16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
  }
  FREEHOLD_INLINE float first() const { return _mm512_cvtss_f32(v); }
};

struct Words {
  __m512i v;

  static FREEHOLD_INLINE Words zero() { return {_mm512_setzero_si512()}; }
  static FREEHOLD_INLINE Words start(int minus_sum) { return {_mm512_set1_epi32(minus_sum * 128)}; }
  static FREEHOLD_INLINE Words line(const void* p) { return {_mm512_loadu_si512(p)}; }
  static FREEHOLD_INLINE Words repeated(const void* p) {
    int word;
    __builtin_memcpy(&word, p, 4);
    return {_mm512_set1_epi32(word)};
  }
  static FREEHOLD_INLINE Words widened(const int8_t* p) {
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  FREEHOLD_INLINE Lanes floats() const { return {_mm512_cvtepi32_ps(v)}; }
};
FREEHOLD_INLINE Words dot_bytes(Words sum, Words codes, Words x) { return {_mm512_dpbusd_epi32(sum.v, codes.v, x.v)}; }
FREEHOLD_INLINE Words times_128(Words a, Words plus) { return {_mm512_add_epi32(_mm512_slli_epi32(a.v, 7), plus.v)}; }
FREEHOLD_INLINE Words dot_pairs(Words sum, Words a, Words b) { return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)}; }

FREEHOLD_INLINE Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
FREEHOLD_INLINE Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
FREEHOLD_INLINE Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
FREEHOLD_INLINE Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
FREEHOLD_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
FREEHOLD_INLINE Lanes fmsub(Lanes a, Lanes b, Lanes c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
FREEHOLD_INLINE Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
FREEHOLD_INLINE Lanes swap_pairs(Lanes a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
FREEHOLD_INLINE Lanes first_lanes(int n, Lanes a, Lanes b) { return {_mm512_mask_blend_ps(Lanes::first(n), b.v, a.v)}; }
FREEHOLD_INLINE Lanes where_less(Lanes x, Lanes bound, Lanes yes, Lanes no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, bound.v, _CMP_LT_OQ), no.v, yes.v)};
}
FREEHOLD_INLINE Lanes where_nan(Lanes x, Lanes yes, Lanes no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q), no.v, yes.v)};
}
FREEHOLD_INLINE Lanes add_to_exponent(Lanes p, Lanes steps) {
  return {_mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_castps_si512(p.v), _mm512_slli_epi32(_mm512_castps_si512(steps.v), 23)))};
}
FREEHOLD_INLINE float sum_lanes(Lanes a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
FREEHOLD_INLINE float max_lanes(Lanes a) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace freehold::avx512
