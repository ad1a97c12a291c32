// Which sets this CPU can run: CPUID says what the CPU knows, XGETBV what the system saves of it.
#include "ops/kernels/kernels.h"

#include <cpuid.h>

#include <string>

namespace freehold {

namespace {

const Kernels& plain_kernels() {
  static const Kernels kernels{"plain", plain_linear_kernels, plain_row_kernels, plain_attention_kernels};
  return kernels;
}
const Kernels& avx2_kernels() {
  static const Kernels kernels{"avx2", avx2_linear_kernels, avx2_row_kernels, avx2_attention_kernels};
  return kernels;
}
const Kernels& avx_vnni_kernels() {
  static const Kernels kernels{"avx_vnni", avx_vnni_linear_kernels, avx2_row_kernels, avx2_attention_kernels};
  return kernels;
}
// How many columns take a panel was measured by decoding that many answers at once (1.5B, Q4_K_M). Intel starts two
// dots of 512 bits in a cycle: 16 answers are 0.94 as fast with a panel as with runs in registers, 20 are 1.01 (Emerald
// Rapids). Zen4 starts one: 9 are 1.3 as fast with runs, 32 are 1.2.
const Kernels& avx512_kernels() {
  static const Kernels kernels = [] {
    Kernels set{"avx512", avx512_linear_kernels, avx512_row_kernels, avx512_attention_kernels};
    if (__builtin_cpu_is("intel")) set.linear.most_few = 16;
    return set;
  }();
  return kernels;
}

struct Cpu {
  bool avx2 = false, avx_vnni = false, avx512 = false;
};

Cpu this_cpu() {
  Cpu cpu;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  const bool osxsave = c & (1u << 27), fma = c & (1u << 12), f16c = c & (1u << 29), avx = c & (1u << 28);
  if (!osxsave || !avx) return cpu;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  const bool saves_ymm = (low & 0x06) == 0x06;  // XMM and YMM
  const bool saves_zmm = (low & 0xe6) == 0xe6;  // and mask registers, both parts of ZMM
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  const auto ebx = [&](int bit) { return (b >> bit & 1u) != 0; };
  const bool foundation = ebx(16) && ebx(17) && ebx(30) && ebx(31);  // F, DQ, BW, VL
  const bool vnni = c >> 11 & 1u;
  cpu.avx2 = saves_ymm && fma && f16c && ebx(5);
  cpu.avx512 = cpu.avx2 && saves_zmm && foundation && vnni;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) cpu.avx_vnni = cpu.avx2 && (a >> 4 & 1u);
  return cpu;
}

}  // namespace

std::vector<const Kernels*> runnable_kernels() {
  static const Cpu cpu = this_cpu();
  std::vector<const Kernels*> sets{&plain_kernels()};
  if (cpu.avx2) sets.push_back(&avx2_kernels());
  if (cpu.avx_vnni) sets.push_back(&avx_vnni_kernels());
  if (cpu.avx512) sets.push_back(&avx512_kernels());
  return sets;
}

const Kernels& best_kernels() { return *runnable_kernels().back(); }

Result<const Kernels*> kernels_named(std::string_view name) {
  std::string known;
  for (const Kernels* set : runnable_kernels()) {
    if (set->name == name) return set;
    known += (known.empty() ? "" : ", ") + std::string(set->name);
  }
  return usage_error("kernel set '{}': this CPU runs {}", printable(name), known);
}

}  // namespace freehold
