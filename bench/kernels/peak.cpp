#include "bench/kernels/peak.h"

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace freehold::bench {
namespace {

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

double read_bandwidth() {
  std::vector<uint64_t> memory(32 << 20, 1);
  double best = 1e9;
  uint64_t sum = 0;
  for (int run = 0; run < 8; ++run) {
    const double start = cpu_seconds();
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i < memory.size(); i += 8) {  // a line a step
      __builtin_prefetch(&memory[0] + i + 512);
      a += memory[i] ^ memory[i + 4];
      b += memory[i + 1] ^ memory[i + 5];
      c += memory[i + 2] ^ memory[i + 6];
      d += memory[i + 3] ^ memory[i + 7];
    }
    sum += a + b + c + d;
    best = std::min(best, cpu_seconds() - start);
  }
  volatile uint64_t kept = sum;
  (void)kept;
  return static_cast<double>(memory.size() * 8) / best;
}

double peak_ops(std::string_view set) {
  double most = 1;
  for (int run = 0; run < 10; ++run) {
    const double start = cpu_seconds();
    const double ops = set == "avx512"   ? peak_avx512()
                       : set == "avx_vnni" ? peak_avx_vnni()
                       : set == "avx2"     ? peak_avx2()
                                           : 1;
    most = std::max(most, ops / (cpu_seconds() - start));
  }
  return most;
}

}  // namespace freehold::bench
