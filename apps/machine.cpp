#include "apps/machine.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace freehold {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Cpu this_cpu() {
  Cpu cpu;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name") && cpu.model.empty()) cpu.model = value;
    if (!line.starts_with("flags") || !cpu.flags.empty()) continue;
    std::istringstream words(value);
    for (std::string word; words >> word;)
      for (const char* known : {"avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
                                "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"})
        if (word == known) cpu.flags.push_back(word);
  }
  cpu.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  double load[1];
  if (getloadavg(load, 1) == 1) cpu.load = load[0];
  return cpu;
}

double measure_bandwidth(Pool& pool) {
  constexpr size_t size = 256u << 20, chunk = 1u << 20;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 0;
  ::madvise(memory, size, MADV_HUGEPAGE);
  auto* bytes = static_cast<char*>(memory);
  constexpr int chunks = static_cast<int>(size / chunk);
  pool.run(chunks, [&](int i, int) { std::memset(bytes + static_cast<size_t>(i) * chunk, i, chunk); });
  std::atomic<int64_t> sink = 0;
  double best = 0;
  for (int pass = 0; pass < 3; ++pass) {
    const auto start = Clock::now();
    pool.run(chunks, [&](int i, int) {
      const auto* at = reinterpret_cast<const __m128i*>(bytes + static_cast<size_t>(i) * chunk);
      __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
      for (const auto* end = at + chunk / sizeof(__m128i); at < end; at += 4) {
        _mm_prefetch(reinterpret_cast<const char*>(at + 128), _MM_HINT_T0);
        a = _mm_add_epi64(a, _mm_load_si128(at));
        b = _mm_add_epi64(b, _mm_load_si128(at + 1));
        c = _mm_add_epi64(c, _mm_load_si128(at + 2));
        d = _mm_add_epi64(d, _mm_load_si128(at + 3));
      }
      const __m128i sum = _mm_add_epi64(_mm_add_epi64(a, b), _mm_add_epi64(c, d));
      sink.fetch_add(_mm_cvtsi128_si64(sum), std::memory_order_relaxed);
    });
    best = std::max(best, static_cast<double>(size) / seconds_since(start));
  }
  ::munmap(memory, size);
  return best;
}

double measure_placement() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 0;
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 2; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  if (cpus.size() < 2) return 0;
  const auto pin = [](int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
  };
  constexpr int turns = 2000, rounds = 15;
  std::atomic<int> ball = 0;
  const auto play = [&](int mine, int theirs) {  // waits for its own number, then hands over
    for (int i = 0; i < turns; ++i) {
      for (int spins = 0; ball.load(std::memory_order_acquire) != mine; ++spins)
        if (spins > 100'000) std::this_thread::yield();
      ball.store(theirs, std::memory_order_release);
    }
  };
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    ball = 0;
    std::thread other([&] {
      pin(cpus[1]);
      play(1, 0);
    });
    double seconds = 0;
    std::thread one([&] {
      pin(cpus[0]);
      const auto start = Clock::now();
      play(0, 1);
      seconds = seconds_since(start);
    });
    one.join();
    other.join();
    const double one_way = seconds / (2 * turns) * 1e9;
    if (round == 0 || one_way < best) best = one_way;
  }
  return best;
}

namespace {

// Twelve independent chains, so that the latency of one does not count. The empty asm keeps the compiler from folding
// them together.
constexpr int chains = 12, steps = 4096;

__attribute__((target("avx512f,avx512bw,avx512vnni"))) int64_t multiply_avx512() {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5), sums[chains] = {};
  for (int i = 0; i < steps; ++i)
    for (auto& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      asm volatile("" : "+v"(sum));
    }
  alignas(64) int32_t lanes[16];
  _mm512_store_si512(lanes, sums[0]);
  return lanes[0];
}

__attribute__((target("avx2"))) int64_t multiply_avx2() {
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5), sums[chains] = {};
  const __m256i ones = _mm256_set1_epi16(1);
  for (int i = 0; i < steps; ++i)
    for (auto& sum : sums) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
      asm volatile("" : "+v"(sum), "+v"(a));
    }
  return _mm256_extract_epi32(sums[0], 0);
}

}  // namespace

Int8Rate measure_int8_rate(Pool& pool) {
  const bool wide = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
  if (!wide && !__builtin_cpu_supports("avx2")) return {};
  const double operations = 2.0 * chains * steps * (wide ? 64 : 32);
  std::atomic<int64_t> sink = 0;
  const auto once = [&] { sink.fetch_add(wide ? multiply_avx512() : multiply_avx2(), std::memory_order_relaxed); };
  constexpr double window = 0.05;  // seconds
  Int8Rate rate;
  for (const auto begin = Clock::now(); seconds_since(begin) < window;) {
    const auto start = Clock::now();
    once();
    rate.one = std::max(rate.one, operations / seconds_since(start));
  }
  std::atomic<int64_t> calls = 0;
  const auto begin = Clock::now();
  pool.run(pool.threads(), [&](int, int) {
    int64_t mine = 0;
    for (; seconds_since(begin) < window; ++mine) once();
    calls.fetch_add(mine, std::memory_order_relaxed);
  });
  rate.all = static_cast<double>(calls) * operations / seconds_since(begin);
  return rate;
}

}  // namespace freehold
