#include <immintrin.h>

#include "bench/kernels/peak.h"

namespace freehold::bench {

double peak_avx2() {  // multiply, widen, add: what stands for one dot without VNNI
  constexpr int steps = 200'000;
  const __m256i a = _mm256_set1_epi32(1), b = _mm256_set1_epi32(2), ones = _mm256_set1_epi16(1);
  __m256i s0 = a, s1 = a, s2 = a, s3 = a, t0, t1, t2, t3;
  for (int i = 0; i < steps; ++i)
    asm volatile(
        "vpmaddubsw %8, %9, %4\n\tvpmaddubsw %8, %9, %5\n\tvpmaddubsw %8, %9, %6\n\tvpmaddubsw %8, %9, %7\n\t"
        "vpmaddwd %10, %4, %4\n\tvpmaddwd %10, %5, %5\n\tvpmaddwd %10, %6, %6\n\tvpmaddwd %10, %7, %7\n\t"
        "vpaddd %4, %0, %0\n\tvpaddd %5, %1, %1\n\tvpaddd %6, %2, %2\n\tvpaddd %7, %3, %3"
        : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "=&x"(t0), "=&x"(t1), "=&x"(t2), "=&x"(t3)
        : "x"(a), "x"(b), "x"(ones));
  return 4.0 * steps * 64;
}

}  // namespace freehold::bench
