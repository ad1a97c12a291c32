// How a region runs. `next` holds the region's number and the next chunk that anybody may claim by fetch_add; chunks
// below the thread count belong to one worker each, who claims them by number of region (`Own`), or to whoever has
// nothing else left. A claim is valid if it carries the number of the region in `shape`: a region does not end before
// its claimed chunks have run, so a late worker can neither run a chunk twice nor one of a region that is over.
//
// Waiting workers spin 20 us, then yield between looks, and sleep after 1 ms: nothing sleeps inside a token, and an
// idle engine uses no CPU. Workers are not pinned: on a machine where each thread has its CPU the system keeps them
// where they are, and beside a busy neighbour it must be able to move them.
#include "base/pool.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"

namespace freehold {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto spin_time = std::chrono::microseconds(20);
constexpr auto yield_time = std::chrono::milliseconds(1);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

uint64_t pair_of(uint32_t region, uint32_t number) { return uint64_t{region} << 32 | number; }
uint32_t region_of(uint64_t pair) { return static_cast<uint32_t>(pair >> 32); }
uint32_t number_of(uint64_t pair) { return static_cast<uint32_t>(pair); }

// Spins, then yields, until `done` or, if `give_up` is set, until 1 ms has gone by. True: done.
template <class Condition>
bool wait_awake(Condition done, bool give_up) {
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause();
    }
    const auto waited = Clock::now() - start;
    if (waited < spin_time) continue;
    if (give_up && waited > yield_time) return false;
    sched_yield();
  }
}

}  // namespace

struct Pool::State {
  struct alignas(64) Own {
    std::atomic<uint32_t> region = 0;
  };  // in which a worker's own first chunk was last claimed

  // Written by the caller when a region begins.
  alignas(64) std::atomic<uint64_t> shape = 0;  // region, chunks
  std::atomic<Chunk> chunk = nullptr;
  std::atomic<void*> work = nullptr;
  uint32_t region = 0;   // the caller's own count
  bool running = false;  // against a region within a region
  int threads = 1;
  std::unique_ptr<Own[]> own;
  std::vector<std::thread> workers;

  alignas(64) std::atomic<uint64_t> next = 0;      // region, next chunk of those that nobody owns
  alignas(64) std::atomic<uint32_t> finished = 0;  // chunks of this region
  alignas(64) std::atomic<uint32_t> signal = 0;    // what sleepers wait on
  std::atomic<int> sleepers = 0;
  std::atomic<bool> stop = false;

  void run_one(uint32_t index, int worker) {
    chunk.load(std::memory_order_relaxed)(work.load(std::memory_order_relaxed), static_cast<int>(index), worker);
    finished.fetch_add(1, std::memory_order_acq_rel);
  }

  bool claim_own(int of, uint32_t in_region) {
    std::atomic<uint32_t>& mark = own[static_cast<size_t>(of)].region;
    uint32_t last = mark.load(std::memory_order_relaxed);
    return static_cast<int32_t>(last - in_region) < 0 &&
           mark.compare_exchange_strong(last, in_region, std::memory_order_acq_rel);
  }

  // Runs what can be claimed of the region that `next` shows. Returns that region's number.
  uint32_t take_part(int worker) {
    const uint32_t now = region_of(next.load(std::memory_order_acquire));
    uint64_t size = shape.load(std::memory_order_acquire);
    if (region_of(size) != now) return now;
    const int owned = static_cast<int>(std::min<uint32_t>(number_of(size), static_cast<uint32_t>(threads)));
    if (worker < owned && claim_own(worker, now)) run_one(static_cast<uint32_t>(worker), worker);
    while (number_of(next.load(std::memory_order_acquire)) < number_of(size)) {
      const uint64_t claim = next.fetch_add(1, std::memory_order_acq_rel);  // perhaps already of a later region
      size = shape.load(std::memory_order_acquire);
      if (region_of(claim) == region_of(size) && number_of(claim) < number_of(size)) run_one(number_of(claim), worker);
      if (region_of(claim) != now) return now;
    }
    for (int other = 0; other < owned; ++other)
      if (other != worker && claim_own(other, now)) run_one(static_cast<uint32_t>(other), worker);
    return now;
  }

  void sleep_until_after(uint32_t seen) {
    const uint32_t before = signal.load();
    sleepers.fetch_add(1);
    if (region_of(next.load()) == seen && !stop.load())
      syscall(SYS_futex, &signal, FUTEX_WAIT_PRIVATE, before, nullptr, nullptr, 0);
    sleepers.fetch_sub(1);
  }

  void wake() {
    signal.fetch_add(1);
    syscall(SYS_futex, &signal, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }

  void serve(int worker) {
    uint32_t seen = 0;
    const auto news = [&] { return region_of(next.load(std::memory_order_acquire)) != seen || stop.load(); };
    while (!stop.load()) {
      if (wait_awake(news, true)) {
        if (!stop.load()) seen = take_part(worker);
      } else {
        sleep_until_after(seen);
      }
    }
  }
};

Pool::Pool(int threads) : state_(std::make_unique<State>()) {
  const int wanted = threads > 0 ? threads : available();
  state_->own = std::make_unique<State::Own[]>(static_cast<size_t>(wanted));
  state_->workers.reserve(static_cast<size_t>(wanted));
  // Workers read the final count only after the first region was published.
  try {
    for (int worker = 1; worker < wanted; ++worker)
      state_->workers.emplace_back([state = state_.get(), worker] { state->serve(worker); });
  } catch (const std::system_error&) {
    // The system gives no more threads: go on with those there are.
  }
  state_->threads = static_cast<int>(state_->workers.size()) + 1;
}

Pool::~Pool() {
  state_->stop.store(true);
  state_->wake();
  for (std::thread& worker : state_->workers) worker.join();
}

int Pool::threads() const { return state_->threads; }

void Pool::run_region(int chunks, Chunk chunk, void* work) {
  State& s = *state_;
  if (chunks <= 1 || s.threads == 1) {
    for (int i = 0; i < chunks; ++i) chunk(work, i, 0);
    return;
  }
  CHECK(!s.running, "a region within a region");
  s.running = true;
  const auto count = static_cast<uint32_t>(chunks);
  ++s.region;
  if (s.region % (1u << 30) == 0)  // marks are compared as differences: none may fall behind by half of all numbers
    for (int i = 0; i < s.threads; ++i) s.own[static_cast<size_t>(i)].region.store(s.region - 1);
  s.chunk.store(chunk, std::memory_order_relaxed);
  s.work.store(work, std::memory_order_relaxed);
  s.finished.store(0, std::memory_order_relaxed);
  s.shape.store(pair_of(s.region, count), std::memory_order_release);
  s.next.store(pair_of(s.region, std::min(count, static_cast<uint32_t>(s.threads))));
  if (s.sleepers.load() > 0) s.wake();
  s.take_part(0);
  wait_awake([&] { return s.finished.load(std::memory_order_acquire) == count; }, false);
  s.running = false;
}

}  // namespace freehold
