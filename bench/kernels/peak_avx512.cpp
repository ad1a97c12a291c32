#include <immintrin.h>

#include "bench/kernels/peak.h"

namespace freehold::bench {

double peak_avx512() {
  constexpr int steps = 200'000;
  const __m512i a = _mm512_set1_epi32(1), b = _mm512_set1_epi32(2);
  __m512i s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
  for (int i = 0; i < steps; ++i)
    asm volatile(
        "vpdpbusd %10, %11, %0\n\tvpdpbusd %10, %11, %1\n\tvpdpbusd %10, %11, %2\n\tvpdpbusd %10, %11, %3\n\t"
        "vpdpbusd %10, %11, %4\n\tvpdpbusd %10, %11, %5\n\tvpdpbusd %10, %11, %6\n\tvpdpbusd %10, %11, %7\n\t"
        "vpdpbusd %10, %11, %8\n\tvpdpbusd %10, %11, %9"
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9)
        : "v"(a), "v"(b));
  return 10.0 * steps * 128;
}

}  // namespace freehold::bench
