// rival-probe: what this machine gives at this minute, in under a second, as one JSON line.
//
//   barrier_ns     one two-thread barrier through shared cache lines; below 60 the two threads share one core
//   read_gb_per_s  reading 256 MiB of memory with 1 and with 2 threads
//   vnni_gops      int8 operations with 512-bit vpdpbusd (2 x 64 an instruction), 1 and 2 threads; 0 where there is
//   none.
//                  Two threads that reach no more than one share a core, whatever the barrier says
// Threads are pinned to the first two CPUs allowed to this process, where the kernel lets us. Built by build.sh.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// Runs work(0) and work(1) on a CPU each; work(0) alone when there is one thread.
void on_cpus(const std::vector<int>& cpus, int threads, const std::function<void(int)>& work) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; i++)
    running.emplace_back([&, i] {
      pin(cpus[i]);
      work(i);
    });
  for (std::thread& thread : running) thread.join();
}

// Both threads arrive and leave `rounds` times. The lower quartile of many short blocks: a neighbour that takes the CPU
// away for a while spoils some blocks, not the answer.
double barrier_ns(const std::vector<int>& cpus) {
  constexpr int blocks = 200, rounds = 200;
  struct alignas(128) Flag {
    std::atomic<uint32_t> value{0};
  } flags[2];
  std::vector<double> block_ns(blocks);
  on_cpus(cpus, 2, [&](int me) {
    uint32_t round = 0;
    for (int block = 0; block < blocks; block++) {
      const auto start = Clock::now();
      for (int i = 0; i < rounds; i++) {
        flags[me].value.store(++round, std::memory_order_release);
        for (uint32_t polls = 0; flags[1 - me].value.load(std::memory_order_acquire) < round;) {
          if (++polls % 100000 == 0) sched_yield();
        }
      }
      if (me == 0) block_ns[block] = seconds_since(start) * 1e9 / rounds;
    }
  });
  std::sort(block_ns.begin(), block_ns.end());
  return block_ns[blocks / 4];
}

// The best of five sweeps; every thread reads its own half.
double read_gb_per_s(const std::vector<int>& cpus, int threads, const std::vector<uint64_t>& memory) {
  double best = 0;
  for (int sweep = 0; sweep < 5; sweep++) {
    const auto start = Clock::now();
    std::atomic<uint64_t> keep{0};
    on_cpus(cpus, threads, [&](int me) {
      const size_t count = memory.size() / threads / 64 * 64;
      const uint64_t* words = memory.data() + count * me;
      uint64_t sums[8] = {};
      for (size_t i = 0; i < count; i += 8)
        for (int j = 0; j < 8; j++) sums[j] += words[i + j];
      for (uint64_t sum : sums) keep += sum;
    });
    best = std::max(best, memory.size() * 8 / seconds_since(start) / 1e9);
  }
  return best;
}

double vnni_gops(const std::vector<int>& cpus, int threads) {
  double best = 0;
#ifdef __AVX512VNNI__
  constexpr int chains = 12, rounds = 400000;
  for (int sweep = 0; sweep < 5; sweep++) {
    const auto start = Clock::now();
    on_cpus(cpus, threads, [&](int) {
      __m512i sums[chains] = {}, a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(1);
      for (int i = 0; i < rounds; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < chains; j++) {
          sums[j] = _mm512_dpbusd_epi32(sums[j], a, b);
          asm volatile("" : "+v"(sums[j]));  // each multiplication is done, none is moved out of the loop
        }
      }
    });
    best = std::max(best, 128.0 * chains * rounds * threads / seconds_since(start) / 1e9);
  }
#else
  (void)cpus, (void)threads;
#endif
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const bool barrier_only = argc > 1 && argv[1][0] == 'b';  // "barrier": a few milliseconds
  const std::vector<int> cpus = allowed_cpus();
  const int threads = std::min<int>(2, static_cast<int>(cpus.size()));
  std::printf("{\"cpus\": %zu, \"barrier_ns\": %.1f", cpus.size(), threads == 2 ? barrier_ns(cpus) : 0.0);
  if (!barrier_only) {
    const std::vector<uint64_t> memory(32u << 20, 1);
    std::printf(", \"read_gb_per_s\": [%.2f, %.2f], \"vnni_gops\": [%.0f, %.0f]", read_gb_per_s(cpus, 1, memory),
                threads == 2 ? read_gb_per_s(cpus, 2, memory) : 0.0, vnni_gops(cpus, 1),
                threads == 2 ? vnni_gops(cpus, 2) : 0.0);
  }
  std::printf("}\n");
}
