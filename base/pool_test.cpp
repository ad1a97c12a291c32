#include "base/pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace freehold {
namespace {

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Every chunk once, by a worker that exists, and all done when run returns; what chunks wrote is seen by the caller.
void run_and_check(Pool& pool, int chunks, int spin) {
  std::vector<int> count(static_cast<size_t>(chunks)),
      by(static_cast<size_t>(chunks), -1);  // plain: races show in tsan
  pool.run(chunks, [&](int chunk, int worker) {
    for (int i = 0; i < spin; ++i) asm volatile("");
    ++count[static_cast<size_t>(chunk)];
    by[static_cast<size_t>(chunk)] = worker;
  });
  for (const int c : count) ASSERT_EQ(c, 1);
  for (const int w : by) ASSERT_TRUE(w >= 0 && w < pool.threads());
}

TEST(Pool, runs_every_chunk_once) {
  for (const int threads : {1, 2, 3, 5}) {
    Pool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int chunks : {0, 1, 2, 3, 4, 5, 6, 7, 100, 1000}) run_and_check(pool, chunks, 0);
  }
}

TEST(Pool, stress) {
  for (const int threads : {2, 3, 4}) {
    Pool pool(threads);
    for (int region = 0; region < 3000; ++region) run_and_check(pool, 1 + region * 7 % 13, region * 31 % 200);
  }
}

TEST(Pool, one_chunk_or_one_thread_stays_with_the_caller) {
  Pool pool(3), single(1);
  const auto caller = std::this_thread::get_id();
  pool.run(1, [&](int, int worker) {
    EXPECT_EQ(worker, 0);
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
  single.run(20, [&](int, int) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST(Pool, sleeps_when_idle_and_wakes) {
  Pool pool(3);
  run_and_check(pool, 10, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_seconds() - before, 0.02);
  for (int i = 0; i < 20; ++i) {
    run_and_check(pool, 50, 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

std::atomic<bool> held = false, release = false;

void hold_thread(int) {
  held.store(true);
  while (!release.load()) usleep(100);
}

TEST(Pool, a_worker_that_is_taken_away_delays_nothing) {
  // A worker is stopped while it waits, as by a busy neighbour on its CPU: regions go on without it. A pool that waits
  // for all its threads would stand still here.
  for (const int threads : {2, 4}) {
    held = release = false;
    Pool pool(threads);
    std::atomic<pthread_t> taken{};
    std::atomic<bool> known = false;
    while (!known.load())
      pool.run(200, [&](int, int worker) {
        for (int i = 0; i < 2000; ++i) asm volatile("");
        if (worker != 0 && !known.exchange(true)) taken = pthread_self();
      });
    struct sigaction action = {}, before;
    action.sa_handler = hold_thread;
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
    pthread_kill(taken, SIGUSR1);
    while (!held.load()) usleep(100);
    for (int region = 0; region < 1000; ++region) run_and_check(pool, 1 + region % 9, 100);
    release = true;
    for (int region = 0; region < 1000; ++region) run_and_check(pool, 1 + region % 9, 100);
    sigaction(SIGUSR1, &before, nullptr);
  }
}

TEST(Pool, available_follows_affinity) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const int all = Pool::available();
  EXPECT_GE(all, 1);
  EXPECT_LE(all, CPU_COUNT(&before));
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(Pool::available(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST(PoolDeathTest, a_region_within_a_region) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Pool pool(2);
        pool.run(2, [&](int, int) { pool.run(2, [](int, int) {}); });
      },
      ::testing::ExitedWithCode(70), "a region within a region");
}

}  // namespace
}  // namespace freehold
