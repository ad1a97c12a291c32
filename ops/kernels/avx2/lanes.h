// Lanes: 16 floats in two AVX2 registers (plain/lanes.h says what each operation means).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace freehold::avx2 {

#define FREEHOLD_INLINE inline __attribute__((always_inline))

struct Lanes {
  __m256 a, b;  // lanes 0-7, 8-15

  static constexpr int columns = 6;
  static constexpr int groups = 1;

  // All bits set in lanes below n of lanes from..from+7.
  static FREEHOLD_INLINE __m256i first(int n, int from) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n - from), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static FREEHOLD_INLINE Lanes all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static FREEHOLD_INLINE Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static FREEHOLD_INLINE Lanes load(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static FREEHOLD_INLINE Lanes load(const float* p, int n) {
    return {_mm256_maskload_ps(p, first(n, 0)), _mm256_maskload_ps(p + 8, first(n, 8))};
  }
  static FREEHOLD_INLINE Lanes load(const uint16_t* p, int n) {
    alignas(32) uint16_t all_sixteen[16] = {};
    for (int i = 0; i < n; ++i) all_sixteen[i] = p[i];
    return load(all_sixteen);
  }
  FREEHOLD_INLINE void store(float* p) const {
    _mm256_storeu_ps(p, a);
    _mm256_storeu_ps(p + 8, b);
  }
  FREEHOLD_INLINE void store(float* p, int n) const {
    _mm256_maskstore_ps(p, first(n, 0), a);
    _mm256_maskstore_ps(p + 8, first(n, 8), b);
  }
  FREEHOLD_INLINE void store(uint16_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(b, _MM_FROUND_TO_NEAREST_INT));
  }
  FREEHOLD_INLINE void store(uint16_t* p, int n) const {
    alignas(32) uint16_t all_sixteen[16];
    store(all_sixteen);
    for (int i = 0; i < n; ++i) p[i] = all_sixteen[i];
  }
  FREEHOLD_INLINE float first() const { return _mm256_cvtss_f32(a); }
};

FREEHOLD_INLINE Lanes operator+(Lanes x, Lanes y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
FREEHOLD_INLINE Lanes operator-(Lanes x, Lanes y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
FREEHOLD_INLINE Lanes operator*(Lanes x, Lanes y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
FREEHOLD_INLINE Lanes operator/(Lanes x, Lanes y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
FREEHOLD_INLINE Lanes fma(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
FREEHOLD_INLINE Lanes fmsub(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmsub_ps(x.a, y.a, z.a), _mm256_fmsub_ps(x.b, y.b, z.b)};
}
FREEHOLD_INLINE Lanes max(Lanes x, Lanes y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
FREEHOLD_INLINE Lanes swap_pairs(Lanes x) { return {_mm256_permute_ps(x.a, 0xb1), _mm256_permute_ps(x.b, 0xb1)}; }
FREEHOLD_INLINE Lanes first_lanes(int n, Lanes x, Lanes y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_castsi256_ps(Lanes::first(n, 0))),
          _mm256_blendv_ps(y.b, x.b, _mm256_castsi256_ps(Lanes::first(n, 8)))};
}
FREEHOLD_INLINE Lanes where_less(Lanes x, Lanes bound, Lanes yes, Lanes no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, bound.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, bound.b, _CMP_LT_OQ))};
}
FREEHOLD_INLINE Lanes where_nan(Lanes x, Lanes yes, Lanes no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q)),
          _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q))};
}
FREEHOLD_INLINE __m256 add_to_exponent(__m256 p, __m256 steps) {
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(steps), 23)));
}
FREEHOLD_INLINE Lanes add_to_exponent(Lanes p, Lanes steps) {
  return {add_to_exponent(p.a, steps.a), add_to_exponent(p.b, steps.b)};
}
FREEHOLD_INLINE float sum_lanes(Lanes x) {
  const __m256 eight = _mm256_add_ps(x.a, x.b);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
FREEHOLD_INLINE float max_lanes(Lanes x) {
  const __m256 eight = _mm256_max_ps(x.a, x.b);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace freehold::avx2
