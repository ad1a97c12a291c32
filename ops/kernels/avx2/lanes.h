// Lanes: 16 floats in two AVX2 registers (plain/lanes.h says what each operation means).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace freehold::avx2 {

#define FREEHOLD_INLINE inline __attribute__((always_inline))

struct Words;

struct Lanes {
  using Words = avx2::Words;
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
  FREEHOLD_INLINE void store_rounded(int16_t* p) const {
    const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));  // of quarters 0 2 1 3
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
  }
  FREEHOLD_INLINE float first() const { return _mm256_cvtss_f32(a); }
};

struct Words {
  __m256i a, b;

  static FREEHOLD_INLINE Words zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static FREEHOLD_INLINE Words start(int) { return zero(); }
  static FREEHOLD_INLINE Words line(const void* p) {
    const __m256i* at = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
  }
  static FREEHOLD_INLINE Words repeated(const void* p) {
    int word;
    __builtin_memcpy(&word, p, 4);
    const __m256i v = _mm256_set1_epi32(word);
    return {v, v};
  }
  static FREEHOLD_INLINE Words widened(const int8_t* p) {
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16)))};
  }
  FREEHOLD_INLINE Lanes floats() const { return {_mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(b)}; }
};
// Without VNNI codes are multiplied as |code| by x with the code's sign: at most 128 * 127 * 2 = 32512 in 16 bits.
FREEHOLD_INLINE __m256i dot_bytes(__m256i sum, __m256i codes, __m256i x) {
  const __m256i w = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
FREEHOLD_INLINE Words dot_bytes(Words sum, Words codes, Words x) {
  return {dot_bytes(sum.a, codes.a, x.a), dot_bytes(sum.b, codes.b, x.b)};
}
FREEHOLD_INLINE Words times_128(Words x, Words plus) {
  return {_mm256_add_epi32(_mm256_slli_epi32(x.a, 7), plus.a), _mm256_add_epi32(_mm256_slli_epi32(x.b, 7), plus.b)};
}
FREEHOLD_INLINE Words dot_pairs(Words sum, Words x, Words y) {
  return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(x.a, y.a)), _mm256_add_epi32(sum.b, _mm256_madd_epi16(x.b, y.b))};
}

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
