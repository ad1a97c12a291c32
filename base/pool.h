// Pool: the one set of worker threads of an engine. A region is a function run over chunks 0..n-1; it ends when the
// count of finished chunks reaches n, so a worker that the system has taken away delays nothing unless it holds a chunk.
// What a chunk contains depends on shapes only, never on the number of threads: results cannot change with it.
#pragma once

#include <memory>
#include <type_traits>

namespace freehold {

class Pool {
 public:
  // The caller is worker 0; threads - 1 more are started. 0: one for each CPU this process may use.
  explicit Pool(int threads = 0);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const;
  static int available();  // CPUs allowed by affinity and cgroup quota

  // Runs work(chunk, worker) for every chunk in 0..chunks-1 and returns when all are done. Not reentrant; one caller
  // at a time. No allocation. One chunk, or one thread, runs on the caller without touching the others.
  template <class Work>
  void run(int chunks, Work&& work) {
    using Plain = std::remove_reference_t<Work>;
    run_region(chunks, [](void* w, int chunk, int worker) { (*static_cast<Plain*>(w))(chunk, worker); },
               const_cast<std::remove_const_t<Plain>*>(&work));
  }

 private:
  using Chunk = void (*)(void* work, int chunk, int worker);
  void run_region(int chunks, Chunk chunk, void* work);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold
