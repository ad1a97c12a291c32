#include <immintrin.h>

#include "bench/kernels/peak.h"

namespace freehold::bench {

double peak_avx_vnni() {
  constexpr int steps = 200'000;
  const __m256i a = _mm256_set1_epi32(1), b = _mm256_set1_epi32(2);
  __m256i s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
  for (int i = 0; i < steps; ++i)
    asm volatile(
        "%{vex%} vpdpbusd %10, %11, %0\n\t%{vex%} vpdpbusd %10, %11, %1\n\t%{vex%} vpdpbusd %10, %11, %2\n\t"
        "%{vex%} vpdpbusd %10, %11, %3\n\t%{vex%} vpdpbusd %10, %11, %4\n\t%{vex%} vpdpbusd %10, %11, %5\n\t"
        "%{vex%} vpdpbusd %10, %11, %6\n\t%{vex%} vpdpbusd %10, %11, %7\n\t%{vex%} vpdpbusd %10, %11, %8\n\t"
        "%{vex%} vpdpbusd %10, %11, %9"
        : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9)
        : "x"(a), "x"(b));
  return 10.0 * steps * 64;
}

}  // namespace freehold::bench
