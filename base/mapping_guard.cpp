// The handler may only do what is safe in one: it walks a table of atomics and maps a page of zeros over the lost one.
// The table is the one global of the house; a signal handler has no other way to know anything.
#include "base/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace freehold {
namespace {

struct Place {
  std::atomic<uintptr_t> start{0};  // 0: free
  std::atomic<size_t> bytes{0};
  std::atomic<bool> broken{false};
};

constexpr int places = 4096;
Place table[places];
struct sigaction previous;
size_t page_bytes = 4096;

void on_bus_error(int signal, siginfo_t* what, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(what->si_addr);
  for (Place& place : table) {
    const uintptr_t start = place.start.load(std::memory_order_acquire);
    if (start == 0 || address < start || address - start >= place.bytes.load(std::memory_order_relaxed)) continue;
    void* page = reinterpret_cast<void*>(address / page_bytes * page_bytes);
    if (::mmap(page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    place.broken.store(true, std::memory_order_release);
    return;  // the read is repeated and finds zeros
  }
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, what, context);
  } else if (previous.sa_handler != SIG_IGN && previous.sa_handler != SIG_DFL) {
    previous.sa_handler(signal);
  } else {
    ::sigaction(SIGBUS, &previous, nullptr);  // the read is repeated and ends the program
  }
}

}  // namespace

void install_mapping_guard() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, &previous);
  });
}

int guard_mapping(const void* start, size_t bytes) {
  constexpr uintptr_t taken = 1;  // claims a place until its bounds stand
  for (int i = 0; i < places; ++i) {
    uintptr_t free = 0;
    if (!table[i].start.compare_exchange_strong(free, taken)) continue;
    table[i].broken.store(false, std::memory_order_relaxed);
    table[i].bytes.store(bytes, std::memory_order_relaxed);
    table[i].start.store(reinterpret_cast<uintptr_t>(start), std::memory_order_release);
    return i;
  }
  return -1;
}

void release_mapping(int place) {
  if (place < 0) return;
  table[place].bytes.store(0, std::memory_order_relaxed);
  table[place].start.store(0, std::memory_order_release);
}

bool mapping_is_broken(int place) { return place >= 0 && table[place].broken.load(std::memory_order_acquire); }

}  // namespace freehold
